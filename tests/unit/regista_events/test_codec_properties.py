import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regista_events import EVENT_TYPES, AliasAdded, MalformedEvent, UnknownEvent, codec, sample

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
OBJECTS = st.dictionaries(TEXT, JSON, max_size=5)
BODIES = {name: codec.encode(sample(name)) for name in EVENT_TYPES}


@given(metadata=OBJECTS, alias=TEXT, previous=st.none() | st.integers(0, 10**6).map(lambda index: f"v{index}"))
def test_what_was_encoded_is_decoded_equal_and_encoded_to_the_same_bytes(
    metadata: dict[str, Any], alias: str, previous: str | None
) -> None:
    event = sample("alias.added")
    assert isinstance(event, AliasAdded)
    artifact = event.data.artifact.model_copy(update={"metadata": metadata})
    data = event.data.model_copy(update={"artifact": artifact, "alias": alias, "previous": previous})
    event = event.model_copy(update={"data": data})
    body = codec.encode(event)
    again = codec.decode(body)
    assert isinstance(again, AliasAdded)
    assert again == event
    assert codec.encode(again) == body


@given(name=st.sampled_from(sorted(EVENT_TYPES)), key=TEXT, value=JSON)
def test_an_unknown_field_anywhere_changes_nothing(name: str, key: str, value: Any) -> None:
    body = json.loads(BODIES[name])
    added = {f"x{key}": value}
    enlarged = {**body, **added, "data": {**body["data"], **added}}
    event = codec.decode(json.dumps(enlarged).encode())
    assert event == sample(name)


@given(name=TEXT.filter(lambda name: name not in EVENT_TYPES), data=JSON)
def test_an_unknown_type_with_any_data_is_kept(name: str, data: Any) -> None:
    body = {**json.loads(BODIES["dev.regista.alias.added"]), "type": name, "data": data}
    event = codec.decode(json.dumps(body).encode())
    assert isinstance(event, UnknownEvent)
    assert event.type == name
    assert event.data == data


@given(raw=st.binary(max_size=200))
def test_garbage_is_malformed_and_nothing_else(raw: bytes) -> None:
    refused_or_read(raw)


@given(document=JSON)
def test_json_that_is_no_event_is_malformed_and_nothing_else(document: Any) -> None:
    refused_or_read(json.dumps(document).encode())


@given(
    name=st.sampled_from(sorted(EVENT_TYPES)),
    start=st.integers(0, 2000),
    cut=st.integers(0, 40),
    graft=st.binary(max_size=8) | st.sampled_from([b"NaN", b"\\ud800", b"\\u0000", b"[" * 300, b"9" * 5000, b"null"]),
)
def test_a_damaged_event_is_malformed_or_an_event_that_encodes(name: str, start: int, cut: int, graft: bytes) -> None:
    whole = BODIES[name]
    place = start % len(whole)
    refused_or_read(whole[:place] + graft + whole[place + cut :])


def refused_or_read(raw: bytes) -> None:
    try:
        event = codec.decode(raw)
    except MalformedEvent:
        return
    if not isinstance(event, UnknownEvent):
        body = codec.encode(event)
        again = codec.decode(body)
        assert not isinstance(again, UnknownEvent)
        assert codec.encode(again) == body
