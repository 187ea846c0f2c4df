from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from regista.delivery.balance import SHARDS, quota, shard_of, shards_of, surplus


@given(st.sets(st.uuids(), min_size=1, max_size=100))
def test_the_shares_of_all_living_add_up_to_all_shards_and_differ_by_one_at_most(living: set[UUID]) -> None:
    shares = [quota(one, living) for one in living]
    assert sum(shares) == SHARDS
    assert max(shares) - min(shares) <= 1


@given(st.uuids(), st.sets(st.uuids(), max_size=5))
def test_a_newcomer_counts_itself_before_it_sees_itself(me: UUID, living: set[UUID]) -> None:
    assert quota(me, living) == quota(me, living | {me})


@given(st.sets(st.integers(0, SHARDS - 1)), st.integers(0, SHARDS))
def test_what_is_given_back_is_just_what_is_too_much(owned: set[int], fair: int) -> None:
    back = surplus(owned, fair)
    assert set(back) <= owned
    assert len(owned) - len(back) == min(len(owned), fair)


def test_a_lane_lies_in_a_shard_of_its_kind_and_no_shard_is_of_two() -> None:
    for kind in ("webhook", "slack"):
        assert {shard_of(kind, lane) for lane in range(200)} == set(shards_of(kind))
    assert not set(shards_of("webhook")) & set(shards_of("slack"))
