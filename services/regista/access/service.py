"""Commands of access control. None commits: the boundary does."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from regista.access import directory_repository, keys, repository
from regista.access.actions import Action, Role, Scope
from regista.access.models import Account, ApiKey, Entity, Organization, TeamMember
from regista.access.names import NAME_PATTERN, NAME_RULE, name_from
from regista.access.verdict import Actor, Resource, Verdict, authorize, decide
from regista.kit import aggregate, clock, ids
from regista.kit.bodies import Rule
from regista.kit.db import SYSTEM, Origin, Transaction
from regista.kit.errors import ConfigurationError, ConflictError, InvalidError, NotFoundError
from regista.kit.outbox import Draft, append
from regista.kit.settings import Settings
from regista_events import (
    ApiKeyCreated,
    ApiKeyCreatedData,
    ApiKeyRevoked,
    ApiKeyRevokedData,
    ApiKeySnapshot,
    MemberInvited,
    MemberInvitedData,
    MemberRemoved,
    MemberRemovedData,
    MemberRoleChanged,
    MemberRoleChangedData,
    MemberSnapshot,
)
from regista_events.transition import Change

OrganizationRole = Literal["member", "admin"]
EMAIL_PATTERN = r"^[^@\s]{1,64}@[^@\s]{1,255}$"
Email = Annotated[str, StringConstraints(pattern=EMAIL_PATTERN), Rule("use an address as name@example.com")]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=100)]

RESERVED = frozenset({"users", "teams", "api-keys", "organization"})
"""What subjects begin with that are no entity's: whoever administers an entity of the name would read their events."""


def organization_resource(actor: Actor) -> Resource:
    """Return the actor's organization as a whole."""
    return Resource(f"organization {actor.organization}", actor.organization_id)


async def bootstrap(transaction: Transaction, settings: Settings, public_url: str) -> bool:
    """Make the first organization, team and admin, if there is none; return whether it did.

    The admin's key is ``settings.admin_api_key``; one that is set later is added to the admin at the next start.
    Raises `ConfigurationError` when it is not set, or is one that no client would accept.
    """
    key = settings.admin_api_key.get_secret_value() if settings.admin_api_key else ""
    if not keys.PATTERN.match(key):
        raise ConfigurationError("REGISTA_ADMIN_API_KEY must have 40 to 128 letters, digits, - and _")
    await repository.lock_bootstrap(transaction)
    if await repository.any_organization(transaction):
        await _adopt_key(transaction, settings, key, public_url)
        return False
    for variable in ("organization", "team", "admin"):
        name: str = getattr(settings, variable)
        if not re.fullmatch(NAME_PATTERN, name) or name in RESERVED:
            raise ConfigurationError(
                f"REGISTA_{variable.upper()} is {name!r}, which is no name or a reserved one: {NAME_RULE}"
            )
    # The organization's own aggregate is made before its number is known: nothing refers to it yet.
    root = await aggregate.create(transaction, 0)
    organization = Organization(aggregate_id=root.id, name=settings.organization)
    await repository.add(transaction, organization)
    await repository.adopt_aggregate(transaction, root.id, organization.id)
    origin = _system(organization.id, organization.name, public_url)
    team = Entity(organization_id=organization.id, name=settings.team, kind="team")
    own = Entity(organization_id=organization.id, name=_registries_entity(settings), kind="organization")
    await repository.add(transaction, team, own)
    account = await _add_account(transaction, origin, settings.admin, "user", "admin", None, team)
    await _give_role(transaction, origin, account, team, Role.ADMIN)
    await _add_key(transaction, origin, account, key, "first admin", Scope.ADMIN, None, None)
    return True


async def create_account(
    transaction: Transaction,
    actor: Actor,
    name: str,
    kind: str,
    email: str | None,
    role: OrganizationRole,
    team: str | None,
) -> Account:
    """Make a user (with a space of its own) or a service account of a team.

    Raises `ConflictError` when the name is taken, anywhere, by a person, program or team, or the e-mail address by
    somebody of the organization, `InvalidError` where ``team`` is somebody's own space: being its admin is no right to let others into the organization.
    """
    entity = await team_of(transaction, actor, team) if team is not None else None
    if entity is not None and entity["kind"] != "team":
        raise InvalidError(f"{team!r} is no team; people and programs are made in teams", field="team")
    if kind == "service" and entity is None:
        raise InvalidError("a service account belongs to a team; name it in `team`", field="team")
    resource = (
        _entity_resource(actor, entity) if entity is not None and role == "member" else organization_resource(actor)
    )
    authorize(actor, Action.MEMBER_WRITE, resource)
    if email is not None:
        await _require_new(transaction, actor, email)
    origin = _origin(transaction)
    account = await _add_account(transaction, origin, name, kind, role, email, entity)
    if entity is not None:
        await _give_role(transaction, origin, account, entity, Role.MEMBER)
    return account


