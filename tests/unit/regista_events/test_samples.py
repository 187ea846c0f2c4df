from datetime import UTC, datetime
from uuid import UUID

import pytest

from regista_events import EVENT_TYPES, UnknownEvent, codec, sample, schema_path


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_has_a_sample_that_round_trips_byte_for_byte(name: str) -> None:
    event = sample(name)
    body = codec.encode(event)
    again = codec.decode(body)
    assert not isinstance(again, UnknownEvent)
    assert type(again) is EVENT_TYPES[name]
    assert again == event
    assert codec.encode(again) == body


def test_a_sample_belongs_to_the_organization_that_asks() -> None:
    event_id = UUID("01960000-0000-7000-8000-0000000000ff")
    time = datetime(2026, 5, 1, tzinfo=UTC)
    event = sample("alias.added", "globex", event_id=event_id, time=time, public_url="https://models.example.com/")
    assert event.source == "/orgs/globex"
    assert event.dataschema == f"https://models.example.com{schema_path('alias.added')}"
    assert (event.id, event.time) == (event_id, time)


def test_a_sample_of_a_type_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        sample("alias.frobbed")


@pytest.mark.parametrize("name", ["alias.added", "artifact.created", "artifact.linked", "tag.added"])
def test_the_subject_of_a_sample_is_the_version_in_its_data(name: str) -> None:
    event = sample(name)
    collection = event.data.collection
    assert event.subject == f"{collection.entity}/{collection.project}/{collection.name}:{event.data.version}"
