import pytest

from regista.automations.matching import scope_keys
from regista.automations.scopes import check_scope, kinds_of
from regista.automations.triggers import AWAITED
from regista.kit.errors import InvalidError
from regista_events import sample


@pytest.mark.parametrize("event_type", AWAITED)
def test_every_event_lies_in_scopes_of_the_kinds_that_its_type_is_said_to(event_type: str) -> None:
    assert {kind for kind, _ in scope_keys(sample(event_type))} <= kinds_of(event_type)


@pytest.mark.parametrize(
    ("event_type", "kinds"),
    [
        ("alias.added", "collection entity org project registry"),
        ("protected_alias.added", "collection entity org project registry"),
        ("registry.updated", "entity org project registry"),
        ("run.state_changed", "entity org project"),
        ("member.invited", "entity org"),
        ("organization.updated", "org"),
    ],
)
def test_a_type_lies_in_what_its_data_can_say(event_type: str, kinds: str) -> None:
    assert kinds_of(event_type) == set(kinds.split())


def test_a_scope_that_nothing_waited_for_lies_in_is_refused_with_those_that_fit() -> None:
    check_scope("collection", ["alias.added", "run.created"])
    with pytest.raises(InvalidError) as refused:
        check_scope("collection", ["member.invited", "run.created"])
    assert refused.value.message == (
        "no 'member.invited' and no 'run.created' ever lies in a scope collection/E/P/NAME, so the automation would never "
        "fire; use the scope org or entity/E or project/E/P"
    )
    assert refused.value.details["field"] == "scope"
