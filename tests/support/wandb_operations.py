"""Every GraphQL operation that an installed W&B client can send, read out of its Python source and its Go binary."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from graphql import GraphQLError, OperationDefinitionNode, parse

from tests.support.constant_folding import texts
from tests.support.wandb_clients import package_of

CORE = "wandb-core"
_THIRD_PARTY = "vendor"
_HOLDS_SOME = re.compile(r"\b(query|mutation)\b\s*\w*\s*[({]")
_BEGINS = re.compile(r"\s*(?:#[^\n]*\n\s*)*(?:query|mutation)\b\s*(\w*)\s*[({]")
_IN_BINARY = re.compile(rb"\n(?:query|mutation) [A-Za-z]\w+ ?[({]")
_LONGEST = 30_000
"""Bytes of the binary in which an operation with its fragments ends."""
_COMPLETIONS = {"ID_TYPE": "$artifactID: ID", "ID_VALUE": "artifactID: $artifactID"}
"""What 0.21 puts into its LinkArtifact by a function of its own that the folding does not follow."""


class Operation(NamedTuple):
    """``source`` is the path inside of the package, or ``wandb-core``; ``name`` is empty for an anonymous one."""

    client: str
    source: str
    name: str
    text: str


@cache
def operations(client: str) -> tuple[Operation, ...]:
    """Return the operations of a client, each text once for each module that makes it.

    Raises `ValueError` for one that is there but could not be made whole.
    """
    package = package_of(client)
    found: list[Operation] = []
    for module in sorted(package.rglob("*.py")):
        source = str(module.relative_to(package))
        if not source.startswith(_THIRD_PARTY) and _HOLDS_SOME.search(module.read_text()):
            found += _whole(client, source, set(texts(package, module)))
    found += _whole(client, CORE, set(_in_binary(package / "bin" / CORE)))
    return tuple(found)


def _whole(client: str, source: str, candidates: Iterable[str]) -> Iterator[Operation]:
    torn: dict[str, str] = {}
    whole: set[str] = set()
    for candidate in candidates:
        text = candidate
        for token, completion in _COMPLETIONS.items():
            text = text.replace(token, completion)
        if (begins := _BEGINS.match(text)) is None:
            continue
        try:
            document = parse(text, no_location=True)
        except GraphQLError:
            torn[begins[1]] = text
            continue
        for part in document.definitions:
            if isinstance(part, OperationDefinitionNode):
                name = part.name.value if part.name else ""
                whole.add(name)
                yield Operation(client, source, name, text)
    if lost := torn.keys() - whole:
        raise ValueError(f"wandb {client}, {source}: cannot be made whole: {sorted(lost)}\n{torn[min(lost)]}")


def _in_binary(binary: Path) -> Iterator[str]:
    data = binary.read_bytes()
    for found in _IN_BINARY.finditer(data):
        text = data[found.start() : found.start() + _LONGEST].decode(errors="replace")
        yield text[: _end(text)]


def _end(text: str) -> int:
    """Return where an operation and the fragments right behind it end: strings stand side by side in the binary."""
    end = 0
    while (part := re.compile(r"\s*(query|mutation|fragment) ").match(text, end)) and (
        end == 0 or part[1] == "fragment"
    ):
        end = _closed(text, part.end())
    return end


def _closed(text: str, start: int) -> int:
    depth = parentheses = 0
    for position in range(start, len(text)):
        character = text[position]
        parentheses += (character == "(") - (character == ")")
        if parentheses == 0 and character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return position + 1
    return len(text)
