"""Mutations of runs: made and changed by the client's one `upsertBucket`, stopped, set, rewound, deleted, alerted."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.registry import service as registry
from regista.registry.subjects import Artifact, CollectionPath
from regista.tracking import runs
from regista.tracking.alerts import Severity, raise_alert
from regista.tracking.names import check_project_name, check_run_name
from regista.tracking.runs import Saved, Session
from regista.wandb import ids, loading
from regista.wandb.configs import unwrap
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.projects import UNCATEGORIZED, default_entity
from regista.wandb.roots import Root
from regista.wandb.runs import KIND, SessionRun
from regista.wandb.stream import shares_run

mutation = Root("Mutation")

_FIELDS: Mapping[str, str] = {
    "display_name": "display_name",
    "notes": "notes",
    "group_name": "group",
    "job_type": "job_type",
    "job_program": "program",
    "host": "host",
    "job_repo": "repository",
    "commit": "commit",
    "sweep": "sweep",
    "tags": "tags",
}
"""What the client calls a field → what a run calls it. It sends null for what it has nothing to say about."""
_TEXT = 1024
_LONG = 65_536
_ARTIFACTS = 100
_SEVERITIES: Mapping[str, Severity] = {"INFO": "info", "WARN": "warn", "ERROR": "error"}


@mutation.names("upsertBucket", action=Action.RUN_WRITE)
async def _upsert(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    changes = changes_of(input)
    path = await _path(exchange, input)
    shared = shares_run(exchange.call.request)

    async def command(tx: Transaction) -> Saved:
        place = path or await runs.run_path(tx, exchange.actor, ids.decode(input["id"], KIND))
        return await runs.save_run(
            tx, exchange.actor, place, changes, session=session_of(input, shared=shared), merge=shared
        )

    saved = await exchange.change(command)
    loading.projects.remember(exchange, {saved.project.id: saved.project})
    # In the answer to a program that takes up a run, the numbers of its lines are its own to count.
    shown = SessionRun.of(saved.run, told=False) if path is not None else saved.run
    # Messages for people: there are none.
    return {"bucket": shown, "inserted": saved.inserted, "server_settings": {"server_messages": []}}


@mutation.names("deleteRun", action=Action.RUN_WRITE)
async def _delete(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange, number = exchange_of(info), ids.decode(input["id"], KIND)
    if input.get("delete_artifacts"):
        await _delete_artifacts(exchange, number)

    async def command(tx: Transaction) -> None:
        await runs.delete_run(tx, exchange.actor, *await runs.run_path(tx, exchange.actor, number))

    await exchange.change(command)
    return {"client_mutation_id": input.get("client_mutation_id")}


@mutation.names("updateRunState", action=Action.RUN_WRITE)
async def _set_state(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's word
    exchange, number = exchange_of(info), ids.decode(input["id"], KIND)

    async def command(tx: Transaction) -> None:
        await runs.set_state(tx, exchange.actor, await runs.run_path(tx, exchange.actor, number), input["state"])

    await exchange.change(command)
    return {"success": True}


@mutation.names("stopRun", action=Action.RUN_WRITE)
async def _stop(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's word
    exchange, number = exchange_of(info), ids.decode(input["id"], KIND)

    async def command(tx: Transaction) -> None:
        await runs.request_stop(tx, exchange.actor, await runs.run_path(tx, exchange.actor, number))

    await exchange.change(command)
    return {"success": True}


@mutation.names("rewindRun", action=Action.RUN_WRITE)
async def _rewind(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    metric, value = input["metric_name"], input["metric_value"]
    if metric != "_step" or not abs(value) < 2**53:
        raise InvalidError(f"a run is rewound to a step, as _step=100, not to {metric}={value}")
    entity = await _entity(exchange, input.get("entity_name"))
    path = (entity, input.get("project_name") or UNCATEGORIZED, input["run_name"])
    saved = await exchange.change(lambda tx: runs.rewind_run(tx, exchange.actor, path, int(value)))
    loading.projects.remember(exchange, {saved.project.id: saved.project})
    return {"rewound_run": SessionRun.of(saved.run, told=True)}


@mutation.names("notifyScriptableRunAlert", action=Action.RUN_WRITE)
async def _alert(_root: None, info: Info, input: Mapping[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's word
    exchange = exchange_of(info)
    path = (input["entity_name"], input["project_name"], input["run_name"])
    severity = _SEVERITIES[input.get("severity") or "INFO"]
    # The client counts this duration in milliseconds.
    wait = timedelta(milliseconds=min(max(input.get("wait_duration") or 0, 0), 10**12))
    title, text = input["title"], input["text"]

    async def command(tx: Transaction) -> bool:
        return await raise_alert(tx, exchange.actor, path, title=title, text=text, severity=severity, wait=wait)

    await exchange.change(command)
    # One that has to wait is no failure: the program goes on either way.
    return {"success": True}


def changes_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a run in an input. Raises `InvalidError` for text that is too long."""
    found: dict[str, Any] = {ours: given[theirs] for theirs, ours in _FIELDS.items() if given.get(theirs) is not None}
    for name, value in found.items():
        most = _LONG if name == "notes" else _TEXT
        if isinstance(value, str) and len(value) > most:
            raise InvalidError(f"the run's {name} has {len(value)} characters; {most} is the most", field=name)
    if given.get("config") is not None:
        found["config"] = unwrap(given["config"])
    if isinstance(given.get("summary_metrics"), dict):
        found["summary"] = given["summary_metrics"]
    if given.get("state") in {"pending", "running"}:
        found["state"] = given["state"]
    return found


