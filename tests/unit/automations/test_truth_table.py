"""For every event type, scope and operator: an automation fires exactly when it should. Generated, none left out.

What should be is computed from the event's JSON, by Python's operators and by MongoDB's words (`tests.support.mongo`).
"""

import json
import operator
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import combinations, count, product
from typing import Any, NamedTuple, get_args

import pytest
from pydantic import BaseModel

from regista.automations.deciding.verdict import FIRE, UNMET, judge
from regista.automations.language.conditions import Condition
from regista.automations.language.seen import Seen
from regista.automations.language.vocabulary import vocabulary
from regista.automations.matching import LOOKBACK, Definition, Index
from regista.automations.run_triggers import parse_trigger
from regista.kit.db.conditions import Operator
from regista.kit.db.conditions import Test as Comparison
from regista.wandb.automation_filters_cel import Field, write
from regista_events import Event, short_names
from regista_events.samples import SAMPLE_TIME
from regista_events.subjects import RunState
from tests.support.definitions import definition, event_at
from tests.support.mongo import holds
from tests.unit.automations.test_matching import SCOPES, here, reaches

NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
OF_CLIENTS: dict[str, Operator] = {
    "$eq": "=",
    "$ne": "<>",
    "$gt": ">",
    "$gte": ">=",
    "$lt": "<",
    "$lte": "<=",
    "$in": "in",
    "$nin": "not in",
    "$regex": "matches",
    "$contains": "contains",
    "$exists": "exists",
}
IDENTIFIER = re.compile(r"[a-z_]+\Z")


class Row(NamedTuple):
    """A condition, and whether the event fulfils it."""

    text: str
    truth: bool


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what conditions can name in an event's data, with its value as Python has it."""
    members = dict(value) if isinstance(value, BaseModel) else value
    for name, member in members.items():
        field = type(value).model_fields[name].serialization_alias if isinstance(value, BaseModel) else None
        place = path + (field or name)
        if isinstance(member, BaseModel | dict) and member:
            yield from leaves(member, place + ".")  # pyright: ignore[reportUnknownArgumentType] - JSON
        else:
            yield place, member


def rows(event: Event[Any]) -> Iterator[Row]:
    """Yield every operator on every field of the event, with operands for which it holds and does not."""
    document = json.loads(event.model_dump_json(by_alias=True))["data"]
    words = vocabulary(event.type).words
    for path, value in leaves(event.data):
        if not all(IDENTIFIER.match(step) for step in path.split(".")):
            continue
        held = document
        for step in path.split("."):
            held = held[step]
        # Inside of a map of anything, anything may be; the values of tags are texts.
        nullable = words[path].nullable if path in words else ".tag_values." not in path
        match held:
            case None:
                yield from of_texts(path, None, nullable=True)
                yield Row(f"{path} == null", True)
                yield Row(f"{path} != null", False)
            case bool():
                yield from (Row(f"{path} == {json.dumps(other)}", held is other) for other in (True, False))
                yield Row(f"{path} ? true : false", held)
            case int() | float():
                others = [held, held - 1, held + 1]
                yield from of_numbers(path, held, others)
                yield Row(f"{path} in {json.dumps(others[1:])}", False)
                yield Row(f"{path} in {json.dumps(others)}", True)
            case str() if not isinstance(value, str) and "T" in held and hasattr(value, "isoformat"):
                yield from of_moments(path, held, value)
            case str():
                yield from of_texts(path, held, nullable=nullable)
            case list() if all(isinstance(each, str) for each in held):  # pyright: ignore[reportUnknownVariableType]
                yield from of_texts(path, held, nullable=False)  # pyright: ignore[reportUnknownArgumentType]
                yield Row(f"size({path}) == {len(held)}", True)  # pyright: ignore[reportUnknownArgumentType]
            case _:
                yield Row(f"size({path}) == {len(held)}", True)
                yield Row(f"size({path}) > {len(held)}", False)


def of_numbers(path: str, held: float, others: list[Any]) -> Iterator[Row]:
    for sign, other in product(NUMBERS, others):
        yield Row(f"{path} {sign} {json.dumps(other)}", NUMBERS[sign](held, other))


def of_moments(path: str, held: str, value: Any) -> Iterator[Row]:
    for sign, seconds in product(NUMBERS, (-1, 0, 1)):
        other = value + timedelta(seconds=seconds)
        yield Row(f'timestamp({path}) {sign} timestamp("{other.isoformat()}")', NUMBERS[sign](value, other))
    assert held.startswith(value.isoformat()[:19])


