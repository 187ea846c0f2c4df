import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from regista_events import AliasAdded, AliasAddedData, Event, codec, full_name, sample, short_name, topics

ATTRIBUTES = {
    "id": UUID("01960000-0000-7000-8000-000000000001"),
    "source": "/orgs/acme",
    "subject": "vision/model-registry/MNIST:v3",
    "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "dataschema": "http://localhost/schemas/dev.regista.alias.added.json",
    "partitionkey": "42",
    "sequence": 1,
    "actor": "3",
    "actortype": "user",
}


def alias_added(**changed: Any) -> AliasAdded:
    data = sample("alias.added").data
    assert isinstance(data, AliasAddedData)
    return AliasAdded.model_validate({**ATTRIBUTES, "type": "dev.regista.alias.added", "data": data, **changed})


def encoded(event: Event[Any]) -> dict[str, Any]:
    return json.loads(codec.encode(event))


def test_attributes_stand_in_the_order_of_the_specification_with_data_last() -> None:
    event = alias_added(
        causationid=UUID(int=1),
        correlationid=UUID(int=2),
        hops=3,
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    )
    assert list(encoded(event)) == [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "dataschema",
        "partitionkey",
        "sequence",
        "actor",
        "actortype",
        "causationid",
        "correlationid",
        "hops",
        "traceparent",
        "data",
    ]


def test_optional_attributes_without_a_value_are_left_out_and_nulls_in_data_are_written() -> None:
    event = alias_added()
    written = encoded(event.model_copy(update={"data": event.data.model_copy(update={"previous": None})}))
    assert not {"causationid", "correlationid", "traceparent"} & written.keys()
    assert written["data"]["previous"] is None
    assert written["data"]["artifact"]["ttl_seconds"] is None


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC), "2026-01-02T03:04:05.000600Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:04:05.000000Z"),
    ],
)
def test_time_is_utc_with_six_digits_and_z(moment: datetime, text: str) -> None:
    assert encoded(alias_added(time=moment))["time"] == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": datetime(2026, 1, 2)},  # noqa: DTZ001 - a naive time is what must be refused
        {"time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))},
        {"sequence": 0},
        {"sequence": 2**63},
        {"hops": -1},
        {"hops": 17},
        {"actortype": "robot"},
        {"specversion": "2.0"},
        {"partitionkey": ""},
        {"type": "dev.regista.alias.removed"},
    ],
)
def test_an_attribute_out_of_its_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        alias_added(**wrong)


def test_an_event_cannot_be_changed() -> None:
    event = alias_added()
    with pytest.raises(ValidationError, match="frozen"):
        event.sequence = 2  # pyright: ignore[reportAttributeAccessIssue] - the refusal is the test
    with pytest.raises(ValidationError, match="frozen"):
        event.data.alias = "other"  # pyright: ignore[reportAttributeAccessIssue] - the refusal is the test


def test_short_and_full_names_are_each_others_inverse() -> None:
    assert alias_added().short_type == "alias.added"
    assert short_name(full_name("alias.added")) == "alias.added"
    assert full_name("dev.regista.alias.added") == "dev.regista.alias.added"
    assert short_name("com.example.alias.added") == "com.example.alias.added"


def test_the_kafka_key_is_the_partition_key() -> None:
    assert topics.partition_key(alias_added(partitionkey="ß42")) == "ß42".encode()