def session_of(given: Mapping[str, Any], *, shared: bool = False) -> Session | None:
    """Return how a client takes up the run of an input: not at all where it changes one from outside.

    A program names its run. With the run's id, which it was told, it goes on; without, it begins, unless it sends its
    config alone, which it does time and again. Programs that share a run do not begin it anew for one another, nor
    start it again when another has ended it.
    """
    if not given.get("name"):
        return None
    if given.get("id"):
        return None if shared else "join"
    if any(given.get(name) is not None for name in _FIELDS):
        return "join" if shared else "begin"
    return None


async def _delete_artifacts(exchange: Exchange, run: int) -> None:
    """Delete the versions that a run logged, each with its aliases; the first that is held ends it with its reason."""
    actor = exchange.actor

    async def logged(tx: Transaction) -> list[Artifact]:
        await runs.find_run(tx, actor, *await runs.run_path(tx, actor, run), Action.RUN_WRITE)
        numbers = await registry.artifacts_of_run(tx, actor, run, "output", 0, _ARTIFACTS)
        found = await registry.artifacts_by_ids(tx, actor, [each.artifact_id for each in numbers])
        return [artifact for artifact in found.values() if artifact.version is not None]

    while artifacts := await exchange.read(logged):
        for artifact in artifacts:
            await exchange.change(partial(_delete_version, actor, artifact))


async def _delete_version(actor: Actor, artifact: Artifact, transaction: Transaction) -> None:
    assert artifact.version is not None  # noqa: S101 - those that are no version were left out
    of = artifact.collection
    path = CollectionPath(of.entity, of.project, of.name)
    await registry.delete_version(transaction, actor, path, artifact.version.name, delete_aliases=True)


async def _path(exchange: Exchange, given: Mapping[str, Any]) -> tuple[str, str, str | None] | None:
    """Return entity, project and name of the run, None where its id alone is given."""
    name = given.get("name") or None
    if name is None and given.get("id"):
        return None
    project = given.get("model_name") or UNCATEGORIZED
    _checked(check_project_name, project, "project")
    if name is not None:
        _checked(check_run_name, name, "name")
    return await _entity(exchange, given.get("entity_name")), project, name


async def _entity(exchange: Exchange, given: str | None) -> str:
    entity = await default_entity(exchange, given)
    if entity is None:
        raise InvalidError("you have no entity of your own; name one, as in wandb.init(entity=…)", field="entity")
    return entity


def _checked(check: Callable[[str], str], value: str, field: str) -> None:
    try:
        check(value)
    except ValueError as error:
        raise InvalidError(f"{value[:150]!r}: {error}", field=field) from None


BINDINGS = (mutation,)
