r"""Patterns of the client's ``$regex``: RE2, the syntax of W&B and of CEL alike. Pure.

RE2 itself is not at hand when a filter is saved. What it shares with Python is judged by Python's parser, what it lacks
(looking around, references back, repetitions beyond 1,000) is refused, what it has alone (``\pL``, ``\z``, ``\Q…\E``)
is taken as it stands.
"""

import re
import warnings

from regista.kit.errors import InvalidError

MOST_REPEATED = 1000
_LONGEST = 4096
# An escape is read first, so that `\\(?=` and `\(?=` are told apart; then classes, in which `(` is no group.
_ESCAPED = r"\\Q.*?(?:\\E|\Z)|\\[pP](?:\{[^}]*\}|.)|\\[zC]|\[\[:\^?[a-z]+:\]\]"
_ALONE = re.compile(rf"(?P<alone>{_ESCAPED})|\\.|[^\\]", re.DOTALL)
_LACKS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<lacks>\(\?(?:[=!>(]|<[=!]|P[=>]))", re.DOTALL)
_BACK = re.compile(r"\\[1-9]")
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")


def check_pattern(pattern: str) -> None:
    """Return if RE2 takes the pattern, as far as can be told. Raises `InvalidError`."""
    if len(pattern) > _LONGEST:
        raise InvalidError(f"the pattern of a $regex is longer than {_LONGEST} characters")
    shared = _ALONE.sub(lambda found: "x" if found["alone"] else found[0], pattern)
    lacking = next((found["lacks"] for found in _LACKS.finditer(shared) if found["lacks"]), None)
    if lacking is None and _BACK.search(shared.replace("\\\\", "")):
        lacking = "a reference back to a group"
    if lacking is not None:
        raise InvalidError(f"the pattern {pattern!r} has {lacking}, which $regex (RE2) does not know")
    for least, most in _REPEATED.findall(shared):
        if max(len(least), len(most)) > 4 or max(int(least), int(most or 0)) > MOST_REPEATED:  # noqa: PLR2004
            raise InvalidError(f"the pattern {pattern!r} repeats more than {MOST_REPEATED} times")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(shared)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidError(f"the pattern {pattern!r} is no regular expression: {error}") from None
