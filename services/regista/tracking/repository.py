"""All SQL of tracking."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from regista.access.verdict import Sight
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.tracking.errors import ProjectHeldError
from regista.tracking.subjects import Project, Run

_PROJECT = """
SELECT p.id, p.aggregate_id, p.organization_id, p.entity_id, e.name AS entity, p.name, p.title, p.description,
       p.visibility, p.created_at, p.updated_at
FROM project p JOIN entity e ON e.id = p.entity_id
"""
_PROJECT_BY_PATH = _PROJECT + "WHERE e.organization_id = $1 AND e.name = $2 AND p.name = $3"
# What `sight` says, as `decide` would say it of one: $4 to $8 are its fields.
_SEEN = """
WHERE p.organization_id = $1 AND p.id > $2 AND ($8::bigint IS NULL OR p.entity_id = $8) AND (
    $4 OR ($5 AND p.visibility = 'organization')
    OR (p.entity_id = ANY($6::bigint[]) AND p.visibility <> 'private') OR p.id = ANY($7::bigint[])
)
ORDER BY p.id LIMIT $3
"""
_PROJECTS_SEEN = _PROJECT + _SEEN
_PROJECTS = _PROJECT + "WHERE p.organization_id = $1 AND p.entity_id = $2 AND p.id > $3 ORDER BY p.id LIMIT $4"

# The time is read outside of the locking subquery: after the lock was granted.
_LOCK_PROJECT = """
SELECT locked.*, clock_timestamp() AS now FROM (
    SELECT a.id, a.organization_id, a.sequence, a.shard
    FROM project p JOIN entity e ON e.id = p.entity_id JOIN aggregate a ON a.id = p.aggregate_id
    WHERE e.organization_id = $1 AND e.name = $2 AND p.name = $3
    FOR UPDATE OF a
) locked
"""
_LOCK_RUN = """
SELECT locked.*, clock_timestamp() AS now FROM (
    SELECT a.id, a.organization_id, a.sequence, a.shard
    FROM run r JOIN project p ON p.id = r.project_id JOIN entity e ON e.id = p.entity_id
    JOIN aggregate a ON a.id = r.aggregate_id
    WHERE e.organization_id = $1 AND e.name = $2 AND p.name = $3 AND r.name = $4
    FOR UPDATE OF a
) locked
"""
_ADD_PROJECT = """
INSERT INTO project (aggregate_id, organization_id, entity_id, name, title, description, visibility, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (entity_id, name) DO NOTHING RETURNING id
"""
_UPDATE_PROJECT = """
UPDATE project SET name = $2, title = $3, description = $4, visibility = $5, updated_at = $6 WHERE id = $1
"""
RUN = """
SELECT r.id, r.aggregate_id, r.project_id, r.name, r.display_name, r.state, r.config, r.summary, r.tags, r.notes,
       r.run_group AS "group", r.job_type, r.program, r.host, r.repository, r.commit, r.sweep, r.exit_code,
       a.name AS account, r.created_at, r.updated_at, r.heartbeat_at, r.finished_at, r.account_id, r.stop_requested_at,
       coalesce(h.lines, 0) AS history_lines
FROM run r LEFT JOIN account a ON a.id = r.account_id LEFT JOIN run_stream h ON h.run_id = r.id AND h.stream = 0
"""
_RUN_BY_NAME = RUN + "WHERE r.project_id = $1 AND r.name = $2"
_RUNS = RUN + "WHERE r.project_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3"
_ADD_RUN = """
INSERT INTO run (aggregate_id, organization_id, project_id, name, display_name, state, config, summary, tags, notes,
                 run_group, job_type, program, host, repository, commit, sweep, account_id, created_at, updated_at,
                 heartbeat_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20)
ON CONFLICT (project_id, name) DO NOTHING
"""
_UPDATE_RUN = """
UPDATE run SET display_name = $2, state = $3, config = $4, summary = $5, tags = $6, notes = $7, run_group = $8,
       job_type = $9, exit_code = $10, finished_at = $11, updated_at = $12, program = $13, host = $14, repository = $15,
       commit = $16, sweep = $17, heartbeat_at = $18, stop_requested_at = $19
WHERE id = $1
"""
_BEAT = "UPDATE run SET heartbeat_at = $2, summary = coalesce($3, summary) WHERE id = $1"
_RUN_PATH = """
SELECT e.name AS entity, p.name AS project, r.name
FROM run r JOIN project p ON p.id = r.project_id JOIN entity e ON e.id = p.entity_id
WHERE r.organization_id = $1 AND r.id = $2
"""
_RUNS_BY_IDS = RUN + "WHERE r.organization_id = $1 AND r.id = ANY($2)"
_PROJECTS_BY_IDS = _PROJECT + "WHERE p.organization_id = $1 AND p.id = ANY($2)"
ALIVE = frozenset({"running", "preempting"})
"""States of a run that is heard of; an index holds these runs."""
_SILENT = """
SELECT r.id, r.aggregate_id, r.organization_id, o.name AS organization
FROM run r JOIN organization o ON o.id = r.organization_id
WHERE r.state IN ('running', 'preempting') AND r.heartbeat_at < now() - $1::interval AND r.id > $2
ORDER BY r.id LIMIT $3
"""


# Only where the last one is old enough: the row that comes back says that it is.
_NOTE_ALERT = """
INSERT INTO run_alert (run_id, title, raised_at) VALUES ($1, $2, $3)
ON CONFLICT (run_id, title) DO UPDATE SET raised_at = excluded.raised_at
WHERE run_alert.raised_at <= excluded.raised_at - $4::interval
RETURNING run_id
"""


class Silent(NamedTuple):
    """A run that fell silent, and whose it is."""

    id: int
    aggregate_id: int
    organization_id: int
    organization: str


def _aggregate(row: asyncpg.Record | None) -> Aggregate | None:
    if row is None:
        return None
    return Aggregate(row["id"], row["organization_id"], row["sequence"], row["shard"], row["now"])


async def lock_project(transaction: Transaction, organization_id: int, entity: str, name: str) -> Aggregate | None:
    """Lock the project's aggregate, found by path; None if there is none."""
    return _aggregate(await transaction.connection.fetchrow(_LOCK_PROJECT, organization_id, entity, name))


async def lock_run(
    transaction: Transaction, organization_id: int, entity: str, project: str, name: str
) -> Aggregate | None:
    """Lock the run's aggregate, found by path; None if there is none."""
    return _aggregate(await transaction.connection.fetchrow(_LOCK_RUN, organization_id, entity, project, name))


async def project_by_path(transaction: Transaction, organization_id: int, entity: str, name: str) -> Project | None:
    """Return a project of the organization."""
    row = await transaction.connection.fetchrow(_PROJECT_BY_PATH, organization_id, entity, name)
    return Project(**row) if row is not None else None


async def projects(
    transaction: Transaction, organization_id: int, entity: int, after: int, limit: int
) -> list[Project]:
    """Return up to ``limit`` projects of an entity behind id ``after``, in id order."""
    rows = await transaction.connection.fetch(_PROJECTS, organization_id, entity, after, limit)
    return [Project(**row) for row in rows]


async def projects_seen(
    transaction: Transaction, organization_id: int, seen: Sight, after: int, limit: int
) -> list[Project]:
    """Return up to ``limit`` projects behind id ``after``, in whichever entity."""
    rows = await transaction.connection.fetch(_PROJECTS_SEEN, organization_id, after, limit, *seen)
    return [Project(**row) for row in rows]


async def count_projects(transaction: Transaction, entity: int) -> int:
    """Return how many projects an entity has."""
    return await transaction.connection.fetchval("SELECT count(*) FROM project WHERE entity_id = $1", entity) or 0


async def add_project(transaction: Transaction, made: Aggregate, project: Project) -> int | None:
    """Insert the project; return its id, or None if another transaction has made it (it has committed by now)."""
    return await transaction.connection.fetchval(
        _ADD_PROJECT,
        made.id,
        project.organization_id,
        project.entity_id,
        project.name,
        project.title,
        project.description,
        project.visibility,
        project.created_at,
    )


async def update_project(transaction: Transaction, project: Project) -> None:
    """Write what may change of a project. Raises the driver's `UniqueViolationError` for a name that is taken."""
    await transaction.connection.execute(
        _UPDATE_PROJECT,
        project.id,
        project.name,
        project.title,
        project.description,
        project.visibility,
        project.updated_at,
    )


async def run_aggregates(transaction: Transaction, project: int) -> list[int]:
    """Return the aggregates of all runs of a project."""
    rows = await transaction.connection.fetch("SELECT aggregate_id FROM run WHERE project_id = $1", project)
    return [row["aggregate_id"] for row in rows]


async def delete_project(transaction: Transaction, project: int, runs: list[int]) -> None:
    """Delete a project and its runs.

    Raises `ProjectHeldError` while collections are in it, and the driver's `SerializationError` (the boundary then
    begins again) when a run was added meanwhile.
    """
    try:
        await transaction.connection.execute("DELETE FROM run WHERE project_id = $1 AND id = ANY($2)", project, runs)
        await transaction.connection.execute("DELETE FROM project WHERE id = $1", project)
    except asyncpg.ForeignKeyViolationError as error:
        holder: str | None = getattr(error, "table_name", None)
        if holder == "run":
            raise asyncpg.SerializationError("a run was added to the project while it was being deleted") from error
        raise ProjectHeldError(
            f"the project still holds rows of {holder}; delete its collections first", holder=holder
        ) from error


async def run_by_name(transaction: Transaction, project: int, name: str) -> Run | None:
    """Return a run of the project."""
    row = await transaction.connection.fetchrow(_RUN_BY_NAME, project, name)
    return Run(**row) if row is not None else None


async def runs(transaction: Transaction, project: int, after: int, limit: int | None) -> list[Run]:
    """Return up to ``limit`` runs (None: all) behind id ``after``, in id order."""
    return [Run(**row) for row in await transaction.connection.fetch(_RUNS, project, after, limit)]


async def add_run(
    transaction: Transaction, made: Aggregate, project: Project, account: int, fields: Mapping[str, Any]
) -> bool:
    """Insert a run; return False if the project has one of the name (it has committed by now).

    Raises the driver's `SerializationError` (the boundary then begins again) when the project was deleted meanwhile.
    """
    try:
        done = await transaction.connection.execute(
            _ADD_RUN,
            made.id,
            project.organization_id,
            project.id,
            fields["name"],
            fields["display_name"],
            fields["state"],
            json.dumps(fields["config"]),
            json.dumps(fields["summary"]),
            fields["tags"],
            fields["notes"],
            fields["group"],
            fields["job_type"],
            fields["program"],
            fields["host"],
            fields["repository"],
            fields["commit"],
            fields["sweep"],
            account,
            made.now,
            fields.get("heartbeat_at"),
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise asyncpg.SerializationError("the project was deleted while a run was made in it") from error
    return done == "INSERT 0 1"


async def update_run(transaction: Transaction, run: Run) -> None:
    """Write what may change of a run."""
    await transaction.connection.execute(
        _UPDATE_RUN,
        run.id,
        run.display_name,
        run.state,
        json.dumps(run.config),
        json.dumps(run.summary),
        run.tags,
        run.notes,
        run.group,
        run.job_type,
        run.exit_code,
        run.finished_at,
        run.updated_at,
        run.program,
        run.host,
        run.repository,
        run.commit,
        run.sweep,
        run.heartbeat_at,
        run.stop_requested_at,
    )


async def beat(transaction: Transaction, run: int, moment: datetime, summary: Mapping[str, Any] | None = None) -> None:
    """Note that the run was heard of, and what its summary is now, if it has changed."""
    await transaction.connection.execute(_BEAT, run, moment, json.dumps(summary) if summary is not None else None)


async def run_path(transaction: Transaction, organization_id: int, run: int) -> tuple[str, str, str] | None:
    """Return entity, project and name of a run."""
    row = await transaction.connection.fetchrow(_RUN_PATH, organization_id, run)
    return (row["entity"], row["project"], row["name"]) if row is not None else None


async def runs_by_ids(transaction: Transaction, organization_id: int, runs: Iterable[int]) -> dict[int, Run]:
    """Return runs of the organization by id."""
    rows = await transaction.connection.fetch(_RUNS_BY_IDS, organization_id, sorted(set(runs)))
    return {row["id"]: Run(**row) for row in rows}


async def projects_by_ids(transaction: Transaction, organization_id: int, ids: Iterable[int]) -> dict[int, Project]:
    """Return projects of the organization by id."""
    rows = await transaction.connection.fetch(_PROJECTS_BY_IDS, organization_id, sorted(set(ids)))
    return {row["id"]: Project(**row) for row in rows}


async def silent_runs(transaction: Transaction, silence: timedelta, after: int, limit: int) -> list[Silent]:
    """Return up to ``limit`` runs behind id ``after`` that go on and were not heard of for so long."""
    return [Silent(**row) for row in await transaction.connection.fetch(_SILENT, silence, after, limit)]


async def note_alert(transaction: Transaction, run: int, title: str, now: datetime, wait: timedelta) -> bool:
    """Note that a run raised an alert; return False where the last of its title is less than ``wait`` ago."""
    return await transaction.connection.fetchval(_NOTE_ALERT, run, title, now, wait) is not None


async def delete_run(transaction: Transaction, run: int) -> None:
    """Delete a run; the versions that it logged stay and name no run any more."""
    await transaction.connection.execute("DELETE FROM run WHERE id = $1", run)
