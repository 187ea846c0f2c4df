from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.automations import matching
from regista.automations.matching import LOOKBACK, Definition, Index, scope_keys
from regista_events import Event, UnknownEvent, full_name, sample, short_names
from regista_events.samples import SAMPLE_TIME
from tests.support.definitions import definition, event_at

HERE = {
    "collection": {"id": 7, "project_id": 70, "entity_id": 700, "registry_id": 9, "entity": "vision"},
    "run": {"id": 5, "project_id": 70, "entity_id": 700, "entity": "vision"},
    "project": {"id": 70, "entity_id": 700, "entity": "vision"},
    "registry": {"id": 9, "project_id": 70, "entity_id": 700, "entity": "vision"},
    "automation": {"entity": "vision"},
    "integration": {"entity": "vision"},
    "endpoint": {"entity": "vision"},
    "secret": {"entity": "vision"},
    "job": {"entity": "vision"},
    "team": "vision",
}
SCOPES = {
    "org": ("org", 1),
    "entity": ("entity", 700),
    "project": ("project", 70),
    "registry": ("registry", 9),
    "collection": ("collection", 7),
}
_REACHED = {
    "org entity project registry collection": "artifact alias tag collection collection_tag approval",
    "org entity project registry": "protected_alias registry",
    "org entity project": "run project",
    "org entity": "automation execution integration endpoint delivery secret job member",
    "org": "api_key session access organization",
}
_LIES_IN = {about: scopes.split() for scopes, subjects in _REACHED.items() for about in subjects.split()}
"""The truth table: the scopes that an event lies in, by the subject of its type."""


def reaches(kind: str, event_type: str) -> bool:
    return kind in _LIES_IN[event_type.partition(".")[0]]


def here(event_type: str, **attributes: Any) -> Event[Any]:
    fields = sample(event_type).data.model_fields_set
    data: dict[str, Any] = {name: value for name, value in HERE.items() if name in fields}
    if event_type in {"artifact.used", "artifact.downloaded"}:
        data.pop("run", None)
    if event_type.startswith("protected_alias"):
        data["collection"] = None
    if event_type.startswith("member"):
        data["team"] = "vision"
    return event_at(event_type, data=data, **attributes)


@pytest.mark.parametrize(("kind", "event_type"), list(product(SCOPES, short_names())))
def test_every_scope_meets_the_types_that_lie_in_it_and_no_others(kind: str, event_type: str) -> None:
    index = Index()
    index.put(definition(1, SCOPES[kind], event_type, entity="vision" if kind == "entity" else None))
    found = [each.id for each in index.candidates(here(event_type))]
    assert found == ([1] if reaches(kind, event_type) else [])
    elsewhere = Index()
    if kind != "org":
        elsewhere.put(definition(1, (kind, 123456), event_type, entity="elsewhere"))
    assert elsewhere.candidates(here(event_type)) == []


@pytest.mark.parametrize("kind", SCOPES)
def test_another_type_in_the_same_scope_is_passed_over(kind: str) -> None:
    index = Index()
    index.put(definition(1, SCOPES[kind], "alias.removed", entity="vision"))
    assert index.candidates(here("alias.added")) == []


def test_another_organization_with_the_same_numbers_is_passed_over() -> None:
    index = Index()
    for number, (kind, scope) in enumerate(SCOPES.items()):
        index.put(definition(number, scope, "alias.added", organization="other", entity=f"{kind}-vision"))
    index.put(definition(99, ("org", 1), "alias.added", organization="acme"))
    assert [each.id for each in index.candidates(here("alias.added"))] == [99]


def test_latest_moved_by_the_server_meets_no_automation_without_a_condition_on_it() -> None:
    index = Index()
    index.put(definition(1, ("org", 1), "alias.added"))
    assert index.candidates(event_at("alias.added", data={"automatic": True})) == []
    assert [each.id for each in index.candidates(event_at("alias.added", data={"automatic": False}))] == [1]


def test_an_event_older_than_the_lookback_before_the_automation_is_passed_over() -> None:
    index = Index()
    index.put(definition(1, ("org", 1), "alias.added"))
    at_the_edge = SAMPLE_TIME - LOOKBACK
    assert [each.id for each in index.candidates(event_at("alias.added", time=at_the_edge))] == [1]
    assert index.candidates(event_at("alias.added", time=at_the_edge - timedelta(microseconds=1))) == []


