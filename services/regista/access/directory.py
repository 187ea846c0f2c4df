"""The directory: people and places (entities), as other slices and the edges show them.

Lookups by id are for what the caller may see already: who logged a run that it reads. Those by name, which a caller
chooses, decide whether it may know of what it asks for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from regista.access import directory_repository as repository
from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, Visibility, authorize
from regista.kit.db import Transaction
from regista.kit.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Place:
    """An entity, what paths begin with: ``kind`` is team, user (somebody's own space) or organization (registries)."""

    id: int
    name: str
    kind: str
    organization_id: int

    def resource(self) -> Resource:
        """Return what access control asks about: everybody may know the entities of their own organization."""
        return Resource(f"entity {self.name}", self.organization_id, self.id, Visibility.ORGANIZATION)


@dataclass(frozen=True, slots=True)
class Person:
    """An account: of a person (``kind`` user) or a program (service).

    ``admin`` of the organization. ``default_entity`` is the name of the entity that is meant where none is named.
    """

    id: int
    organization_id: int
    name: str
    email: str | None
    kind: str
    admin: bool
    default_entity_id: int | None
    default_entity: str | None
    created_at: datetime
    deactivated_at: datetime | None
    teams: tuple[Place, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return the person in a row."""
        fields = dict(row)
        teams = zip(fields.pop("team_ids"), fields.pop("team_names"), strict=True)
        organization = fields["organization_id"]
        return cls(**fields, teams=tuple(Place(number, name, "team", organization) for number, name in teams))


@dataclass(frozen=True, slots=True)
class TeamMember:
    """Somebody's role in a team: viewer, member or admin."""

    person: Person
    role: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization."""

    id: int
    name: str


async def people_by_ids(transaction: Transaction, organization_id: int, ids: Iterable[int]) -> dict[int, Person]:
    """Return accounts by id; those that are not of the organization are left out."""
    rows = await repository.people_by_ids(transaction, organization_id, sorted(set(ids)))
    return {row["id"]: Person.of(dict(row)) for row in rows}


async def people_by_names(transaction: Transaction, organization_id: int, names: Iterable[str]) -> dict[str, Person]:
    """Return accounts by name; those that are not of the organization are left out."""
    rows = await repository.people_by_names(transaction, organization_id, sorted(set(names)))
    return {row["name"]: Person.of(dict(row)) for row in rows}


async def person_named(transaction: Transaction, actor: Actor, text: str) -> Person:
    """Return the account with this name or, if there is just one, this e-mail address. Raises `NotFoundError`."""
    found = (await people_by_names(transaction, actor.organization_id, [text])).get(text)
    if found is not None:
        return found
    rows = await repository.people_by_email(transaction, actor.organization_id, text) if "@" in text else []
    if len(rows) != 1:
        how_many = "several accounts have" if rows else "there is no account with"
        raise NotFoundError(f"{how_many} the name or e-mail address {text!r} in organization {actor.organization}")
    return Person.of(dict(rows[0]))


async def search_people(transaction: Transaction, actor: Actor, text: str, limit: int) -> list[Person]:
    """Return accounts whose name or e-mail address begins or ends so; those that are just that first."""
    authorize(actor, Action.MEMBER_READ, Resource(f"organization {actor.organization}", actor.organization_id))
    rows = await repository.search_people(transaction, actor.organization_id, text, limit)
    return [Person.of(dict(row)) for row in rows]


async def team_members(
    transaction: Transaction, organization_id: int, ids: Iterable[int]
) -> dict[int, list[TeamMember]]:
    """Return who is in these teams, by the team's id."""
    wanted = sorted(set(ids))
    found: dict[int, list[TeamMember]] = {each: [] for each in wanted}
    for row in await repository.team_members(transaction, organization_id, wanted):
        fields = dict(row)
        team, role = fields.pop("team_id"), fields.pop("team_role")
        found[team].append(TeamMember(Person.of(fields), role))
    return found


async def places_by_ids(transaction: Transaction, organization_id: int, ids: Iterable[int]) -> dict[int, Place]:
    """Return entities by id; those that are not of the organization are left out."""
    rows = await repository.places_by_ids(transaction, organization_id, sorted(set(ids)))
    return {row["id"]: Place(**row) for row in rows}


async def person_of(transaction: Transaction, actor: Actor) -> Person:
    """Return the account that asks. A key that is limited to one team has that team as its default entity."""
    found = await repository.people_by_ids(transaction, actor.organization_id, [actor.id])
    row = dict(found[0])
    if actor.only_entity_id is not None:
        places = await places_by_ids(transaction, actor.organization_id, [actor.only_entity_id])
        row["default_entity_id"] = actor.only_entity_id
        row["default_entity"] = places[actor.only_entity_id].name
    return Person.of(row)


async def find_place(transaction: Transaction, actor: Actor, name: str) -> Place:
    """Return an entity of the actor's organization. Raises `NotFoundError`, also for what the actor may not see."""
    row = await repository.place_by_name(transaction, actor.organization_id, name)
    if row is None:
        raise NotFoundError(f"entity {name} does not exist, or you may not see it")
    place = Place(**row)
    authorize(actor, Action.MEMBER_READ, place.resource())
    return place


async def find_member(transaction: Transaction, actor: Actor, name: str) -> Person | Place:
    """Return the account, or else the team, of the name: names are unique over both. Raises `NotFoundError`."""
    found = (await people_by_names(transaction, actor.organization_id, [name])).get(name)
    if found is not None:
        return found
    row = await repository.place_by_name(transaction, actor.organization_id, name)
    if row is None or row["kind"] != "team":
        raise NotFoundError(f"there is no account and no team {name!r} in organization {actor.organization}")
    return Place(**row)


async def organization_place(transaction: Transaction, actor: Actor) -> Place:
    """Return the entity that holds the organization's registries. Raises `NotFoundError` as `find_place` does."""
    row = await repository.organization_place(transaction, actor.organization_id)
    if row is None:
        raise NotFoundError(f"organization {actor.organization} has no entity of its own")
    place = Place(**row)
    authorize(actor, Action.MEMBER_READ, place.resource())
    return place
