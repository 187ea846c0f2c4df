"""People, programs, teams and keys over REST."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from regista.access import organization, repository, service
from regista.access.actions import Action, Role, Scope
from regista.access.boundary import Call
from regista.access.names import EntityName
from regista.access.verdict import Resource, Verdict, authorize
from regista.kit.db import Transaction
from regista.kit.web import PROBLEMS, ActionRouter, Body, Cursor, Limit, Page, page
from regista.kit.web.pages import decode

router = ActionRouter(tags=["people"], responses=PROBLEMS)

TeamRole = Literal["viewer", "member", "admin"]


class Me(BaseModel):
    """Whose key was presented."""

    name: str
    kind: str
    email: str | None
    organization: str
    organization_admin: bool
    entity: str | None
    scope: str


class OrganizationShape(BaseModel):
    """The organization with its settings; ``retention_days`` is how long decisions, deliveries and replays are kept."""

    name: str
    retention_days: int


class OrganizationChanges(Body):
    """What is to be different from now on."""

    # Shorter than the bus may keep a record, and one that comes again would be acted on again.
    retention_days: Annotated[int, Field(ge=15, le=3650, strict=True)]


class NewUser(Body):
    """A person."""

    name: EntityName
    email: service.Email | None = None
    admin: bool = False
    team: EntityName | None = None


class NewServiceAccount(Body):
    """A program of a team."""

    name: EntityName
    team: EntityName


class AccountShape(BaseModel):
    """A person or program."""

    id: int
    name: str
    email: str | None
    admin: bool
    teams: list[str]
    created_at: datetime


class NewTeam(Body):
    """A team."""

    name: EntityName


class Member(BaseModel):
    """Somebody's role in a team."""

    name: str
    role: str


class TeamShape(BaseModel):
    """A team and who is in it."""

    id: int
    name: str
    members: list[Member]
    created_at: datetime


class SetRole(Body):
    """The role to have from now on."""

    role: TeamRole


class NewKey(Body):
    """A key; ``user`` is whose, by default one's own."""

    name: service.KeyName | None = None
    user: EntityName | None = None
    scope: Literal["read", "write", "admin"] = "admin"
    team: EntityName | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class KeyShape(BaseModel):
    """A key by its prefix; ``key`` itself is there once, when it is made."""

    id: int
    prefix: str
    name: str | None
    owner: str
    scope: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    key: str | None = None


class Explanation(BaseModel):
    """Why an actor may or may not."""

    allowed: bool
    visible: bool
    reason: str
    role: str
    needed_role: str

    @classmethod
    def of(cls, verdict: Verdict) -> "Explanation":
        """Return the shape of a verdict."""
        return cls(
            allowed=verdict.allowed,
            visible=verdict.visible,
            reason=verdict.reason,
            role=verdict.role.label,
            needed_role=verdict.needed.label,
        )


@router.read("/me", action=Action.SELF_READ, response_model=Me)
async def me(call: Call) -> Response:
    """Return whose key this is."""

    async def query(tx: Transaction) -> Me:
        actor = call.actor
        authorize(actor, Action.SELF_READ, Resource(f"user {actor.name}", actor.organization_id, actor.only_entity_id))
        found = None
        if actor.default_entity_id is not None:
            found = await repository.entity_by_id(tx, actor.organization_id, actor.default_entity_id)
        return Me(
            name=actor.name,
            kind=actor.kind,
            email=actor.email,
            organization=actor.organization,
            organization_admin=actor.organization_admin,
            entity=found["name"] if found else None,
            scope=actor.scope.name.lower(),
        )

    return await call.answer(query)


async def _accounts(call: Call, kind: str, limit: int, cursor: str | None) -> Response:
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[AccountShape]:
        authorize(call.actor, Action.MEMBER_READ, service.organization_resource(call.actor))
        rows = await repository.list_accounts(tx, call.actor.organization_id, kind, key[0] if key else 0, limit + 1)
        return page(
            rows,
            limit,
            lambda row: [row["id"]],
            lambda row: AccountShape(
                id=row["id"],
                name=row["name"],
                email=row["email"],
                admin=row["organization_role"] == "admin",
                teams=row["teams"],
                created_at=row["created_at"],
            ),
        )

    return await call.answer(query)


@router.read("/organization", action=Action.ORGANIZATION_ADMIN, response_model=OrganizationShape)
async def get_organization(call: Call) -> Response:
    """Return the organization's settings."""

    async def query(tx: Transaction) -> OrganizationShape:
        return OrganizationShape.model_validate(dict(await organization.get_organization(tx, call.actor)))

    return await call.answer(query)


@router.change("/organization", action=Action.ORGANIZATION_ADMIN, response_model=OrganizationShape)
async def change_organization(call: Call, body: OrganizationChanges) -> Response:
    """Change the organization's settings; what is older than it is to be kept goes with the next sweep."""

    async def command(tx: Transaction) -> OrganizationShape:
        changed = await organization.set_retention(tx, call.actor, body.retention_days)
        return OrganizationShape.model_validate(dict(changed))

    return await call.mutate(command)


