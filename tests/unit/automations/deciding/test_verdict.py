import pytest

from regista.automations.deciding.verdict import FIRE, UNMET, Verdict, judge
from regista.automations.language.conditions import Condition
from regista.automations.language.seen import Seen
from tests.support.definitions import definition, event_at


@pytest.mark.parametrize(
    ("enabled", "hops", "chain", "verdict"),
    [
        (True, 0, None, FIRE),
        (True, 15, "2,11", FIRE),
        (True, 16, None, Verdict("skipped", "loop")),
        (True, 1, "1", Verdict("skipped", "loop")),
        (True, 3, "2,1,3", Verdict("skipped", "loop")),
        (False, 0, None, Verdict("skipped", "disabled")),
        (False, 16, "1", Verdict("skipped", "disabled")),
    ],
)
def test_what_is_disabled_or_meets_itself_in_the_chain_is_skipped_with_its_reason(
    *, enabled: bool, hops: int, chain: str | None, verdict: Verdict
) -> None:
    automation = definition(1, ("org", 1), "alias.added", enabled=enabled)
    assert judge(automation, Seen(event_at("alias.added", hops=hops, automations=chain))) == verdict


def test_what_a_condition_does_not_let_through_is_unmet_whatever_else_would_skip_it() -> None:
    automation = definition(1, ("org", 1), "alias.added", condition=Condition('alias == "staging"'), enabled=False)
    assert judge(automation, Seen(event_at("alias.added", hops=16))) == UNMET


def test_a_condition_that_errs_is_skipped_with_its_error() -> None:
    automation = definition(1, ("org", 1), "alias.added", condition=Condition("artifact.metadata.f1 > 0.9"))
    assert judge(automation, Seen(event_at("alias.added"))) == Verdict(
        "skipped", "condition_error", 'there is no key "f1"'
    )
