"""What the client's filters mean: the same in MongoDB's words, in CEL, and after they were read back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regista.automations.language.conditions import Condition, check_condition
from regista.automations.language.seen import Seen
from regista.wandb.automation_filters import shown, watched
from regista_events import Event
from tests.support.definitions import event_at
from tests.support.mongo import holds

HELD = st.sampled_from(["a", "prod", "production", 'it\'s "x" \\', "\n\u2028ü\U0001f600"])
ASKED = HELD | st.sampled_from(["", "\x00", "duct"])
MANY = st.lists(HELD, max_size=3)
PLACES: dict[str, dict[str, tuple[str, st.SearchStrategy[Any]]]] = {
    "CREATE_ARTIFACT": {"alias": ("aliases", MANY), "tag": ("tags", MANY)},
    "LINK_MODEL": {"alias": ("aliases", MANY), "tag": ("tags", MANY)},
    "UNLINK_ARTIFACT": {"alias": ("aliases", MANY), "tag": ("tags", MANY)},
    "ADD_ARTIFACT_ALIAS": {"alias": ("alias", HELD), "tag": ("artifact.tags", MANY)},
    "ADD_ARTIFACT_TAG": {"tag": ("tag", HELD), "alias": ("artifact.aliases", MANY)},
    "REMOVE_ARTIFACT_TAG": {"tag": ("tag", HELD), "alias": ("artifact.aliases", MANY)},
    "ADD_COLLECTION_TAG": {"tag": ("tag", HELD)},
    "REMOVE_COLLECTION_TAG": {"tag": ("tag", HELD)},
    "RUN": {
        "display_name": ("run.display_name", st.none() | HELD),
        "name": ("run.name", HELD),
        "state": ("run.state", st.sampled_from(["finished", "failed"])),
        "group": ("run.group", st.none() | HELD),
        "jobType": ("run.job_type", st.none() | HELD),
        "tags": ("run.tags", MANY),
    },
}
"""Where an event of the client's has what a filter asks for, and what may stand there."""
OTHER = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([0, 1, 2, -1, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**300])
    | st.floats(allow_nan=False, allow_infinity=False)
)
"""What the client's fields may be asked for beside texts."""
SCALAR = ASKED | OTHER
ANY = SCALAR | st.none()
"""Null is what the client sends for a number that is none."""
OPERATORS = st.one_of(
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), ASKED | SCALAR),
    st.tuples(st.sampled_from(["$eq", "$ne"]), ASKED | ANY),
    st.tuples(st.just("$contains"), ASKED),
    st.tuples(st.just("$regex"), st.sampled_from(["", "^p", "d$", "(?i)PROD", "a|u.*n", r"^\s", r"\\$", "^.$"])),
    st.tuples(st.sampled_from(["$in", "$nin", "$all", "$eq", "$ne"]), st.lists(ASKED, max_size=3)),
    st.tuples(st.sampled_from(["$in", "$nin", "$all", "$eq", "$ne"]), st.lists(ANY, max_size=3)),
    st.tuples(st.just("$size"), st.integers(-2, 4)),
    st.tuples(st.just("$exists"), st.booleans()),
)


def _document(name: str, held: Any) -> dict[str, Any]:
    return {name: held}


def _test(field: str, test: tuple[str, Any]) -> dict[str, Any]:
    return {field: dict([test])}


def _deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.builds(_document, st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, max_size=3))
    return several | st.builds(_document, st.just("$not"), inner)


def filters(fields: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return all that ``&``, ``|``, ``~`` and the methods of the client's fields build."""
    return st.recursive(st.builds(_test, st.sampled_from(fields), OPERATORS), _deeper, max_leaves=8)


def placed(event_type: str, values: dict[str, tuple[str, Any]]) -> Event[Any]:
    data: dict[str, Any] = {}
    for path, value in values.values():
        outer, dot, inner = path.partition(".")
        if dot:
            data.setdefault(outer, {})[inner] = value
        else:
            data[outer] = value
    return event_at(event_type, data=data)


@pytest.mark.parametrize("event_type", PLACES)
@settings(max_examples=30)
@given(data=st.data())
def test_a_filter_is_true_of_the_same_events_in_every_form(event_type: str, data: st.DataObject) -> None:
    places = PLACES[event_type]
    document = data.draw(filters(sorted(places)))
    if event_type == "RUN":
        event_type = "RUN_STATE"
        given_ = {"run_filter": json.dumps({"$and": [document]}), "run_state_filter": {"states": ["FAILED"]}}
    else:
        given_ = {"$or": [{"$and": [document]}]}
    saved = watched(event_type, given_)
    condition = check_condition(saved.condition, saved.events)
    assert condition == saved.condition
    for _ in range(3):
        values = {name: (path, data.draw(held)) for name, (path, held) in places.items()}
        seen = Seen(placed(saved.events[0], values))
        truth = (True, None) if condition is None else Condition(condition).judge(seen)
        assert truth == (holds(document, {name: value for name, (_, value) in values.items()}), None)
    found = shown(*saved)
    assert found is not None
    again = found.filter.get("filter", found.filter)
    assert (found.event_type, watched(found.event_type, again)) == (event_type, saved)


@given(
    st.sampled_from(sorted(PLACES)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(sorted(PLACES[name])))
    ),
    OPERATORS,
)
def test_what_a_field_is_asked_for_is_read_back_as_it_was_written(
    place: tuple[str, str], test: tuple[str, Any]
) -> None:
    event_type, field = place
    document = {field: dict([test])}
    if event_type == "RUN":
        saved = watched("RUN_STATE", {"run_filter": {"$and": [document]}, "run_state_filter": {"states": ["FAILED"]}})
        found = shown(*saved)
        assert found is not None
        again = json.loads(found.filter["run_filter"])["$and"]
    else:
        found = shown(*watched(event_type, {"$or": [{"$and": [document]}]}))
        assert found is not None
        again = found.filter["filter"]["$or"][0]["$and"]
    # As JSON: in Python 1 is True, and 1.0 as well.
    assert json.dumps(again) == json.dumps([document])
