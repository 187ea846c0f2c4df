"""The client's events of runs: whatever its classes say of a metric or a state is read back as it was saved."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regista.automations.run_triggers import MOST_VALUES
from regista.wandb.automation_filters import Watched, shown, watched

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
WINDOW = st.integers(1, MOST_VALUES)
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.integers(1) | st.floats(0, exclude_min=True, allow_infinity=False)
AGGREGATE = st.sampled_from([None, "MAX", "MIN", "AVERAGE"])
DIRECTION = st.sampled_from(["INCREASE", "DECREASE", "ANY"])
METRICS = {
    "RUN_METRIC": (
        "threshold_filter",
        {
            "name": NAME,
            "agg_op": AGGREGATE,
            "window_size": WINDOW,
            "cmp_op": st.sampled_from(["$gte", "$gt", "$lt", "$lte"]),
            "threshold": NUMBER,
        },
    ),
    "RUN_METRIC_CHANGE": (
        "change_filter",
        {
            "name": NAME,
            "agg_op": AGGREGATE,
            "current_window_size": WINDOW,
            "prior_window_size": WINDOW,
            "change_type": st.sampled_from(["ABSOLUTE", "RELATIVE"]),
            "change_dir": DIRECTION,
            "change_amount": POSITIVE,
        },
    ),
    "RUN_METRIC_ZSCORE": (
        "zscore_filter",
        {"name": NAME, "window_size": WINDOW, "threshold": POSITIVE, "change_dir": DIRECTION},
    ),
}
"""Each option of the client's, with all that it may be."""
RUN_FILTERS = st.sampled_from(
    [[], [{"display_name": {"$contains": "prod"}}], [{"$not": {"display_name": {"$in": ["a", 3, None]}}}]]
)


@given(st.sampled_from(sorted(METRICS)), RUN_FILTERS, st.data())
def test_metrics_are_read_back_as_they_were_saved(
    event_type: str, parts: list[dict[str, Any]], data: st.DataObject
) -> None:
    key, options = METRICS[event_type]
    document = {
        "run_filter": json.dumps({"$and": parts}),
        "run_metric_filter": {key: data.draw(st.fixed_dictionaries(options))},
    }
    saved = watched(event_type, document)
    assert saved.events == ["run.metric_triggered"]
    found = shown(*saved)
    assert found is not None
    # As JSON: in Python 1.0 is 1.
    assert found.event_type == event_type
    assert json.dumps(found.filter, sort_keys=True) == json.dumps(document, sort_keys=True)


def test_an_older_client_says_a_metric_in_one_field_and_leaves_out_what_is_usual() -> None:
    metric = {"name": "loss", "cmp_op": "$gt", "threshold": 1}
    saved = watched("RUN_METRIC", {"metric_filter": json.dumps(metric)})
    assert saved == watched("RUN_METRIC", {"run_metric_filter": {"threshold_filter": metric | {"window_size": 1}}})


@given(st.sets(st.sampled_from(["RUNNING", "FINISHED", "FAILED"]), min_size=1).map(sorted), RUN_FILTERS)
def test_states_are_read_back_as_they_were_saved(states: list[str], parts: list[dict[str, Any]]) -> None:
    document = {"run_filter": json.dumps({"$and": parts}), "run_state_filter": {"states": states}}
    found = shown(*watched("RUN_STATE", document))
    assert found is not None
    assert (found.event_type, found.filter) == ("RUN_STATE", document)


def test_a_crash_is_a_failure() -> None:
    saved = watched("RUN_STATE", {"run_filter": {"$and": []}, "run_state_filter": {"states": ["FAILED", "FINISHED"]}})
    assert saved == Watched(["run.state_changed"], None, {"states": ["finished", "failed", "crashed"]})
