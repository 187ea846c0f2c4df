"""Commands and queries on runs. None commits: the boundary does.

A run's config, summary, tags and notes are working data: only its making, its states and its deletion are events.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit import aggregate
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError, TooLargeError
from regista.kit.outbox import Draft, append
from regista.tracking import repository
from regista.tracking.errors import RunExistsError
from regista.tracking.names import new_display_name, new_run_name
from regista.tracking.projects import ensure_project, find_project
from regista.tracking.subjects import Project, Run
from regista_events import (
    RunCreated,
    RunCreatedData,
    RunDeleted,
    RunDeletedData,
    RunStateChanged,
    RunStateChangedData,
)
from regista_events.subjects import RunState
from regista_events.transition import Change

MAX_DATA_BYTES = 1 << 20
"""Bytes of a run's config, and of its summary, as JSON: the events of its states carry the summary."""
ENDED = frozenset({"finished", "failed", "crashed", "killed"})


async def find_run(
    transaction: Transaction, actor: Actor, entity: str, project: str, name: str, action: Action = Action.RUN_READ
) -> tuple[Project, Run]:
    """Return a run and its project. Raises `NotFoundError`, `AccessDeniedError`."""
    found = await find_project(transaction, actor, entity, project, action)
    run = await repository.run_by_name(transaction, found.id, name)
    if run is None:
        raise _missing(entity, project, name)
    return found, run


async def create_run(
    transaction: Transaction, actor: Actor, entity: str, project: str, fields: Mapping[str, Any]
) -> tuple[Project, Run]:
    """Make a run, and its project if that is absent.

    ``fields`` are the columns by name; ``name`` and ``display_name`` are invented where they are None. Raises
    `RunExistsError` when the project has a run of the id, `TooLargeError`.
    """
    found, drafts = await ensure_project(transaction, actor, entity, project)
    authorize(actor, Action.RUN_WRITE, found.resource())
    _check_size(fields)
    made = await aggregate.create(transaction, actor.organization_id)
    given = {
        **fields,
        "name": fields.get("name") or new_run_name(),
        "display_name": fields.get("display_name") or new_display_name(),
    }
    if not await repository.add_run(transaction, made, found, actor.id, given):
        raise RunExistsError(
            f"{found.path} has a run {given['name']!r} already; leave the id out to get a new one", field="name"
        )
    run = await repository.run_by_name(transaction, found.id, given["name"])
    assert run is not None  # noqa: S101 - inserted above, in this transaction
    drafts.append(Draft(RunCreated, made, run.path(found), RunCreatedData(run=run.snapshot(found))))
    await append(transaction, drafts)
    return found, run


async def update_run(
    transaction: Transaction, actor: Actor, entity: str, project: str, name: str, fields: Mapping[str, Any]
) -> tuple[Project, Run]:
    """Change a run; another ``state`` is announced, with the summary as it stands then.

    ``config`` and ``summary`` are merged by their top-level keys, everything else is replaced. Raises
    `TooLargeError` for one that would have more than MAX_DATA_BYTES.
    """
    locked, found, run = await _locked(transaction, actor, entity, project, name)
    merged = {
        field: {**getattr(run, field), **value} if field in {"config", "summary"} else value
        for field, value in fields.items()
    }
    _check_size(merged)
    changed = replace(run, **merged)
    if changed == run:
        return found, run
    if changed.state != run.state:
        ended = changed.state in ENDED
        changed = replace(
            changed, finished_at=locked.now if ended else None, exit_code=changed.exit_code if ended else None
        )
    changed = replace(changed, updated_at=locked.now)
    await repository.update_run(transaction, changed)
    if changed.state != run.state:
        data = RunStateChangedData(
            run=changed.snapshot(found),
            state=Change[RunState].model_validate({"from": run.state, "to": changed.state}),
            summary=changed.summary,
            exit_code=changed.exit_code,
        )
        await append(transaction, [Draft(RunStateChanged, locked, changed.path(found), data)])
    return found, changed


async def delete_run(transaction: Transaction, actor: Actor, entity: str, project: str, name: str) -> None:
    """Delete a run. The versions that it logged stay."""
    locked, found, run = await _locked(transaction, actor, entity, project, name)
    await repository.delete_run(transaction, run.id)
    data = RunDeletedData(run=run.snapshot(found), summary=run.summary)
    await append(transaction, [Draft(RunDeleted, locked, run.path(found), data)])


async def _locked(
    transaction: Transaction, actor: Actor, entity: str, project: str, name: str
) -> tuple[Aggregate, Project, Run]:
    locked = await repository.lock_run(transaction, actor.organization_id, entity, project, name)
    if locked is None:
        await find_project(transaction, actor, entity, project, Action.RUN_WRITE)
        raise _missing(entity, project, name)
    found, run = await find_run(transaction, actor, entity, project, name, Action.RUN_WRITE)
    return locked, found, run


def _check_size(fields: Mapping[str, Any]) -> None:
    for field in ("config", "summary"):
        size = len(json.dumps(fields.get(field, {}), separators=(",", ":")))
        if size > MAX_DATA_BYTES:
            raise TooLargeError(
                f"the run's {field} would have {size} bytes as JSON, {MAX_DATA_BYTES} is the most: log a file instead"
            )


def _missing(entity: str, project: str, name: str) -> NotFoundError:
    return NotFoundError(f"run {entity}/{project}/runs/{name} does not exist, or you may not see it")