async def create_team(transaction: Transaction, actor: Actor, name: str, admin: str | None = None) -> Entity:
    """Make a team, of which ``admin`` or else the actor is the first admin.

    Raises `ConflictError` when the name is taken, `NotFoundError` for an admin that there is not.
    """
    authorize(actor, Action.MEMBER_WRITE, organization_resource(actor))
    await _require_free(transaction, name)
    row = await repository.account_by_name(transaction, actor.organization_id, admin or actor.name)
    if row is None:
        raise NotFoundError(f"there is no account {admin!r} in organization {actor.organization}")
    account = Account(
        id=row["id"], aggregate_id=row["aggregate_id"], name=row["name"], kind=row["kind"], email=row["email"]
    )
    team = Entity(organization_id=actor.organization_id, name=name, kind="team")
    await repository.add(transaction, team)
    await _give_role(transaction, _origin(transaction), account, team, Role.ADMIN)
    return team


async def set_member(transaction: Transaction, actor: Actor, team: str, member: str, role: Role) -> None:
    """Give an account a role in a team; `Role.NONE` takes it away. Emits what changed, nothing if nothing did."""
    row = await repository.account_by_name(transaction, actor.organization_id, member)
    locked = await aggregate.lock_one(transaction, row["aggregate_id"]) if row is not None else None
    entity = await team_of(transaction, actor, team)
    authorize(actor, Action.MEMBER_WRITE, _entity_resource(actor, entity))
    if entity["kind"] == "organization":
        raise InvalidError(f"{team!r} holds registries and is no team; give roles in its registries", field="team")
    if row is None or locked is None:
        raise NotFoundError(f"there is no account {member!r} in organization {actor.organization}")
    name = None if role is Role.NONE else role.label
    before = await repository.set_member(transaction, actor.organization_id, entity["id"], row["id"], name)
    if before == name:
        return
    snapshot = MemberSnapshot(id=row["id"], name=row["name"], kind=row["kind"], email=row["email"])
    subject = f"teams/{team}/members/{member}"
    if before is None:
        draft = Draft(MemberInvited, locked, subject, MemberInvitedData(member=snapshot, team=team, role=role.label))
    elif name is None:
        draft = Draft(MemberRemoved, locked, subject, MemberRemovedData(member=snapshot, team=team, role=before))
    else:
        change = Change[str](from_=before, to=name)
        draft = Draft(
            MemberRoleChanged, locked, subject, MemberRoleChangedData(member=snapshot, team=team, role=change)
        )
    await append(transaction, [draft])
    await repository.forget_keys(transaction)


async def create_key(
    transaction: Transaction,
    actor: Actor,
    owner: str | None,
    name: str | None,
    scope: Scope,
    team: str | None,
    days: int | None,
) -> tuple[ApiKey, str, str]:
    """Make a key for oneself or, as an admin, for another account; return it, the key itself and its owner's name.

    The key itself is not stored and cannot be shown again.
    """
    row = await repository.account_by_name(transaction, actor.organization_id, owner or actor.name)
    authorize(actor, Action.KEY_WRITE, _owned_resource(actor, row["id"] if row else None, "API keys"))
    if row is None:
        raise NotFoundError(f"there is no account {owner!r} in organization {actor.organization}")
    # No key can make one that may more: KEY_WRITE needs scope admin, and a key limited to a team sees no keys.
    entity = await team_of(transaction, actor, team) if team is not None else None
    account = Account(
        id=row["id"],
        aggregate_id=row["aggregate_id"],
        organization_id=actor.organization_id,
        name=row["name"],
        kind=row["kind"],
        email=row["email"],
    )
    expires = clock.now() + timedelta(days=days) if days is not None else None
    secret = ids.api_key()
    origin = _origin(transaction)
    key = await _add_key(transaction, origin, account, secret, name, scope, entity, expires)
    return key, secret, account.name


