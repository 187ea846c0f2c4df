import asyncio
import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.errors import InvalidError
from regista.wandb.paging import MOST, connection, page_size, read_cursor, read_position

Keys = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.text().filter(lambda text: "\x00" not in text))


def _page(rows: list[int], size: int, **more: Any) -> dict[str, Any]:
    return connection(rows, size, lambda row: [row], **more)


def test_a_page_shows_its_size_and_says_whether_there_is_more() -> None:
    page = _page([1, 2, 3], 2)
    assert [edge["node"] for edge in page["edges"]] == [1, 2]
    assert page["page_info"]["has_next_page"]
    assert read_position(page["page_info"]["end_cursor"]) == 2
    last = _page([3], 2)
    assert not last["page_info"]["has_next_page"]


def test_an_empty_page_has_no_cursor() -> None:
    assert _page([], 2)["page_info"] == {"end_cursor": None, "has_next_page": False}


async def test_the_total_is_asked_for_only_where_it_is_read() -> None:
    asked = 0

    async def total() -> int:
        nonlocal asked
        asked += 1
        return 42

    page = _page([1], 2, total=total)
    await asyncio.sleep(0)
    assert asked == 0
    assert await page["total_count"](None) == 42


@given(Keys)
def test_a_cursor_gives_back_the_key_of_its_row(key: list[Any]) -> None:
    cursor = connection([key], 1, lambda row: row)["page_info"]["end_cursor"]
    assert read_cursor(cursor) == key


@pytest.mark.parametrize(
    "cursor",
    ["!", "bnVsbA==", base64.b64encode(b"[1.5]").decode(), base64.b64encode(b"[[1]]").decode(), "\ud800"]
    + [base64.b64encode(text.encode()).decode() for text in ('["\\u0000"]', "[9223372036854775808]", "[" * 100_000)],
)
def test_a_cursor_that_this_server_did_not_make_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidError, match="begin without a cursor"):
        read_cursor(cursor)


def test_a_page_is_bounded_and_never_negative() -> None:
    assert page_size(None) == 50
    assert page_size(10**9) == MOST
    with pytest.raises(InvalidError):
        page_size(-1)
