import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import regista
from regista.automations.errors import UnknownEventTypeError
from regista.automations.payloads.variables import EVENT_TYPES as WANDB_TYPES
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
        ("ALIAS_REMOVED", "alias.removed"),
    ],
)
def test_an_unknown_type_is_refused_with_the_nearest_one(typed: str, meant: str) -> None:
    with pytest.raises(UnknownEventTypeError) as refused:
        parse_events(["alias.added", typed])
    assert repr(typed) in refused.value.message
    assert repr(meant) in refused.value.message
    assert refused.value.details["nearest"] == meant


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *((theirs, ours) for ours, theirs in WANDB_TYPES.items()),
        ("add_artifact_alias", "alias.added"),
        ("LINK_MODEL", "artifact.linked"),
        ("RUN_METRIC_THRESHOLD", "run.metric_triggered"),
    ],
)
def test_whoever_writes_the_name_that_wandb_has_is_told_ours(theirs: str, ours: str) -> None:
    with pytest.raises(UnknownEventTypeError, match=f"there is no event '{theirs}'; it is '{ours}' here") as refused:
        parse_events([theirs])
    assert refused.value.details["nearest"] == ours


@pytest.mark.parametrize("typed", ["yes", "true", "push", "pull_request", "webhook", "", "*"])
def test_what_is_like_no_type_is_told_where_all_of_them_are(typed: str) -> None:
    with pytest.raises(UnknownEventTypeError, match=r"automations\.json lists all") as refused:
        parse_events([typed])
    assert "nearest" not in refused.value.details


@given(st.text(max_size=40))
def test_anything_typed_is_a_type_or_is_refused_with_one_or_none(typed: str) -> None:
    if full_name(typed) in {full_name(known) for known in AWAITED}:
        assert len(parse_events([typed])) == 1
    else:
        assert nearest_event(typed) in {*AWAITED, None}


@given(st.sampled_from(AWAITED), st.data())
def test_a_type_with_a_letter_left_out_is_told_itself_or_one_as_near(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    assert nearest_event(name[:place] + name[place + 1 :]) is not None


@pytest.mark.parametrize("name", UNPUBLISHED)
def test_whoever_would_wait_for_ever_is_told_so(name: str) -> None:
    with pytest.raises(UnknownEventTypeError, match=f"nothing publishes '{name}'"):
        parse_events(["alias.added", name])


def test_every_other_type_is_published_by_some_part_of_the_program() -> None:
    source = "\n".join(path.read_text() for path in Path(regista.__file__).parent.rglob("*.py"))
    words = set(re.findall(r"\w+", source))
    assert {name for name in short_names() if EVENT_TYPES[full_name(name)].__name__ not in words} == UNPUBLISHED.keys()
