"""The one decision of access control: may this actor do this to that? Pure: values in, a value out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from regista.access.actions import Action, Role, Scope, needed_role, needed_scope
from regista.access.errors import AccessDeniedError
from regista.kit.errors import NotFoundError


class Visibility(StrEnum):
    """Who sees a resource without a role on it."""

    ENTITY = "entity"
    """Members of its team alone."""
    ORGANIZATION = "organization"
    """Everybody in the organization may see, and use, it."""
    PRIVATE = "private"
    """Members named on the resource alone."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an account and the API key it asks with."""

    id: int
    name: str
    kind: Literal["user", "service"]
    organization_id: int
    organization: str
    organization_admin: bool
    default_entity_id: int | None
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    """Entity id → role in that team."""
    grants: dict[int, Role] = field(default_factory=dict[int, Role])
    """Project id → the highest role given in that registry to the account or to a team of it."""
    scope: Scope = Scope.ADMIN
    only_entity_id: int | None = None
    key_id: int | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """What is asked for, as the slice that owns it loaded it.

    ``entity_id`` None means the organization as a whole. ``project_id`` is the project that it is or lies in, None
    where there is no such thing: registries are projects that have members. ``name`` is what a person calls it.
    """

    name: str
    organization_id: int
    entity_id: int | None = None
    visibility: Visibility = Visibility.ENTITY
    protected: bool = False
    project_id: int | None = None
    owner_id: int | None = None
    """The account it belongs to: a person's own keys are theirs to manage."""


class Verdict(NamedTuple):
    """The decision and its reason. ``visible`` tells whether the actor may know that the resource exists."""

    allowed: bool
    visible: bool
    reason: str
    role: Role
    needed: Role


def decide(actor: Actor, action: Action, resource: Resource) -> Verdict:
    """Decide, and say why.

    The effective role is the highest of: admin of the organization; role in the resource's team; role in the registry,
    one's own or that of a team; viewer of what the organization may see. A key's scope limits it further.
    """
    needed = needed_role(action, protected=resource.protected)
    if resource.organization_id != actor.organization_id:
        return Verdict(False, False, "it belongs to another organization", Role.NONE, needed)
    if actor.only_entity_id is not None and resource.entity_id != actor.only_entity_id:
        return Verdict(False, False, "the API key is limited to another team", Role.NONE, needed)
    role = _effective_role(actor, resource)
    if role is Role.NONE:
        return Verdict(False, False, f"{actor.name} has no role on {resource.name}", role, needed)
    # The scope first: with this key nobody's role suffices.
    if (reason := _too_narrow(actor, action)) is not None:
        return Verdict(False, True, reason, role, needed)
    if role < needed:
        reason = f"{action} on {resource.name} needs role {needed.label}; {actor.name} is {role.label}"
        if resource.protected and needed is Role.ADMIN:
            reason += " (the alias is protected)"
        return Verdict(False, True, reason, role, needed)
    return Verdict(True, True, f"{actor.name} is {role.label} on {resource.name}", role, needed)


def _too_narrow(actor: Actor, action: Action) -> str | None:
    """Return why the actor's key is for no such action, None where it is for it."""
    wanted = needed_scope(action)
    if actor.scope >= wanted:
        return None
    return f"{action} needs an API key of scope {wanted.name.lower()}; this one is for {actor.scope.name.lower()}"


def _effective_role(actor: Actor, resource: Resource) -> Role:
    if actor.organization_admin or (resource.owner_id is not None and resource.owner_id == actor.id):
        return Role.ADMIN
    roles = [Role.NONE]
    if resource.project_id is not None:
        roles.append(actor.grants.get(resource.project_id, Role.NONE))
    if resource.entity_id is None:
        roles.append(Role.VIEWER)  # everybody belongs to their own organization
    elif resource.visibility is not Visibility.PRIVATE:
        roles.append(actor.roles.get(resource.entity_id, Role.NONE))
    if resource.visibility is Visibility.ORGANIZATION:
        roles.append(Role.VIEWER)
    return max(roles)


class Reach(NamedTuple):
    """Whose things an actor may list: those of ``entities`` (None: of all), ``general`` those of the organization."""

    entities: list[int] | None
    general: bool


def reach(actor: Actor, action: Action) -> Reach:
    """Return where the actor's roles allow the action: lists hold what `decide` would allow one by one."""
    general = decide(actor, action, Resource("the organization", actor.organization_id)).allowed
    if actor.organization_admin and actor.only_entity_id is None:
        # Everywhere or, with a key that is not for it, nowhere.
        return Reach(None if general else [], general)
    known = {*actor.roles, *((actor.only_entity_id,) if actor.only_entity_id is not None else ())}
    return Reach(
        [
            entity
            for entity in sorted(known)
            if decide(actor, action, Resource("a team", actor.organization_id, entity)).allowed
        ],
        general,
    )


class Sight(NamedTuple):
    """Where an actor may do something, for lists that span teams and registries; see `sight`.

    ``everything`` of the organization or else what ``organization`` says of things that the organization may see,
    what lies in ``entities`` and is not private, and what lies in ``projects``. ``only`` is the one entity that the key
    is limited to.
    """

    everything: bool
    organization: bool
    entities: list[int]
    projects: list[int]
    only: int | None


def sight(actor: Actor, action: Action) -> Sight:
    """Return where the actor may do the action: lists hold what `decide` would allow one by one."""
    if actor.scope < needed_scope(action):
        return Sight(False, False, [], [], actor.only_entity_id)
    needed = needed_role(action)
    return Sight(
        everything=actor.organization_admin,
        organization=needed <= Role.VIEWER,
        entities=sorted(entity for entity, role in actor.roles.items() if role >= needed),
        projects=sorted(project for project, role in actor.grants.items() if role >= needed),
        only=actor.only_entity_id,
    )


def shared(name: str, organization_id: int, entity: Mapping[str, Any]) -> Resource:
    """Return a thing of an entity (``id, kind``); everybody may use those of the organization's own entity."""
    everybody = entity["kind"] == "organization"
    return Resource(name, organization_id, entity["id"], Visibility.ORGANIZATION if everybody else Visibility.ENTITY)


def authorize_key(actor: Actor, action: Action, name: str) -> None:
    """Return if the actor's key is for such actions; raise `AccessDeniedError` if not.

    For what is done to all things called ``name`` where the actor may: with such a key that would be none.
    """
    if (reason := _too_narrow(actor, action)) is not None:
        raise AccessDeniedError(reason, action=action.value, resource=name, needed_role=needed_role(action).label)


def authorize(actor: Actor, action: Action, resource: Resource) -> None:
    """Return if the actor may; raise if not.

    Raises `NotFoundError` for what the actor may not see, `AccessDeniedError` (403, naming the role needed) for what
    it sees but may not do.
    """
    verdict = decide(actor, action, resource)
    if verdict.allowed:
        return
    if not verdict.visible:
        raise NotFoundError(f"{resource.name} does not exist, or you may not see it")
    raise AccessDeniedError(
        verdict.reason,
        action=action.value,
        resource=resource.name,
        needed_role=verdict.needed.label,
    )
