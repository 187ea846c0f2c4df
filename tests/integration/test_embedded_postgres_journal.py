import os
import time
from pathlib import Path

from regista.kit.postgres.journal import Journal


def test_a_log_grown_too_long_is_cut_under_the_writer_and_its_last_part_kept_beside(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "postgres.log", limit=1000)
    descriptor = journal.open()
    os.write(descriptor, b"x" * 1500)
    journal.trim()
    os.write(descriptor, b"after\n")
    os.close(descriptor)
    journal.close()
    assert (tmp_path / "postgres.log").read_bytes() == b"after\n"
    assert (tmp_path / "postgres.log.1").read_bytes() == b"x" * 1500
    assert journal.tail() == "after"


def test_the_tail_is_of_this_start_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres.log").write_text("an earlier one\n")
    journal = Journal(tmp_path / "postgres.log")
    descriptor = journal.open()
    assert journal.tail() == ""
    os.write(descriptor, b"a long line of this one\n")
    os.close(descriptor)
    assert journal.tail() == "a long line of this one"
    assert journal.tail(9) == "this one"
    journal.close()


def test_the_thread_trims_until_closed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "postgres.log", limit=10, interval=0.001)
    descriptor = journal.open()
    os.write(descriptor, b"x" * 100)
    while (tmp_path / "postgres.log").stat().st_size:
        time.sleep(0.01)
    os.close(descriptor)
    journal.close()
    assert (tmp_path / "postgres.log.1").read_bytes() == b"x" * 100
