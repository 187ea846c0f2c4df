from regista.delivery.causes import caused_by
from regista.kit import ids
from regista.kit.db import Cause
from tests.support.definitions import event_at


def test_a_delivery_hands_on_the_chain_that_led_to_it_and_adds_its_own_automation() -> None:
    first = event_at("alias.added")
    assert caused_by(first, 7) == Cause(first.id, first.id, 0, (7,))
    began = ids.uuid7()
    later = event_at("delivery.exhausted", hops=3, correlationid=str(began), automations="7,9")
    assert caused_by(later, 8) == Cause(later.id, began, 3, (7, 9, 8))


def test_who_is_in_the_chain_is_named_once_and_a_replay_to_an_endpoint_adds_nobody() -> None:
    event = event_at("alias.added", automations="7,9")
    assert caused_by(event, 7).automations == (7, 9)
    assert caused_by(event, None).automations == (7, 9)
