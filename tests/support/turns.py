"""Who runs beside whom when several processes run the tests: ``pytest -n 2``.

The tests of one file share its fixtures, so one process runs them. Those that drive a whole installation or Apache Kafka
are left for the end, all to one process; nothing runs beside them, nor beside a test that is marked ``alone``: what they
measure, and what they kill at which moment, would tell of the neighbours otherwise.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ALONE = (
    "tests/e2e/",
    "tests/integration/bus/",
    "tests/integration/relay/test_on_kafka.py",
    "tests/integration/automations/test_watcher_failures.py",
)
"""Where every test is one that nothing may run beside."""


class Turns(LoadScopeScheduling):
    """Gives each process a file at a time, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return "alone" if nodeid.startswith(ALONE) else nodeid.partition("::")[0]


def is_late(item: pytest.Item) -> bool:
    """Return whether the test comes after all others."""
    return item.nodeid.startswith(ALONE)


@contextmanager
def turn(item: pytest.Item) -> Generator[None]:
    """Hold the test's place among those of other processes; a process that runs all of them waits for nobody."""
    if not hasattr(item.config, "workerinput"):
        yield
        return
    alone = is_late(item) or item.get_closest_marker("alone") is not None
    factory: pytest.TempPathFactory = getattr(item.config, "_tmp_path_factory")  # noqa: B009 - pytest has no other way
    place = factory.getbasetemp().parent / "turns"  # which the processes of a run share
    with place.with_suffix(".lock").open("w") as lock:
        with place.with_suffix(".door").open("w") as door:
            # Who waits for all others to end stands in the door meanwhile, so that no other begins.
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
