"""Roles in registries: given to people, programs and teams, and taken away.

Who writes: admins of a registry, under its lock. Who reads: the boundary, with every key, so a change makes all processes
forget their keys at the moment of its commit.
"""

from typing import NamedTuple

from regista.access import repository as access
from regista.access.actions import Role
from regista.access.directory import Person, Place
from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.kit.outbox import Draft, append
from regista.registry.registry import Registry
from regista.registry.repository import registries
from regista_events import MemberSnapshot, RegistryMemberChanged, RegistryMemberChangedData
from regista_events.transition import Change


class Member(NamedTuple):
    """Who has a role in a registry: an account (``account_id``) or a team (``entity_id``); ``kind`` user, service, team."""

    account_id: int | None
    entity_id: int | None
    name: str
    kind: str
    email: str | None
    role: Role


async def list_members(transaction: Transaction, registry: Registry) -> list[Member]:
    """Return who was given a role in a registry that the caller may read: accounts first, then teams."""
    rows = await registries.members(transaction, registry.project_id)
    return [
        Member(row["account_id"], row["entity_id"], row["name"], row["kind"], row["email"], Role.of(row["role"]))
        for row in rows
    ]


async def set_members(
    transaction: Transaction,
    locked: Aggregate,
    registry: Registry,
    wanted: list[tuple[Person | Place, Role]],
) -> None:
    """Give each the role in a registry that `lock_registry` returned; `Role.NONE` takes it away.

    Emits what changed, nothing if nothing did. Raises `InvalidError` for an entity that is no team.
    """
    drafts: list[Draft] = []
    for member, role in wanted:
        drafts += await give(transaction, locked, registry, member, role)
    if drafts:
        await append(transaction, drafts)


async def give(
    transaction: Transaction, locked: Aggregate, registry: Registry, member: Person | Place, role: Role
) -> list[Draft]:
    """Write a role and return its event, if it is another than before."""
    if isinstance(member, Place) and member.kind != "team":
        raise InvalidError(f"{member.name} is no team; give roles to people, programs and teams", field="member")
    account, entity = (member.id, None) if isinstance(member, Person) else (None, member.id)
    before = await registries.role(transaction, registry.project_id, account, entity)
    after = role.key if role else None
    if before == after:
        return []
    await registries.set_member(transaction, registry, account, entity, after, locked.now)
    await forget(transaction)
    data = RegistryMemberChangedData(
        registry=registry.snapshot(), member=_snapshot(member), role=Change[str | None](from_=before, to=after)
    )
    return [Draft(RegistryMemberChanged, locked, registry.path, data)]


async def forget(transaction: Transaction) -> None:
    """Make every process read roles again, at the moment of the commit."""
    await access.forget_keys(transaction)


def _snapshot(member: Person | Place) -> MemberSnapshot:
    if isinstance(member, Place):
        return MemberSnapshot(id=member.id, name=member.name, kind="team")
    return MemberSnapshot.model_validate(
        {"id": member.id, "name": member.name, "kind": member.kind, "email": member.email}
    )
