from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.db.conditions import All, Condition, Not, Operator, Some
from regista.kit.db.conditions import Test as Comparison
from regista.kit.errors import InvalidError
from regista.wandb.automation_filters import Watched, shown, watched
from regista.wandb.automation_filters_cel import Field, normal, write
from regista.wandb.automation_filters_read import read

FIELDS = {
    "alias": Field("alias"),
    "tag": Field("artifact.tags", many=True),
    "group": Field("run.group", nullable=True),
}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
OF_TEXT: list[Operator] = ["=", "<>", ">", ">=", "<", "<=", "contains"]
OF_LISTS: list[Operator] = ["in", "not in"]


def _tests() -> st.SearchStrategy[Condition]:
    name = st.sampled_from(sorted(FIELDS))
    return st.one_of(
        st.builds(Comparison, name, st.sampled_from(OF_TEXT), TEXT),
        st.builds(Comparison, name, st.just("matches"), st.sampled_from(["", "^v[0-9]+$", "a|\\\\.b", '"x"'])),
        st.builds(Comparison, name, st.sampled_from(OF_LISTS), st.lists(TEXT, max_size=3)),
        st.builds(Comparison, name, st.just("exists"), st.booleans()),
    )


def _deeper(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(st.builds(All, several), st.builds(Some, several), st.builds(Not, inner))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(_tests(), _deeper, max_leaves=12)


@given(CONDITIONS)
def test_a_filter_that_was_written_in_cel_is_read_back_as_it_was(condition: Condition) -> None:
    text = write(condition, FIELDS)
    assert read(text, FIELDS) == normal(condition)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"$or": [{"$and": []}]}, None),
        ({}, None),
        (None, None),
        ({"$or": [{"$and": [{"alias": {"$eq": "production"}}]}]}, 'alias == "production"'),
        ({"alias": 'it\'s "x"'}, 'alias == "it\'s \\"x\\""'),
        ({"alias": {"$regex": "^v\\d+$"}}, 'alias.matches("^v\\\\d+$")'),
        ({"tag": {"$eq": "prod"}}, '"prod" in artifact.tags'),
        ({"tag": {"$nin": ["a", "b"]}}, 'artifact.tags.all(each, !(each in ["a", "b"]))'),
        ({"alias": {"$nin": ["a"]}}, '["a"].all(each, each != alias)'),
        ({"$nor": [{"alias": "a"}, {"alias": "b"}]}, '!(alias == "a" || alias == "b")'),
        (
            {"alias": {"$contains": "prod", "$ne": "pre-prod"}, "tag": {"$exists": True}},
            '(alias.contains("prod") && alias != "pre-prod") && size(artifact.tags) > 0',
        ),
        ({"$or": []}, "false"),
        ({"alias": {"$ne": 2.5}}, "dyn(alias) != 2.5"),
        ({"alias": {"$lt": 3}}, "(type(dyn(alias)) == int && dyn(alias) < 3)"),
        ({"alias": {"$gte": 2**63}}, "(type(dyn(alias)) == double && dyn(alias) >= 9223372036854775808.0e0)"),
        ({"alias": None, "tag": {"$ne": None}}, "null == dyn(alias) && artifact.tags.all(each, null != dyn(each))"),
        ({"alias": {"$exists": False}}, "dyn(alias) == null"),
        ({"alias": {"$in": ["a", 1, None]}}, 'dyn(alias) in ["a", 1, null]'),
        ({"tag": {"$size": 2}}, "2 == size(artifact.tags)"),
        ({"tag": {"$all": ["a", True]}}, '["a", true].all(each, each in dyn(artifact.tags))'),
        ({"tag": {"$not": {"$eq": ["a"]}}}, '!(dyn(artifact.tags) == ["a"])'),
        ({"$not": {"alias": {"$in": ["a", "b"]}}}, '!(alias in ["a", "b"])'),
    ],
)
def test_a_filter_becomes_this_condition(document: Any, text: str | None) -> None:
    assert watched("ADD_ARTIFACT_ALIAS", document) == Watched(["alias.added"], text, None)


