from typing import Any

import pytest

from regista.automations.verdict import FIRE, Verdict, judge
from regista.automations.waiting import Part, waits_for
from tests.support.definitions import definition, event_at


@pytest.mark.parametrize(
    ("condition", "trigger", "action", "waiting"),
    [
        (None, None, {"webhook": {"integration": "ci"}}, []),
        (None, None, {"no_op": {}}, []),
        ('alias == "a"', None, {"webhook": {"integration": "ci"}}, ["condition"]),
        (None, {"states": ["failed"]}, {"no_op": {}}, ["trigger"]),
        (None, None, {"webhook": {"integration": "ci", "payload": {}}}, ["payload"]),
        (None, None, {"slack": {"integration": "ops"}}, ["slack"]),
        ("true", {"states": ["failed"]}, {"webhook": {"payload": None}}, ["condition", "trigger", "payload"]),
    ],
)
def test_an_automation_waits_for_what_cannot_be_acted_on(
    condition: str | None, trigger: dict[str, Any] | None, action: dict[str, Any], waiting: list[Part]
) -> None:
    assert waits_for(condition, trigger, [action]) == waiting


def test_what_waits_fires_for_nothing_and_says_what_for() -> None:
    event = event_at("alias.added")
    ready = definition(1, ("org", 0), "alias.added")
    assert judge(ready, event) == FIRE
    assert judge(ready._replace(waits_for=("payload", "slack")), event) == Verdict("skipped", "unsupported_payload")
    assert judge(ready._replace(waits_for=("condition",), enabled=False), event) == Verdict("skipped", "disabled")
