"""The client's filters in CEL, the language of conditions, and back. Pure.

A condition is what an evaluator reads, and the only form that is stored. What the client can write is written in one
canonical form, of which `read` is the inverse: ``read(write(filter)) == normal(filter)``. In that form ``(…)`` is a
filter inside another, ``!(a || b)`` is ``$nor``, and every operator has a shape of its own:

=============  ======================================  ==================================================
operator       of one text, ``alias``                  of many, ``aliases``: at least one, or none
=============  ======================================  ==================================================
``$eq``        ``alias == "a"``                        ``"a" in aliases``
``$ne``        ``alias != "a"``                        ``aliases.all(each, each != "a")``
``$gt`` …      ``alias > "a"``                         ``aliases.exists(each, each > "a")``
``$in``        ``alias in ["a", "b"]``                 ``aliases.exists(each, each in ["a", "b"])``
``$nin``       ``["a", "b"].all(each, each != alias)``  ``aliases.all(each, !(each in ["a", "b"]))``
``$regex``     ``alias.matches("a")``                  ``aliases.exists(each, each.matches("a"))``
``$contains``  ``alias.contains("a")``                 ``aliases.exists(each, each.contains("a"))``
``$exists``    ``dyn(alias) != null``                  ``size(aliases) > 0``
=============  ======================================  ==================================================

Of one that may be null, ``$gt`` and the like, ``$regex`` and ``$contains`` are ``(group != null && group > "a")``: null is
not after ``a`` as Mongo has it, and no error as CEL would have it. A pattern is judged where conditions are.

A condition that somebody wrote in CEL otherwise may have no such filter; `read` answers None for it.
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from regista.kit.db.conditions import All, Condition, Not, Operator, Some, Test
from regista.kit.errors import InvalidError

MAX_DEPTH = 64
_EACH = "each"
_COMPARISONS: dict[str, Operator] = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_SIGNS = {operator: sign for sign, operator in _COMPARISONS.items()}
_NEGATIVE = {"<>", "not in"}
_OF_NULL = {"=", "<>", "in"}
"""What CEL, too, asks of null without an error."""
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|0|&&|\|\||[=!<>]=|[!<>()\[\],.])')


class Field(NamedTuple):
    """What a field of a filter is in the event: a variable that holds one text, which may be null, or many."""

    variable: str
    many: bool = False
    nullable: bool = False


Fields = Mapping[str, Field]
"""By the client's name of the field; no two stand for one variable."""


def normal(condition: Condition) -> Condition:
    """Return the same condition without the lists of one that say nothing; the client writes none but around the whole."""
    match condition:
        case All(parts) | Some(parts):
            found = tuple(map(normal, parts))
            return found[0] if len(found) == 1 else type(condition)(found)
        case Not(part):
            return Not(normal(part))
        case Test():
            return condition


def write(condition: Condition, fields: Fields) -> str | None:
    """Return the condition in CEL, None for one that is always true.

    Raises `InvalidError` for a field that the event does not have and a value that the field cannot be compared with.
    """
    wanted = normal(condition)
    return None if wanted == All(()) else _write(wanted, fields)


def read(text: str | None, fields: Fields) -> Condition | None:
    """Return the filter that `write` makes this of; None where there is none."""
    if text is None:
        return All(())
    try:
        reader = _Reader(text, fields)
        found = reader.either(0)
        reader.end()
        # Another way to write the same, such as `a && true`, is not what `write` makes.
        return found if write(found, fields) == text else None
    except (_UnreadError, InvalidError):
        return None


def _write(condition: Condition, fields: Fields) -> str:
    match condition:
        case All(parts):
            return " && ".join(_inner(part, fields) for part in parts) or "true"
        case Some(parts):
            return " || ".join(_inner(part, fields) for part in parts) or "false"
        case Not(part):
            return f"!({_write(part, fields)})"
        case Test():
            return _test(condition, fields)


def _inner(condition: Condition, fields: Fields) -> str:
    text = _write(condition, fields)
    return f"({text})" if isinstance(condition, All | Some) and condition.of else text


def _test(test: Test, fields: Fields) -> str:
    field = fields.get(test.field)
    if field is None:
        known = ", ".join(fields)
        raise InvalidError(f"the event has no field {test.field!r} to filter by; there are {known}", field=test.field)
    if test.operator == "exists":
        return _exists(test, field)
    literal = _list(test) if test.operator in {"in", "not in"} else _text(test.field, test.value)
    return _of_many(test, field.variable, literal) if field.many else _of_field(test, field, literal)


def _exists(test: Test, field: Field) -> str:
    if not isinstance(test.value, bool):
        raise InvalidError(f"{test.field}: $exists takes true or false, not {test.value!r}", field=test.field)
    if field.many:
        return f"size({field.variable}) {'>' if test.value else '=='} 0"
    return f"dyn({field.variable}) {'!=' if test.value else '=='} null"


def _of_many(test: Test, variable: str, literal: str) -> str:
    if test.operator == "=":
        return f"{literal} in {variable}"
    if test.operator == "not in":
        return f"{variable}.all({_EACH}, !({_EACH} in {literal}))"
    return f"{variable}.{'all' if test.operator in _NEGATIVE else 'exists'}({_EACH}, {_of_one(_EACH, test, literal)})"


