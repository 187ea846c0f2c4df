"""The audit over REST."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Header, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from pydantic_core import to_json

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.audit import service
from regista.audit.question import Question
from regista.audit.rendering import COLUMNS, csv_lines, json_lines, members
from regista.audit.repository.search import Place
from regista.audit.service import Reading
from regista.events.asking import Since, Until
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Cursor, Limit, Page
from regista.kit.web.pages import decode, encode, foreign
from regista.registry.subjects import CollectionPath

router = ActionRouter(tags=["audit"], responses=PROBLEMS)

JSON_LINES, CSV = "application/x-ndjson", "text/csv"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HistoryRow(BaseModel):
    """What happened, to what, by whom; ``before`` and ``after`` are what changed, by field."""

    event_id: UUID
    time: datetime
    action: str
    resource: str
    artifact_version: str | None
    actor_user_id: str
    actor_type: str
    actor_name: str | None
    automation_id: int | None
    correlation_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditRow(HistoryRow):
    """A row of the audit: how it came in, what it was about, and its place in the chain of its shard.

    The names are those of W&B's audit log where it has one; `*_asset` are ids.
    """

    actor_email: str | None
    actor_ip: str | None
    user_agent: str | None
    cli_version: str | None
    request_id: str | None
    response_code: int | None
    entity_asset: int | None
    entity_name: str | None
    project_asset: int | None
    project_name: str | None
    artifact_asset: int | None
    artifact_digest: str | None
    artifact_qualified_name: str | None
    artifact_sequence_asset: int | None
    user_asset: int | None
    user_email: str | None
    report_asset: int | None
    report_name: str | None
    delivery_id: UUID | None
    causation_id: UUID | None
    shard: int
    position: int
    hash: str


_HISTORY = tuple(HistoryRow.model_fields)
Text = Annotated[str | None, Query(max_length=500)]


def _asked(
    resource: Annotated[Text, Query(description="what it begins with, as `team/model-registry/`")] = None,
    text: Annotated[
        Text, Query(description="a part of action, resource, names, e-mail addresses, before or after")
    ] = None,
    since: Since = None,
    until: Until = None,
) -> Question:
    return Question(resource=resource, text=text, since=since, until=until)


@router.read(
    "/audit",
    action=Action.AUDIT_READ,
    response_model=Page[AuditRow],
)
async def list_audit(
    call: Call,
    asked: Annotated[Question, Depends(_asked)],
    actor: Annotated[Text, Query(description="name or id")] = None,
    action: Annotated[
        Text, Query(description="an event type, as `alias.added`, or what it begins with, as `alias.`")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Annotated[str, Header()] = "*/*",
) -> Response:
    """List the audit, newest first; as ``application/x-ndjson`` or ``text/csv`` stream all of it, whatever the limit.

    A page may hold fewer than ``limit`` items and still have a ``next_cursor``: it looks at some thousand rows at most.
    """
    before = _place(cursor)
    wanted = accept.lower()
    if JSON_LINES not in wanted and CSV not in wanted:

        async def query(tx: Transaction) -> bytes:
            reading = await service.understand(tx, call.actor, asked, action, actor)
            return _page(*await service.page(tx, reading, before, limit), COLUMNS)

        return Response(await call.read(query), media_type="application/json")
    reading = await call.read(lambda tx: service.understand(tx, call.actor, asked, action, actor))
    pages = service.everything(call.runtime.database, reading, before)
    if JSON_LINES in wanted:
        return StreamingResponse(json_lines(pages), media_type=JSON_LINES)
    return StreamingResponse(csv_lines(pages), media_type=CSV)


@router.read(
    "/collections/{entity}/{project}/{name}/history", action=Action.COLLECTION_READ, response_model=Page[HistoryRow]
)
async def collection_history(
    call: Call, entity: str, project: str, name: str, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List what happened to a collection and its versions, newest first; it survives renames."""
    return await _history(call, CollectionPath(entity, project, name), None, limit, cursor)


@router.read(
    "/collections/{entity}/{project}/{name}/versions/{version}/history",
    action=Action.ARTIFACT_READ,
    response_model=Page[HistoryRow],
)
async def version_history(
    call: Call, entity: str, project: str, name: str, version: str, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """List what happened to a version (``vN`` or alias), newest first, with the aliases that were taken from it."""
    return await _history(call, CollectionPath(entity, project, name), version, limit, cursor)


async def _history(call: Call, path: CollectionPath, version: str | None, limit: int, cursor: str | None) -> Response:
    before = _place(cursor)

    async def query(tx: Transaction) -> bytes:
        reading: Reading = await service.history(tx, call.actor, path, version)
        return _page(*await service.page(tx, reading, before, limit), _HISTORY)

    return Response(await call.read(query), media_type="application/json")


def _page(rows: Sequence[asyncpg.Record], following: Place | None, columns: Sequence[str]) -> bytes:
    items = b",".join(to_json(members(row, columns)) for row in rows)
    cursor = None if following is None else encode([_microseconds(following.time), str(following.event_id)])
    return b'{"items":[%b],"next_cursor":%b}' % (items, to_json(cursor))


def _place(cursor: str | None) -> Place | None:
    key = decode(cursor, int, str)
    if key is None:
        return None
    try:
        seconds, rest = divmod(key[0], 1_000_000)
        return Place(datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest), UUID(key[1]))
    except (ValueError, OverflowError, OSError):
        raise foreign(cursor) from None


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