def test_a_replaced_definition_is_met_by_its_new_triggers_alone_and_a_dropped_one_by_none() -> None:
    index = Index()
    index.put(definition(1, SCOPES["collection"], "alias.added"))
    index.put(definition(1, SCOPES["project"], "tag.added", revision=2))
    assert index.candidates(here("alias.added")) == []
    assert [each.revision for each in index.candidates(here("tag.added"))] == [2]
    index.drop(1)
    index.drop(1)
    assert index.candidates(here("tag.added")) == []
    assert len(index) == 0


def test_an_event_from_the_future_lies_in_its_organization_alone() -> None:
    event = UnknownEvent.model_validate(
        sample("alias.added").model_dump(mode="json") | {"type": "dev.regista.alias.blessed"}
    )
    assert scope_keys(event) == (("org", 0),)


@st.composite
def _definitions(draw: st.DrawFn) -> Definition:
    kind = draw(st.sampled_from(sorted(SCOPES)))
    return definition(
        draw(st.integers(1, 30)),
        (kind, draw(st.sampled_from([SCOPES[kind][1], 7, 9, 70, 700]))),
        *draw(st.lists(st.sampled_from(short_names()), min_size=1, max_size=4)),
        organization=draw(st.sampled_from(["acme", "other"])),
        entity=draw(st.sampled_from(["vision", "speech"])),
        created_at=SAMPLE_TIME + timedelta(seconds=draw(st.sampled_from([-1000, 0, 59, 60, 61]))),
    )


def concerns(definition: Definition, event: Event[Any]) -> bool:
    """Tell whether trigger, scope and time fit, by looking at nothing but these two."""
    return (
        event.source == definition.source
        and event.type in definition.events
        and not set(scope_keys(event)).isdisjoint(definition.met_by())
        and event.time >= definition.created_at - LOOKBACK
        and not getattr(event.data, "automatic", False)
    )


@given(
    definitions=st.lists(_definitions(), max_size=25),
    dropped=st.sets(st.integers(1, 30), max_size=5),
    event_type=st.sampled_from(short_names()),
    organization=st.sampled_from(["acme", "other", "third"]),
)
def test_the_index_answers_what_each_definition_alone_would(
    definitions: list[Definition], dropped: set[int], event_type: str, organization: str
) -> None:
    index = Index()
    for each in definitions:
        index.put(each)
    for number in dropped:
        index.drop(number)
    current = {each.id: each for each in definitions if each.id not in dropped}
    event = here(event_type, organization=organization)
    expected = [current[number] for number in sorted(current) if concerns(current[number], event)]
    assert index.candidates(event) == expected
    assert all(full_name(event_type) in each.events and each.organization == organization for each in expected)


def _examined(elsewhere: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Return how often the index is looked into for one event, and how many automations are examined."""
    index = Index()
    for number in range(elsewhere):
        index.put(definition(number, ("collection", 1000 + number), "alias.added"))
    for number, place in enumerate(SCOPES.values(), 100_000):
        index.put(definition(number, place, "alias.added", entity="vision"))

    class Counted(dict[Any, Any]):
        looked = 0

        def get(self, key: Any, default: Any = None) -> Any:
            Counted.looked += 1
            return super().get(key, default)

    examined: list[int] = []
    is_met = matching._is_met  # pyright: ignore[reportPrivateUsage] - what it looks at is what is measured

    def counted(each: Definition, event: Event[Any]) -> bool:
        examined.append(each.id)
        return is_met(each, event)

    slots = index._slots  # pyright: ignore[reportPrivateUsage] - as above
    slot = "/orgs/acme", full_name("alias.added")
    slots[slot] = Counted(slots[slot])
    with monkeypatch.context() as patched:
        patched.setattr(matching, "_is_met", counted)
        assert [each.id for each in index.candidates(here("alias.added"))] == examined
    return Counted.looked, len(examined)


def test_as_many_candidates_are_examined_with_ten_thousand_automations_elsewhere_as_with_ten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = _examined(10, monkeypatch)
    assert few == _examined(10_000, monkeypatch) == (len(scope_keys(here("alias.added"))), len(SCOPES))
