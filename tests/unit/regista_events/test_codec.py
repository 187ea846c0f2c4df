import json
import math
from typing import Any

import pytest

from regista_events import (
    AliasAdded,
    ArtifactUpdated,
    Change,
    MalformedEvent,
    RunMetricTriggered,
    UnencodableEvent,
    UnknownEvent,
    codec,
    sample,
)


def with_metadata(metadata: dict[Any, Any]) -> AliasAdded:
    event = sample("alias.added")
    assert isinstance(event, AliasAdded)
    artifact = event.data.artifact.model_copy(update={"metadata": metadata})
    return event.model_copy(update={"data": event.data.model_copy(update={"artifact": artifact})})


def nested(depth: int) -> dict[str, Any]:
    outer: dict[str, Any] = {}
    for _ in range(depth):
        outer = {"a": outer}
    return outer


def body_with(**changed: Any) -> bytes:
    return json.dumps({**json.loads(codec.encode(sample("alias.added"))), **changed}).encode()


def test_json_is_compact_and_utf_8() -> None:
    body = codec.encode(with_metadata({"name": "größe 🦉"}))
    assert "größe 🦉".encode() in body
    assert b'": ' not in body


def test_non_finite_floats_become_strings_at_any_depth() -> None:
    body = codec.encode(with_metadata({"a": math.nan, "b": [math.inf, {"c": -math.inf}]}))
    assert json.loads(body)["data"]["artifact"]["metadata"] == {"a": "NaN", "b": ["Infinity", {"c": "-Infinity"}]}


def test_non_finite_floats_become_strings_in_changes_and_metric_values() -> None:
    update = sample("artifact.updated")
    assert isinstance(update, ArtifactUpdated)
    changes = {"metadata": Change[Any](from_={"acc": 1}, to={"acc": math.nan})}
    body = codec.encode(update.model_copy(update={"data": update.data.model_copy(update={"changes": changes})}))
    assert json.loads(body)["data"]["changes"] == {"metadata": {"from": {"acc": 1}, "to": {"acc": "NaN"}}}

    metric = sample("run.metric_triggered")
    assert isinstance(metric, RunMetricTriggered)
    values = [1.5, math.nan, "Infinity"]
    body = codec.encode(metric.model_copy(update={"data": metric.data.model_copy(update={"values": values})}))
    assert json.loads(body)["data"]["values"] == [1.5, "NaN", "Infinity"]
    assert codec.encode(codec.decode(body)) == body  # pyright: ignore[reportArgumentType] - it is of the catalogue


@pytest.mark.parametrize(
    "metadata",
    [
        {"text": "\ud800"},
        {"\udfff key": 1},
        {"list": ["fine", {"\ud800": "deep"}]},
        {"text": "nul \0"},
        {"nul \0": 1},
        {"backslash": "\\\0"},
        {"object": object()},
        {"huge": 10**5000},
        {"huge": -(10**5000)},
        nested(198),
        nested(400),
    ],
    ids=str.split(
        "surrogate surrogate-key deep-surrogate-key nul nul-key escaped-nul object huge huge-negative deep deeper"
    ),
)
def test_what_could_not_be_read_again_is_refused_with_the_event_named(metadata: dict[Any, Any]) -> None:
    with pytest.raises(UnencodableEvent, match=r"dev\.regista\.alias\.added 01960000-.* cannot be encoded: ."):
        codec.encode(with_metadata(metadata))


@pytest.mark.parametrize(
    "metadata",
    [
        {"text": "\\u0000 is six characters"},
        {"text": "\\\\u0000"},
        {"\N{REPLACEMENT CHARACTER}" * 3: "\N{REPLACEMENT CHARACTER}" * 3},
        {"big": 2**200, "small": 5e-324, "zero": -0.0},
        {"NaN Infinity": "NaN"},
        nested(150),
        {str(number): [number] for number in range(3000)},
    ],
    ids=str.split("escape escaped-escape replacement numbers constants deep wide"),
)
def test_unusual_but_sound_metadata_comes_back_as_it_was(metadata: dict[str, Any]) -> None:
    event = with_metadata(metadata)
    body = codec.encode(event)
    again = codec.decode(body)
    assert again == event
    assert isinstance(again, AliasAdded)
    assert codec.encode(again) == body


def test_an_event_outside_the_catalogue_is_not_encoded() -> None:
    unknown = codec.decode(body_with(type="dev.regista.alias.frobbed"))
    assert isinstance(unknown, UnknownEvent)
    with pytest.raises(UnencodableEvent):
        codec.encode(unknown)


def test_fields_that_this_version_does_not_know_are_passed_over() -> None:
    body = json.loads(codec.encode(sample("alias.added")))
    body["extension"] = {"new": True}
    body["data"]["later"] = 1
    body["data"]["artifact"]["later"] = [1]
    assert codec.decode(json.dumps(body).encode()) == sample("alias.added")


def test_fields_added_with_a_default_may_be_missing() -> None:
    body = json.loads(codec.encode(sample("alias.added")))
    del body["data"]["automatic"]
    del body["data"]["artifact"]["tag_values"]
    event = codec.decode(json.dumps(body).encode())
    assert isinstance(event, AliasAdded)
    assert event.data.automatic is False
    assert event.data.artifact.tag_values == {}


def test_a_type_from_the_future_keeps_its_attributes_and_data() -> None:
    event = codec.decode(body_with(type="dev.regista.alias.added.v2", data={"alias": ["a", "b"]}, newattribute="x"))
    assert isinstance(event, UnknownEvent)
    assert event.type == "dev.regista.alias.added.v2"
    assert event.short_type == "alias.added.v2"
    assert event.data == {"alias": ["a", "b"]}
    assert event.model_extra == {"newattribute": "x"}
    known = sample("alias.added")
    assert (event.id, event.time, event.partitionkey, event.sequence) == (
        known.id,
        known.time,
        known.partitionkey,
        known.sequence,
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"{}",
        b'{"type":null}',
        b'{"type":"dev.regista.alias.added"}',
        b'{"type":"dev.regista.from.the.future"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":"x","a":' + b"9" * 100_000 + b"}",
        b'{"type":"x","a":1e999999999}',
        b'{"type":"\\ud800"}',
        body_with(sequence=0),
        body_with(sequence=10**30),
        body_with(id="no uuid"),
        body_with(time="yesterday"),
        body_with(time="0001-01-01T00:00:00+14:00"),
        body_with(data=None),
        body_with(type="dev.regista.from.the.future", subject="nul \0"),
        codec.encode(sample("alias.added")).replace(b'"v2"', b'"v\\u0000"'),
        codec.encode(with_metadata({"acc": 0.5})).replace(b"0.5", b"NaN"),
        codec.encode(with_metadata({"acc": 0.5})).replace(b"0.5", b"-Infinity"),
        codec.encode(sample("alias.added")) + b"x",
        codec.encode(sample("alias.added")).replace(b"production", b"prod\xff"),
    ],
    ids=lambda raw: ascii(raw)[:40],
)
def test_bytes_that_are_no_event_are_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvent, match=r"not an event: .") as caught:
        codec.decode(raw)
    assert len(str(caught.value)) < 300


def test_a_malformed_event_names_the_field_and_not_the_value() -> None:
    with pytest.raises(MalformedEvent, match=r"alias\.added\.hops.*less than or equal to 16") as caught:
        codec.decode(body_with(hops=123_456))
    assert "123456" not in str(caught.value)