def of_texts(path: str, held: str | list[str] | None, *, nullable: bool) -> Iterator[Row]:
    """Yield the client's operators on a text or several, and for one text what people write in CEL."""
    first = (held[0] if held else "none") if isinstance(held, list) else held or "none"
    asked: dict[str, list[Any]] = {
        **{sign: [first, first[:-1], first + "~", ""] for sign in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")},
        **{sign: [[], [first], ["", first + "~"], [first + "~", first]] for sign in ("$in", "$nin")},
        "$regex": ["", "^" + re.escape(first[:2]).replace("\\-", "-"), "~$"],
        "$contains": ["", first[1:], first + "~"],
        "$exists": [True, False],
    }
    fields = {"field": Field(path, many=isinstance(held, list), nullable=nullable)}
    for sign, operands in asked.items():
        for operand in operands:
            text = write(Comparison("field", OF_CLIENTS[sign], operand), fields)
            assert text is not None
            yield Row(text, holds({"field": {sign: operand}}, {"field": held}))
    if isinstance(held, str):
        written = json.dumps(held, ensure_ascii=False)
        yield Row(f"!({path} != {written}) && {path} in [{written}]", True)
        yield Row(f"{path}.startsWith({written}) || false", True)
        yield Row(f"{path}.endsWith({json.dumps(held + '~', ensure_ascii=False)})", False)
        yield Row(f"{path} == {written} ? {path}.size() != {len(held)} : true", False)


def variants(event_type: str) -> Iterator[Event[Any]]:
    """Yield the sample, and one where all is null that may be."""
    sampled = here(event_type)
    yield sampled
    empty: dict[str, Any] = {}
    for name, word in vocabulary(event_type).words.items():
        outer, dot, inner = name.partition(".")
        where_it_lies = inner in {"entity_id", "project_id", "registry_id", "entity", "project"}
        if word.nullable and outer not in {"event", "team"} and not where_it_lies:
            if dot:
                empty.setdefault(outer, {})[inner] = None
            else:
                empty[outer] = None
    document = json.loads(sampled.model_dump_json(by_alias=True))["data"]
    for name, changes in empty.items():
        document[name] = {**document[name], **changes} if isinstance(changes, dict) else changes
    yield type(sampled).model_validate({**sampled.model_dump(mode="json", by_alias=True), "data": document})


@pytest.mark.parametrize("event_type", short_names())
def test_an_automation_fires_where_scope_and_condition_fit_and_nowhere_else(event_type: str) -> None:
    conditions: dict[str, Condition] = {}
    sampled, emptied = variants(event_type)
    for event, kinds in ((sampled, [*SCOPES]), (emptied, ["org"])):
        index = Index()
        expected: set[int] = set()
        numbers = count()
        table = list(rows(event))
        for row in table:
            condition = conditions.setdefault(row.text, Condition(row.text))
            for kind in kinds:
                number = next(numbers)
                index.put(definition(number, SCOPES[kind], event_type, condition=condition, entity="vision"))
                if row.truth and reaches(kind, event_type):
                    expected.add(number)
        for kind in SCOPES.keys() - {"org"}:
            index.put(definition(next(numbers), (kind, 987_654), event_type, entity="elsewhere"))
        seen = Seen(event)
        verdicts = {each.id: judge(each, seen) for each in index.candidates(event)}
        # No condition errs: each verdict is one of these two.
        assert set(verdicts.values()) <= {FIRE, UNMET}
        assert {number for number, verdict in verdicts.items() if verdict == FIRE} == expected
        assert len(verdicts) == sum(reaches(kind, event_type) for kind in kinds) * len(table)
        assert index.candidates(here("tag.added" if event_type != "tag.added" else "tag.removed")) == []
        assert index.candidates(event_at(event_type, organization="other")) == []


STATES: tuple[str, ...] = get_args(RunState)


@pytest.mark.parametrize("before", STATES)
def test_a_trigger_on_states_fires_for_the_state_that_a_run_comes_to(before: str) -> None:
    triggers = [set(few) for size in (1, 2, len(STATES)) for few in combinations(STATES, size)]
    index = Index()
    for number, states in enumerate(triggers):
        trigger = parse_trigger({"states": sorted(states)})
        index.put(definition(number, ("project", 70), "run.state_changed", trigger=trigger))
    for after in STATES:
        event = here("run.state_changed").model_copy(deep=True)
        document = event.model_dump(mode="json", by_alias=True)
        document["data"]["state"] = {"from": before, "to": after}
        found = index.candidates(type(event).model_validate(document))
        assert [each.id for each in found] == [number for number, states in enumerate(triggers) if after in states]


def test_a_metric_that_passed_its_test_concerns_the_automation_that_it_names_alone() -> None:
    index = Index()
    metric = {"test": "threshold", "name": "loss", "window": 1, "comparison": "<", "value": 0.5}
    for number in (1, 2, 3):
        index.put(definition(number, ("org", 1), "run.metric_triggered", trigger=parse_trigger({"metric": metric})))
    index.put(definition(4, ("org", 1), "run.metric_triggered"))
    for named in (1, 2, 3, 9):
        event = event_at("run.metric_triggered", data={"automation": {"id": named}})
        assert [each.id for each in index.candidates(event)] == [*([named] if named < 9 else []), 4]


@pytest.mark.parametrize(
    ("text", "met"),
    [
        (None, False),
        ('version == "v3"', False),
        ('"latest" in artifact.aliases', False),
        ('artifact.aliases.exists(alias, alias == "latest")', False),
        ('version == "alias"', False),
        ('alias == "latest"', True),
        ('alias != "production"', True),
        ('alias in ["latest", "production"] && protected == false', True),
    ],
)
def test_latest_moved_by_the_server_fires_only_what_names_the_alias(text: str | None, *, met: bool) -> None:
    condition = None if text is None else Condition(text)
    index = Index()
    index.put(definition(1, ("org", 1), "alias.added", condition=condition))
    moved = event_at("alias.added", data={"alias": "latest", "automatic": True, "protected": False})
    assert [each.id for each in index.candidates(moved)] == ([1] if met else [])
    if met:
        (automation,) = index.candidates(moved)
        assert judge(automation, Seen(moved)) == FIRE


@pytest.mark.parametrize("event_type", short_names())
def test_an_event_concerns_no_automation_that_is_more_than_a_minute_younger(event_type: str) -> None:
    index = Index()
    index.put(definition(1, ("org", 1), event_type))
    edge = SAMPLE_TIME - LOOKBACK
    assert timedelta(seconds=60) == LOOKBACK
    for late, met in ((timedelta(), True), (timedelta(microseconds=1), False)):
        found: list[Definition] = index.candidates(event_at(event_type, time=edge - late))
        assert bool(found) is met
