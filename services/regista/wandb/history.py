"""``Run``: its history and its system events, sampled, by step, and the last lines."""

from collections.abc import Mapping
from typing import Any

from ariadne import ObjectType

from regista.kit.errors import InvalidError
from regista.tracking import history, line_repository
from regista.tracking.history import Sample
from regista.tracking.line_repository import Stored
from regista.tracking.lines import Stream
from regista.tracking.subjects import Run
from regista.wandb.exchange import Info, exchange_of

SAMPLES = 500
MOST_SPECS = 1000
"""Samples of one request: a page of charts draws one for each."""
_STEPS = 2**63 - 1

run = ObjectType("Run")


@run.field("history")
async def _history(
    found: Run, info: Info, min_step: int | None = None, max_step: int | None = None, samples: int | None = None
) -> list[str]:
    exchange = exchange_of(info)
    if min_step is not None or max_step is not None:
        # A scan: every line is wanted, however many pages it takes.
        low, high = min_step or 0, max_step if max_step is not None else _STEPS
        lines = await exchange.read(lambda tx: history.by_step(tx, found.id, low, high))
    else:
        lines = await exchange.read(lambda tx: history.sampled_lines(tx, found.id, Stream.HISTORY, _most(samples)))
    return _texts(lines)


@run.field("events")
async def _events(found: Run, info: Info, samples: int | None = None) -> list[str]:
    most = _most(samples)
    return _texts(await exchange_of(info).read(lambda tx: history.sampled_lines(tx, found.id, Stream.EVENTS, most)))


@run.field("sampledHistory")
async def _sampled(found: Run, info: Info, specs: list[Any]) -> list[list[dict[str, Any]]]:
    if len(specs) > MOST_SPECS:
        raise InvalidError(f"{len(specs)} samples are asked for, {MOST_SPECS} is the most of one request")
    wanted = [sample_of(spec) for spec in specs]
    return await exchange_of(info).read(lambda tx: history.samples(tx, found.id, wanted))


@run.field("parquetHistory")
async def _parquet(found: Run, info: Info, live_keys: list[str]) -> dict[str, Any]:
    """Say that no line has been exported to files, and from which step on the others are to be asked for."""
    step = await exchange_of(info).read(lambda tx: line_repository.first_step(tx, found.id))
    live = [] if step is None else [dict.fromkeys(live_keys or ["_step"], step)]
    return {"parquet_urls": [], "live_data": live}


@run.field("historyTail")
async def _history_tail(found: Run, info: Info) -> list[str]:
    return await _tail(found, info, Stream.HISTORY)


@run.field("eventsTail")
async def _events_tail(found: Run, info: Info) -> list[str]:
    return await _tail(found, info, Stream.EVENTS)


def sample_of(spec: Any) -> Sample:
    """Return what the client asks for as ``{keys, samples, minStep, maxStep}``. Raises `InvalidError`."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("keys", []), list):
        raise InvalidError(f'a sample is asked for as {{"keys": ["loss"], "samples": 500}}, not {str(spec)[:200]!r}')
    keys = spec.get("keys", [])
    if not all(isinstance(key, str) for key in keys):
        raise InvalidError(f"the keys of a sample are names of metrics, not {str(keys)[:200]!r}")
    samples, low, high = (_number(spec, name) for name in ("samples", "minStep", "maxStep"))
    # Newer clients count the last step in, older ones do not: of either, a scan asks for as many rows as it has steps.
    if samples is not None and low is not None and high is not None and samples == high - low + 1:
        high += 1
    return Sample(tuple(dict.fromkeys(keys)), SAMPLES if samples is None else samples, low, high)


def _number(spec: Mapping[str, Any], name: str) -> int | None:
    value = spec.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_STEPS <= value <= _STEPS:
        raise InvalidError(f"{name} of a sample is a number, not {str(value)[:100]!r}")
    return int(value)


def _most(samples: int | None) -> int:
    return SAMPLES if samples is None else samples


async def _tail(found: Run, info: Info, stream: Stream) -> list[str]:
    return _texts(await exchange_of(info).read(lambda tx: line_repository.last(tx, found.id, stream, 1)))


def _texts(lines: list[Stored]) -> list[str]:
    return [line.body.decode("utf-8", "replace") for line in lines]


BINDINGS = (run,)
