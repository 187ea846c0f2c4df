"""The log over REST, its live stream, and the documents that describe it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from importlib import metadata
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel
from pydantic_core import to_json

from regista.access.actions import Action
from regista.access.boundary import Call, caller
from regista.events import documents as described
from regista.events import service, tail
from regista.events.asking import Entity, Types, asked
from regista.events.filters import EventFilter, full_types
from regista.events.stream import follow
from regista.events.tail import Wanted
from regista.events.vector import decode as decode_vector
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError, RegistaError, UnavailableError
from regista.kit.web import PROBLEMS, ActionRouter, Cursor, Limit, Page
from regista.kit.web.pages import decode, encode
from regista_events.envelope import short_name

MAX_STREAMS = 200
"""Live streams that one process serves: each reads the database a few times a second."""

router = ActionRouter(tags=["events"], responses=PROBLEMS)
documents = ActionRouter(tags=["events"])


class EventSummary(BaseModel):
    """An event as a list shows it; ``type`` is short (`alias.added`), ``actor`` an id, ``actor_name`` whose it is today."""

    id: UUID
    type: str
    subject: str
    time: datetime
    actor: str
    actor_name: str | None
    causation_id: UUID | None
    correlation_id: UUID | None


class EventItem(EventSummary):
    """``event`` is the event as it was published."""

    event: dict[str, Any]


class Relative(EventSummary):
    """A cause or an effect, ``depth`` steps away."""

    depth: int


class EventWithChain(EventItem):
    """``causes``: the first one first. ``effects``: in the order in which they happened, 500 at most."""

    causes: list[Relative]
    effects: list[Relative]


@router.read("/events", action=Action.EVENT_READ, response_model=Page[EventItem])
async def list_events(
    call: Call,
    asked: Annotated[EventFilter, Depends(asked)],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """List the log, newest first.

    A page may hold fewer than ``limit`` items and still have a ``next_cursor``: it looks at 20,000 events at most.
    """
    key = decode(cursor, int)

    async def query(tx: Transaction) -> bytes:
        rows, edge = await service.list_events(tx, call.actor, asked, key[0] if key else None, limit)
        items = b",".join(_with_body(row) for row in rows)
        following = None if edge is None else encode([edge])
        return b'{"items":[%b],"next_cursor":%b}' % (items, to_json(following))

    return Response(await call.read(query), media_type="application/json")


@router.read("/events/stream", action=Action.EVENT_READ, response_class=StreamingResponse)
async def stream_events(
    call: Call,
    types: Types = None,
    entity: Entity = None,
    last_event_id: Annotated[str | None, Header(max_length=300)] = None,
    after: Annotated[
        str | None, Query(max_length=300, description="as Last-Event-ID, where headers cannot be set")
    ] = None,
) -> Response:
    """Send what is published from now on, or from behind ``Last-Event-ID``, as Server-Sent Events.

    ``data`` is the event as it was published, ``id`` the place in the log after it: reconnect with the last one.
    """
    resumed = last_event_id or after
    given = decode_vector(resumed) if resumed else None
    names = full_types(types)
    await call.read(lambda tx: service.authorize_reading(tx, call.actor, entity))
    state = call.request.app.state
    streams: set[object] = getattr(state, "event_streams", set())
    state.event_streams = streams
    if len(streams) >= MAX_STREAMS:
        raise UnavailableError(f"this process serves {MAX_STREAMS} live streams already; try again later")
    database = call.runtime.database
    vector = await tail.begin(database, given)
    wanted = Wanted(call.actor.organization_id, None if names is None else frozenset(names), entity)
    # Set by whoever runs the application; alone, streams end with their clients.
    stopping: asyncio.Event = getattr(state, "stopping", None) or asyncio.Event()
    frames = follow(database, wanted, vector, stopping=stopping, allowed=lambda: _still_allowed(call.request, entity))
    place = object()

    async def counted() -> AsyncGenerator[bytes]:
        streams.add(place)
        try:
            async for frame in frames:
                yield frame
        finally:
            streams.discard(place)
            await frames.aclose()

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(counted(), media_type="text/event-stream", headers=headers)


@router.read("/events/{event_id}", action=Action.EVENT_READ, response_model=EventWithChain)
async def get_event(
    call: Call, event_id: UUID, entity: Entity = None, accept: Annotated[str, Header()] = "*/*"
) -> Response:
    """Return an event with its causes and effects; as ``application/cloudevents+json`` its exact bytes alone."""
    told = await call.read(lambda tx: service.one_event(tx, call.actor, event_id, entity))
    if "application/cloudevents+json" in accept.lower():
        return Response(told.event["body"], media_type="application/cloudevents+json")
    chain = to_json({"causes": _relatives(told.causes), "effects": _relatives(told.effects)})
    return Response(_with_body(told.event)[:-1] + b"," + chain[1:], media_type="application/json")


@documents.read("/schemas/{name}.json", action=None, responses={404: PROBLEMS[404]})
async def get_schema(name: str) -> Response:
    """Return the JSON Schema of an event type, by its full or short name."""
    try:
        document = described.schema(name)
    except KeyError:
        raise NotFoundError(f"there is no event type {name!r}; /asyncapi.json lists them") from None
    return JSONResponse(
        document, media_type="application/schema+json", headers={"cache-control": "public, max-age=3600"}
    )


@documents.read("/asyncapi.json", action=None)
async def get_asyncapi(request: Request) -> Response:
    """Return the AsyncAPI document of what is published."""
    return JSONResponse(described.asyncapi(request.app.state.runtime.public_url, metadata.version("regista")))


async def _still_allowed(request: Request, entity: str | None) -> bool:
    """Return whether the key still opens the stream; an outage is no refusal. Raises what the driver raises."""
    try:
        again = await caller(request)
        async with again.runtime.database.transaction() as tx:
            await service.authorize_reading(tx, again.actor, entity)
    except RegistaError as error:
        return error.status >= 500  # noqa: PLR2004 - a fault of ours
    return True


def _summary(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "type": short_name(row["type"]),
        "subject": row["subject"],
        "time": row["time"],
        "actor": row["actor"],
        "actor_name": row["actor_name"],
        "causation_id": row["causation_id"],
        "correlation_id": row["correlation_id"],
    }


def _with_body(row: asyncpg.Record) -> bytes:
    return to_json(_summary(row))[:-1] + b',"event":' + row["body"] + b"}"


def _relatives(rows: Sequence[asyncpg.Record]) -> list[dict[str, Any]]:
    return [_summary(row) | {"depth": row["depth"]} for row in rows]
