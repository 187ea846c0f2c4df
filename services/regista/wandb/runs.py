"""``Run``: found by name, listed by filter and order, and what is said of each."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action
from regista.access.directory import Person
from regista.access.verdict import Actor, authorize, decide
from regista.kit.db import Transaction
from regista.tracking import line_repository, runs
from regista.tracking.history import Metrics, metrics
from regista.tracking.line_repository import Progress
from regista.tracking.lines import Stream, read
from regista.tracking.run_list import count_runs, list_runs
from regista.tracking.subjects import Project, Run
from regista.wandb import ids, loading
from regista.wandb.configs import wrap
from regista.wandb.exchange import Exchange, Info, exchange_of
from regista.wandb.loading import Loader
from regista.wandb.paging import connection, page_size, read_cursor
from regista.wandb.run_filters import run_filter, run_order

KIND = "Run"

project = ObjectType("Project")
run = ObjectType(KIND)


async def _metrics(transaction: Transaction, _actor: Actor, keys: list[int]) -> Mapping[int, Metrics]:
    return await metrics(transaction, keys, Stream.HISTORY)


async def _last_events(transaction: Transaction, _actor: Actor, keys: list[int]) -> Mapping[int, bytes]:
    return await line_repository.last_of_each(transaction, keys, Stream.EVENTS)


async def _progress(transaction: Transaction, _actor: Actor, keys: list[int]) -> Mapping[int, dict[Stream, Progress]]:
    return await line_repository.progress(transaction, keys)


of_history: Loader[int, Metrics] = Loader(_metrics)
last_events: Loader[int, bytes] = Loader(_last_events)
streams: Loader[int, dict[Stream, Progress]] = Loader(_progress)


@dataclass(frozen=True, slots=True)
class SessionRun(Run):
    """A run as a client takes it up, whose line numbers count from where the present session began.

    ``told`` is False in the answer that begins a session: the client takes a number there for that of its history's
    next line and forgets those of its other streams.
    """

    told: bool = True

    @classmethod
    def of(cls, run: Run, *, told: bool) -> "SessionRun":
        """Return a run as the client takes it up."""
        return cls(**{each.name: getattr(run, each.name) for each in fields(Run)}, told=told)


async def find(exchange: Exchange, found: Project, name: str) -> Run | None:
    """Return a run of a project that the caller may read; None for one that there is not."""

    async def query(tx: Transaction) -> Run:
        return (await runs.find_run(tx, exchange.actor, found.entity, found.name, name))[1]

    return await exchange.find(query)


@project.field("run")
async def _run(found: Project, info: Info, name: str, **_asked: Any) -> Run | None:
    return await find(exchange_of(info), found, name)


@project.field("bucket")
async def _bucket(found: Project, info: Info, name: str, **_asked: Any) -> Run | None:
    one = await find(exchange_of(info), found, name)
    return SessionRun.of(one, told=True) if one is not None else None


@project.field("runCount")
async def _run_count(found: Project, info: Info, filters: Any = None) -> int:
    condition = run_filter(filters)
    authorize(exchange_of(info).actor, Action.RUN_READ, found.resource())
    return await exchange_of(info).read(lambda tx: count_runs(tx, found.id, condition))


@project.field("runs")
async def _runs(
    found: Project,
    info: Info,
    filters: Any = None,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    exchange = exchange_of(info)
    condition, orders = run_filter(filters), run_order(order)
    size, behind = page_size(first), read_cursor(after)
    authorize(exchange.actor, Action.RUN_READ, found.resource())
    position = [None if part is None else str(part) for part in behind] if behind is not None else None
    page = await exchange.read(lambda tx: list_runs(tx, found.id, condition, orders, position, size + 1))
    loading.projects.remember(exchange, {found.id: found})
    return connection(
        list(zip(page.runs, page.keys, strict=True)),
        size,
        lambda row: row[1],
        lambda row: row[0],
        total=lambda: exchange.read(lambda tx: count_runs(tx, found.id, condition)),
    )


@run.field("id")
def _id(found: Run, _info: Info) -> str:
    return ids.encode(KIND, found.id)


@run.field("description")
def _description(_found: Run, _info: Info) -> None:
    """Tell nothing: it was notes once, and the client sends back what it reads here."""


@run.field("config")
def _config(found: Run, _info: Info) -> dict[str, Any]:
    return wrap(found.config)


@run.field("wandbConfig")
def _wandb_config(found: Run, _info: Info, keys: list[str] | None = None) -> dict[str, Any]:
    # `t`, the client's telemetry, tells it that the run has begun: a run made ahead of time has none.
    own = found.config.get("_wandb")
    held: dict[str, Any] = own if isinstance(own, dict) else {}
    return {key: value for key, value in held.items() if keys is None or key in keys}


@run.field("summaryMetrics")
def _summary(found: Run, _info: Info) -> dict[str, Any]:
    return found.summary


@run.field("sweepName")
def _sweep_name(found: Run, _info: Info) -> str | None:
    return found.sweep


@run.field("groupName")
def _group_name(found: Run, _info: Info) -> str | None:
    return found.group


@run.field("stopped")
def _stopped(found: Run, _info: Info) -> bool:
    return found.stop_requested_at is not None


@run.field("user")
async def _user(found: Run, info: Info) -> Person | None:
    return await loading.people.get(exchange_of(info), found.account_id) if found.account_id is not None else None


@run.field("project")
async def _project(found: Run, info: Info) -> Project | None:
    return await loading.projects.get(exchange_of(info), found.project_id)


@run.field("readOnly")
async def _read_only(found: Run, info: Info) -> bool:
    exchange = exchange_of(info)
    of = await loading.projects.get(exchange, found.project_id)
    return of is None or not decide(exchange.actor, Action.RUN_WRITE, of.resource()).allowed


@run.field("historyLineCount")
async def _history_lines(found: Run, info: Info) -> int | None:
    if isinstance(found, SessionRun):
        return await _lines(found, info, Stream.HISTORY) if found.told else None
    return found.history_lines


@run.field("eventsLineCount")
async def _events_lines(found: Run, info: Info) -> int:
    return await _lines(found, info, Stream.EVENTS)


@run.field("logLineCount")
async def _log_lines(found: Run, info: Info) -> int:
    return await _lines(found, info, Stream.OUTPUT)


@run.field("historyKeys")
async def _history_keys(found: Run, info: Info) -> dict[str, Any]:
    of = await of_history.get(exchange_of(info), found.id) or Metrics()
    keys: dict[str, dict[str, Any]] = {}
    for metric, kinds in sorted(of.counts.items()):
        keys[metric] = {"typeCounts": [{"type": kind, "count": count} for kind, count in sorted(kinds.items())]}
        if isinstance(last := _summed_up(found, metric), int | float | str):
            keys[metric]["previousValue"] = last
    return {"keys": keys, "sets": [], "lastStep": -1 if of.last_step is None else of.last_step}


def _summed_up(found: Run, metric: str) -> Any:
    """Return a metric's value in the summary, which the client keeps at the last one; ``a.b`` names a nested one."""
    here: Any = found.summary
    if metric in here:
        return here[metric]
    for part in metric.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


@run.field("systemMetrics")
async def _system_metrics(found: Run, info: Info) -> dict[str, Any]:
    last = await last_events.get(exchange_of(info), found.id)
    return (read(last) or {}) if last is not None else {}


async def _lines(found: Run, info: Info, stream: Stream) -> int:
    of = (await streams.get(exchange_of(info), found.id) or {}).get(stream, Progress())
    return of.lines - of.base if isinstance(found, SessionRun) else of.lines


BINDINGS = (project, run)
