r"""The regular expressions of ``matches``: that they are some, and what they may cost. Pure.

The runtime compiles a pattern anew in each call, which costs microseconds for what people write and a quarter of a second
for what they may write (``(\pL){300}``), and a macro calls ten thousand times. So a pattern is literal text, and its cost
is taken when the expression is saved.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from regista.automations.language.complaints import reason
from regista.automations.language.tokens import MACROS, Token

_MOST_SECONDS = 2e-3
_MOST_SECONDS_REPEATED = 100e-6
"""Inside of a macro, where ten thousand calls are to end within about a second."""
_MOST_SECONDS_TOGETHER = 20e-3
"""Of all patterns of an expression, each as often as it stands there."""


class Misfit(NamedTuple):
    """A pattern that is refused, why, and where it stands."""

    message: str
    start: int


Matcher = Callable[[], str | None]
"""Matches a pattern against a short text; returns the runtime's complaint if it has one."""


def misfit(words: Sequence[Token], matcher: Callable[[str], Matcher], *, timed: bool) -> Misfit | None:
    """Return the first pattern that may not be, None if all may; ``matcher`` takes a pattern as it is written.

    Only where they are ``timed`` does the answer depend on the machine.
    """
    took: dict[str, float] = {}
    together = 0.0
    for place, word in enumerate(words):
        if word.text != "matches" or words[place + 1 : place + 2] == [] or words[place + 1].text != "(":
            continue
        # What the compiler took has its brackets closed, so a word follows each of these.
        argument, end = words[place + 2], words[place + 3]
        if words[place - 1].text != "." or argument.kind != "text" or end.text != ")":
            return Misfit('matches takes one pattern as literal text, as in alias.matches("^v[0-9]+$")', word.start)
        if argument.text not in took:
            match = matcher(argument.text)
            if error := match():
                return Misfit(f"{argument.text} is no pattern: {reason(error)}", argument.start)
            took[argument.text] = _seconds(match) if timed else 0
        most = _MOST_SECONDS_REPEATED if _is_repeated(words, place) else _MOST_SECONDS
        if took[argument.text] > most:
            return Misfit(f"the pattern {argument.text[:200]} takes too long to read; make it shorter", argument.start)
        together += took[argument.text]
        if together > _MOST_SECONDS_TOGETHER:
            return Misfit(
                "the patterns up to this one take too long to read; make them shorter or fewer", argument.start
            )
    return None


def _seconds(match: Matcher) -> float:
    """Return the CPU time of matching once: the best of three, since the first may warm what the others find."""
    found: list[float] = []
    for _ in range(3):
        began = time.thread_time()
        match()
        found.append(time.thread_time() - began)
    return min(found)


def _is_repeated(words: Sequence[Token], place: int) -> bool:
    """Return whether a place lies inside the brackets of a macro."""
    depth = 0
    for at in range(place - 1, 0, -1):
        depth += (words[at].text == ")") - (words[at].text == "(")
        if depth < 0:
            if words[at - 1].text in MACROS:
                return True
            depth = 0
    return False
