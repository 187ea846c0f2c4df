from typing import Any

import pytest

from regista.automations.deciding.verdict import FIRE, Verdict, judge
from regista.automations.language.seen import Seen
from regista.automations.waiting import Part, waits_for
from tests.support.definitions import definition, event_at


@pytest.mark.parametrize(
    ("action", "waiting"),
    [
        ({"webhook": {"integration": "ci"}}, []),
        ({"no_op": {}}, []),
        ({"slack": {"integration": "ops"}}, ["slack"]),
    ],
)
def test_an_automation_waits_for_what_cannot_be_acted_on(action: dict[str, Any], waiting: list[Part]) -> None:
    assert waits_for([action]) == waiting


def test_what_waits_fires_for_nothing_and_says_what_for() -> None:
    seen = Seen(event_at("alias.added"))
    ready = definition(1, ("org", 0), "alias.added")
    assert judge(ready, seen) == FIRE
    assert judge(ready._replace(waits_for=("slack",)), seen) == Verdict("skipped", "unsupported_slack")
    assert judge(ready._replace(waits_for=("slack",), enabled=False), seen) == Verdict("skipped", "disabled")
