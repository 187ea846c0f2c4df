import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.automations.errors import UnknownEventTypeError
from regista.automations.triggers import nearest_event, parse_events
from regista_events import full_name, short_names


def test_types_are_taken_with_and_without_prefix_and_each_once() -> None:
    assert parse_events(["alias.added", "dev.regista.tag.added", "dev.regista.alias.added"]) == [
        "alias.added",
        "tag.added",
    ]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("alias.add", "alias.added"),
        ("aliases.added", "alias.added"),
        ("artifact.link", "artifact.linked"),
        ("ALIAS.ADDED", "alias.added"),
        ("collection-tag.added", "collection_tag.added"),
        ("run.state", "run.state_changed"),
        ("automation.disable", "automation.disabled"),
    ],
)
def test_an_unknown_type_is_refused_with_the_nearest_one(typed: str, meant: str) -> None:
    with pytest.raises(UnknownEventTypeError) as refused:
        parse_events(["alias.added", typed])
    assert repr(typed) in refused.value.message
    assert repr(meant) in refused.value.message
    assert refused.value.details["nearest"] == meant


@given(st.text(max_size=40))
def test_anything_typed_is_a_type_or_gets_one_named(typed: str) -> None:
    if full_name(typed) in {full_name(known) for known in short_names()}:
        assert len(parse_events([typed])) == 1
    else:
        assert nearest_event(typed) in short_names()
