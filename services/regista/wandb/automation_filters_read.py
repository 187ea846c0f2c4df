"""Conditions of automations as the client's filters: the inverse of `automation_filters_cel`. Pure.

A condition that somebody wrote in CEL otherwise may have no such filter; `read` answers None for it.
"""

import json
import re
from dataclasses import replace
from typing import Any, Final

from regista.kit.db.conditions import All, Condition, Not, Some, Test
from regista.kit.errors import InvalidError
from regista.wandb.automation_filters_cel import COMPARISONS, EACH, WIDE, Fields, write

MAX_DEPTH: Final = 64
_TOKEN = re.compile(
    r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|&&|\|\||[=!<>]=|[!<>()\[\],.])'
)
_LITERAL = re.compile(r'["0-9-]|true\Z|false\Z|null\Z')


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
        if self._peek(1) != "in" and self._peek() in {"true", "false"}:
            return All(()) if self._next() == "true" else Some(())
        return self._test()

    def _nested(self, depth: int) -> Condition:
        self._need("(")
        inner = self.either(depth + 1)
        self._need(")")
        return inner

    def _guarded(self) -> Test | None:
        """Take ``(group != null && group > "a")`` or ``(type(dyn(alias)) == int && …)``, if that is what follows."""
        start = self._at
        try:
            self._need("(")
            if self._peek() == "type":
                found = self._typed()
            else:
                self._field()
                for each in ("!=", "null", "&&"):
                    self._need(each)
                found = self._test()
            self._need(")")
        except _UnreadError:
            self._at = start
            return None
        return found

    def _typed(self) -> Test:
        """Take ``type(dyn(alias)) == int && dyn(alias) > 3``, or the same of ``each``, which has no name."""
        for each in ("type", "("):
            self._need(each)
        self._subject()
        for each in (")", "=="):
            self._need(each)
        self._next()
        self._need("&&")
        return self._test()

    def _test(self) -> Test:
        first = self._peek()
        if _LITERAL.match(first):
            return self._of_literal(self._literal())
        if first == "[":
            return self._of_literals(self._literals())
        if first == "size":
            self._next()
            return self._existence(self._enclosed(), "0")
        if first == "type":
            return self._typed()
        return self._of_subject()

    def _of_subject(self) -> Test:
        name = self._subject()
        if self._peek(1) == "null":
            return self._existence(name, "null")
        if not self._take("."):
            return self._comparison(name)
        method = self._next()
        if method not in {"all", "exists"}:
            return self._call(name, method)
        for each in ("(", EACH, ","):
            self._need(each)
        found = self._quantified()
        self._need(")")
        return replace(found, field=name)

    def _of_literal(self, literal: Any) -> Test:
        if self._take("in"):
            return Test(self._subject(), "=", literal)
        if literal is None:
            sign = self._next()
            return Test(self._subject(), "=" if sign == "==" else "<>", None)
        for each in ("==", "size"):
            self._need(each)
        return Test(self._enclosed(), "size", literal)

    def _of_literals(self, values: list[Any]) -> Test:
        self._need(".")
        self._next()
        for each in ("(", EACH, ",", EACH):
            self._need(each)
        sign = self._next()
        found = Test(self._subject(), "not in" if sign == "!=" else "all", values)
        self._need(")")
        return found

    def _existence(self, name: str, compared: str) -> Test:
        sign = self._next()
        self._need(compared)
        return Test(name, "exists", sign != "==")

    def _quantified(self) -> Test:
        """Take what is asked of ``each``."""
        if not self._take("!"):
            return self._test()
        self._need("(")
        subject = self._subject()
        self._need("in")
        found = Test(subject, "not in", self._literals())
        self._need(")")
        return found

    def _comparison(self, name: str) -> Test:
        sign = self._next()
        if sign == "in":
            return Test(name, "in", self._literals())
        if sign not in COMPARISONS:
            raise _UnreadError(sign)
        value = self._literals() if self._peek() == "[" else self._literal()
        return Test(name, COMPARISONS[sign], value)

    def _call(self, name: str, method: str) -> Test:
        self._need("(")
        literal = self._literal()
        self._need(")")
        if method == "matches":
            return Test(name, "matches", literal)
        if method == "contains":
            return Test(name, "contains", literal)
        raise _UnreadError(method)

    def _enclosed(self) -> str:
        """Take a subject in parentheses."""
        self._need("(")
        name = self._subject()
        self._need(")")
        return name

    def _subject(self) -> str:
        """Take a field, ``each``, or one of them in ``dyn(…)``; return the client's name of the field."""
        if self._take("dyn"):
            return self._enclosed()
        return EACH if self._take(EACH) else self._field()

    def _field(self) -> str:
        """Take a variable, as long as the known ones are, and return the client's name of it."""
        path = self._next()
        while path not in self._names:
            if not self._take("."):
                raise _UnreadError(path)
            path += "." + self._next()
        return self._names[path]

    def _literals(self) -> list[Any]:
        self._need("[")
        values: list[Any] = []
        while not self._take("]"):
            if values:
                self._need(",")
            values.append(self._literal())
        return values

    def _literal(self) -> Any:
        token = self._next()
        if not _LITERAL.match(token):
            raise _UnreadError(token)
        try:
            return int(token.removesuffix(WIDE)) if token.endswith(WIDE) else json.loads(token)
        except ValueError:
            raise _UnreadError(token) from None

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

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
