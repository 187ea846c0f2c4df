from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from regista.tracking import places

LINES = st.sets(st.integers(0, 5 * places.BLOCK), max_size=300)


@given(LINES)
def test_every_marked_line_is_found_again_in_order(lines: set[int]) -> None:
    blocks = places.mark(lines)
    assert places.count(blocks) == len(lines)
    assert places.evenly(blocks, len(lines) + 1) == sorted(lines)


@given(LINES, st.integers(0, 50))
def test_a_choice_is_even_and_has_the_first_and_the_last(lines: set[int], most: int) -> None:
    ordered = sorted(lines)
    chosen = places.evenly(places.mark(lines), most)
    assert len(chosen) == min(most, len(lines))
    assert set(chosen) <= lines
    assert chosen == sorted(set(chosen))
    if most > 1 and lines:
        assert (chosen[0], chosen[-1]) == (ordered[0], ordered[-1])
        ranks = [ordered.index(line) for line in chosen]
        gaps = {after - before for before, after in pairwise(ranks)}
        assert max(gaps, default=0) - min(gaps, default=0) <= 1


@given(LINES, st.integers(0, 6 * places.BLOCK), st.integers(0, 6 * places.BLOCK))
def test_a_range_has_the_lines_between_its_ends(lines: set[int], low: int, high: int) -> None:
    kept = places.between(places.mark(lines), low, high)
    assert places.evenly(kept, 1000) == sorted(line for line in lines if low <= line < high)


@given(LINES, LINES)
def test_blocks_of_two_chunks_are_joined_bit_by_bit(one: set[int], other: set[int]) -> None:
    first, second = places.mark(one), places.mark(other)
    joined = {
        number: bytes(
            a | b for a, b in zip(first.get(number, b"\0" * 512), second.get(number, b"\0" * 512), strict=True)
        )
        for number in first.keys() | second.keys()
    }
    assert places.evenly(joined, 1000) == sorted(one | other)
