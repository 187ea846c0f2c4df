"""Aliases: set, moved, removed, and `latest`, which follows the newest version by itself.

Who writes: commands, under the lock of the collection. Of two that move an alias with the same expected version,
exactly one finds it there. A crash before the commit leaves the alias where it was and no event.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple
from uuid import UUID

from regista.access.actions import Action
from regista.access.verdict import Actor, authorize
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError
from regista.kit.outbox import Draft, append
from regista.registry.errors import VersionMismatchError
from regista.registry.finding import missing_collection, missing_version
from regista.registry.names import LATEST
from regista.registry.repository import collections, versions
from regista.registry.subjects import Collection, CollectionPath, Version
from regista_events import AliasAdded, AliasAddedData, AliasRemoved, AliasRemovedData


class Unchecked:
    """Stands for an ``expected`` that the caller does not care about; None means: held by no version."""


UNCHECKED: Final = Unchecked()


class AliasMove(NamedTuple):
    """Where an alias is and was; ``event_id`` is None where nothing changed."""

    alias: str
    version: str
    previous: str | None
    event_id: UUID | None


async def set_alias(
    transaction: Transaction,
    actor: Actor,
    path: CollectionPath,
    alias: str,
    version: str,
    expected: str | Unchecked | None = UNCHECKED,
) -> AliasMove:
    """Put an alias on a version, from wherever in the collection it was.

    ``expected`` is the version that must hold it now. Raises `NotFoundError` for a collection or version that is not
    there, `VersionMismatchError`, `AccessDeniedError`.
    """
    locked = await collections.lock(transaction, actor.organization_id, path)
    if locked is None:
        raise missing_collection(path)
    aggregate, collection_id = locked
    move = await versions.move(transaction, actor.organization_id, collection_id, alias, version)
    if move is None:
        raise missing_collection(path)
    collection, target = move.collection, move.target
    authorize(actor, Action.ALIAS_SET, collection.resource(protected=move.protected))
    previous = _name(move.held_index)
    _check(collection, alias, previous, expected)
    if target is None:
        raise missing_version(collection, version)
    if move.held_by == target.membership_id:
        return AliasMove(alias, target.name, previous, None)
    change = versions.alias_change(collection, alias, target.membership_id, aggregate.now)
    target = replace(target, aliases=sorted({*target.aliases, alias}))
    draft = added(aggregate, collection, target, alias, previous, protected=move.protected)
    events = await append(transaction, [draft], change=change)
    return AliasMove(alias, target.name, previous, events[0].id)


async def remove_alias(
    transaction: Transaction,
    actor: Actor,
    path: CollectionPath,
    alias: str,
    expected: str | Unchecked | None = UNCHECKED,
) -> AliasMove:
    """Take an alias away. Raises `NotFoundError` for one that no version holds, and as `set_alias` does."""
    locked = await collections.lock(transaction, actor.organization_id, path)
    if locked is None:
        raise missing_collection(path)
    aggregate, collection_id = locked
    move = await versions.move(transaction, actor.organization_id, collection_id, alias, None)
    if move is None:
        raise missing_collection(path)
    collection, target = move.collection, move.target
    authorize(actor, Action.ALIAS_REMOVE, collection.resource(protected=move.protected))
    _check(collection, alias, _name(move.held_index), expected)
    if target is None:
        raise NotFoundError(f"no version of {collection.path} holds the alias {alias!r}")
    await versions.remove_alias(transaction, collection.id, alias)
    target = replace(target, aliases=[name for name in target.aliases if name != alias])
    events = await append(transaction, [removed(aggregate, collection, target, alias, protected=move.protected)])
    return AliasMove(alias, target.name, target.name, events[0].id)


async def place_aliases(
    transaction: Transaction,
    aggregate: Aggregate,
    collection: Collection,
    version: Version,
    aliases: Sequence[str],
    *,
    newest: bool,
    caused_by: int | None = None,
) -> tuple[Version, list[Draft]]:
    """Put aliases on a version that a command brought, `latest` last if it is the newest; return it and the events.

    Call under the collection's lock. Aliases that it holds already give no event.
    """
    holders = await versions.holders(transaction, collection.id)
    protected = await collections.protected_aliases(transaction, collection)
    wanted = [*aliases, LATEST] if newest else list(aliases)
    moving = [alias for alias in wanted if holders.get(alias) != version.index]
    for alias in moving:
        await versions.set_alias(transaction, collection, alias, version.membership_id, aggregate.now)
    version = replace(version, aliases=sorted({*version.aliases, *moving}))
    drafts = [
        added(
            aggregate,
            collection,
            version,
            alias,
            _name(holders.get(alias)),
            protected=alias in protected,
            caused_by=caused_by,
        )
        for alias in moving
    ]
    return version, drafts


async def authorize_aliases(
    transaction: Transaction, actor: Actor, collection: Collection, aliases: Sequence[str]
) -> None:
    """Authorize a command that sets these aliases besides what it does. Raises `AccessDeniedError`."""
    if aliases:
        protected = await collections.protected_aliases(transaction, collection)
        authorize(actor, Action.ALIAS_SET, collection.resource(protected=not protected.isdisjoint(aliases)))


async def release_aliases(
    transaction: Transaction, aggregate: Aggregate, collection: Collection, gone: Version, caused_by: int
) -> list[Draft]:
    """Return the events for the aliases of a version that has left: removed, but `latest` moves to the newest left.

    Call after the membership was removed.
    """
    protected = await collections.protected_aliases(transaction, collection)
    heir = await versions.newest(transaction, collection.id) if LATEST in gone.aliases else None
    left = replace(gone, aliases=[])
    drafts = [
        removed(aggregate, collection, left, alias, protected=alias in protected, caused_by=caused_by)
        for alias in gone.aliases
        if heir is None or alias != LATEST
    ]
    if heir is not None:
        await versions.set_alias(transaction, collection, LATEST, heir.membership_id, aggregate.now)
        heir = replace(heir, aliases=sorted({*heir.aliases, LATEST}))
        drafts.append(
            added(aggregate, collection, heir, LATEST, gone.name, protected=LATEST in protected, caused_by=caused_by)
        )
    return drafts


def added(
    aggregate: Aggregate,
    collection: Collection,
    version: Version,
    alias: str,
    previous: str | None,
    *,
    protected: bool,
    caused_by: int | None = None,
) -> Draft:
    """Return the event of an alias that was set."""
    data = AliasAddedData.model_construct(
        collection=collection.snapshot(),
        artifact=version.snapshot(collection),
        version=version.name,
        alias=alias,
        previous=previous,
        protected=protected,
        automatic=alias == LATEST,
        approval=None,
    )
    return Draft(AliasAdded, aggregate, f"{collection.path}:{version.name}", data, caused_by)


def removed(
    aggregate: Aggregate,
    collection: Collection,
    version: Version,
    alias: str,
    *,
    protected: bool,
    caused_by: int | None = None,
) -> Draft:
    """Return the event of an alias that was taken away."""
    data = AliasRemovedData.model_construct(
        collection=collection.snapshot(),
        artifact=version.snapshot(collection),
        version=version.name,
        alias=alias,
        protected=protected,
        approval=None,
    )
    return Draft(AliasRemoved, aggregate, f"{collection.path}:{version.name}", data, caused_by)


def _check(collection: Collection, alias: str, actual: str | None, expected: str | Unchecked | None) -> None:
    if isinstance(expected, Unchecked) or expected == actual:
        return
    raise VersionMismatchError(
        f"alias {alias!r} of {collection.path} is {f'on {actual}' if actual else 'on no version'}, "
        f"not {f'on {expected}' if expected else 'free'}; look again before you move it",
        expected=expected,
        actual=actual,
    )


def _name(index: int | None) -> str | None:
    return f"v{index}" if index is not None else None
