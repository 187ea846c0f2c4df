"""Measured values beside what they are meant to reach, as a table and as JSON."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """One value; ``aim`` is the least that will do, or the most where ``less`` is better; None where nothing is asked."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    less: bool = False

    @property
    def reached(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value <= self.aim if self.less else self.value >= self.aim

    def document(self) -> dict[str, Any]:
        """Return the figure as JSON holds it."""
        return {**self._asdict(), "reached": self.reached}


class Effort(NamedTuple):
    """How long to look: ``seconds`` of each load, ``rounds`` of what is compared, ``moves`` of what is counted."""

    seconds: float
    rounds: int
    moves: int


FULL = Effort(seconds=10.0, rounds=5, moves=600)
QUICK = Effort(seconds=2.0, rounds=1, moves=60)


def at(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of them lie; NaN when there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def milliseconds(
    name: str, seconds: Sequence[float], p50: float | None = None, p99: float | None = None
) -> list[Figure]:
    """Return median and 99th percentile, with their aims in ms."""
    return [
        Figure(f"{name}, p50", 1000 * at(seconds, 0.5), "ms", p50, less=True),
        Figure(f"{name}, p99", 1000 * at(seconds, 0.99), "ms", p99, less=True),
    ]


def medians(rounds: Sequence[Sequence[Figure]]) -> list[Figure]:
    """Return each figure with the median of its values in the rounds."""
    return [
        same[0]._replace(value=statistics.median(figure.value for figure in same)) for same in zip(*rounds, strict=True)
    ]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures in columns."""
    rows = [("metric", "value", "unit", "aim", "ok?")]
    for figure in figures:
        aim = "" if figure.aim is None else f"{'≤' if figure.less else '≥'} {_number(figure.aim)}"
        mark = {None: "", True: "yes", False: "NO"}[figure.reached]
        rows.append((figure.name, _number(figure.value), figure.unit, aim, mark))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for name, value, unit, aim, mark in rows:
        cells = [name.ljust(widths[0]), value.rjust(widths[1]), unit.ljust(widths[2]), aim.rjust(widths[3]), mark]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
