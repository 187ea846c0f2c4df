from regista.kit.db import Database
from regista.upkeep.agenda import Agenda, Sweep


async def nothing(_database: Database, _public_url: str) -> int:
    return 0


FIRST = Sweep("first", 60, nothing)
SECOND = Sweep("second", 10, nothing)


def test_everything_is_due_at_first() -> None:
    agenda = Agenda([FIRST, SECOND], 100)
    assert agenda.next() == (FIRST, 100)
    agenda.swept(FIRST, 0, now=101, jitter=0.5)
    assert agenda.next() == (SECOND, 100)


def test_there_may_be_nothing_to_do() -> None:
    assert Agenda([], 0).next() is None


def test_a_sweep_that_found_nothing_waits_for_its_interval_spread_by_a_fifth() -> None:
    for jitter, due in ((0.0, 148), (0.5, 160), (1.0, 172)):
        agenda = Agenda([FIRST], 0)
        agenda.swept(FIRST, 0, now=100, jitter=jitter)
        assert agenda.next() == (FIRST, due)


def test_a_sweep_that_did_something_goes_on_after_the_others() -> None:
    agenda = Agenda([FIRST, SECOND], 0)
    agenda.swept(FIRST, 500, now=1, jitter=0.5)
    assert agenda.next() == (SECOND, 0)
    agenda.swept(SECOND, 0, now=2, jitter=0.5)
    assert agenda.next() == (FIRST, 1)


def test_a_sweep_that_fails_is_tried_again_ever_later_up_to_its_interval() -> None:
    agenda = Agenda([SECOND], 0)
    waits: list[float] = []
    for count in range(1, 7):
        assert agenda.failed(SECOND, now=0, jitter=1.0) == count
        waits.append(agenda.next()[1])  # type: ignore[index]
    assert waits == [1, 2, 4, 8, 10, 10]
    agenda.swept(SECOND, 0, now=0, jitter=0.5)
    assert agenda.failed(SECOND, now=0, jitter=1.0) == 1
