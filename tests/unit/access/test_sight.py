from itertools import product

import pytest

from regista.access.actions import Action, Role, Scope
from regista.access.verdict import Actor, Resource, Sight, Visibility, decide, sight

HOME, TEAM, REGISTRIES, PROJECT, OTHER = 1, 2, 3, 10, 11


def an_actor(*, admin: bool, team: Role, granted: Role, only: int | None = None, scope: Scope = Scope.ADMIN) -> Actor:
    roles = {TEAM: team} if team else {}
    grants = {PROJECT: granted} if granted else {}
    return Actor(1, "eve", "user", HOME, "home", admin, None, roles, grants, scope, only)


def shows(seen: Sight, resource: Resource) -> bool:
    """Say what a list shows; the SQL of a list says the same of its rows."""
    if seen.only is not None and resource.entity_id != seen.only:
        return False
    return (
        seen.everything
        or (seen.organization and resource.visibility is Visibility.ORGANIZATION)
        or (resource.visibility is not Visibility.PRIVATE and resource.entity_id in seen.entities)
        or resource.project_id in seen.projects
    )


@pytest.mark.parametrize(
    "action", [Action.COLLECTION_READ, Action.ARTIFACT_DOWNLOAD, Action.ARTIFACT_LINK, Action.REGISTRY_ADMIN]
)
def test_a_list_shows_what_would_be_allowed_one_by_one(action: Action) -> None:
    resources = [
        Resource("a thing", HOME, entity, visibility, project_id=project)
        for entity, visibility, project in product((TEAM, REGISTRIES), Visibility, (PROJECT, OTHER))
    ]
    for admin, team, granted, only, scope in product((False, True), Role, Role, (None, TEAM), Scope):
        actor = an_actor(admin=admin, team=team, granted=granted, only=only, scope=scope)
        seen = sight(actor, action)
        for resource in resources:
            assert shows(seen, resource) is decide(actor, action, resource).allowed, (actor, resource)


@pytest.mark.parametrize(
    ("granted", "visibility", "role"),
    [
        (Role.NONE, Visibility.PRIVATE, Role.NONE),
        (Role.NONE, Visibility.ORGANIZATION, Role.VIEWER),
        (Role.RESTRICTED, Visibility.PRIVATE, Role.RESTRICTED),
        (Role.RESTRICTED, Visibility.ORGANIZATION, Role.VIEWER),
        (Role.MEMBER, Visibility.PRIVATE, Role.MEMBER),
        (Role.ADMIN, Visibility.ORGANIZATION, Role.ADMIN),
    ],
)
def test_the_role_in_a_registry_is_the_highest_of_what_was_given(
    granted: Role, visibility: Visibility, role: Role
) -> None:
    actor = an_actor(admin=False, team=Role.ADMIN, granted=granted)
    registry = Resource("a registry", HOME, REGISTRIES, visibility, project_id=PROJECT)
    assert decide(actor, Action.COLLECTION_READ, registry).role is role
    elsewhere = Resource("another registry", HOME, REGISTRIES, Visibility.PRIVATE, project_id=OTHER)
    assert decide(actor, Action.COLLECTION_READ, elsewhere).role is Role.NONE


def test_roles_have_one_name_for_programs() -> None:
    assert [Role.of(role.key) for role in Role if role] == [role for role in Role if role]
    for wrong in ("none", "owner", "Admin", "restricted viewer", ""):
        with pytest.raises(ValueError, match="restricted_viewer, viewer, member, admin"):
            Role.of(wrong)
