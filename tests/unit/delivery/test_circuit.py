import pytest

from regista.delivery.circuit import BUCKET, REST, WINDOW, Circuit


def feed(circuit: Circuit, failures: int, successes: int, at: float = 0.0) -> None:
    for _ in range(successes):
        circuit.end(at, failed=False, probe=False)
    for _ in range(failures):
        circuit.end(at, failed=True, probe=False)


@pytest.mark.parametrize(
    ("failures", "successes", "closed"), [(9, 0, False), (10, 0, True), (7, 3, True), (6, 4, False), (69, 31, False)]
)
def test_a_lane_closes_at_ten_attempts_of_which_seven_tenths_failed(
    failures: int, successes: int, *, closed: bool
) -> None:
    circuit = Circuit()
    feed(circuit, failures, successes)
    assert (circuit.wait(0.0) > 0) is closed


def test_it_stays_closed_thirty_seconds_and_then_lets_one_probe_out() -> None:
    circuit = Circuit()
    feed(circuit, 10, 0, at=100.0)
    assert circuit.wait(100.0) == REST
    assert circuit.wait(129.0) == pytest.approx(1.0)
    assert circuit.wait(130.0) == 0.0
    assert circuit.start() is True
    assert circuit.wait(130.0) == float("inf")


def test_a_probe_that_succeeds_opens_with_a_clean_window() -> None:
    circuit = Circuit()
    feed(circuit, 50, 0)
    circuit.start()
    circuit.end(40.0, failed=False, probe=True)
    assert circuit.wait(40.0) == 0.0
    assert circuit.start() is False
    feed(circuit, 9, 0, at=41.0)
    assert circuit.wait(41.0) == 0.0


def test_a_probe_that_fails_closes_for_another_thirty_seconds() -> None:
    circuit = Circuit()
    feed(circuit, 10, 0)
    circuit.start()
    circuit.end(40.0, failed=True, probe=True)
    assert circuit.wait(40.0) == REST


def test_a_probe_that_was_no_attempt_may_be_made_again() -> None:
    circuit = Circuit()
    feed(circuit, 10, 0)
    circuit.start()
    circuit.abandon()
    assert circuit.wait(REST) == 0.0


def test_a_straggler_of_before_does_not_open_a_closed_lane() -> None:
    circuit = Circuit()
    feed(circuit, 10, 0)
    circuit.end(1.0, failed=False, probe=False)
    assert circuit.wait(1.0) > 0


def test_failures_older_than_the_window_do_not_count() -> None:
    circuit = Circuit()
    feed(circuit, 9, 0, at=0.0)
    circuit.end(WINDOW + 2 * BUCKET, failed=True, probe=False)
    assert circuit.wait(WINDOW + 2 * BUCKET) == 0.0


def test_successes_older_than_the_window_do_not_excuse_failures() -> None:
    circuit = Circuit()
    feed(circuit, 0, 1000, at=0.0)
    feed(circuit, 10, 0, at=WINDOW + 2 * BUCKET)
    assert circuit.wait(WINDOW + 2 * BUCKET) > 0
