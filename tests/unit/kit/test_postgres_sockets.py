from pathlib import Path

import pytest

from regista.kit.postgres import sockets

NAME = "/.s.PGSQL.5432"


def test_the_kernels_limit_counts_bytes_of_the_whole_path() -> None:
    longest = sockets.LONGEST - len(NAME)
    assert sockets.fits(Path("/" + "x" * (longest - 1)))
    assert not sockets.fits(Path("/" + "x" * longest))
    assert not sockets.fits(Path("/" + "é" * (longest // 2 + 1)))


@pytest.mark.parametrize("path", ["/a b/c", "/it's", "/100%", "/données"])
def test_a_path_may_hold_what_an_url_can_quote(path: str) -> None:
    assert sockets.fits(Path(path))


@pytest.mark.parametrize("path", ["/a,b", '/a"b', "/a@b", "/trailing "])
def test_a_path_that_a_list_of_directories_would_divide_or_trim_is_passed_over(path: str) -> None:
    assert not sockets.fits(Path(path))
