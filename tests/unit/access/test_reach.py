from collections.abc import Mapping
from typing import Any

import pytest

from regista.access.actions import Action, Role
from regista.access.verdict import Actor, reach

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
