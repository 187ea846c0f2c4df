import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.relay.share import Roster, fair_share, reach, yielded

ALL = frozenset(range(16))


@pytest.mark.parametrize(
    ("members", "share"), [(0, 16), (1, 16), (2, 8), (3, 6), (5, 4), (15, 2), (16, 1), (17, 1), (100, 1)]
)
def test_a_fair_share_leaves_no_shard_over(members: int, share: int) -> None:
    assert fair_share(members) == share
    assert share * max(members, 1) >= 16


def test_a_relay_alone_reaches_for_everything_that_is_free() -> None:
    assert set(reach(Roster(1, frozenset({3})), set(), turn=0)) == ALL - {3}


def test_a_relay_with_its_fair_share_reaches_for_nothing() -> None:
    assert reach(Roster(2, frozenset(range(8))), set(range(8)), turn=5) == []


def test_relays_that_start_together_reach_for_different_shards_first() -> None:
    roster = Roster(2)
    assert set(reach(roster, set(), turn=0)).isdisjoint(reach(roster, set(), turn=8))


def test_idle_shards_are_let_go_of_before_busy_ones() -> None:
    assert yielded(Roster(2), range(16), busy=frozenset(range(8))) == set(range(8, 16))


def test_busy_shards_are_let_go_of_when_no_idle_ones_are_left() -> None:
    assert len(yielded(Roster(2), range(16), busy=ALL)) == 8


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.lists(st.integers(0, 1000), min_size=5, max_size=5))
def test_relays_that_look_in_any_order_end_with_every_shard_held_once_and_none_with_too_many(
    turns: list[int], pids: list[int]
) -> None:
    """Five relays that look one at a time: first as drawn, then each twice, as time would have it."""
    held: list[set[int]] = [set() for _ in pids]
    for turn in [*turns, *(each for _ in range(2) for each in range(len(pids)))]:
        taken = frozenset[int]().union(*held)
        roster = Roster(len(pids), taken)
        held[turn] -= yielded(roster, held[turn], busy=frozenset())
        wanted = reach(roster, held[turn], pids[turn])
        assert not taken & set(wanted)
        held[turn] |= set(wanted)
    assert sorted(shard for each in held for shard in each) == sorted(ALL)
    assert max(map(len, held)) <= fair_share(len(pids))
