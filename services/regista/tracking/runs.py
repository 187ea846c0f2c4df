"""Commands and queries on runs. None commits: the boundary does.

A run's config, summary, tags and notes are working data: only its making, its states and its deletion are events.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit import aggregate, clock
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError, TooLargeError
from regista.kit.outbox import Draft, append
from regista.tracking import line_repository, repository
from regista.tracking.errors import RunExistsError, TransitionError
from regista.tracking.lines import Stream
from regista.tracking.names import new_display_name, new_run_name
from regista.tracking.projects import ensure_project, find_project
from regista.tracking.subjects import Project, Run
from regista.tracking.summary import MAX_DATA_BYTES, for_event, size
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

ENDED = frozenset({"finished", "failed", "crashed", "killed"})
_SETTABLE: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"running", "failed", "crashed", "preempted"}),
    "failed": frozenset({"pending", "running"}),
}
"""What a run may be set to from outside, and from what: the client's own table."""

Session = Literal["begin", "join"]
"""How a client takes up a run: a session of its own, whose lines count from 0 again, or one that goes on."""


class Saved(NamedTuple):
    """A run as it is now; ``inserted`` if it was made now."""

    project: Project
    run: Run
    inserted: bool


class Locked(NamedTuple):
    """A run whose aggregate is locked, with its project."""

    aggregate: Aggregate
    project: Project
    run: Run


async def find_run(
    transaction: Transaction, actor: Actor, entity: str, project: str, name: str, action: Action = Action.RUN_READ
) -> tuple[Project, Run]:
    """Return a run and its project. Raises `NotFoundError`, `AccessDeniedError`."""
    found = await find_project(transaction, actor, entity, project, action)
    run = await repository.run_by_name(transaction, found.id, name)
    if run is None:
        raise _missing(entity, project, name)
    return found, run


async def run_path(transaction: Transaction, actor: Actor, run: int) -> tuple[str, str, str]:
    """Return entity, project and name of a run of the actor's organization: what the commands on it take.

    Raises `NotFoundError`. Authorizes nothing: the commands do.
    """
    path = await repository.run_path(transaction, actor.organization_id, run)
    if path is None:
        raise NotFoundError(f"run {run} does not exist, or you may not see it")
    return path


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


async def save_run(
    transaction: Transaction,
    actor: Actor,
    path: tuple[str, str, str | None],
    fields: Mapping[str, Any],
    *,
    session: Session | None = None,
    merge: bool = False,
) -> Saved:
    """Make the run at ``path`` (entity, project, name), or change it; its project is made if that is absent.

    ``fields`` replace what there is (``merge``: the config's members one by one); what they leave out stays, or is
    empty for a new run. A client that takes up a run starts it again. Raises what `create_run` and `update_run` raise.
    """
    entity, project, name = path
    locked = await repository.lock_run(transaction, actor.organization_id, entity, project, name) if name else None
    if name is None or locked is None:
        beat = {"heartbeat_at": clock.now()} if session is not None else {}
        try:
            made = {**_EMPTY, **fields, **beat, "name": name}
            return Saved(*await create_run(transaction, actor, entity, project, made), True)
        except RunExistsError as error:
            raise asyncpg.SerializationError("another client has made the run meanwhile") from error
    found, run = await find_run(transaction, actor, entity, project, name, Action.RUN_WRITE)
    # What a run is made with says nothing of one that goes on.
    changes = {field: value for field, value in fields.items() if field != "state"}
    if merge and "config" in changes:
        changes["config"] = {**run.config, **changes["config"]}
    if session is not None:
        changes |= {"state": "running", "heartbeat_at": locked.now}
        if session == "begin":
            await line_repository.open_session(transaction, run.id)
    changed = await _change(transaction, Locked(locked, found, run), changes)
    return Saved(found, changed, False)


async def rewind_run(transaction: Transaction, actor: Actor, path: tuple[str, str, str], step: int) -> Saved:
    """Take a run's history back to ``step``, and start the run again from there. Raises as `find_run` does."""
    locked = await lock_run(transaction, actor, *path)
    await line_repository.cut(transaction, locked.run.id, step)
    # Its machine and its output are no part of what is taken back: they go on behind what there is.
    await line_repository.rebase(transaction, locked.run.id, (Stream.EVENTS, Stream.OUTPUT))
    changed = await _change(transaction, locked, {"state": "running", "heartbeat_at": locked.aggregate.now})
    found = await repository.run_by_name(transaction, locked.project.id, changed.name)
    return Saved(locked.project, found or changed, False)


