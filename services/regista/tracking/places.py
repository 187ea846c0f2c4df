"""Which lines of a stream have something, as bits in blocks, and an even choice among them. Pure.

Bit n of a block is the n-th from the left, as PostgreSQL's ``bit(4096)`` has it: blocks of several chunks are joined by
``|``, so that a chunk that comes twice changes nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

BLOCK = 4096
"""Lines of a block."""
_BYTES = BLOCK // 8
_ONES = bytes(number.bit_count() for number in range(256))

Blocks = Mapping[int, bytes]
"""Number of a block → its 4096 bits."""


def mark(lines: Iterable[int]) -> dict[int, bytes]:
    """Return the blocks that have the bits of these lines."""
    blocks: dict[int, bytearray] = {}
    for line in lines:
        number, bit = divmod(line, BLOCK)
        block = blocks.get(number)
        if block is None:
            block = blocks[number] = bytearray(_BYTES)
        block[bit >> 3] |= 0x80 >> (bit & 7)
    return {number: bytes(block) for number, block in blocks.items()}


def between(blocks: Blocks, low: int, high: int) -> dict[int, bytes]:
    """Return the blocks with the lines from ``low`` up to, not including, ``high`` alone."""
    kept: dict[int, bytes] = {}
    for number, bits in blocks.items():
        first, last = max(low - number * BLOCK, 0), min(high - number * BLOCK, BLOCK)
        if first == 0 and last == BLOCK:
            kept[number] = bits
        elif first < last:
            mask = ((1 << (last - first)) - 1) << (BLOCK - last)
            kept[number] = (int.from_bytes(bits) & mask).to_bytes(_BYTES)
    return kept


def count(blocks: Blocks) -> int:
    """Return how many lines there are."""
    return sum(int.from_bytes(bits).bit_count() for bits in blocks.values())


def evenly(blocks: Blocks, most: int) -> list[int]:
    """Return up to ``most`` lines in order, evenly spread, the first and the last of all among them."""
    total = count(blocks)
    if total <= most:
        ranks: Sequence[int] = range(total)
    elif most == 1:
        ranks = [total - 1]
    else:
        ranks = [place * (total - 1) // (most - 1) for place in range(most)]
    chosen: list[int] = []
    passed = 0
    at = 0
    for number, bits in sorted(blocks.items()):
        inside = int.from_bytes(bits).bit_count()
        end = bisect_left(ranks, passed + inside)
        if end > at:
            chosen += _ranked(bits, [rank - passed for rank in ranks[at:end]], number * BLOCK)
        at, passed = end, passed + inside
    return chosen


def _ranked(bits: bytes, ranks: Sequence[int], first: int) -> list[int]:
    """Return the lines of the n-th set bits of a block, for each n of ``ranks``."""
    sums = list(accumulate(map(_ONES.__getitem__, bits)))
    lines: list[int] = []
    for rank in ranks:
        place = bisect_left(sums, rank + 1)
        left = rank - (sums[place - 1] if place else 0)
        byte = bits[place]
        for bit in range(8):
            if byte & (0x80 >> bit):
                if left == 0:
                    lines.append(first + place * 8 + bit)
                    break
                left -= 1
    return lines
