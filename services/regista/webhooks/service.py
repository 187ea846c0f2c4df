"""Commands on endpoints. None commits: the boundary does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Literal

import asyncpg

from regista.access.actions import Action
from regista.access.verdict import Actor, decide
from regista.automations.secrets import repository as named_secrets
from regista.automations.secrets.reference import referred
from regista.automations.secrets.service import require
from regista.delivery import Throttle, update_lane
from regista.effects.endpoints import Endpoints, integration_subject
from regista.effects.guard import Guard
from regista.effects.snapshots import integration_snapshot
from regista.effects.urls import check_url
from regista.kit import aggregate
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.kit.outbox import Draft, append
from regista.kit.signing import HmacKey, PrivateKey
from regista.kit.vault import Vault
from regista.webhooks import repository, secrets
from regista.webhooks.errors import TooManyKeysError, WebhookExistsError, WebhookInUseError
from regista.webhooks.headers import check_headers, check_value
from regista.webhooks.repository import NewEndpoint
from regista_events import (
    IntegrationCreated,
    IntegrationCreatedData,
    IntegrationUpdated,
    IntegrationUpdatedData,
)
from regista_events.transition import Change

ENDPOINTS: Final = Endpoints(
    "webhook",
    "webhook",
    repository.CHANNEL,
    repository.ROWS,
    repository.forget_secrets,
    WebhookExistsError,
    WebhookInUseError,
)
MOST_OLD_KEYS: Final = 10
"""Old keys of an endpoint that may sign at the same time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint as somebody wants it to be. ``timeout_seconds`` 1 to 30; ``headers`` with their values."""

    url: str
    timeout_seconds: float = 15.0
    wandb_signature: bool = False
    wandb_secret: str | None = None
    """The named secret that makes X-Wandb-Signature; None for the endpoint's own key."""
    headers: Mapping[str, str] | None = None
    access_token: str | None = None
    concurrency: int = 4
    throttle: Throttle | None = None


async def create(
    transaction: Transaction,
    actor: Actor,
    guard: Guard,
    name: str,
    entity: str | None,
    signature: Literal["v1", "v1a"],
    wanted: Wanted,
) -> tuple[asyncpg.Record, str | None]:
    """Make an endpoint of ``entity`` (None: the caller's own team); return it and its secret, which is shown once.

    The secret is None for ``v1a``: receivers need the public key alone. Raises UrlRefusedError, HeaderRefusedError,
    WebhookExistsError, and `NotFoundError` for an entity that is not there.
    """
    _check(guard, wanted, signature)
    made, integration, owner = await ENDPOINTS.make(
        transaction, actor, entity, name, concurrency=wanted.concurrency, throttle=wanted.throttle
    )
    await repository.insert(
        transaction, integration, actor.organization_id, _stored(guard.vault, actor.organization_id, signature, wanted)
    )
    await _refer(transaction, actor, integration, owner, wanted)
    key = secrets.new_key(signature)
    await _add_key(transaction, guard.vault, made, integration, key)
    row = await ENDPOINTS.read(transaction, actor, integration)
    data = IntegrationCreatedData(integration=integration_snapshot(row))
    await append(transaction, [Draft(IntegrationCreated, made, integration_subject(row), data)])
    return row, _shown_once(key)


async def change(
    transaction: Transaction, actor: Actor, guard: Guard, webhook: int, changes: Mapping[str, Any]
) -> asyncpg.Record:
    """Change an endpoint; ``changes`` are fields of `Wanted`. What is as it was makes no event.

    A secret that is given counts as changed: what it was is not compared.
    """
    locked = await ENDPOINTS.lock(transaction, actor, webhook)
    before = await ENDPOINTS.authorized(transaction, actor, webhook, Action.INTEGRATION_WRITE)
    organization = actor.organization_id
    was = Wanted(
        url=before["url"],
        timeout_seconds=before["timeout_seconds"],
        wandb_signature=before["wandb_signature"],
        wandb_secret=before["wandb_secret"],
        headers=secrets.open_headers(guard.vault, organization, before["headers"]),
        access_token=secrets.open_token(guard.vault, organization, before["access_token"]),
        concurrency=before["concurrency"],
        throttle=_throttle(before),
    )
    wanted = replace(was, **changes)
    _check(guard, wanted, before["signature"])
    names = [name for name in changes if getattr(was, name) != getattr(wanted, name)]
    if not names:
        return before
    stored = _stored(guard.vault, organization, before["signature"], wanted)
    await repository.update(transaction, webhook, stored)
    await _refer(transaction, actor, webhook, before["entity_id"], wanted)
    if not {"concurrency", "throttle"}.isdisjoint(names):
        await update_lane(
            transaction,
            before["lane_id"],
            name=before["name"],
            entity_id=before["entity_id"],
            concurrency=wanted.concurrency,
            throttle=wanted.throttle,
        )
    transaction.wake(repository.CHANNEL)
    row = await ENDPOINTS.read(transaction, actor, webhook)
    data = IntegrationUpdatedData(
        integration=integration_snapshot(row), changes={name: _told(name, before, row) for name in names}
    )
    await append(transaction, [Draft(IntegrationUpdated, locked, integration_subject(row), data)])
    return row


