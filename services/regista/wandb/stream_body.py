"""The body of a request of the file stream, as the client's core writes it. Pure.

``{files: {NAME: {offset, content: [line…]}}, uploaded: [name…], preempting, complete, exitcode}``; all of it may be
absent: then it is a heartbeat.
"""

import json
from typing import Any

from pydantic_core import from_json

from regista.kit.errors import InvalidError
from regista.tracking.lines import Stream
from regista.tracking.streaming import Chunk, Sent

STREAMS = {
    "wandb-history.jsonl": Stream.HISTORY,
    "wandb-events.jsonl": Stream.EVENTS,
    "output.log": Stream.OUTPUT,
}
SUMMARY = "wandb-summary.json"
_MOST_LINES = 2**40


class UnreadableStreamError(InvalidError):
    """The body is none of the file stream's. The client sends such a body again: it was damaged on its way."""

    code = "unreadable_stream"


def parse_stream(body: bytes, writer: str | None = None) -> Sent:
    """Return what a request sends. Raises `UnreadableStreamError`; files of other names are passed over."""
    given = _object(_json(body) if body.strip() else {}, "the body")
    files = _object(given.get("files") or {}, "files")
    chunks = {stream: _chunk(files[name], name) for name, stream in STREAMS.items() if name in files}
    summary = _chunk(files[SUMMARY], SUMMARY).lines if SUMMARY in files else ()
    return Sent(
        chunks=chunks,
        # Every line is a summary, the last one is the newest.
        summary=_summary(summary[-1]) if summary else None,
        preempting=bool(given.get("preempting")),
        exit_code=_exit_code(given.get("exitcode")) if given.get("complete") else None,
        writer=writer,
    )


def _json(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError as error:
        try:
            return json.loads(body)  # which takes halves of surrogate pairs
        except (ValueError, RecursionError):
            raise UnreadableStreamError(f"the body is no JSON: {error}; send it again") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableStreamError(f"{what} is no object: {str(value)[:100]}")
    return value


def _chunk(value: Any, name: str) -> Chunk:
    given = _object(value, name)
    offset, lines = given.get("offset", 0), given.get("content") or []
    if type(offset) is not int or not 0 <= offset < _MOST_LINES:
        raise UnreadableStreamError(f"the offset of {name} is the number of a line, not {str(offset)[:100]}")
    if isinstance(lines, str):
        lines = [lines]
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise UnreadableStreamError(f"the content of {name} is a list of lines")
    return Chunk(offset, lines)


def _summary(line: str) -> dict[str, Any] | None:
    try:
        found = _json(line.encode("utf-8", "replace"))
    except UnreadableStreamError:
        return None
    return found if isinstance(found, dict) else None


def _exit_code(value: Any) -> int:
    # A program that ended without a number ended well; what no 32 bits can hold is a failure all the same.
    if value is None:
        return 0
    return value if type(value) is int and -(2**31) <= value < 2**31 else 1
