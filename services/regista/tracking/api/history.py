"""What runs logged, over REST: every line by pages, or a sample to draw."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.web import Cursor, Limit, Page, page
from regista.kit.web.pages import decode
from regista.tracking import history, runs
from regista.tracking.api.routing import RUN, router
from regista.tracking.history import MOST_SAMPLES, Sample
from regista.tracking.line_repository import Stored, after
from regista.tracking.lines import Stream, read

_STREAMS = {"history": Stream.HISTORY, "events": Stream.EVENTS}
_LIMIT = 2**63 - 1


class HistoryQuery(BaseModel):
    """Which rows of a history, and how many."""

    keys: list[str] = Field(default_factory=list[str], max_length=1000, description="metrics that a sample's rows have")
    samples: int | None = Field(
        default=None, ge=1, le=MOST_SAMPLES, description="so many rows, evenly spread, instead of all by pages"
    )
    min_step: int | None = Field(default=None, ge=0, le=_LIMIT, description="where a sample begins")
    max_step: int | None = Field(default=None, ge=0, le=_LIMIT, description="what a sample ends before")
    limit: Limit = 50
    cursor: Cursor = None


@router.read(RUN + "/history", action=Action.RUN_READ, response_model=Page[dict[str, Any]])
async def read_history(
    call: Call, entity: str, project: str, run: str, asked: Annotated[HistoryQuery, Query()]
) -> Page[dict[str, Any]]:
    """Read the metrics of a run: all rows in the order of their lines, or a sample between two steps."""
    position = decode(asked.cursor, int)

    async def query(tx: Transaction) -> Page[dict[str, Any]]:
        _, found = await runs.find_run(tx, call.actor, entity, project, run)
        if asked.samples is not None:
            wanted = Sample(tuple(asked.keys), asked.samples, asked.min_step, asked.max_step)
            (rows,) = await history.samples(tx, found.id, [wanted])
            return Page[dict[str, Any]](items=rows, next_cursor=None)
        lines = await after(tx, found.id, Stream.HISTORY, position[0] if position else -1, asked.limit + 1)
        return page(lines, asked.limit, lambda line: (line.line,), _row)

    return await call.read(query)


@router.read(RUN + "/events", action=Action.RUN_READ, response_model=Page[dict[str, Any]])
async def read_events(
    call: Call, entity: str, project: str, run: str, limit: Limit = 50, cursor: Cursor = None
) -> Page[dict[str, Any]]:
    """Read the measurements of the machine that a run went on, in the order of their lines."""
    position = decode(cursor, int)

    async def query(tx: Transaction) -> Page[dict[str, Any]]:
        _, found = await runs.find_run(tx, call.actor, entity, project, run)
        lines = await after(tx, found.id, Stream.EVENTS, position[0] if position else -1, limit + 1)
        return page(lines, limit, lambda line: (line.line,), _row)

    return await call.read(query)


def _row(line: Stored) -> dict[str, Any]:
    return read(line.body) or {}
