import os
import sys
from pathlib import Path

import pytest

from regista.kit.postgres import identity, launch


def test_the_command_is_run_by_the_launcher_that_knows_its_parent() -> None:
    way = identity.Identity("namespace", 1000, 1000, 0)
    command = way.command(Path("/data/a b"), Path("/bin/postgres"), "-D", "x")
    assert command[:4] == [sys.executable, "-I", "-S", launch.__file__]
    assert command[4:] == [str(os.getpid()), "namespace", "1000", "1000", "/data/a b", "/bin/postgres", "-D", "x"]


@pytest.mark.parametrize(
    ("named", "chosen"),
    [([0, 1, 1000, 65534], 1000), ([0, 65534, 2], 2), ([0], None), ([], None)],
)
def test_inside_a_namespace_a_named_uid_is_taken_that_is_not_roots(named: list[int], chosen: int | None) -> None:
    assert identity.inner_uid(named) == chosen


def test_the_error_says_which_directory_why_and_the_ways_out() -> None:
    text = str(identity.refused(Path("/root/data"), ["in a user namespace: EPERM"]))
    for part in ("/root/data", "EPERM", "ordinary user", "--data-dir", "REGISTA_DATABASE_URL"):
        assert part in text
