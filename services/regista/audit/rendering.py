"""Rows of the audit as JSON, as lines of JSON and as CSV."""

import csv
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from io import StringIO
from typing import Any

import asyncpg
from pydantic_core import from_json, to_json

COLUMNS = (
    "event_id", "time", "action", "resource", "actor_user_id", "actor_type", "actor_name", "actor_email", "actor_ip",
    "user_agent", "cli_version", "request_id", "response_code", "entity_asset", "entity_name", "project_asset",
    "project_name", "artifact_asset", "artifact_digest", "artifact_qualified_name", "artifact_sequence_asset",
    "artifact_version", "user_asset", "user_email", "report_asset", "report_name", "automation_id", "delivery_id",
    "causation_id", "correlation_id", "before", "after", "shard", "position", "hash",
)  # fmt: skip
"""What a row shows, in this order; a superset of W&B's audit keys (`timestamp` there is `time` here)."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def members(row: asyncpg.Record, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """Return the members of a row's JSON object."""
    found = {name: row[name] for name in columns}
    for name in ("before", "after"):
        if found[name] is not None:
            found[name] = from_json(found[name])
    return found


async def json_lines(pages: AsyncIterable[Sequence[asyncpg.Record]]) -> AsyncGenerator[bytes]:
    """Yield one JSON object a line."""
    async for rows in pages:
        yield b"".join(to_json(members(row)) + b"\n" for row in rows)


async def csv_lines(pages: AsyncIterable[Sequence[asyncpg.Record]]) -> AsyncGenerator[bytes]:
    """Yield CSV (RFC 4180) with a header; ``before`` and ``after`` are JSON.

    Text that a spreadsheet would take for a formula gets an apostrophe in front: names in it are anybody's choice.
    """
    yield _written([COLUMNS])
    async for rows in pages:
        yield _written([_cell(row[name]) for name in COLUMNS] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value.isoformat() if hasattr(value, "isoformat") else value


def _written(rows: Any) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
