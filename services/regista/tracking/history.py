"""Queries on what runs have streamed: by step, sampled, by number, and what metrics there are.

A sampled read looks up where its metrics are (a few rows for every 4096 lines), chooses evenly among those lines, and
reads what it has chosen by primary key: a chart costs as many lines as it has points, however many the run has.
The caller has authorized `run.read` on the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.tracking import line_repository, places
from regista.tracking.line_repository import Progress, Stored
from regista.tracking.lines import Stream, project, read

MOST_SAMPLES = 10_000
"""Lines that a sample holds at most."""
MOST_LINES = 100_000
"""Lines that a page of a scan holds at most."""
_NARROW = 10_000
"""Steps up to which a range is read whole: every line of it has to be there, in whatever order it came."""
_STEPS = 2**63 - 1


class Sample(NamedTuple):
    """What to draw: metrics that every row must have (none: all metrics of all rows), how many, between which steps."""

    keys: tuple[str, ...]
    samples: int
    low: int | None = None
    high: int | None = None
    """Not included."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a run's history has: metric → type → number of lines."""

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    last_step: int | None = None


async def samples(
    transaction: Transaction, run: int, wanted: Sequence[Sample], stream: Stream = Stream.HISTORY
) -> list[list[dict[str, Any]]]:
    """Return the rows of each sample in order; lines that several samples share are read once.

    Raises `InvalidError` for more rows than MOST_SAMPLES or fewer than none.
    """
    chosen = [await _choose(transaction, run, one, stream) for one in wanted]
    numbers = sorted({line for lines in chosen for line in lines})
    rows = {one.line: one for one in await line_repository.bodies(transaction, run, stream, numbers)}
    objects = {line: read(one.body) for line, one in rows.items()}
    found: list[list[dict[str, Any]]] = []
    for one, lines in zip(wanted, chosen, strict=True):
        low, high = one.low or -_STEPS, one.high if one.high is not None else _STEPS
        inside = [line for line in lines if line in rows and low <= (rows[line].step or 0) < high]
        found.append(_rows([objects[line] for line in inside], one.keys))
    return found


async def sampled_lines(transaction: Transaction, run: int, stream: Stream, most: int) -> list[Stored]:
    """Return up to ``most`` lines as they came, evenly spread."""
    chosen = await _choose(transaction, run, Sample((), most), stream)
    return await line_repository.bodies(transaction, run, stream, chosen)


async def by_step(transaction: Transaction, run: int, low: int, high: int) -> list[Stored]:
    """Return the lines of history from step ``low`` up to, not including, ``high``: all of them, by step."""
    return await line_repository.by_step(transaction, run, low, high, MOST_LINES)


async def metrics(transaction: Transaction, runs: Sequence[int], stream: Stream) -> dict[int, Metrics]:
    """Return the metrics of runs; a run that has logged none is left out."""
    counts: dict[int, dict[str, dict[str, int]]] = {}
    for row in await line_repository.shapes(transaction, runs, stream):
        of_run = counts.setdefault(row["run_id"], {})
        for metric, kind in row["metrics"].items():
            of_metric = of_run.setdefault(metric, {})
            of_metric[kind] = of_metric.get(kind, 0) + row["lines"]
    come = await line_repository.progress(transaction, runs)
    return {run: Metrics(found, come.get(run, {}).get(stream, Progress()).last_step) for run, found in counts.items()}


async def _choose(transaction: Transaction, run: int, wanted: Sample, stream: Stream) -> list[int]:
    if wanted.samples < 0:
        raise InvalidError(f"samples is {wanted.samples}; a sample has 0 to {MOST_SAMPLES} rows", field="samples")
    most = min(wanted.samples, MOST_SAMPLES)
    bounded = wanted.low is not None or wanted.high is not None
    low, high = wanted.low or 0, wanted.high if wanted.high is not None else _STEPS
    if bounded and high - low <= _NARROW:
        lines = await line_repository.by_step(transaction, run, low, high, MOST_LINES)
        return _thin(
            [one.line for one in lines if _has(one.body, wanted.keys)], most if most < high - low else MOST_LINES
        )
    blocks = await line_repository.blocks(transaction, run, stream, wanted.keys)
    if bounded:
        blocks = places.between(blocks, *await line_repository.lines_of_steps(transaction, run, low, high))
    return places.evenly(blocks, most)


def _has(body: bytes, keys: Sequence[str]) -> bool:
    row = read(body)
    return row is not None and project(row, keys) is not None


def _thin(lines: Sequence[int], most: int) -> list[int]:
    if len(lines) <= most:
        return list(lines)
    if most < 2:  # noqa: PLR2004 - the last one alone
        return list(lines[-1:])[:most]
    return [lines[place * (len(lines) - 1) // (most - 1)] for place in range(most)]


def _rows(found: Sequence[dict[str, Any] | None], keys: Sequence[str]) -> list[dict[str, Any]]:
    rows = (row for row in found if row is not None)
    if not keys:
        return list(rows)
    return [shown for row in rows if (shown := project(row, keys)) is not None]
