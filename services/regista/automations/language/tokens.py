"""The text of a condition, word by word, without the compiler: where its parts end and which variables it names. Pure.

The compiler says whether a text is CEL at all, and it keeps neither its tree nor its places. What is read here holds for
any text that the compiler takes; of any other text something is read, and nothing is raised.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

LONGEST = 10_000
"""Characters of an expression."""
Kind = Literal["text", "number", "name", "sign"]

_RAW = r"""(?:[rR][bB]?|[bB][rR])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')"""
_ESCAPED = (
    r"""[bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
)
_TOKEN = re.compile(
    rf"""(?P<blank>\s+|//[^\n]*)
    |(?P<text>{_RAW}|{_ESCAPED})
    |(?P<number>0x[0-9a-fA-F]+[uU]?|(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`\n]*`)
    |(?P<sign>&&|\|\||[=!<>]=|[\s\S])""",
    re.VERBOSE,
)
_PLAIN_TEXT = re.compile(r"""(["'])([^"'\\]*)\1\Z""")
_KEYWORDS = frozenset({"true", "false", "null", "in"})
MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


class Token(NamedTuple):
    """One word: what it is, how it is written, and where, as offsets into the text."""

    kind: Kind
    text: str
    start: int
    end: int


class Path(NamedTuple):
    """A variable as it is named: ``artifact.metadata["val.acc"]`` has the steps ``artifact``, ``metadata``, ``val.acc``.

    What is called on it (``alias.startsWith(…)``) is no step. ``places`` are where the steps begin.
    """

    text: str
    steps: tuple[str, ...]
    places: tuple[int, ...]


def tokens(text: str) -> list[Token]:
    """Return the words of a text; blanks and comments are none."""
    return list(tokens_from(text, 0))


def tokens_from(text: str, start: int) -> Iterator[Token]:
    """Return the words from a place on, each when it is asked for."""
    for found in _TOKEN.finditer(text, start):
        if found.lastgroup != "blank":
            yield Token(found.lastgroup, found[0], found.start(), found.end())  # type: ignore[arg-type]


def split(text: str) -> list[str]:
    """Return the operands of the ``&&`` and ``||`` that stand in no brackets, in order; the whole text if there are none.

    Brackets around all of it are taken away first. Those around one operand stay: it is one part, whatever is in it.
    """
    words = tokens(text)
    while _is_enclosed(words):
        words = words[1:-1]
    depth = 0
    cuts: list[int] = []
    for place, word in enumerate(words):
        if word.text in _OPEN:
            depth += 1
        elif word.text in _CLOSE:
            depth -= 1
        elif depth == 0 and word.text in {"&&", "||"}:
            cuts.append(place)
        elif depth == 0 and word.text == "?":
            # It binds more weakly than either: what looks like an operand is a piece of a branch.
            cuts = []
            break
    bounds = zip([-1, *cuts], [*cuts, len(words)], strict=True)
    found = [words[before + 1 : after] for before, after in bounds]
    return [text[part[0].start : part[-1].end] for part in found if part]


def paths(words: Sequence[Token]) -> Iterator[Path]:
    """Return every variable that is named, as often as it is; those that a macro declares are none."""
    declared = _declared(words)
    place = 0
    while place < len(words):
        word = words[place]
        if word.kind != "name" or word.text in _KEYWORDS or (place and words[place - 1].text == "."):
            place += 1
            continue
        began = place
        path, place = _path(words, place)
        if path and path[0].text not in declared:
            yield Path(
                _source(words[began:place], path[-1].end),
                tuple(_step(each) for each in path),
                tuple(each.start for each in path),
            )


def _path(words: Sequence[Token], place: int) -> tuple[list[Token], int]:
    """Return the steps of the path that begins at a place, and where it ends."""
    found = [words[place]]
    place += 1
    while place + 1 < len(words):
        sign, following = words[place], words[place + 1]
        if sign.text == "." and following.kind == "name":
            found.append(following)
            place += 2
        elif (
            sign.text == "["
            and following.kind == "text"
            and _PLAIN_TEXT.match(following.text)
            and place + 2 < len(words)
            and words[place + 2].text == "]"
        ):
            found.append(following)
            place += 3
        else:
            break
    if place < len(words) and words[place].text == "(":
        # The last is a function, which is called on what stands before it, if anything does.
        found.pop()
    return found, place


def _source(words: Sequence[Token], end: int) -> str:
    """Return the words up to a place, as people write them: without the blanks in between."""
    found = "".join(word.text for word in words if word.end <= end)
    return found + "]" if found.count("[") > found.count("]") else found


def _step(word: Token) -> str:
    if word.kind == "text" and (plain := _PLAIN_TEXT.match(word.text)):
        return plain[2]
    return word.text.strip("`")


def _declared(words: Sequence[Token]) -> set[str]:
    """Return the variables of macros: ``t`` of ``tags.exists(t, …)``."""
    return {
        name.text
        for macro, bracket, name, comma in zip(words, words[1:], words[2:], words[3:], strict=False)
        if macro.text in MACROS and bracket.text == "(" and name.kind == "name" and comma.text == ","
    }


def _is_enclosed(words: Sequence[Token]) -> bool:
    """Return whether the first word is a bracket that the last one closes."""
    if len(words) < 3 or words[0].text != "(" or words[-1].text != ")":  # noqa: PLR2004 - brackets and what is in them
        return False
    depth = 0
    for place, word in enumerate(words):
        depth += (word.text in _OPEN) - (word.text in _CLOSE)
        if depth == 0:
            return place == len(words) - 1
    return False
