"""The syntax tree of a compiled expression, read from what the compiler writes out: a serialized ``cel.expr.CheckedExpr``. Pure.

Source: the CEL project's ``cel/expr/syntax.proto`` and ``checked.proto``. The wrapper offers the tree in no other form.
"""

import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal, NamedTuple

Kind = Literal["const", "name", "field", "has", "call", "list", "map", "loop"]

_KEY_TYPES = frozenset({1, 2, 3, 5})
"""The primitives bool, int, uint and string."""
_DYN, _PRIMITIVE, _WRAPPER, _PARAMETER, _ERROR = 1, 3, 4, 11, 13


class Node(NamedTuple):
    """A piece of an expression.

    ``name`` is that of a variable, field, function or loop variable, or the text of a constant that is one. ``parts`` are
    what it is made of: of a call the receiver first, of a map literal its keys and values in turn, of a loop the range,
    the first value, the condition, the step and the result, with ``sum`` the name of what it adds up.
    """

    kind: Kind
    number: int
    name: str = ""
    parts: tuple["Node", ...] = ()
    sum: str = ""


class Tree:
    """An expression as the compiler read it. Read when it is asked for."""

    def __init__(self, serialized: bytes) -> None:
        self._checked: bytes = dict(_fields(serialized))[2]
        parts = dict(_fields(self._checked))
        self._expression: bytes = parts[4]
        self._source: bytes = parts[5]

    @cached_property
    def root(self) -> Node:
        """The whole of it."""
        return _node(self._expression)

    @cached_property
    def _places(self) -> Mapping[int, int]:
        entries = (dict(_fields(entry)) for number, entry in _fields(self._source) if number == 4)  # noqa: PLR2004 - positions
        return {entry.get(1, 0): entry.get(2, 0) for entry in entries}

    def place(self, node: Node) -> int:
        """Return where a piece stands, as an offset into the text: of an operator or a macro, where its sign is."""
        return self._places.get(node.number, 0)

    @property
    def loops(self) -> int:
        """How many loops there are."""
        return sum(node.kind == "loop" for node in _all(self.root))

    def unfit_key(self) -> Node | None:
        """Return the first key of a map literal whose type no key may have, None if there is none."""
        types = {
            entry.get(1, 0): entry.get(2, b"")
            for entry in (dict(_fields(entry)) for number, entry in _fields(self._checked) if number == 3)  # noqa: PLR2004 - types
        }
        keys = (key for node in _all(self.root) if node.kind == "map" for key in node.parts[::2])
        return next((key for key in keys if not _may_be_key(types.get(key.number, b""))), None)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts:
        yield from _all(part)


def _may_be_key(written: bytes) -> bool:
    found = next(_fields(written), None)
    if found is None:
        return True
    kind, value = found
    return kind in {_DYN, _PARAMETER, _ERROR} or (kind in {_PRIMITIVE, _WRAPPER} and value in _KEY_TYPES)


def _node(written: bytes) -> Node:
    number, kind, inner = 0, 0, b""
    for field, value in _fields(written):
        if field == 2:  # noqa: PLR2004 - Expr.id
            number = value
        else:
            kind, inner = field, value
    read = _READ.get(kind)
    return Node("const", number) if read is None else read(number, list(_fields(inner)))


def _constant(number: int, fields: list[tuple[int, Any]]) -> Node:
    kind, value = fields[0] if fields else (0, 0)
    return Node("const", number, value.decode("utf-8", "replace") if isinstance(value, bytes) and kind != _DYN else "")


def _name(number: int, fields: list[tuple[int, Any]]) -> Node:
    return Node("name", number, dict(fields)[1].decode())


def _field(number: int, fields: list[tuple[int, Any]]) -> Node:
    found = dict(fields)
    return Node("has" if found.get(3) else "field", number, found[2].decode(), (_node(found[1]),))


def _call(number: int, fields: list[tuple[int, Any]]) -> Node:
    name = next(value for field, value in fields if field == 2)  # noqa: PLR2004 - Call.function
    receiver = [_node(value) for field, value in fields if field == 1]
    return Node("call", number, name.decode(), (*receiver, *(_node(value) for field, value in fields if field == 3)))  # noqa: PLR2004 - Call.args


def _list(number: int, fields: list[tuple[int, Any]]) -> Node:
    return Node("list", number, parts=tuple(_node(value) for field, value in fields if field == 1))


def _map(number: int, fields: list[tuple[int, Any]]) -> Node:
    entries = [dict(_fields(value)) for field, value in fields if field == 2]  # noqa: PLR2004 - CreateStruct.entries
    keys = ((_node(entry[3]) if 3 in entry else Node("const", 0), _node(entry[4])) for entry in entries)  # noqa: PLR2004 - Entry.map_key
    return Node("map", number, parts=tuple(part for entry in keys for part in entry))


def _loop(number: int, fields: list[tuple[int, Any]]) -> Node:
    found = dict(fields)
    parts = tuple(_node(found[each]) for each in (2, 4, 5, 6, 7))
    return Node("loop", number, found[1].decode(), parts, found[3].decode())


_READ = {3: _constant, 4: _name, 5: _field, 6: _call, 7: _list, 8: _map, 9: _loop}


def _fields(written: bytes) -> Iterator[tuple[int, Any]]:
    """Return the fields of a message of protocol buffers: numbers as such, texts and messages as bytes."""
    at, end = 0, len(written)
    while at < end:
        tag, at = _varint(written, at)
        value: Any
        match tag & 7:
            case 0:
                value, at = _varint(written, at)
            case 1:
                value, at = struct.unpack_from("<d", written, at)[0], at + 8
            case 2:
                length, at = _varint(written, at)
                value, at = written[at : at + length], at + length
            case kind:
                raise ValueError(f"no field of a syntax tree is of the wire type {kind}")
        yield tag >> 3, value


def _varint(written: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = written[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the last byte of a number
            return found, at
        shift += 7