@router.read("/users", action=Action.MEMBER_READ, response_model=Page[AccountShape])
async def list_users(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the organization's people."""
    return await _accounts(call, "user", limit, cursor)


@router.read("/service-accounts", action=Action.MEMBER_READ, response_model=Page[AccountShape])
async def list_service_accounts(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the organization's programs."""
    return await _accounts(call, "service", limit, cursor)


@router.create("/users", action=Action.MEMBER_WRITE, response_model=AccountShape, status_code=201)
async def create_user(call: Call, body: NewUser) -> Response:
    """Make a person, with a space of the same name."""
    return await _create_account(call, body.name, "user", body.email, "admin" if body.admin else "member", body.team)


@router.create("/service-accounts", action=Action.MEMBER_WRITE, response_model=AccountShape, status_code=201)
async def create_service_account(call: Call, body: NewServiceAccount) -> Response:
    """Make a program's account in a team."""
    return await _create_account(call, body.name, "service", None, "member", body.team)


async def _create_account(
    call: Call,
    name: str,
    kind: str,
    email: str | None,
    role: service.OrganizationRole,
    team: str | None,
) -> Response:
    async def command(tx: Transaction) -> AccountShape:
        account = await service.create_account(tx, call.actor, name, kind, email, role, team)
        return AccountShape(
            id=account.id,
            name=account.name,
            email=account.email,
            admin=role == "admin",
            teams=[team] if team else [],
            created_at=account.created_at,
        )

    return await call.mutate(command, status=201)


@router.read("/teams", action=Action.MEMBER_READ, response_model=Page[TeamShape])
async def list_teams(call: Call, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the organization's teams."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[TeamShape]:
        authorize(call.actor, Action.MEMBER_READ, service.organization_resource(call.actor))
        rows = await repository.list_teams(tx, call.actor.organization_id, key[0] if key else 0, limit + 1)
        return page(
            rows,
            limit,
            lambda row: [row["id"]],
            lambda row: TeamShape(
                id=row["id"],
                name=row["name"],
                members=[Member(name=n, role=r) for n, r in zip(row["members"], row["roles"], strict=True)],
                created_at=row["created_at"],
            ),
        )

    return await call.answer(query)


@router.create("/teams", action=Action.MEMBER_WRITE, response_model=TeamShape, status_code=201)
async def create_team(call: Call, body: NewTeam) -> Response:
    """Make a team and be its first admin."""

    async def command(tx: Transaction) -> TeamShape:
        team = await service.create_team(tx, call.actor, body.name)
        return TeamShape(
            id=team.id,
            name=team.name,
            members=[Member(name=call.actor.name, role="admin")],
            created_at=team.created_at,
        )

    return await call.mutate(command, status=201)


@router.replace("/teams/{team}/members/{member}", action=Action.MEMBER_WRITE, response_model=Member)
async def set_member(call: Call, team: str, member: str, body: SetRole) -> Response:
    """Give somebody a role in a team."""

    async def command(tx: Transaction) -> Member:
        await service.set_member(tx, call.actor, team, member, Role[body.role.upper()])
        return Member(name=member, role=body.role)

    return await call.mutate(command)


@router.remove("/teams/{team}/members/{member}", action=Action.MEMBER_WRITE, status_code=204)
async def remove_member(call: Call, team: str, member: str) -> Response:
    """Take somebody out of a team."""
    return await call.mutate(lambda tx: service.set_member(tx, call.actor, team, member, Role.NONE), status=204)


@router.read("/api-keys", action=Action.KEY_READ, response_model=Page[KeyShape])
async def list_keys(
    call: Call,
    limit: Limit = 50,
    cursor: Cursor = None,
    everybody: Annotated[bool, Query(alias="all", description="those of the whole organization")] = False,  # noqa: FBT002
) -> Response:
    """List one's own keys, or everybody's."""
    key = decode(cursor, int)

    async def query(tx: Transaction) -> Page[KeyShape]:
        owner = None if everybody else call.actor.id
        authorize(call.actor, Action.KEY_READ, Resource("API keys", call.actor.organization_id, owner_id=owner))
        rows = await repository.list_keys(tx, call.actor.organization_id, owner, key[0] if key else 0, limit + 1)
        return page(rows, limit, lambda row: [row["id"]], lambda row: KeyShape(**dict(row)))

    return await call.answer(query)


@router.create("/api-keys", action=Action.KEY_WRITE, response_model=KeyShape, status_code=201)
async def create_key(call: Call, body: NewKey) -> Response:
    """Make a key; the answer shows it this once."""

    async def command(tx: Transaction) -> KeyShape:
        made, secret, owner = await service.create_key(
            tx, call.actor, body.user, body.name, Scope[body.scope.upper()], body.team, body.expires_in_days
        )
        return KeyShape(
            id=made.id,
            prefix=made.prefix,
            name=made.name,
            owner=owner,
            scope=made.scope,
            created_at=made.created_at,
            expires_at=made.expires_at,
            revoked_at=None,
            key=secret,
        )

    return await call.mutate(command, status=201, secrets=frozenset({"key"}))


@router.remove("/api-keys/{key_id}", action=Action.KEY_WRITE, status_code=204)
async def revoke_key(call: Call, key_id: Annotated[int, Field(ge=1, lt=2**63)]) -> Response:
    """Revoke a key, at once and everywhere."""
    return await call.mutate(lambda tx: service.revoke_key(tx, call.actor, key_id), status=204)


@router.read("/access/explain", action=Action.ACCESS_EXPLAIN, response_model=Explanation)
async def explain(
    call: Call,
    action: Action,
    team: EntityName,
    actor: EntityName | None = None,
    protected: bool = False,  # noqa: FBT001, FBT002
) -> Response:
    """Say whether an actor may do something in a team, and why."""

    async def query(tx: Transaction) -> Explanation:
        authorize(call.actor, Action.ACCESS_EXPLAIN, service.organization_resource(call.actor))
        entity = await service.team_of(tx, call.actor, team)
        resource = Resource(f"team {team}", call.actor.organization_id, entity["id"], protected=protected)
        return Explanation.of(await service.verdict_on(tx, call.actor, actor, action, resource))

    return await call.answer(query)
