"""One test for each cell of the documented matrix: what a role in a registry allows."""

from itertools import product

import pytest

from regista.access.actions import Action, Role
from regista.access.verdict import Actor, Resource, Visibility, decide

SEE = (Action.REGISTRY_READ, Action.COLLECTION_READ, Action.ARTIFACT_READ)
USE = (Action.ARTIFACT_DOWNLOAD,)
EDIT = (
    Action.ARTIFACT_LINK,
    Action.ARTIFACT_UNLINK,
    Action.ARTIFACT_UPDATE,
    Action.COLLECTION_WRITE,
    Action.TAG_SET,
    Action.TAG_REMOVE,
    Action.ALIAS_SET,
    Action.ALIAS_REMOVE,
    Action.AUTOMATION_WRITE,
)
PROTECTED = (Action.ALIAS_SET, Action.ALIAS_REMOVE, Action.ARTIFACT_UNLINK, Action.ARTIFACT_DELETE)
ROLES = (Role.RESTRICTED, Role.VIEWER, Role.MEMBER, Role.ADMIN)
MATRIX = [
    *((action, False, (True, True, True, True)) for action in SEE),
    *((action, False, (False, True, True, True)) for action in USE),
    *((action, False, (False, False, True, True)) for action in EDIT),
    *((action, True, (False, False, False, True)) for action in PROTECTED),
    (Action.REGISTRY_ADMIN, False, (False, False, False, True)),
]
CELLS = [
    pytest.param(action, protected, role, allowed, id=f"{role.key}-{action}{'-protected' * protected}")
    for action, protected, row in MATRIX
    for role, allowed in zip(ROLES, row, strict=True)
]


@pytest.mark.parametrize(("action", "protected", "role", "allowed"), CELLS)
def test_what_a_role_in_a_registry_allows(
    action: Action,
    protected: bool,  # noqa: FBT001 - a cell of the matrix
    role: Role,
    allowed: bool,  # noqa: FBT001
) -> None:
    actor = Actor(1, "eve", "user", 1, "home", organization_admin=False, default_entity_id=None, grants={7: role})
    registry = Resource("registry models", 1, 3, Visibility.PRIVATE, protected=protected, project_id=7)
    verdict = decide(actor, action, registry)
    assert verdict.allowed is allowed
    assert verdict.visible
    if not allowed:
        assert f"needs role {verdict.needed.label}; eve is {role.label}" in verdict.reason


@pytest.mark.parametrize(("action", "protected"), list(product(Action, (False, True))))
def test_an_admin_of_the_organization_may_do_everything_in_it(action: Action, protected: bool) -> None:  # noqa: FBT001
    actor = Actor(1, "ann", "user", 1, "home", organization_admin=True, default_entity_id=None)
    registry = Resource("registry models", 1, 3, Visibility.PRIVATE, protected=protected, project_id=7)
    assert decide(actor, action, registry).allowed
    elsewhere = Resource("registry models", 2, 4, Visibility.ORGANIZATION, protected=protected, project_id=8)
    assert not decide(actor, action, elsewhere).visible
