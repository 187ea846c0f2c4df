"""Commands on channels. None commits: the boundary does; what Slack says of a token is asked before (`asking`)."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.automations.secrets import repository as named_secrets
from regista.automations.secrets.reference import referred
from regista.automations.secrets.service import require
from regista.delivery import Throttle
from regista.effects.endpoints import Endpoints, integration_subject
from regista.effects.guard import Guard
from regista.effects.snapshots import integration_snapshot
from regista.kit.db import Transaction
from regista.kit.outbox import Draft, append
from regista.kit.vault import Vault
from regista.slack import repository, secrets
from regista.slack.channels import Wanted, checked, merged
from regista.slack.errors import ChannelExistsError, ChannelInUseError
from regista.slack.repository import NewChannel
from regista.slack.secrets import Kept
from regista_events import IntegrationCreated, IntegrationCreatedData, IntegrationUpdated, IntegrationUpdatedData
from regista_events.transition import Change

CHANNELS: Final = Endpoints(
    "slack",
    "Slack channel",
    repository.CHANNEL,
    repository.ROWS,
    repository.forget_secrets,
    ChannelExistsError,
    ChannelInUseError,
)
CONCURRENCY: Final = 4
PACE: Final = Throttle(1, 1.0)
"""Slack takes one message a second for a channel. Source: Slack, "Rate limits", "Posting messages"."""
_GONE: Final = "gone"


async def create(
    transaction: Transaction,
    actor: Actor,
    guard: Guard,
    name: str,
    entity: str | None,
    wanted: Wanted,
    workspace: str | None,
) -> asyncpg.Record:
    """Make a channel of ``entity`` (None: the caller's own team); ``workspace`` is what Slack said of the token.

    Raises `InvalidError` for what makes no channel, ChannelExistsError, UnknownSecretError, and `NotFoundError` for an
    entity that is not there.
    """
    wanted = checked(wanted, guard.allowed)
    made = await CHANNELS.make(transaction, actor, entity, name, concurrency=CONCURRENCY, throttle=PACE)
    new = _stored(guard.vault, actor.organization_id, wanted, workspace)
    await repository.insert(transaction, made.id, actor.organization_id, new)
    await _refer(transaction, actor, made.id, made.owner_id, wanted)
    row = await CHANNELS.read(transaction, actor, made.id)
    data = IntegrationCreatedData(integration=integration_snapshot(row))
    await append(transaction, [Draft(IntegrationCreated, made.aggregate, integration_subject(row), data)])
    return row


async def change(
    transaction: Transaction, actor: Actor, guard: Guard, channel: int, given: Wanted, workspace: str | None
) -> asyncpg.Record:
    """Change what of a channel is given; ``workspace`` is what Slack said of a given token.

    What is as it was makes no event.

    One that was disabled because Slack did not take its token is enabled by a token or URL, be it the same, which Slack
    may take again. Raises `InvalidError` for what of it makes no channel, and UnknownSecretError.
    """
    locked = await CHANNELS.lock(transaction, actor, channel)
    before = await CHANNELS.authorized(transaction, actor, channel, Action.INTEGRATION_WRITE)
    was = wanted_of(guard.vault, before)
    wanted = checked(merged(was, given), guard.allowed)
    names = [name for name in Wanted._fields if getattr(was, name) != getattr(wanted, name)]
    row = before
    if names:
        if given.token is None and wanted.token is not None:
            workspace = before["workspace"]
        await repository.update(transaction, channel, _stored(guard.vault, actor.organization_id, wanted, workspace))
        await _refer(transaction, actor, channel, before["entity_id"], wanted)
        transaction.wake(repository.CHANNEL)
        row = await CHANNELS.read(transaction, actor, channel)
        changes = {name: _told(name, was, wanted) for name in names}
        data = IntegrationUpdatedData(integration=integration_snapshot(row), changes=changes)
        await append(transaction, [Draft(IntegrationUpdated, locked, integration_subject(row), data)])
    if row["disabled_reason"] == _GONE and (given.token or given.url):
        row = await CHANNELS.enable_locked(transaction, actor, locked, row)
    return row


async def shown(
    transaction: Transaction, actor: Actor, channels: Sequence[int]
) -> dict[int, tuple[str | None, str | None]]:
    """Return workspace and channel of the channels that the actor may see, by id; deleted ones too."""
    rows = await CHANNELS.seen(transaction, actor, channels)
    return {row["id"]: (row["workspace"], row["channel"]) for row in rows}


def wanted_of(vault: Vault, row: asyncpg.Record) -> Wanted:
    """Return a channel as it was wanted. Raises SealBrokenError."""
    kept = secrets.opened(vault, row)
    return Wanted(row["channel"], kept.token, kept.url)


def references(wanted: Wanted) -> set[str]:
    """Return the names of the secrets that token and URL refer to."""
    return referred(wanted.token or "") | referred(wanted.url or "")


async def _refer(transaction: Transaction, actor: Actor, channel: int, entity: int, wanted: Wanted) -> None:
    """Find, keep and record the secrets that token and URL refer to."""
    field = "token" if wanted.url is None else "url"
    found = await require(transaction, entity, references(wanted), field=field)
    await named_secrets.use(transaction, actor.organization_id, channel, found)


def _stored(vault: Vault, organization: int, wanted: Wanted, workspace: str | None) -> NewChannel:
    token, url = secrets.sealed(vault, organization, Kept(wanted.token, wanted.url))
    return NewChannel(wanted.channel, workspace, token, url)


def _told(name: str, was: Wanted, now: Wanted) -> Change[Any]:
    """Return a change as its event tells it: of secrets only that they changed."""
    if name == "channel":
        return Change[Any](from_=was.channel, to=now.channel)
    return Change[Any](from_=None, to=None)