async def update_run(
    transaction: Transaction, actor: Actor, entity: str, project: str, name: str, fields: Mapping[str, Any]
) -> tuple[Project, Run]:
    """Change a run; another ``state`` is announced, with the summary as it stands then.

    ``config`` and ``summary`` are merged by their top-level keys, everything else is replaced. Raises
    `TooLargeError` for one that would have more than MAX_DATA_BYTES.
    """
    locked = await lock_run(transaction, actor, entity, project, name)
    merged = {
        field: {**getattr(locked.run, field), **value} if field in {"config", "summary"} else value
        for field, value in fields.items()
    }
    return locked.project, await _change(transaction, locked, merged)


async def set_state(transaction: Transaction, actor: Actor, path: tuple[str, str, str], state: str) -> Run:
    """Set a run to ``pending`` (to be taken up again) or ``failed`` (lost). Raises `TransitionError` from other states."""
    locked = await lock_run(transaction, actor, *path)
    allowed = _SETTABLE.get(state)
    if allowed is None or (locked.run.state not in allowed and locked.run.state != state):
        raise TransitionError(
            f"a run cannot be set from {locked.run.state} to {state}; there are: pending (from {_words('pending')}) "
            f"and failed (from {_words('failed')})",
            field="state",
        )
    return await _change(transaction, locked, {"state": state})


async def request_stop(transaction: Transaction, actor: Actor, path: tuple[str, str, str]) -> Run:
    """Ask a run to stop: its client hears of it with its next lines. Nothing happens to one that has ended."""
    locked = await lock_run(transaction, actor, *path)
    if locked.run.state in ENDED or locked.run.stop_requested_at is not None:
        return locked.run
    return await _change(transaction, locked, {"stop_requested_at": locked.aggregate.now})


async def delete_run(transaction: Transaction, actor: Actor, entity: str, project: str, name: str) -> None:
    """Delete a run. The versions that it logged stay."""
    locked, found, run = await lock_run(transaction, actor, entity, project, name)
    await line_repository.discard(transaction, [run.id])
    await repository.delete_run(transaction, run.id)
    data = RunDeletedData(run=run.snapshot(found), summary=for_event(run.summary))
    await append(transaction, [Draft(RunDeleted, locked, run.path(found), data)])


async def lock_run(transaction: Transaction, actor: Actor, entity: str, project: str, name: str) -> Locked:
    """Lock a run's aggregate, then read it: what every command on a run does first. Raises as `find_run` does."""
    locked = await repository.lock_run(transaction, actor.organization_id, entity, project, name)
    if locked is None:
        await find_project(transaction, actor, entity, project, Action.RUN_WRITE)
        raise _missing(entity, project, name)
    found, run = await find_run(transaction, actor, entity, project, name, Action.RUN_WRITE)
    return Locked(locked, found, run)


def state_change(locked: Locked, changed: Run) -> Draft:
    """Return the event of a run's new state."""
    data = RunStateChangedData(
        run=changed.snapshot(locked.project),
        state=Change[RunState].model_validate({"from": locked.run.state, "to": changed.state}),
        summary=for_event(changed.summary),
        exit_code=changed.exit_code,
    )
    return Draft(RunStateChanged, locked.aggregate, changed.path(locked.project), data)


def enter(before: Run, changed: Run, now: datetime) -> Run:
    """Return a run that comes to another state, with what the state brings with it."""
    if changed.state in ENDED:
        return replace(changed, finished_at=now)
    changed = replace(changed, finished_at=None, exit_code=None)
    # Another beginning: what was asked of the one before is over.
    return replace(changed, stop_requested_at=None) if before.state in ENDED else changed


async def _change(transaction: Transaction, locked: Locked, fields: Mapping[str, Any]) -> Run:
    _check_size(fields)
    run, now = locked.run, locked.aggregate.now
    changed = replace(run, **fields)
    if changed == run:
        return run
    if changed.state != run.state:
        changed = enter(run, changed, now)
    changed = replace(changed, updated_at=now)
    await repository.update_run(transaction, changed)
    if changed.state != run.state:
        await append(transaction, [state_change(locked, changed)])
    return changed


_EMPTY: Mapping[str, Any] = {
    "display_name": None,
    "state": "running",
    "config": {},
    "summary": {},
    "tags": [],
    **dict.fromkeys(("notes", "group", "job_type", "program", "host", "repository", "commit", "sweep")),
}


def _check_size(fields: Mapping[str, Any]) -> None:
    for field in ("config", "summary"):
        if field in fields and (found := size(fields[field])) > MAX_DATA_BYTES:
            raise TooLargeError(
                f"the run's {field} would have {found} bytes as JSON, {MAX_DATA_BYTES} is the most: log a file instead"
            )


def _words(state: str) -> str:
    return ", ".join(sorted(_SETTABLE[state]))


def _missing(entity: str, project: str, name: str) -> NotFoundError:
    return NotFoundError(f"run {entity}/{project}/runs/{name} does not exist, or you may not see it")
