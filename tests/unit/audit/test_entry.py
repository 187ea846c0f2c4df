import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.audit.entry import MAX_TEXT, Entry, audited, malformed
from regista_events import codec
from regista_events.catalog import short_names
from regista_events.samples import sample

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
members = (
    "id",
    "time",
    "type",
    "subject",
    "actor",
    "actortype",
    "source",
    "causationid",
    "data",
    "collection",
    "alias",
)


def storable(entry: Entry) -> None:
    """Fail for what PostgreSQL would refuse."""
    assert entry.event_id is not None
    for name, value in entry._asdict().items():
        if isinstance(value, str) and name not in {"before", "after"}:
            assert "\0" not in value
            assert len(value) <= MAX_TEXT
            value.encode()
        elif isinstance(value, str):
            json.loads(value)
        elif isinstance(value, int):
            assert abs(value) < 2**63


@pytest.mark.parametrize("kind", short_names())
def test_every_type_says_who_what_and_where(kind: str) -> None:
    entry, organization = audited(codec.encode(sample(kind)), b"{}")
    assert (entry.action, organization) == (kind, "acme")
    assert entry.resource == sample(kind).subject
    storable(entry)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_bytes_that_are_no_event_have_one_id_and_can_be_stored(raw: bytes, context: bytes) -> None:
    once, again = malformed(raw, context), malformed(raw, context)
    assert once == again
    assert (once.entry.action, once.entry.time, once.entry.event_id.version) == ("malformed", None, 8)
    storable(once.entry)


@given(st.dictionaries(st.sampled_from(members), Json, max_size=8), Json)
def test_whatever_json_an_event_holds_its_row_can_be_stored_or_it_is_none(event: dict[str, Any], context: Any) -> None:
    envelope = {"id": str(UUID(int=7)), "time": "2026-03-14T09:26:53Z", "data": event}
    for raw in (event, envelope | event, envelope | {"type": "dev.regista.alias.added"}):
        with suppress(ValueError):
            storable(audited(json.dumps(raw).encode(), json.dumps(context).encode()).entry)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-14T09:26:53.589793Z", datetime(2026, 3, 14, 9, 26, 53, 589793, UTC)),
        ("2026-03-14T09:26:53+02:00", datetime(2026, 3, 14, 7, 26, 53, tzinfo=UTC)),
        ("2026-03-14t09:26:53z", datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_every_spelling_of_rfc_3339(text: str, moment: datetime) -> None:
    raw = json.dumps({"id": str(UUID(int=7)), "time": text}).encode()
    assert audited(raw, b"").entry.time == moment


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59.999999Z",
        "2026-03-14T09:26:53",
    ],
)
def test_a_time_that_no_row_can_have_makes_no_event(time: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        audited(json.dumps({"id": str(UUID(int=7)), "time": time}).encode(), b"")


def test_an_automation_that_acts_is_named_by_its_id() -> None:
    event = sample("run.created").model_copy(update={"actor": "15", "actortype": "automation"})
    assert audited(codec.encode(event), b"").entry.automation_id == 15