def _of_field(test: Test, field: Field, literal: str) -> str:
    if test.operator == "not in":
        return f"{literal}.all({_EACH}, {_EACH} != {field.variable})"
    found = _of_one(field.variable, test, literal)
    return f"({field.variable} != null && {found})" if field.nullable and test.operator not in _OF_NULL else found


def _of_one(variable: str, test: Test, literal: str) -> str:
    if test.operator in {"matches", "contains"}:
        return f"{variable}.{test.operator}({literal})"
    return f"{variable} {_SIGNS.get(test.operator, 'in')} {literal}"


def _list(test: Test) -> str:
    if not isinstance(test.value, list):
        raise InvalidError(f"{test.field}: $in and $nin take a list, not {test.value!r}", field=test.field)
    return "[" + ", ".join(_text(test.field, each) for each in test.value) + "]"


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidError(f"{name} is text, and cannot be compared with {value!r}", field=name)
    # Whatever JSON escapes, CEL reads as well; what is beyond ASCII stands for itself in both.
    return json.dumps(value, ensure_ascii=False)


class _UnreadError(ValueError):
    """The text is not of the canonical form."""


class _Reader:
    """Recursive descent over the tokens of a condition."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._tokens: list[str] = []
        self._at = 0
        self._names = {field.variable: name for name, field in fields.items()}
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise _UnreadError(text[place:])
            self._tokens.append(found[1])
            place = found.end()

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise _UnreadError(self._tokens[self._at])

    def either(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise _UnreadError("too deep")
        parts = [self._both(depth)]
        while self._take("||"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _both(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._take("&&"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Condition:
        if self._take("!"):
            return Not(self._nested(depth))
        if self._peek() == "(":
            return self._guarded() or self._nested(depth)
        if self._take("true"):
            return All(())
        if self._take("false"):
            return Some(())
        return self._test()

    def _nested(self, depth: int) -> Condition:
        self._need("(")
        inner = self.either(depth + 1)
        self._need(")")
        return inner

    def _guarded(self) -> Test | None:
        """Take ``(group != null && group > "a")``, if that is what follows."""
        start = self._at
        try:
            self._need("(")
            name = self._field()
            for each in ("!=", "null", "&&"):
                self._need(each)
            found = self._test()
            self._need(")")
        except _UnreadError:
            self._at = start
            return None
        if found.field != name:
            raise _UnreadError(found.field)
        return found

    def _test(self) -> Test:
        first = self._peek()
        if first.startswith('"'):
            literal = self._literal()
            self._need("in")
            return Test(self._field(), "=", literal)
        if first == "[":
            values = self._literals()
            for each in (".", "all", "(", _EACH, ",", _EACH, "!="):
                self._need(each)
            found = Test(self._field(), "not in", values)
            self._need(")")
            return found
        if first in {"size", "dyn"}:
            return self._existence(self._next())
        name = self._field()
        if not self._take("."):
            return self._comparison(name)
        method = self._next()
        if method not in {"all", "exists"}:
            return self._call(name, method)
        for each in ("(", _EACH, ","):
            self._need(each)
        found = self._quantified(name)
        self._need(")")
        return found

    def _existence(self, function: str) -> Test:
        self._need("(")
        name = self._field()
        self._need(")")
        sign = self._next()
        self._need("0" if function == "size" else "null")
        return Test(name, "exists", sign != "==")

    def _quantified(self, name: str) -> Test:
        if self._take("!"):
            self._need("(")
            self._need(_EACH)
            self._need("in")
            values = self._literals()
            self._need(")")
            return Test(name, "not in", values)
        self._need(_EACH)
        return self._call(name, self._next()) if self._take(".") else self._comparison(name)

    def _comparison(self, name: str) -> Test:
        sign = self._next()
        if sign == "in":
            return Test(name, "in", self._literals())
        if sign not in _COMPARISONS:
            raise _UnreadError(sign)
        return Test(name, _COMPARISONS[sign], self._literal())

    def _call(self, name: str, method: str) -> Test:
        self._need("(")
        literal = self._literal()
        self._need(")")
        if method == "matches":
            return Test(name, "matches", literal)
        if method == "contains":
            return Test(name, "contains", literal)
        raise _UnreadError(method)

    def _field(self) -> str:
        """Take a variable, as long as the known ones are, and return the client's name of it."""
        path = self._next()
        while path not in self._names:
            if not self._take("."):
                raise _UnreadError(path)
            path += "." + self._next()
        return self._names[path]

    def _literals(self) -> list[str]:
        self._need("[")
        values: list[str] = []
        while not self._take("]"):
            if values:
                self._need(",")
            values.append(self._literal())
        return values

    def _literal(self) -> str:
        token = self._next()
        try:
            value = json.loads(token)
        except ValueError:
            raise _UnreadError(token) from None
        if not isinstance(value, str):
            raise _UnreadError(token)
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True

    def _need(self, token: str) -> None:
        if not self._take(token):
            raise _UnreadError(self._peek())