@pytest.mark.parametrize(
    ("event_type", "document", "said"),
    [
        ("ADD_ARTIFACT_ALIAS", {"colour": "red"}, "'colour'"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$size": True}}, "$size"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$gt": None}}, "null is neither"),
        ("ADD_ARTIFACT_ALIAS", {"alias": 10**309}, "1000"),
        ("ADD_ARTIFACT_ALIAS", {"alias": [["a"]]}, "['a']"),
        ("ADD_ARTIFACT_ALIAS", {"alias": float("nan")}, "nan"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$gt": ["a"]}}, "['a']"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$all": "a"}}, "$all"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$in": "a"}}, "$in"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$exists": "a"}}, "$exists"),
        ("ADD_ARTIFACT_ALIAS", [], "[]"),
        ("ADD_ARTIFACT_ALIAS", {"alias": {"$regex": 1}}, "1"),
        ("ADD_COLLECTION_TAG", {"alias": "a"}, "there are tag"),
        ("UPDATE_ARTIFACT_ALIAS", {}, "UPDATE_ARTIFACT_ALIAS"),
        ("WEAVE_METRIC_THRESHOLD", {}, "WEAVE_METRIC_THRESHOLD"),
        ("RUN_STATE", {}, "run_state_filter"),
        ("RUN_STATE", {"run_state_filter": {"states": ["SLEEPING"]}}, "SLEEPING"),
        ("RUN_STATE", {"run_filter": "{", "run_state_filter": {"states": ["FAILED"]}}, "no JSON"),
        ("RUN_STATE", {"run_filter": {"config.lr": 1}, "run_state_filter": {"states": ["FAILED"]}}, "config.lr"),
        ("RUN_METRIC", {}, "threshold_filter"),
        ("RUN_METRIC", {"run_metric_filter": {"change_filter": {}}}, "threshold_filter"),
        ("RUN_METRIC_ZSCORE", {"run_metric_filter": {"zscore_filter": {"name": "a", "agg_op": "MAX"}}}, "agg_op"),
        (
            "RUN_METRIC",
            {"run_metric_filter": {"threshold_filter": {"name": "a", "cmp_op": "$eq", "threshold": 1}}},
            "comparison",
        ),
        (
            "RUN_METRIC",
            {"run_metric_filter": {"threshold_filter": {"name": "a", "cmp_op": "$gt", "threshold": "x"}}},
            "value",
        ),
    ],
)
def test_what_is_no_filter_is_refused_in_a_sentence_that_names_it(event_type: str, document: Any, said: str) -> None:
    with pytest.raises(InvalidError) as caught:
        watched(event_type, document)
    assert said in caught.value.message


def test_a_condition_that_no_filter_says_is_shown_as_it_is_and_never_as_always() -> None:
    text = "artifact.metadata.acc >= 0.9 && previous != null"
    found = shown(["alias.added"], text, None)
    assert found is not None
    assert found.filter == {"filter": {"$or": [{"$and": [{"cel": {"$eq": text}}]}]}}


def test_another_way_to_write_a_condition_is_not_taken_for_the_filter_that_it_resembles() -> None:
    for text in ('alias == "a" && (true)', '(alias == "a")', 'alias=="a"', "alias == 'a'", "((((", "!", "each", ""):
        assert read(text, FIELDS) is None
    for text in (
        '(run.group != null && alias == "a")',
        '(run.group != null && run.group == "a")',
        "(run.group != null &&",
    ):
        assert read(text, FIELDS) is None
    assert read("(" * 10_000 + "true" + ")" * 10_000, FIELDS) is None


def test_an_event_that_the_client_has_no_name_for_is_not_shown() -> None:
    assert shown(["project.created"], None, None) is None
    assert shown(["run.metric_triggered"], None, None) is None
