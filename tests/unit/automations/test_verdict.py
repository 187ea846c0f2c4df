import pytest

from regista.automations.verdict import FIRE, Verdict, judge
from tests.support.definitions import definition, event_at


@pytest.mark.parametrize(
    ("enabled", "hops", "verdict"),
    [
        (True, 0, FIRE),
        (True, 15, FIRE),
        (True, 16, Verdict("skipped", "loop")),
        (False, 0, Verdict("skipped", "disabled")),
        (False, 16, Verdict("skipped", "disabled")),
    ],
)
def test_what_is_disabled_or_deep_in_a_chain_is_skipped_with_its_reason(
    *, enabled: bool, hops: int, verdict: Verdict
) -> None:
    automation = definition(1, ("org", 1), "alias.added", enabled=enabled)
    assert judge(automation, event_at("alias.added", hops=hops)) == verdict
