"""What the client changes of people: teams and who is in them, accounts, and one's own keys.

Regista has no invitations that wait for an answer: who is invited to a team is in it at once, and has an account before.
"""

import re
from typing import Any

from regista.access import directory, service
from regista.access.actions import Action, Role, Scope
from regista.access.directory import Person, Place
from regista.access.models import Account
from regista.access.names import NAME_PATTERN, NAME_RULE
from regista.kit.db import Transaction
from regista.kit.errors import ConflictError, InvalidError, NotFoundError
from regista.wandb import ids
from regista.wandb.checks import checked
from regista.wandb.exchange import Info, exchange_of
from regista.wandb.roots import Root

mutation = Root("Mutation")


@mutation.names("createTeam", action=Action.MEMBER_WRITE)
async def _create_team(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    name: str = input["team_name"]
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidError(f"teamName {name!r} is no name of a team: {NAME_RULE}", field="teamName")
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> Place:
        team = await service.create_team(tx, exchange.actor, name, input.get("team_admin_user_name"))
        return Place(team.id, team.name, team.kind, team.organization_id)

    return {"entity": await exchange.change(command)}


@mutation.names("createInvite", action=Action.MEMBER_WRITE)
async def _invite(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    whom = input.get("username") or input.get("email")
    if not whom:
        raise InvalidError("name whom to invite by username or email", field="username")
    exchange = exchange_of(info)
    role = Role.ADMIN if input.get("admin") else Role.MEMBER

    async def command(tx: Transaction) -> tuple[Place, Person]:
        place = await directory.find_place(tx, exchange.actor, input["entity_name"])
        person = await directory.person_named(tx, exchange.actor, whom)
        if any(team.id == place.id for team in person.teams):
            raise ConflictError(f"{person.name} is in team {place.name} already", field="username")
        await service.set_member(tx, exchange.actor, place.name, person.name, role)
        return place, person

    place, person = await exchange.change(command)
    invite = {
        "id": ids.encode("Invite", f"{place.id}:{person.id}"),
        "name": person.name,
        "email": person.email,
        "created_at": person.created_at,
        "to_user": person,
    }
    return {"invite": invite}


@mutation.names("deleteInvite", action=Action.MEMBER_WRITE)
async def _remove(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    number = ids.decode(input.get("id") or "", "User")
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> None:
        place = await directory.find_place(tx, exchange.actor, input.get("entity_name") or "")
        person = (await directory.people_by_ids(tx, exchange.actor.organization_id, [number])).get(number)
        if person is None or all(team.id != place.id for team in person.teams):
            raise NotFoundError(f"{input['id']!r} is nobody in team {place.name}")
        await service.set_member(tx, exchange.actor, place.name, person.name, Role.NONE)

    await exchange.change(command)
    return {"success": True}


@mutation.names("createServiceAccount", action=Action.MEMBER_WRITE)
async def _create_service_account(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    exchange = exchange_of(info)

    async def command(tx: Transaction) -> Person:
        name = await service.free_name(tx, input["description"])
        made = await service.create_account(tx, exchange.actor, name, "service", None, "member", input["entity_name"])
        return await _person(tx, made)

    return {"user": await exchange.change(command)}


@mutation.names("createUser", action=Action.MEMBER_WRITE)
async def _create_user(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    email: str = input["email"]
    if not re.fullmatch(service.EMAIL_PATTERN, email):
        raise InvalidError(f"email {email!r} is no e-mail address", field="email")
    exchange = exchange_of(info)
    role: service.OrganizationRole = "admin" if input.get("admin") else "member"

    async def command(tx: Transaction) -> Person:
        name = await service.free_name(tx, email)
        return await _person(tx, await service.create_account(tx, exchange.actor, name, "user", email, role, None))

    return {"user": await exchange.change(command)}


@mutation.names("generateApiKey", action=Action.KEY_WRITE)
async def _generate_key(_root: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's name
    description = checked(service.KeyName | None, input.get("description"), "description")
    exchange = exchange_of(info)
    key, secret, _owner = await exchange.change(
        lambda tx: service.create_key(tx, exchange.actor, None, description, Scope.ADMIN, None, None)
    )
    # The client takes the name for the key itself; in lists it is the key's beginning.
    return {"api_key": {"id": ids.encode("ApiKey", key.id), "name": secret, "description": description}}


@mutation.names("deleteApiKey", action=Action.KEY_WRITE)
async def _delete_key(_root: None, info: Info, input: dict[str, Any]) -> dict[str, bool]:  # noqa: A002 - the schema's name
    number = ids.decode(input["id"], "ApiKey")
    exchange = exchange_of(info)
    await exchange.change(lambda tx: service.revoke_key(tx, exchange.actor, number))
    return {"success": True}


async def _person(tx: Transaction, made: Account) -> Person:
    return (await directory.people_by_ids(tx, made.organization_id, [made.id]))[made.id]


BINDINGS = (mutation,)
