"""The clock of an evaluation: its loops look at it in each step, and so does whatever stands between ``&&`` and ``||``. Pure.

The runtime counts steps, however long they are. So what is evaluated is not quite what was written: each loop asks a
function of ours whether there is time left before each step, and does nothing more when there is none. What the evaluation
then comes to is thrown away.
"""

import threading
import time
from collections.abc import Sequence
from typing import Final

from regista.automations.language.tokens import MACROS, Token

MOST_SECONDS: Final = 0.1
"""CPU time of one evaluation, after which no loop takes another step; what people write takes microseconds.

It bounds the memory too: map() copies what it has at each step, up to a megabyte in a millisecond.
"""
LEFT: Final = "time_left__"
"""The function that says whether there is time left; nobody may call it."""
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


class _Clock(threading.local):
    """The evaluation of this thread: when it began, and whether its time was up."""

    began = 0.0
    is_out = False


_clock = _Clock()


def start() -> None:
    """Begin an evaluation."""
    _clock.began = time.thread_time()
    _clock.is_out = False


def took() -> float:
    """Return the CPU time since the evaluation began, in seconds."""
    return time.thread_time() - _clock.began


def is_out() -> bool:
    """Return whether the evaluation was told that there is no time left."""
    return _clock.is_out


def left() -> bool:
    """Return whether there is time left."""
    if not _clock.is_out:
        _clock.is_out = took() > MOST_SECONDS
    return not _clock.is_out


def loops(words: Sequence[Token]) -> int:
    """Return how many loops `timed` finds."""
    return sum(_is_macro(words, place) for place in range(len(words)))


def timed(text: str, words: Sequence[Token]) -> str:
    """Return an expression, which the compiler took, that comes to the same and looks at the clock."""
    added: list[tuple[int, str]] = []
    for place, word in enumerate(words):
        if word.text == "&&":
            added.append((word.end, f" {LEFT}()&&"))
        elif word.text == "||":
            added.append((word.end, f" !{LEFT}()||"))
        elif _is_macro(words, place):
            added += _in_macro(words, place)
    added.sort()
    found: list[str] = []
    at = 0
    for end, insert in added:
        found += (text[at:end], insert)
        at = end
    return "".join([*found, text[at:]])


def _is_macro(words: Sequence[Token], place: int) -> bool:
    return (
        words[place].text in MACROS
        and place > 0
        and words[place - 1].text == "."
        and [word.text for word in words[place + 1 : place + 4 : 2]] == ["(", ","]
    )


def _in_macro(words: Sequence[Token], place: int) -> list[tuple[int, str]]:
    """Return what is added to ``map(x, …)`` or ``all(x, …)``, whose name stands at a place: where, and what."""
    began = words[place + 3].end
    depth = 0
    for word in words[place + 4 :]:
        if depth == 0 and word.text in {",", ")"}:
            if word.text == ")" and words[place].text == "map":
                return [(began, f" {LEFT}(),")]
            return [(began, f" {LEFT}()?("), (word.start, "):false")]
        depth += (word.text in _OPEN) - (word.text in _CLOSE)
    return []
