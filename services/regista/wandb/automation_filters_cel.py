"""The client's filters in CEL, the language of conditions. Pure; `automation_filters_read` is the inverse.

A condition is what an evaluator reads, and the only form that is stored. What the client can write is written in one
canonical form: ``read(write(filter)) == normal(filter)``. In that form ``(…)`` is a filter inside another, ``!(a || b)``
is ``$nor``, and every operator has a shape of its own:

=============  ========================================  ==================================================
operator       of one text, ``alias``                    of many, ``aliases``: at least one, or none
=============  ========================================  ==================================================
``$eq``        ``alias == "a"``                          ``"a" in aliases``
``$ne``        ``alias != "a"``                          ``aliases.all(each, each != "a")``
``$gt`` …      ``alias > "a"``                           ``aliases.exists(each, each > "a")``
``$in``        ``alias in ["a", "b"]``                   ``aliases.exists(each, each in ["a", "b"])``
``$nin``       ``["a", "b"].all(each, each != alias)``   ``aliases.all(each, !(each in ["a", "b"]))``
``$all``       ``["a"].all(each, each == alias)``        ``["a", "b"].all(each, each in aliases)``
``$regex``     ``alias.matches("a")``                    ``aliases.exists(each, each.matches("a"))``
``$contains``  ``alias.contains("a")``                   ``aliases.exists(each, each.contains("a"))``
``$exists``    ``dyn(alias) != null``                    ``size(aliases) > 0``
``$size``      ``(type(dyn(alias)) == list && …)``       ``2 == size(aliases)``
=============  ========================================  ==================================================

What is asked may be of another type than text. It is compared as Mongo does, type by type: never equal, and neither
before nor after. ``dyn`` tells CEL that this is meant: ``dyn(alias) == 3``, ``3 in dyn(aliases)``, and for ``$gt`` and the
like ``(type(dyn(alias)) == int && dyn(alias) > 3)``. A list is equal to a list: ``dyn(aliases) == ["a", "b"]``. All of no
values is true of nothing: ``[].exists(each, each in aliases)``. ``$eq`` of null is ``null == dyn(alias)``, which sets it
apart from ``$exists``. A whole number beyond CEL's 64 bits is the double ``18446744073709551616.0e0``, which no other
number is written as.

Of one that may be null, ``$gt`` and the like, ``$regex`` and ``$contains`` are ``(group != null && group > "a")``: null is
not after ``a`` as Mongo has it, and no error as CEL would have it. A pattern is judged where conditions are.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from regista.kit.db.conditions import All, Condition, Not, Operator, Some, Test
from regista.kit.errors import InvalidError

EACH: Final = "each"
COMPARISONS: Final[Mapping[str, Operator]] = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
WIDE: Final = ".0e0"
"""Ends a whole number of more than 64 bits."""
_SIGNS = {operator: sign for sign, operator in COMPARISONS.items()}
_OF_LISTS = {"in": "$in", "not in": "$nin", "all": "$all"}
_OF_NULL = {"=", "<>", "in"}
"""What CEL, too, asks of null without an error."""
_ORDERED = {">", ">=", "<", "<="}
_MOST = 10**308
"""What a double holds."""


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

    Raises `InvalidError` for a field that the event does not have and for an operand that the operator does not take.
    """
    wanted = normal(condition)
    return None if wanted == All(()) else _write(wanted, fields)


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
    if test.operator == "size":
        return _size(test, field)
    literal = _operand(test)
    return _of_many(test, field.variable, literal) if field.many else _of_one(test, field, literal)


def _exists(test: Test, field: Field) -> str:
    if not isinstance(test.value, bool):
        raise InvalidError(f"{test.field}: $exists takes true or false, not {test.value!r}", field=test.field)
    if field.many:
        return f"size({field.variable}) {'>' if test.value else '=='} 0"
    return f"dyn({field.variable}) {'!=' if test.value else '=='} null"


def _size(test: Test, field: Field) -> str:
    if not isinstance(test.value, int) or isinstance(test.value, bool):
        raise InvalidError(f"{test.field}: $size takes a whole number, not {test.value!r}", field=test.field)
    size = _scalar(test.field, test.value)
    if field.many:
        return f"{size} == size({field.variable})"
    return f"(type(dyn({field.variable})) == list && {size} == size(dyn({field.variable})))"


