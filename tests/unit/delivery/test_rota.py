"""The queue of a lane and the order in which lanes are served, against a small world that plays all other parts."""

from collections import defaultdict
from typing import Any, cast
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from regista.delivery import Claimed, Throttle
from regista.delivery.lane import HANDED_LIMIT, Due, Lane, Terms
from regista.delivery.rota import Rota

NOBODY = cast("Any", None)


def lane_of(number: int, concurrency: int = 4, throttle: Throttle | None = None) -> Lane:
    lane = Lane(number, number % 64, 1, NOBODY, Terms(concurrency, throttle, True))
    lane.behind = False
    return lane


def row(lane: int, position: int) -> Claimed:
    return Claimed(UUID(int=position), position, 1, lane, UUID(int=0), 1, b"", False)


def test_the_lane_that_waited_longest_is_served_next_whatever_the_others_hold() -> None:
    rota, busy, quiet = Rota(100), lane_of(1, 64), lane_of(2)
    for position in range(50):
        busy.hand(row(1, position))
    quiet.hand(row(2, 100))
    rota.offer(busy)
    rota.offer(quiet)
    served = [taken[0].id for _ in range(4) if (taken := rota.take(0.0))]
    assert served == [1, 2, 1, 1]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=10))
def test_of_lanes_that_always_have_something_none_is_served_twice_before_another_is_served_once(
    sizes: list[int],
) -> None:
    rota = Rota(10_000)
    lanes = [lane_of(number, 64) for number in range(len(sizes))]
    for lane, size in zip(lanes, sizes, strict=True):
        for position in range(size):
            lane.hand(row(lane.id, position))
        rota.offer(lane)
    served: defaultdict[int, int] = defaultdict(int)
    while taken := rota.take(0.0):
        served[taken[0].id] += 1
        for lane in lanes:
            if lane.queue:
                assert served[taken[0].id] - served[lane.id] <= 1
    assert [served[lane.id] for lane in lanes] == sizes


def test_a_lane_never_exceeds_its_concurrency_and_the_process_never_its_bound() -> None:
    rota, lane = Rota(3), lane_of(1, 2)
    other = lane_of(2, 64)
    for position in range(10):
        lane.hand(row(1, position))
        other.hand(row(2, 100 + position))
    rota.offer(lane)
    rota.offer(other)
    taken = [rota.take(0.0) for _ in range(10)]
    assert sum(one is not None for one in taken) <= 3
    assert lane.in_flight <= 2


def test_hung_lanes_leave_the_last_quarter_of_the_slots_to_lanes_that_have_none() -> None:
    rota = Rota(8)
    hung = [lane_of(number, 64) for number in range(2)]
    for lane in hung:
        for position in range(20):
            lane.hand(row(lane.id, position))
        rota.offer(lane)
    while rota.take(0.0):
        pass
    assert rota.in_flight == 6
    healthy = lane_of(9)
    healthy.hand(row(9, 1000))
    healthy.hand(row(9, 1001))
    rota.offer(healthy)
    first = rota.take(0.0)
    assert first is not None
    assert first[0] is healthy
    rota.end(healthy)
    second = rota.take(0.0)
    assert second is not None
    assert second[0] is healthy


def test_crowded_lanes_go_on_when_there_is_room_again() -> None:
    rota, lane = Rota(8), lane_of(1, 64)
    for position in range(20):
        lane.hand(row(1, position))
    rota.offer(lane)
    while rota.take(0.0):
        pass
    rota.end(lane)
    assert rota.take(0.0) is not None


def test_a_throttled_lane_waits_for_its_moment_and_lets_others_pass() -> None:
    rota, slow, other = Rota(10), lane_of(1, 4, Throttle(1, 10.0)), lane_of(2)
    for position in range(2):
        slow.hand(row(1, position))
        other.hand(row(2, 10 + position))
    rota.offer(slow)
    rota.offer(other)
    served = [taken[0].id for _ in range(5) if (taken := rota.take(0.0))]
    assert served == [1, 2, 2]
    assert rota.next_at == 10.0
    assert rota.promote(9.9) == 0
    assert rota.promote(10.0) == 1
    taken = rota.take(10.0)
    assert taken is not None
    assert taken[0] is slow


