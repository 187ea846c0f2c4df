"""Lists of a project's runs by any of their fields, by their configs and their summaries. All SQL of such lists.

Fields: ``name display_name state group job_type notes tags sweep account host program commit created_at updated_at
heartbeat_at finished_at duration id``, and paths into ``config`` and ``summary``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from regista.kit.db import Transaction
from regista.kit.db.conditions import Column, Condition, Order, Parameters, compile_condition, compile_order
from regista.tracking.repository import RUN
from regista.tracking.subjects import Run

_FIELDS = {
    **{name: Column(f"r.{name}") for name in ("name", "display_name", "state", "job_type", "notes", "sweep", "host")},
    **{name: Column(f"r.{name}") for name in ("program", "commit", "repository")},
    **{name: Column(f"r.{name}", "time") for name in ("created_at", "updated_at", "heartbeat_at", "finished_at")},
    "group": Column("r.run_group"),
    "id": Column("r.id", "integer"),
    "account": Column("a.name"),
    "exit_code": Column("r.exit_code", "integer"),
    "tags": Column("EXISTS (SELECT 1 FROM unnest(r.tags) AS tag WHERE {test})", "many", "tag"),
    "duration": Column(
        "extract(epoch FROM coalesce(r.finished_at, r.heartbeat_at, r.created_at) - r.created_at)::double precision",
        "number",
    ),
}
_TREES = {"config": "r.config", "summary": "r.summary"}


class RunPage(NamedTuple):
    """Runs in the order asked for, each with the keys that a cursor behind it holds."""

    runs: list[Run]
    keys: list[list[str | None]]


async def list_runs(
    transaction: Transaction,
    project: int,
    condition: Condition,
    orders: Sequence[Order],
    after: Sequence[str | None] | None,
    limit: int,
) -> RunPage:
    """Return up to ``limit`` runs of a project behind the one whose keys ``after`` are.

    Raises `UnknownFieldError`, `InvalidError` for values that are not of a field's kind. The caller has authorized
    `run.read` on the project.
    """
    parameters = Parameters(project, limit)
    sorting = compile_order(orders, _find, parameters, "r.id")
    where = compile_condition(condition, _find, parameters)
    behind = sorting.after(after, parameters) if after is not None else "true"
    statement = f"""
        {RUN.replace("SELECT", f"SELECT {sorting.keys} AS keys,", 1)}
        WHERE r.project_id = $1 AND {where} AND {behind} ORDER BY {sorting.by} LIMIT $2
    """
    rows = [dict(row) for row in await transaction.connection.fetch(statement, *parameters.values)]
    keys = [row.pop("keys") for row in rows]
    return RunPage([Run(**row) for row in rows], keys)


async def count_runs(transaction: Transaction, project: int, condition: Condition) -> int:
    """Return how many runs of a project there are. Raises as `list_runs` does."""
    parameters = Parameters(project)
    where = compile_condition(condition, _find, parameters)
    statement = f"""
        SELECT count(*) FROM run r LEFT JOIN account a ON a.id = r.account_id WHERE r.project_id = $1 AND {where}
    """  # noqa: S608 - names from a fixed set, values as parameters
    found: Any = await transaction.connection.fetchval(statement, *parameters.values)
    return found


def _find(name: str, parameters: Parameters) -> Column | None:
    if name in _FIELDS:
        return _FIELDS[name]
    root, dot, path = name.partition(".")
    if not dot or root not in _TREES:
        return None
    tree = _TREES[root]
    if "." not in path:
        return Column(f"({tree} -> {parameters.add(path)}::text)", "json")
    # `a.b` is a member of a member, or a member that is called so.
    nested = f"{tree} #> {parameters.add(path.split('.'))}::text[]"
    return Column(f"coalesce({nested}, {tree} -> {parameters.add(path)}::text)", "json")
