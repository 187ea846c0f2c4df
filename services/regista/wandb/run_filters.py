"""What the client calls the fields of runs, in filters and orders. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from regista.kit.db.conditions import All, Condition, Not, Order, Some, Test
from regista.wandb.filters import parse_filter, parse_order

_NAMES: Mapping[str, str] = {
    "displayName": "display_name",
    "jobType": "job_type",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "heartbeatAt": "heartbeat_at",
    "groupName": "group",
    "username": "account",
    "user": "account",
    "user.username": "account",
    "user.name": "account",
    "sweepName": "sweep",
    "sweep.name": "sweep",
    "tag": "tags",
    "description": "notes",
    "runtime": "duration",
}
_TREES: Mapping[str, str] = {
    "config": "config",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
    "summary": "summary",
}


def run_filter(document: object) -> Condition:
    """Return the condition in a filter of runs. Raises `InvalidError`."""
    return _renamed(parse_filter(document))


def run_order(text: str | None) -> list[Order]:
    """Return the order of runs; without one, the oldest first."""
    return [replace(order, field=field(order.field)) for order in parse_order(text)] or [Order("created_at")]


def field(name: str) -> str:
    """Return what a field is called in tracking; a name that is not known stays, to be refused by it."""
    root, dot, path = name.partition(".")
    if not dot or root not in _TREES:
        return _NAMES.get(name, name)
    if root == "config":
        # Members are wrapped as {"value": …} in the client's configs, and are not in ours.
        key, _, rest = path.partition(".value")
        path = key + rest if rest == "" or rest.startswith(".") else path
    return f"{_TREES[root]}.{path}"


def _renamed(condition: Condition) -> Condition:
    if isinstance(condition, Test):
        return replace(condition, field=field(condition.field))
    if isinstance(condition, Not):
        return Not(_renamed(condition.of))
    parts = tuple(_renamed(part) for part in condition.of)
    return All(parts) if isinstance(condition, All) else Some(parts)
