from typing import Any

import pytest

from regista.audit.transition import transition


@pytest.mark.parametrize(
    ("action", "data", "before", "after"),
    [
        (
            "alias.added",
            {"alias": "a", "version": "v3", "previous": "v2"},
            {"alias": "a", "version": "v2"},
            {"alias": "a", "version": "v3"},
        ),
        ("alias.added", {"alias": "a", "version": "v0", "previous": None}, None, {"alias": "a", "version": "v0"}),
        ("alias.removed", {"alias": "a", "version": "v3"}, {"alias": "a", "version": "v3"}, None),
        (
            "tag.added",
            {"tag": "t", "value": "2", "previous": "1"},
            {"tag": "t", "value": "1"},
            {"tag": "t", "value": "2"},
        ),
        ("tag.added", {"tag": "t", "value": None, "previous": None}, None, {"tag": "t", "value": None}),
        ("collection_tag.removed", {"tag": "t", "previous": "1"}, {"tag": "t", "value": "1"}, None),
        (
            "run.state_changed",
            {"state": {"from": "running", "to": "failed"}},
            {"state": "running"},
            {"state": "failed"},
        ),
        (
            "automation.updated",
            {"revision": {"from": 1, "to": 2}, "changes": {"name": {"from": "a", "to": "b"}}},
            {"revision": 1, "name": "a"},
            {"revision": 2, "name": "b"},
        ),
        ("registry.member_changed", {"role": {"from": None, "to": "admin"}}, {"role": None}, {"role": "admin"}),
        ("approval.requested", {"alias": "a", "version": "v3", "previous": "v2"}, None, None),
        ("protected_alias.added", {"alias": "a"}, None, None),
        ("artifact.created", {"artifact": {"metadata": {"from": 1, "to": 2}}}, None, None),
        ("cake.baked", {"changes": "none", "x": {"from": 1}}, None, None),
    ],
)
def test_before_and_after_are_what_changed(
    action: str, data: dict[str, Any], before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    assert transition(action, data) == (before, after)
