"""``LogLine``: what a run's program printed, line by line. The form of a line is the client's. Pure but for the page."""

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ariadne import ObjectType

from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.tracking import line_repository
from regista.tracking.line_repository import Stored
from regista.tracking.lines import Stream
from regista.tracking.subjects import Run
from regista.wandb.exchange import Info, exchange_of
from regista.wandb.paging import connection, page_size, read_position

MOST = 10_000
"""Lines of a page at most."""
_LINE = re.compile(
    r"(?P<error>ERROR )?(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)Z? (?P<rest>.*)", re.DOTALL
)
_LABEL = re.compile(r"\[(?P<label>[^\]]*)\] (?P<rest>.*)", re.DOTALL)

run = ObjectType("Run")


class LogLine(NamedTuple):
    """A line of output: ``level`` is ``error`` for what went to stderr, ``timestamp`` in UTC where it is known."""

    number: int
    timestamp: str | None
    level: str
    label: str
    line: str


def parse_line(number: int, text: str) -> LogLine:
    """Return a line as the client wrote it: ``[ERROR ]TIME [LABEL] TEXT``, or the same as a JSON object."""
    if text.startswith("{"):
        found = _structured(number, text)
        if found is not None:
            return found
    match = _LINE.fullmatch(text)
    if match is None:
        return LogLine(number, None, "", "", text)
    level = "error" if match["error"] else ""
    return LogLine(number, _time(match["time"]), level, "", match["rest"])


def _structured(number: int, text: str) -> LogLine | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("ts"), str) or not isinstance(found.get("content"), str):
        return None
    level, label = found.get("level"), found.get("label")
    return LogLine(
        number,
        _time(found["ts"]),
        level if isinstance(level, str) else "",
        label if isinstance(label, str) else "",
        found["content"],
    )


def _time(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).isoformat(timespec="microseconds")


@run.field("logLines")
async def _log_lines(
    found: Run, info: Info, first: int | None = None, after: str | None = None, last: int | None = None, **_asked: Any
) -> dict[str, Any]:
    exchange = exchange_of(info)
    if last is not None:
        if last < 0:
            raise InvalidError(f"last is {last}; a page has 0 to {MOST} lines", field="last")
        size = min(last, MOST)
        lines = await exchange.read(lambda tx: line_repository.last(tx, found.id, Stream.OUTPUT, size))
        return connection(lines, size, _key, _node)
    size = min(page_size(first, 1000), MOST)
    position = read_position(after) if after else -1

    async def query(tx: Transaction) -> list[Stored]:
        return await line_repository.after(tx, found.id, Stream.OUTPUT, position, size + 1)

    return connection(await exchange.read(query), size, _key, _node)


def _key(line: Stored) -> tuple[int]:
    return (line.line,)


def _node(line: Stored) -> LogLine:
    return parse_line(line.line, line.body.decode("utf-8", "replace"))


BINDINGS = (run,)
