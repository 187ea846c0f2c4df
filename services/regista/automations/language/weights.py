"""How much an evaluation may do between two looks at the clock, from its syntax tree and what its variables hold. Pure.

The runtime counts the steps of loops, and not what a step costs: a list that holds one value four times, made of a list
that does so, and so on, is small until it is compared, copied or written out. So what each value may hold is bounded from
what it is made of. A *unit* is about 100 ns, one member of a list or map, or 16 characters of a text.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from regista.automations.language.syntax import Node


class Weight(NamedTuple):
    """How many units a value may hold, how many members it may have, and what the largest of them may hold."""

    held: float
    members: float
    largest: float


Weigh = Callable[[tuple[str, ...]], Weight]
"""Returns the weight of a variable, or of what is inside of it, by its name and the members that lead there."""

MOST = 1_000_000.0
"""Units of an evaluation on an event: some 0.1 s."""
MOST_WRITTEN = 100_000.0
"""Units of one that is saved, on an event that holds next to nothing: this much is its own doing."""
LARGEST = 131_072.0
"""Units of the largest metadata: 256 KB of JSON, two bytes for a number and its comma."""
SMALL = 16.0

_CHARACTERS = 16
_STEPS = 10_000
"""Of all loops of an evaluation: the runtime's own limit."""
_VISITS = 20_000
"""Pieces that are looked at: nested loops are looked at again and again."""
_CEILING = 1e18
_CHANGED = 5
"""Units for a member of what an expression comes to, which becomes a Python value and then text."""
_PATTERN = 2_000
"""To compile a pattern takes up to 200 µs: `patterns`."""
_CONVERTED = frozenset({"string", "bytes", "dyn"})


class HeavyError(Exception):
    """An evaluation may do too much; ``node`` is where that is reached."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.name)
        self.node = node


class _Load(NamedTuple):
    """What a value may hold, with all that is inside, how many members it may have, and what it may cost to make.

    ``largest`` is what one member may hold; None where that is not known.
    """

    held: float
    members: float
    cost: float = 0.0
    largest: float | None = None

    def plus(self, cost: float) -> "_Load":
        return self._replace(cost=self.cost + cost)


def _compared(left: _Load, right: _Load) -> float:
    return min(left.held, right.held)


def _looked_through(text: _Load, _other: _Load) -> float:
    return text.held / 4


def _nothing(_left: _Load, _right: _Load) -> float:
    return 0


_NOTHING = _Load(0, 0)
_SCANS: Mapping[str, Callable[[_Load, _Load], float]] = {
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _compared),
    **dict.fromkeys(("_-_", "_*_", "_/_", "_%_", "-_", "!_", "@not_strictly_false"), _nothing),
    **dict.fromkeys(("size", "startsWith", "endsWith"), _looked_through),
    "@in": lambda one, many: min(many.held, many.members * (one.held + 1)),
    # A text that nearly fits at each place is compared there: 67 characters take a nanosecond.
    "contains": lambda text, part: text.held * (1 + part.held / 25),
    "matches": lambda text, _pattern: _PATTERN + 2 * text.held,
}
"""What functions look through that come to one small value, by what they are called on and their last argument.