def test_a_lane_that_is_hastened_is_not_served_twice_for_one_row() -> None:
    rota, lane = Rota(10), lane_of(1, 1, Throttle(1, 10.0))
    lane.terms = Terms(4, lane.terms.throttle, True)
    for position in range(2):
        lane.hand(row(1, position))
    rota.offer(lane)
    assert rota.take(0.0) is not None
    assert rota.take(0.0) is None
    rota.hasten(lane)
    assert rota.take(5.0) is None
    rota.promote(10.0)
    assert rota.take(10.0) is not None
    assert rota.take(20.0) is None


def test_a_lane_that_rests_lets_others_pass_and_has_one_moment_at_which_it_goes_on() -> None:
    rota, resting, other = Rota(10), lane_of(1, 4, Throttle(1, 1.0)), lane_of(2)
    for position in range(2):
        resting.hand(row(1, position))
        other.hand(row(2, 10 + position))
    resting.rest(30.0)
    resting.rest(5.0)
    resting.fault(99, until=6.0, probe=False)
    for lane in (resting, other):
        rota.offer(lane)
    assert [taken[0].id for _ in range(3) if (taken := rota.take(0.0))] == [2, 2]
    # What is offered meanwhile neither shortens the rest nor is asked about again before its end.
    rota.hasten(resting)
    assert rota.take(7.0) is None
    assert rota.take(7.0) is None
    assert rota.next_at == 30.0
    assert rota.promote(29.9) == 0
    assert rota.promote(30.0) > 0
    assert [taken[0].id for _ in range(3) if (taken := rota.take(30.0))] == [1]
    assert rota.next_at == 31.0


def test_a_rest_outlasts_a_circuit_that_reopens_and_then_lets_one_probe_pass() -> None:
    rota, lane = Rota(10), lane_of(1, 4)
    for _ in range(10):
        lane.circuit.start()
        lane.circuit.end(0.0, failed=True, probe=False)
    lane.rest(100.0)
    for position in range(3):
        lane.hand(row(1, position))
    rota.offer(lane)
    assert rota.take(50.0) is None
    rota.promote(100.0)
    assert rota.take(100.0) is not None
    assert lane.circuit.start()
    assert rota.take(100.0) is None


def test_a_lane_keeps_256_handed_rows_and_leaves_the_others_to_the_database() -> None:
    lane = lane_of(1)
    taken = [lane.hand(row(1, position)) for position in range(HANDED_LIMIT + 10)]
    assert taken.count(True) == HANDED_LIMIT
    assert lane.behind


def test_a_fifo_lane_takes_nothing_from_a_hand_because_older_rows_may_be_unread() -> None:
    lane = lane_of(1, 1)
    assert lane.hand(row(1, 1)) is False
    assert lane.wants_read


def test_what_is_released_during_a_read_is_not_taken_from_its_older_snapshot() -> None:
    lane = lane_of(1)
    lane.hand(row(1, 1))
    lane.take(0.0)
    lane.begin_read()
    lane.settle(1, failed=False)
    lane.end_read([Due(row(1, 1), 0, False), Due(row(1, 2), 0, False)], complete=True)
    assert [due.row.position for due in lane.queue] == [2]


def test_a_fifo_lane_whose_head_fails_during_a_read_forgets_what_the_read_brings() -> None:
    lane = lane_of(1, 1)
    lane.behind = True
    lane.begin_read()
    lane.end_read([Due(row(1, 1), 0, False)], complete=True)
    lane.take(0.0)
    lane.behind = True
    lane.begin_read()
    lane.unrecorded_failures += 1
    lane.suspend()
    lane.settle(1, failed=True)
    lane.end_read([Due(row(1, 2), 0, False)], complete=True)
    assert not lane.queue
    assert lane.wants_read


