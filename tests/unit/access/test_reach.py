from collections.abc import Mapping
from typing import Any

import pytest

from regista.access.actions import Action, Role, Scope
from regista.access.verdict import Actor, Resource, decide, reach

PERSON: Mapping[str, Any] = {
    "id": 1,
    "name": "eve",
    "kind": "user",
    "organization_id": 1,
    "organization": "home",
    "organization_admin": False,
    "default_entity_id": None,
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ([], True)),
        ({"roles": {3: Role.MEMBER, 2: Role.VIEWER}}, ([2, 3], True)),
        ({"roles": {2: Role.RESTRICTED, 3: Role.VIEWER}}, ([3], True)),
        ({"roles": {2: Role.VIEWER, 3: Role.VIEWER}, "only_entity_id": 3}, ([3], False)),
        ({"roles": {2: Role.VIEWER}, "only_entity_id": 3}, ([], False)),
        ({"organization_admin": True}, (None, True)),
        ({"organization_admin": True, "only_entity_id": 3}, ([3], False)),
    ],
)
def test_a_list_reaches_as_far_as_roles_and_the_key_allow(given: dict[str, Any], expected: tuple[Any, bool]) -> None:
    assert reach(Actor(**{**PERSON, **given}), Action.INTEGRATION_READ) == expected


@pytest.mark.parametrize("admin", [False, True])
def test_a_key_that_is_not_for_an_action_reaches_nowhere(admin: bool) -> None:  # noqa: FBT001 - a case
    given: dict[str, Any] = {"organization_admin": admin, "roles": {2: Role.ADMIN}, "scope": Scope.READ}
    assert reach(Actor(**{**PERSON, **given}), Action.AUTOMATION_WRITE) == ([], False)


def test_the_scope_of_a_key_is_blamed_before_the_role_of_its_owner() -> None:
    given: dict[str, Any] = {"scope": Scope.READ}
    verdict = decide(Actor(**{**PERSON, **given}), Action.AUTOMATION_WRITE, Resource("the organization", 1))
    assert (verdict.allowed, verdict.visible) == (False, True)
    assert verdict.reason == "automation.write needs an API key of scope write; this one is for read"