async def revoke_key(transaction: Transaction, actor: Actor, key_id: int) -> None:
    """Revoke a key; every process refuses it as soon as the commit is notified. Twice changes nothing."""
    found = await repository.key_by_id(transaction, actor.organization_id, key_id)
    if found is None:
        raise NotFoundError(f"there is no API key {key_id}")
    locked = await aggregate.lock_one(transaction, found["aggregate_id"])
    authorize(actor, Action.KEY_WRITE, _owned_resource(actor, found["account_id"], f"API key {key_id}"))
    if not await repository.revoke_key(transaction, key_id):
        return
    owner = MemberSnapshot(id=found["account_id"], name=found["owner"])
    snapshot = ApiKeySnapshot(
        id=key_id, prefix=found["prefix"], owner=owner, name=found["name"], scopes=[found["scope"]]
    )
    await append(transaction, [Draft(ApiKeyRevoked, locked, f"api-keys/{key_id}", ApiKeyRevokedData(api_key=snapshot))])
    await repository.forget_keys(transaction)


async def verdict_on(
    transaction: Transaction, actor: Actor, subject: str | None, action: Action, resource: Resource
) -> Verdict:
    """Decide for the account named ``subject``, as it would be with an unlimited key, or else for the actor.

    Raises `NotFoundError` for an account that there is not.
    """
    if subject is None or subject == actor.name:
        return decide(actor, action, resource)
    found = await repository.actor_by_name(transaction, actor.organization_id, subject)
    if found is None:
        raise NotFoundError(f"there is no account {subject!r} in organization {actor.organization}")
    return decide(repository.actor_of(found), action, resource)


async def free_name(transaction: Transaction, text: str) -> str:
    """Return a name that is made of a text, an e-mail address or a description, and that nobody has.

    It stays free until the transaction ends. Raises `ConflictError` when too many have it already.
    """
    name = name_from(text)
    for number in range(1, 100):
        candidate = name if number == 1 else f"{name[:60]}-{number}"
        await repository.lock_name(transaction, candidate)
        if candidate not in RESERVED and not await repository.name_taken(transaction, candidate):
            return candidate
    raise ConflictError(f"too many have a name like {name!r}; choose another", field="name")


async def team_of(transaction: Transaction, actor: Actor, name: str) -> Any:
    """Return ``id, name, kind`` of an entity of the actor's organization. Raises `NotFoundError`."""
    entity = await repository.entity_by_name(transaction, actor.organization_id, name)
    if entity is None:
        raise NotFoundError(f"team {name!r} does not exist, or you may not see it")
    return entity


async def owner_of(transaction: Transaction, actor: Actor, name: str | None) -> Any:
    """Return ``id, name, kind`` of the entity that is to own something: the one named, or the caller's own team.

    Raises `NotFoundError` for a name that is none, `InvalidError` for a caller without a team.
    """
    if name is not None:
        return await team_of(transaction, actor, name)
    wanted = actor.only_entity_id or actor.default_entity_id
    found = None
    if wanted is not None:
        found = await repository.entity_by_id(transaction, actor.organization_id, wanted)
    if found is None:
        raise InvalidError(f"{actor.name} has no team of their own; name one in `entity`", field="entity")
    return found


def _registries_entity(settings: Settings) -> str:
    """Return the name of the entity that holds the organization's registries: what paths into them may begin with."""
    name = f"{settings.organization}-org"
    return name if name not in {settings.team, settings.admin} else f"{name}-1"


def _entity_resource(actor: Actor, entity: Any) -> Resource:
    return Resource(f"team {entity['name']}", actor.organization_id, entity["id"])


def _owned_resource(actor: Actor, owner: int | None, name: str) -> Resource:
    return Resource(name, actor.organization_id, owner_id=owner)


def _system(organization_id: int, organization: str, public_url: str) -> Origin:
    return Origin(SYSTEM, "system", organization_id, organization, public_url=public_url)


def _origin(transaction: Transaction) -> Origin:
    assert transaction.origin is not None  # noqa: S101 - boundaries open transactions with an origin
    return transaction.origin


async def _require_free(transaction: Transaction, name: str) -> None:
    if name in RESERVED:
        raise ConflictError(f"the name {name!r} is reserved; choose another", field="name")
    await repository.lock_name(transaction, name)
    if await repository.name_taken(transaction, name):
        raise ConflictError(f"the name {name!r} is taken; names of people, programs and teams are unique", field="name")