class World:
    """A database of one lane: rows appear, are handed over or not, are read, sent, recorded; some fail."""

    def __init__(self, concurrency: int) -> None:
        self.rota = Rota(100)
        self.lane = lane_of(1, concurrency)
        self.pending: dict[int, int] = {}
        self.next = 0
        self.flying: list[Due] = []
        self.unrecorded: list[tuple[Due, bool]] = []
        self.snapshot: list[int] | None = None
        self.sent: list[int] = []
        self.arrived: list[int] = []
        self.now = 0.0
        self.rests_until = 0.0

    def rest(self, seconds: int) -> None:
        self.lane.rest(self.now + seconds)
        self.rests_until = max(self.rests_until, self.now + seconds)

    def later(self, seconds: int) -> None:
        self.now += seconds
        self.rota.promote(self.now)

    def plan(self, number: int, *, handed: bool) -> None:
        rows = [row(1, self.next + offset) for offset in range(number)]
        self.next += number
        for one in rows:
            self.pending[one.position] = 0
            if handed:
                self.lane.hand(one)
        if not handed:
            self.lane.lag()  # what a poll finds

    def begin_read(self, limit: int) -> None:
        if self.snapshot is None and self.lane.wants_read:
            self.lane.begin_read()
            self.snapshot = [position for position in sorted(self.pending) if position not in self.lane.held][:limit]
            self.complete = len(self.snapshot) < limit

    def end_read(self) -> None:
        if self.snapshot is not None:
            self.lane.end_read([Due(row(1, position), 0, False) for position in self.snapshot], complete=self.complete)
            self.snapshot = None

    def start(self) -> None:
        self.rota.hasten(self.lane)
        taken = self.rota.take(self.now)
        if taken is not None:
            position = taken[1].row.position
            assert self.now >= self.rests_until, "sent while the receiver wants rest"
            assert position in self.pending, "sent what is recorded as sent"
            assert position not in {due.row.position for due in self.flying}, "sent twice at the same time"
            assert len(self.flying) < self.lane.terms.concurrency
            self.flying.append(taken[1])
            self.sent.append(position)

    def end(self, *, failed: bool) -> None:
        if self.flying:
            due = self.flying.pop(0)
            if failed:
                self.lane.unrecorded_failures += 1
                if self.lane.fifo:
                    self.lane.suspend()
            else:
                self.arrived.append(due.row.position)
            self.unrecorded.append((due, failed))
            self.rota.end(self.lane)

    def record(self) -> None:
        for due, failed in self.unrecorded:
            if not failed:
                del self.pending[due.row.position]
            self.lane.settle(due.row.position, failed=failed)
            if failed:
                self.lane.lag()  # a failure is due again at once in this world
        self.unrecorded.clear()


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("plan"), st.integers(1, 40), st.booleans()),
        st.tuples(st.just("begin_read"), st.integers(1, 20), st.just(False)),
        st.tuples(st.just("end_read"), st.just(0), st.just(False)),
        st.tuples(st.just("start"), st.just(0), st.just(False)),
        st.tuples(st.just("end"), st.just(0), st.booleans()),
        st.tuples(st.just("record"), st.just(0), st.just(False)),
        st.tuples(st.just("rest"), st.integers(1, 30), st.just(False)),
        st.tuples(st.just("later"), st.integers(1, 10), st.just(False)),
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([1, 4]), MOVES)
def test_nothing_is_lost_or_sent_after_its_record_and_fifo_lanes_arrive_in_order(
    concurrency: int, moves: list[tuple[str, int, bool]]
) -> None:
    world = World(concurrency)
    for name, number, flag in moves:
        match name:
            case "plan":
                world.plan(number, handed=flag)
            case "begin_read":
                world.begin_read(number)
            case "end":
                world.end(failed=flag)
            case "rest":
                world.rest(number)
            case "later":
                world.later(number)
            case _:
                getattr(world, name)()
    for _ in range(20 * (world.next + 2)):
        if not world.pending:
            break
        world.later(10)
        world.end_read()
        world.begin_read(10)
        world.end_read()
        world.start()
        world.end(failed=False)
        world.record()
    assert not world.pending, "something was never sent"
    assert sorted(world.arrived) == list(range(world.next))
    if concurrency == 1:
        assert world.arrived == sorted(world.arrived)


def test_a_fault_of_ours_elsewhere_lets_no_second_probe_pass() -> None:
    lane = lane_of(1, 4)
    for _ in range(10):
        lane.circuit.end(0.0, failed=True, probe=False)
    assert lane.wait(30.0) == 0.0
    assert lane.circuit.start()
    lane.fault(99, until=31.0, probe=False)
    assert lane.wait(32.0) == float("inf")
    lane.fault(0, until=33.0, probe=True)
    assert lane.wait(34.0) == 0.0