Any other may look through all that it is given.
"""


def check_load(root: Node, weigh: Weigh, most: float) -> None:
    """Raise `HeavyError` for an expression that may do more than ``most`` units of work without a look at the clock."""
    reading = _Reading(weigh, most)
    load = reading.visit(root, {})
    if load.cost + _CHANGED * load.held > most:
        raise HeavyError(root)


def measured(value: Any) -> Weight:
    """Return the weight of a value of an event."""
    members: list[Any] | None = value if isinstance(value, list) else None
    if isinstance(value, dict):
        members = list(value.values())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON
    held = weight(value)
    if members is None:
        return Weight(held, held, held)
    return Weight(held, len(members), max(map(weight, members), default=0.0))


def weight(value: Any) -> float:
    """Return how many units a value of an event holds; more than `MOST` is not counted on."""
    found = 0.0
    left = [value]
    while left and found <= MOST:
        one = left.pop()
        found += 1
        if isinstance(one, str):
            found += len(one) / _CHARACTERS
        elif isinstance(one, dict):
            found += sum(1 + len(key) / _CHARACTERS for key in one)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
            left += one.values()  # pyright: ignore[reportUnknownMemberType] - JSON
        elif isinstance(one, list):
            left += one  # pyright: ignore[reportUnknownArgumentType] - JSON
    return found


class _Reading:
    def __init__(self, weigh: Weigh, most: float) -> None:
        self._weigh = weigh
        self._most = most
        self._visits = 0

    def visit(self, node: Node, names: Mapping[str, _Load]) -> _Load:
        self._visits += 1
        found = self._load(node, names)
        if found.cost > self._most or self._visits > _VISITS:
            raise HeavyError(node)
        return found if found.held < _CEILING else found._replace(held=_CEILING)

    def _load(self, node: Node, names: Mapping[str, _Load]) -> _Load:
        match node.kind:
            case "const":
                found = _Load(1 + len(node.name) / _CHARACTERS, 0)
            case "name" if node.name in names:
                found = names[node.name]
            case "loop":
                found = self._loop(node, names)
            case "name" | "field" | "call" if (path := _path(node)) and path[0] not in names:
                held, members, largest = self._weigh(path)
                found = _Load(held, members, len(path), largest)
            case _:
                found = self._made(node, [self.visit(part, names) for part in node.parts])
        return found

    def _made(self, node: Node, parts: list[_Load]) -> _Load:
        cost, count = sum(part.cost for part in parts), len(parts)
        match node.kind:
            case "has":
                return _Load(1, 0, cost + 1)
            case "field":
                return parts[0].plus(1)
            case "list" | "map":
                return _Load(1 + count + sum(part.held for part in parts), count, cost + count)
            case _:
                return self._call(node.name, parts)

    def _call(self, name: str, parts: list[_Load]) -> _Load:
        cost = 1 + sum(part.cost for part in parts)
        first, last = parts[0] if parts else _NOTHING, parts[-1] if parts else _NOTHING
        held = sum(part.held for part in parts)
        if name in {"_&&_", "_||_"}:
            # The clock is looked at in between.
            return _Load(1, 0, max(first.cost, last.cost) + 1)
        if name == "_?_:_":
            branches = parts[1:]
            return _Load(max(each.held for each in branches), max(each.members for each in branches), cost)
        if name == "_+_":
            return _Load(held, first.members + last.members, cost + held / 2)
        if name == "_[_]":
            inside = first.held if first.largest is None else first.largest
            return _Load(inside, inside, cost)
        if name in _CONVERTED:
            return _Load(held + 1, held, cost + held / 4)
        scan = _SCANS.get(name)
        return _Load(1, 0, cost + (held if scan is None else scan(first, last)))

    def _loop(self, node: Node, names: Mapping[str, _Load]) -> _Load:
        over, first, condition, step, result = node.parts
        source = self.visit(over, names)
        start = self.visit(first, names)
        # One member may hold nearly all that the range does, and none of them more.
        whole = {**names, node.name: _Load(source.held, source.held), node.sum: _NOTHING}
        once = self.visit(step, whole)
        cost = source.cost + start.cost + once.cost + self.visit(condition, whole).cost
        if first.kind == "const":
            made = _Load(1, 0)
        else:
            # What all steps make of their members is no more than one step makes of the whole range, and what they add
            # to that by themselves, they add each time.
            times = min(source.members, _STEPS)
            held = start.held + once.held
            if times > 1:
                held += times * self.visit(step, {**whole, node.name: _NOTHING}).held
            made = _Load(held, times)
        return self.visit(result, {**names, node.sum: made}).plus(cost)


def _path(node: Node) -> tuple[str, ...]:
    """Return the variable and the members that a piece reads, such as ``artifact.metadata`` and ``acc``; () if none."""
    steps: list[str] = []
    while True:
        match node.kind:
            case "name":
                return (node.name, *reversed(steps))
            case "field":
                steps.append(node.name)
            case "call" if node.name == "_[_]" and node.parts[1].kind == "const" and node.parts[1].name:
                steps.append(node.parts[1].name)
            case _:
                return ()
        node = node.parts[0]
