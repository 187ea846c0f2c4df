"""Queries of the audit, each with its authorization."""

from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import asyncpg

from regista.access import repository as access
from regista.access.actions import Action
from regista.access.service import organization_resource
from regista.access.verdict import Actor, authorize
from regista.audit.question import Question, Way, exact_action, way
from regista.audit.repository import search
from regista.audit.repository.search import Place
from regista.kit.db import Database, Transaction
from regista.registry.service import collection_by_path, resolve_version
from regista.registry.subjects import CollectionPath

STREAMED_ROWS = 500
"""Rows of a stream that are held at a time."""

Rows = Sequence[asyncpg.Record]


class Reading(NamedTuple):
    """A question as it was understood: whose rows, by which index."""

    organization_id: int
    question: Question
    way: Way


async def understand(
    transaction: Transaction, actor: Actor, asked: Question, action: str | None, who: str | None
) -> Reading:
    """Authorize a question, and put ids in place of names: ``action`` may be a prefix, ``who`` a name.

    Raises `AccessDeniedError`.
    """
    authorize(actor, Action.AUDIT_READ, organization_resource(actor))
    organization = actor.organization_id
    if who is not None:
        asked = asked._replace(actor=await access.actor_id(transaction, organization, who))
    if action is not None:
        exact = exact_action(action)
        actions = [exact] if exact else await search.actions_from(transaction, organization, action)
        asked = asked._replace(actions=actions)
    few = asked.resource is not None and await search.has_few(transaction, organization, asked.resource)
    return Reading(organization, asked, way(asked, few_resources=few))


async def history(transaction: Transaction, actor: Actor, path: CollectionPath, version: str | None) -> Reading:
    """Return how to read a collection's history, or one version's (``vN`` or alias); its readers may.

    Raises `NotFoundError`, `AccessDeniedError`.
    """
    if version is None:
        collection = await collection_by_path(transaction, actor, path)
        question = Question(collection=collection.id)
    else:
        collection, found = await resolve_version(transaction, actor, path, version)
        question = Question(collection=collection.id, version=f"v{found.index}")
    return Reading(actor.organization_id, question, Way.COLLECTION)


async def page(
    transaction: Transaction, reading: Reading, before: Place | None, limit: int
) -> tuple[Rows, Place | None]:
    """Return up to ``limit`` rows before a place, newest first, and the place to go on before, if there are more.

    A page may be shorter than ``limit`` and still have a next one: the search for rare rows is cut into pages.
    """
    await transaction.plan_for_values()
    rows, edge = await search.page(
        transaction, reading.organization_id, reading.question, reading.way, before, limit + 1
    )
    if len(rows) > limit:
        return rows[:limit], Place(rows[limit - 1]["time"], rows[limit - 1]["event_id"])
    return rows, edge


async def everything(database: Database, reading: Reading, before: Place | None) -> AsyncGenerator[Rows]:
    """Yield all rows before a place, some hundred at a time; no connection is held in between."""
    more = True
    while more:
        async with database.transaction() as transaction:
            rows, before = await page(transaction, reading, before, STREAMED_ROWS)
        more = before is not None
        if rows:
            yield rows
