import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regista
from regista.automations.errors import UnknownEventTypeError
from regista.automations.triggers import AWAITED, UNPUBLISHED, nearest_event, parse_events
from regista_events import EVENT_TYPES, full_name, short_names


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
    if full_name(typed) in {full_name(known) for known in AWAITED}:
        assert len(parse_events([typed])) == 1
    else:
        assert nearest_event(typed) in AWAITED


@pytest.mark.parametrize("name", UNPUBLISHED)
def test_whoever_would_wait_for_ever_is_told_so(name: str) -> None:
    with pytest.raises(UnknownEventTypeError, match=f"nothing publishes '{name}'"):
        parse_events(["alias.added", name])


def test_every_other_type_is_published_by_some_part_of_the_program() -> None:
    source = "\n".join(path.read_text() for path in Path(regista.__file__).parent.rglob("*.py"))
    words = set(re.findall(r"\w+", source))
    assert {name for name in short_names() if EVENT_TYPES[full_name(name)].__name__ not in words} == UNPUBLISHED.keys()
