import pytest

from regista.kit.db.conditions import All, Not, Order, Some
from regista.kit.db.conditions import Test as Compare
from regista.wandb.run_filters import field, run_filter, run_order


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("displayName", "display_name"),
        ("createdAt", "created_at"),
        ("username", "account"),
        ("jobType", "job_type"),
        ("state", "state"),
        ("config.lr", "config.lr"),
        ("config.lr.value", "config.lr"),
        ("config.model.value.depth", "config.model.depth"),
        ("config.model.depth", "config.model.depth"),
        ("config.a.values", "config.a.values"),
        ("summary_metrics.loss", "summary.loss"),
        ("summaryMetrics.a.b", "summary.a.b"),
        ("summary_metrics.value", "summary.value"),
        ("unknown", "unknown"),
        ("config", "config"),
    ],
)
def test_the_clients_names_are_those_of_tracking(name: str, ours: str) -> None:
    assert field(name) == ours


def test_names_are_changed_wherever_they_stand() -> None:
    found = run_filter(
        {"$or": [{"jobType": "a"}, {"$not": {"config.x.value": 1}}], "displayName": {"$gt": "b", "$lt": "c"}}
    )
    assert found == All(
        (
            Some((Compare("job_type", "=", "a"), Not(Compare("config.x", "=", 1)))),
            All((Compare("display_name", ">", "b"), Compare("display_name", "<", "c"))),
        )
    )


def test_runs_come_in_the_order_they_were_made_unless_asked_otherwise() -> None:
    assert run_order(None) == run_order("") == [Order("created_at")]
    assert run_order("-summary_metrics.loss") == [Order("summary.loss", descending=True)]