async def _require_new(transaction: Transaction, actor: Actor, email: str) -> None:
    await repository.lock_name(transaction, f"{actor.organization_id} {email.lower()}")
    if await directory_repository.people_by_email(transaction, actor.organization_id, email):
        raise ConflictError(
            f"somebody in organization {actor.organization} has the e-mail address {email!r} already", field="email"
        )


async def _add_account(
    transaction: Transaction,
    origin: Origin,
    name: str,
    kind: str,
    role: str,
    email: str | None,
    team: Entity | Any | None,
) -> Account:
    await _require_free(transaction, name)
    made = await aggregate.create(transaction, origin.organization_id)
    account = Account(
        aggregate_id=made.id,
        organization_id=origin.organization_id,
        kind=kind,
        name=name,
        email=email,
        organization_role=role,
        default_entity_id=team["id"]
        if team is not None and not isinstance(team, Entity)
        else team.id
        if team
        else None,
    )
    await repository.add(transaction, account)
    if kind == "user":
        own = Entity(organization_id=origin.organization_id, name=name, kind="user")
        await repository.add(transaction, own)
        await repository.add(
            transaction,
            TeamMember(organization_id=origin.organization_id, entity_id=own.id, account_id=account.id, role="admin"),
        )
        if account.default_entity_id is None:
            account.default_entity_id = own.id
            await repository.add(transaction, account)
    snapshot = MemberSnapshot.model_validate({"id": account.id, "name": name, "kind": kind, "email": email})
    data = MemberInvitedData(member=snapshot, role=role)
    await append(transaction, [Draft(MemberInvited, made, f"users/{name}", data)], origin)
    return account


async def _give_role(
    transaction: Transaction, origin: Origin, account: Account, team: Entity | Any, role: Role
) -> None:
    team_id, team_name = (team.id, team.name) if isinstance(team, Entity) else (team["id"], team["name"])
    locked = await aggregate.lock_one(transaction, account.aggregate_id)
    await repository.set_member(transaction, origin.organization_id, team_id, account.id, role.label)
    snapshot = MemberSnapshot.model_validate(
        {"id": account.id, "name": account.name, "kind": account.kind, "email": account.email}
    )
    data = MemberInvitedData(member=snapshot, team=team_name, role=role.label)
    await append(transaction, [Draft(MemberInvited, locked, f"teams/{team_name}/members/{account.name}", data)], origin)
    await repository.forget_keys(transaction)


async def _add_key(
    transaction: Transaction,
    origin: Origin,
    account: Account,
    secret: str,
    name: str | None,
    scope: Scope,
    entity: Any | None,
    expires: datetime | None,
) -> ApiKey:
    made = await aggregate.create(transaction, origin.organization_id)
    key = ApiKey(
        aggregate_id=made.id,
        organization_id=origin.organization_id,
        account_id=account.id,
        digest=keys.digest(secret),
        prefix=secret[:10],
        name=name,
        scope=scope.name.lower(),
        entity_id=entity["id"] if entity is not None else None,
        expires_at=expires,
    )
    await repository.add(transaction, key)
    owner = MemberSnapshot.model_validate({"id": account.id, "name": account.name, "kind": account.kind})
    snapshot = ApiKeySnapshot(
        id=key.id,
        prefix=key.prefix,
        owner=owner,
        name=name,
        scopes=[key.scope],
        restricted_to=entity["name"] if entity is not None else None,
        expires_at=expires,
    )
    await append(
        transaction, [Draft(ApiKeyCreated, made, f"api-keys/{key.id}", ApiKeyCreatedData(api_key=snapshot))], origin
    )
    return key


async def _adopt_key(transaction: Transaction, settings: Settings, key: str, public_url: str) -> None:
    if await repository.digest_exists(transaction, keys.digest(key)):
        return
    organization = await repository.organization_id(transaction, settings.organization)
    row = await repository.account_by_name(transaction, organization, settings.admin) if organization else None
    if organization is None or row is None:
        raise ConfigurationError(
            f"REGISTA_ADMIN_API_KEY is for {settings.admin!r} of {settings.organization!r}, which this installation does "
            "not have; set REGISTA_ADMIN and REGISTA_ORGANIZATION to those of its first start"
        )
    account = Account(id=row["id"], aggregate_id=row["aggregate_id"], name=row["name"], kind=row["kind"])
    origin = _system(organization, settings.organization, public_url)
    await _add_key(transaction, origin, account, key, "REGISTA_ADMIN_API_KEY", Scope.ADMIN, None, None)
