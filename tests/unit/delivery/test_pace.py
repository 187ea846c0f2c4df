from hypothesis import given
from hypothesis import strategies as st

from regista.delivery import Throttle
from regista.delivery.pace import Pace


@given(
    st.integers(1, 8),
    st.floats(0.1, 60),
    st.lists(st.floats(0, 10), min_size=1, max_size=60),
)
def test_no_period_of_the_throttle_ever_holds_more_sends_than_it_allows(
    limit: int, seconds: float, gaps: list[float]
) -> None:
    pace, now = Pace(Throttle(limit, seconds)), 0.0
    starts: list[float] = []
    for gap in gaps:
        now += gap
        now += pace.wait(now)
        pace.start(now)
        starts.append(now)
    for place in range(limit, len(starts)):
        assert starts[place] - starts[place - limit] >= seconds * (1 - 1e-9)


def test_a_lane_that_was_quiet_may_send_its_whole_allowance_at_once() -> None:
    pace = Pace(Throttle(3, 10.0))
    for _ in range(3):
        assert pace.wait(100.0) == 0.0
        pace.start(100.0)
    assert pace.wait(104.0) == 6.0