def _of_many(test: Test, variable: str, literal: str) -> str:
    subject, each = _subject(variable, test), _subject(EACH, test)
    match test.operator:
        case "=" | "<>" if isinstance(test.value, list):
            return f"dyn({variable}) {_SIGNS[test.operator]} {literal}"
        case "=":
            return f"{literal} in {subject}"
        case "<>":
            asked = f"null != {each}" if test.value is None else f"{each} != {literal}"
            return f"{variable}.all({EACH}, {asked})"
        case "not in":
            return f"{variable}.all({EACH}, !({each} in {literal}))"
        case "all":
            return _all(literal, f"in {subject}")
        case _:
            return f"{variable}.exists({EACH}, {_asked(EACH, test, literal)})"


def _of_one(test: Test, field: Field, literal: str) -> str:
    subject = _subject(field.variable, test)
    if test.operator == "not in":
        return f"{literal}.all({EACH}, {EACH} != {subject})"
    if test.operator == "all":
        return _all(literal, f"== {subject}")
    if test.value is None:
        return f"{literal} {_SIGNS[test.operator]} {subject}"
    found = _asked(field.variable, test, literal)
    if not _is_of_text(test):
        return f"({found})" if test.operator in _ORDERED else found
    return f"({field.variable} != null && {found})" if field.nullable and test.operator not in _OF_NULL else found


def _all(literal: str, asked: str) -> str:
    return f"{literal}.{'exists' if literal == '[]' else 'all'}({EACH}, {EACH} {asked})"


def _asked(variable: str, test: Test, literal: str) -> str:
    if test.operator in {"matches", "contains"}:
        return f"{variable}.{test.operator}({literal})"
    compared = f"{_subject(variable, test)} {_SIGNS.get(test.operator, 'in')} {literal}"
    if test.operator not in _ORDERED or _is_of_text(test):
        return compared
    return f"type(dyn({variable})) == {_type(test.value)} && {compared}"


def _type(value: float) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) and _is_of_64_bits(value) else "double"


def _is_of_64_bits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _subject(variable: str, test: Test) -> str:
    return variable if _is_of_text(test) else f"dyn({variable})"


def _is_of_text(test: Test) -> bool:
    """Return whether CEL, too, sees what is asked as something to compare texts with."""
    value: Any = test.value
    if isinstance(value, list):
        return test.operator in _OF_LISTS and all(isinstance(each, str) for each in value)  # pyright: ignore[reportUnknownVariableType] - of any kind
    return isinstance(value, str)


def _operand(test: Test) -> str:
    """Return what is asked, as a literal. Raises `InvalidError` for what the operator does not take."""
    if test.operator in _OF_LISTS:
        if not isinstance(test.value, list):
            raise InvalidError(
                f"{test.field}: {_OF_LISTS[test.operator]} takes a list, not {test.value!r}", field=test.field
            )
        return _list(test.field, test.value)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - of any kind
    if test.operator in {"matches", "contains"} and not isinstance(test.value, str):
        name = "$regex" if test.operator == "matches" else "$contains"
        raise InvalidError(f"{test.field}: {name} takes text, not {test.value!r}", field=test.field)
    if test.operator in {"=", "<>"} and isinstance(test.value, list):
        return _list(test.field, test.value)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - of any kind
    if test.operator in _ORDERED and test.value is None:
        raise InvalidError(f"{test.field}: null is neither before nor after anything", field=test.field)
    return _scalar(test.field, test.value)


def _list(name: str, values: list[Any]) -> str:
    return "[" + ", ".join(_scalar(name, each) for each in values) + "]"


def _scalar(name: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() if _is_of_64_bits(value):
            return str(value)
        case int() if abs(value) < _MOST:
            return f"{value}{WIDE}"
        case None:
            return "null"
        case float() if math.isfinite(value):
            return repr(value)
        case str():
            # Whatever JSON escapes, CEL reads as well; what is beyond ASCII stands for itself in both.
            return json.dumps(value, ensure_ascii=False)
        case _:
            raise InvalidError(
                f"{name} cannot be compared with {value!r}; give text, a number, true, false or null", field=name
            )
