import json
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
        ("ADD_ARTIFACT_ALIAS", {"alias": None}, "None"),
        ("ADD_ARTIFACT_ALIAS", {"alias": 2**63}, "64 bits"),
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


@pytest.mark.parametrize(
    ("event_type", "metric"),
    [
        (
            "RUN_METRIC",
            {
                "threshold_filter": {
                    "name": "MAX",
                    "agg_op": "AVERAGE",
                    "window_size": 5,
                    "cmp_op": "$gte",
                    "threshold": 0.5,
                }
            },
        ),
        (
            "RUN_METRIC_CHANGE",
            {
                "change_filter": {
                    "name": "loss",
                    "agg_op": None,
                    "current_window_size": 2,
                    "prior_window_size": 3,
                    "change_type": "RELATIVE",
                    "change_dir": "DECREASE",
                    "change_amount": 1,
                }
            },
        ),
        (
            "RUN_METRIC_ZSCORE",
            {"zscore_filter": {"name": "loss", "window_size": 30, "threshold": 3.0, "change_dir": "ANY"}},
        ),
    ],
)
def test_metrics_are_read_back_as_they_were_saved(event_type: str, metric: dict[str, Any]) -> None:
    run_filter = json.dumps({"$and": [{"display_name": {"$contains": "prod"}}]})
    saved = watched(event_type, {"run_filter": run_filter, "run_metric_filter": metric})
    assert saved.events == ["run.metric_triggered"]
    assert saved.condition == '(run.display_name != null && run.display_name.contains("prod"))'
    found = shown(*saved)
    assert found is not None
    assert found.event_type == event_type
    assert found.filter == {"run_filter": run_filter, "run_metric_filter": metric}


def test_states_are_read_back_and_a_crash_is_a_failure() -> None:
    saved = watched("RUN_STATE", {"run_filter": {"$and": []}, "run_state_filter": {"states": ["FAILED", "FINISHED"]}})
    assert saved == Watched(["run.state_changed"], None, {"states": ["finished", "failed", "crashed"]})
    found = shown(*saved)
    assert found is not None
    assert found.filter["run_state_filter"] == {"states": ["FAILED", "FINISHED"]}


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