async def rotate(
    transaction: Transaction, actor: Actor, guard: Guard, webhook: int, keep: timedelta
) -> tuple[asyncpg.Record, str | None]:
    """Give the endpoint a new key; the one before signs along for ``keep``. Zero drops every old key at once.

    Returns the endpoint and its secret as `create` does. Raises TooManyKeysError.
    """
    locked = await ENDPOINTS.lock(transaction, actor, webhook)
    before = await ENDPOINTS.authorized(transaction, actor, webhook, Action.INTEGRATION_WRITE)
    live = await repository.live_keys(transaction, webhook)
    if keep and len(live) > MOST_OLD_KEYS:
        first = min(key["expires_at"] for key in live if key["expires_at"] is not None)
        raise TooManyKeysError(
            f"{MOST_OLD_KEYS} old keys still sign, the first until {first:%Y-%m-%dT%H:%M:%SZ}; wait, or rotate with "
            "keep_hours 0 to drop them all"
        )
    await repository.retire_keys(transaction, webhook, locked.now, locked.now + keep if keep else None)
    key = secrets.new_key(before["signature"])
    await _add_key(transaction, guard.vault, locked, webhook, key)
    transaction.wake(repository.CHANNEL)
    data = IntegrationUpdatedData(
        integration=integration_snapshot(before), changes={"secret": Change[Any](from_=None, to=None)}
    )
    await append(transaction, [Draft(IntegrationUpdated, locked, integration_subject(before), data)])
    return before, _shown_once(key)


def shown_url(actor: Actor, row: asyncpg.Record) -> str:
    """Return the endpoint's URL as the actor may see it: who cannot edit it sees no query, which may carry a token."""
    if decide(actor, Action.INTEGRATION_WRITE, ENDPOINTS.resource_of(row)).allowed:
        return row["url"]
    return str(integration_snapshot(row).url)


async def urls(transaction: Transaction, actor: Actor, webhooks: Sequence[int]) -> dict[int, str]:
    """Return the URLs of endpoints that the actor may see, as it may see them, by id; deleted ones too."""
    return {row["id"]: shown_url(actor, row) for row in await ENDPOINTS.seen(transaction, actor, webhooks)}


async def _add_key(
    transaction: Transaction, vault: Vault, made: aggregate.Aggregate, webhook: int, key: HmacKey | PrivateKey
) -> None:
    sealed = secrets.seal_key(vault, made.organization_id, key)
    public = key.public().written() if isinstance(key, PrivateKey) else None
    await repository.insert_key(transaction, webhook, made.organization_id, sealed, public, made.now)


def _check(guard: Guard, wanted: Wanted, signature: str) -> None:
    check_url(wanted.url, guard.allowed)
    headers = check_headers(wanted.headers or {})
    if wanted.access_token is not None:
        check_value("Authorization", wanted.access_token)
        if not wanted.access_token or "authorization" in {name.lower() for name in headers}:
            raise InvalidError("give either `access_token` or a header Authorization, not empty", field="access_token")
    if wanted.wandb_secret is not None and not wanted.wandb_signature:
        raise InvalidError(
            "`wandb_secret` makes X-Wandb-Signature; ask for that with `wandb_signature` as well", field="wandb_secret"
        )
    if wanted.wandb_signature and signature != "v1":
        raise InvalidError(
            "X-Wandb-Signature is made with a v1 secret; a v1a key has none to share", field="wandb_signature"
        )


async def _refer(transaction: Transaction, actor: Actor, webhook: int, entity: int, wanted: Wanted) -> None:
    """Find, keep and record the secrets that URL, headers, access token and W&B's signature refer to."""
    texts = [wanted.url, *(wanted.headers or {}).values(), wanted.access_token or ""]
    names = set[str]().union(*map(referred, texts))
    if wanted.wandb_secret is not None:
        names.add(wanted.wandb_secret)
    secret_ids = await require(transaction, entity, names)
    await named_secrets.use(transaction, actor.organization_id, webhook, secret_ids)


def _stored(vault: Vault, organization: int, signature: str, wanted: Wanted) -> NewEndpoint:
    headers = wanted.headers or {}
    return NewEndpoint(
        url=wanted.url,
        timeout_seconds=wanted.timeout_seconds,
        signature=signature,
        wandb_signature=wanted.wandb_signature,
        wandb_secret=wanted.wandb_secret,
        header_names=list(headers),
        headers=secrets.seal_headers(vault, organization, headers),
        access_token=secrets.seal_token(vault, organization, wanted.access_token),
    )


def _told(name: str, before: asyncpg.Record, after: asyncpg.Record) -> Change[Any]:
    """Return a change as its event tells it: of secrets only that they changed, of a URL no query."""
    match name:
        case "headers" | "access_token":
            return Change[Any](from_=None, to=None)
        case "url":
            return Change[Any](from_=integration_snapshot(before).url, to=integration_snapshot(after).url)
        case "throttle":
            was, now = _throttle(before), _throttle(after)
            return Change[Any](from_=was and was._asdict(), to=now and now._asdict())
        case _:
            return Change[Any](from_=before[name], to=after[name])


def _throttle(row: asyncpg.Record) -> Throttle | None:
    return Throttle(row["throttle_count"], row["throttle_seconds"]) if row["throttle_count"] is not None else None


def _shown_once(key: HmacKey | PrivateKey) -> str | None:
    return key.written() if isinstance(key, HmacKey) else None
