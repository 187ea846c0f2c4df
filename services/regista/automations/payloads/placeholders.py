"""Where ``${…}`` stands in a text, and where it ends. Pure.

What is inside is CEL, in which a brace may stand in a text or be one of a map: the end is the brace that closes, not the
next one. ``$${`` is a plain ``${``; any other ``$`` is itself.
"""

from typing import NamedTuple

from regista.automations.language.tokens import tokens_from

METADATA = "artifact_metadata."
"""A key of metadata follows as it is, up to the next brace: it need not be a name."""


class UnclosedError(ValueError):
    """A ``${`` without its ``}``; ``rest`` is the text from there on."""

    def __init__(self, rest: str) -> None:
        super().__init__(rest)
        self.rest = rest


class Placeholder(NamedTuple):
    """What stands between ``${`` and ``}``, without blanks at its ends."""

    text: str


def pieces(text: str) -> list[str | Placeholder]:
    """Return a text as literal pieces and placeholders, in order. Raises `UnclosedError`."""
    found: list[str | Placeholder] = []
    literal: list[str] = []
    place = 0
    while (start := text.find("${", place)) >= 0:
        if start > place and text[start - 1] == "$":
            literal.append(text[place : start - 1] + "${")
            place = start + 2
            continue
        literal.append(text[place:start])
        if any(literal):
            found.append("".join(literal))
        literal = []
        end = _end(text, start + 2)
        found.append(Placeholder(text[start + 2 : end].strip()))
        place = end + 1
    literal.append(text[place:])
    if any(literal):
        found.append("".join(literal))
    return found


def _end(text: str, start: int) -> int:
    if text.startswith(METADATA, start):
        if (end := text.find("}", start)) >= 0:
            return end
        raise UnclosedError(text[start - 2 :])
    depth = 0
    for word in tokens_from(text, start):
        if word.text == "{":
            depth += 1
        elif word.text == "}":
            if depth == 0:
                return word.start
            depth -= 1
    raise UnclosedError(text[start - 2 :])
