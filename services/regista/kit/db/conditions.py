"""Conditions and orders that callers give to lists, compiled to SQL: names from a fixed set, values as parameters.

A `Condition` is what was asked, in the words of the caller; a `Column` is what a name stands for in one query. Every
comparison is true or false, never null, so that a negation is the complement. Pure.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from regista.kit.errors import InvalidError

Kind = Literal["text", "integer", "number", "boolean", "time", "json", "many"]
Operator = Literal["=", "<>", ">", ">=", "<", "<=", "in", "not in", "matches", "contains", "exists"]
ArrayOperator = Literal["size", "all"]
"""Asked of a field as a whole: no list is filtered by them."""

_COMPARISONS = {">": ">", ">=": ">=", "<": "<", "<=": "<="}
_CASTS = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "time": "timestamptz",
}


class UnknownFieldError(InvalidError):
    """A list cannot be filtered or ordered by this."""

    code = "unknown_field"


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a field with a value.

    ``value`` is a list for ``in``, ``not in`` and ``all``, a bool for ``exists``, a number for ``size``.
    """

    field: str
    operator: Operator | ArrayOperator
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    """True where all are; of none, true."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """True where at least one is; of none, false."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the other is not."""

    of: "Condition"


Condition = Test | All | Some | Not
EVERYTHING = All(())


@dataclass(frozen=True, slots=True)
class Column:
    """What a field is in a query. ``sql`` is an expression; for ``many``, ``EXISTS (… {test} …)`` over ``element``."""

    sql: str
    kind: Kind = "text"
    element: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A field to sort by."""

    field: str
    descending: bool = False


Columns = Callable[[str, "Parameters"], Column | None]
"""Finds what a name stands for; None for a name that the list does not know."""


class Parameters:
    """The values of a statement, in order; `add` returns the placeholder of one."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any) -> str:
        """Append a value and return ``$n``."""
        self.values.append(value)
        return f"${len(self.values)}"


def columns(named: Mapping[str, Column], **trees: str) -> Columns:
    """Return a finder of fixed names, and of paths into JSON: ``metadata="a.metadata"`` knows ``metadata.acc``."""

    def find(name: str, parameters: Parameters) -> Column | None:
        if name in named:
            return named[name]
        root, dot, rest = name.partition(".")
        if dot and root in trees:
            return Column(f"({trees[root]} #> {parameters.add(rest.split('.'))}::text[])", "json")
        return None

    return find


def compile_condition(condition: Condition, find: Columns, parameters: Parameters) -> str:
    """Return the SQL of a condition. Raises `UnknownFieldError`, `InvalidError` for a value of the wrong kind."""
    if isinstance(condition, Test):
        return _test(condition, _known(condition.field, find, parameters), parameters)
    if isinstance(condition, Not):
        return f"(NOT {compile_condition(condition.of, find, parameters)})"
    word, empty = (" AND ", "true") if isinstance(condition, All) else (" OR ", "false")
    parts = [compile_condition(each, find, parameters) for each in condition.of]
    return f"({word.join(parts)})" if parts else empty


@dataclass(frozen=True, slots=True)
class Sorting:
    """A compiled order: ``keys`` go into the select list (as text, for the cursor), ``by`` behind ORDER BY."""

    keys: str
    by: str
    expressions: tuple[tuple[str, str, bool], ...]
    """(expression, type, descending) of each."""

    def after(self, cursor: Sequence[str | None], parameters: Parameters) -> str:
        """Return the SQL that is true for rows behind the one whose keys, as text, these are. Nulls come last.

        Raises `InvalidError` for a cursor of another order.
        """
        if len(cursor) != len(self.expressions):
            raise InvalidError("the cursor is not one of this list; begin without a cursor", field="cursor")
        alternatives: list[str] = []
        equal: list[str] = []
        for (expression, kind, descending), value in zip(self.expressions, cursor, strict=True):
            if value is None:
                equal.append(f"{expression} IS NULL")
                continue
            # The driver wants a value of the type it is told; text is what the cursor holds.
            given = f"{parameters.add(value)}::text::{kind}"
            sign = "<" if descending else ">"
            alternatives.append(" AND ".join([*equal, f"({expression} {sign} {given} OR {expression} IS NULL)"]))
            equal.append(f"{expression} = {given}")
        return f"({' OR '.join(f'({each})' for each in alternatives)})" if alternatives else "false"


def compile_order(orders: Sequence[Order], find: Columns, parameters: Parameters, tie: str) -> Sorting:
    """Return the SQL of an order; ``tie`` is a unique bigint column that decides last, in the last order's direction.

    Raises `UnknownFieldError`, also for fields that have many values.
    """
    expressions: list[tuple[str, str, bool]] = []
    for order in orders:
        column = _known(order.field, find, parameters)
        if column.kind == "many":
            raise UnknownFieldError(f"a list cannot be ordered by {order.field!r}, which has many values")
        if column.kind == "json":
            # Numbers by their value, then everything else by its text: JSON has no order that people mean.
            number = f"CASE WHEN jsonb_typeof({column.sql}) = 'number' THEN ({column.sql})::double precision END"
            expressions.append((number, "double precision", order.descending))
            expressions.append((f"({column.sql} #>> '{{}}') COLLATE \"C\"", "text", order.descending))
        else:
            kind = _CASTS[column.kind]
            collated = f'({column.sql}) COLLATE "C"' if kind == "text" else column.sql
            expressions.append((collated, kind, order.descending))
    expressions.append((tie, "bigint", orders[-1].descending if orders else False))
    keys = f"ARRAY[{', '.join(f'({expression})::text' for expression, _, _ in expressions)}]"
    by = ", ".join(f"{expression} {'DESC' if down else 'ASC'} NULLS LAST" for expression, _, down in expressions)
    return Sorting(keys, by, tuple(expressions))


def _known(field: str, find: Columns, parameters: Parameters) -> Column:
    column = find(field, parameters)
    if column is None:
        raise UnknownFieldError(f"there is no field {field!r} to filter or order by here", field=field)
    return column


def _test(test: Test, column: Column, parameters: Parameters) -> str:
    if test.operator in {"size", "all"}:
        raise InvalidError(f"a list cannot be filtered by {test.operator} of {test.field!r}", field=test.field)
    if column.kind == "many":
        return _any_of(test, column, parameters)
    compiled = _json(test, column.sql, parameters) if column.kind == "json" else _scalar(test, column, parameters)
    return f"coalesce({compiled}, false)"


def _any_of(test: Test, column: Column, parameters: Parameters) -> str:
    # Not equal means: none of the values is equal.
    negated: dict[Operator | ArrayOperator, Operator | ArrayOperator] = {"<>": "=", "not in": "in"}
    positive = Test(test.field, negated.get(test.operator, test.operator), test.value)
    if test.operator == "exists":
        found = column.sql.replace("{test}", "true")
        return found if test.value else f"(NOT {found})"
    if positive.operator == "contains":
        positive = Test(test.field, "=", test.value)
    if positive.operator == "=" and isinstance(test.value, list):
        positive = Test(test.field, "in", positive.value)  # pyright: ignore[reportUnknownMemberType]
    found = column.sql.replace("{test}", f"coalesce({_scalar(positive, Column(column.element), parameters)}, false)")
    return f"(NOT {found})" if test.operator in negated else found


def _scalar(test: Test, column: Column, parameters: Parameters) -> str:
    sql, operator = column.sql, test.operator
    if operator == "exists":
        return f"{sql} IS {'NOT ' if test.value else ''}NULL"
    if operator in {"matches", "contains"}:
        text = parameters.add(_text(test))
        subject = sql if column.kind == "text" else f"({sql})::text"
        return f"{subject} ~ {text}::text" if operator == "matches" else f"strpos({subject}, {text}::text) > 0"
    if operator in {"in", "not in"}:
        given = [_value(test, column, each) for each in _list(test)]
        found = f"{sql} = ANY({parameters.add([each for each in given if each is not None])}::{_CASTS[column.kind]}[])"
        if None in given:
            found = f"(coalesce({found}, false) OR {sql} IS NULL)"
        return found if operator == "in" else f"NOT coalesce({found}, false)"
    value = _value(test, column, test.value)
    if value is None:
        return _null(test, sql)
    given = f"{parameters.add(value)}::{_CASTS[column.kind]}"
    if operator in _COMPARISONS:
        return f"{sql} {_COMPARISONS[operator]} {given}"
    return f"{sql} = {given}" if operator == "=" else f"{sql} IS DISTINCT FROM {given}"


def _json(test: Test, sql: str, parameters: Parameters) -> str:
    operator, value = test.operator, test.value
    if operator == "exists":
        return f"{sql} IS {'NOT ' if value else ''}NULL"
    if operator == "matches":
        return f"({sql} #>> '{{}}') ~ {parameters.add(_text(test))}::text"
    if operator == "contains":
        found = f"{sql} @> {parameters.add(_dump(value))}::jsonb"
        return (
            f"({found} OR strpos({sql} #>> '{{}}', {parameters.add(value)}::text) > 0)"
            if isinstance(value, str)
            else found
        )
    if operator in {"in", "not in"}:
        found = f"{sql} = ANY({parameters.add([_dump(each) for each in _list(test)])}::text[]::jsonb[])"
        return found if operator == "in" else f"NOT coalesce({found}, false)"
    if operator in {"=", "<>"}:
        return _equal(test, sql, parameters)
    return _ordered(test, sql, parameters)


def _equal(test: Test, sql: str, parameters: Parameters) -> str:
    equal = test.operator == "="
    if test.value is None:
        # A null that is written and one that is left out are the same to whoever asks.
        return f"({_null(test, sql)} {'OR' if equal else 'AND'} {sql} {'=' if equal else '<>'} 'null'::jsonb)"
    return f"{sql} {'=' if equal else 'IS DISTINCT FROM'} {parameters.add(_dump(test.value))}::jsonb"


def _ordered(test: Test, sql: str, parameters: Parameters) -> str:
    value = test.value
    # JSON orders values of different types by their type; people compare numbers with numbers, text with text.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InvalidError(f"{test.field} cannot be compared with {value!r} by {test.operator}; give a number or text")
    kind = "string" if isinstance(value, str) else "number"
    return f"(jsonb_typeof({sql}) = '{kind}' AND {sql} {_COMPARISONS[test.operator]} {parameters.add(_dump(value))}::jsonb)"


def _null(test: Test, sql: str) -> str:
    if test.operator not in {"=", "<>"}:
        raise InvalidError(f"{test.field} cannot be compared with null by {test.operator}")
    return f"{sql} IS {'NOT ' if test.operator == '<>' else ''}NULL"


def _list(test: Test) -> list[Any]:
    if not isinstance(test.value, list):
        raise InvalidError(f"{test.field}: `in` takes a list, not {test.value!r}")
    return test.value  # pyright: ignore[reportUnknownVariableType]


def _text(test: Test) -> str:
    if not isinstance(test.value, str):
        raise InvalidError(f"{test.field}: {test.operator} takes text, not {test.value!r}")
    return test.value


def _value(test: Test, column: Column, value: Any) -> Any:
    """Return the value as the driver takes it for the column's kind; raise `InvalidError` for one that is of another."""
    if value is None:
        return None
    try:
        match column.kind:
            case "integer":
                number = int(value)
                if not -(2**63) <= number < 2**63:
                    raise ValueError("beyond 64 bits")  # noqa: TRY301 - answered below, as every other misfit
                return number
            case "number":
                return float(value)
            case "boolean":
                if not isinstance(value, bool):
                    raise ValueError("not true or false")  # noqa: TRY301, TRY004 - as above
                return value
            case "time":
                return _time(value)
            case _:
                if not isinstance(value, str):
                    raise ValueError("not text")  # noqa: TRY301, TRY004 - as above
                return value
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidError(f"{test.field} is compared with {value!r}, which is no {column.kind}: {error}") from None


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _dump(value: Any) -> str:
    return json.dumps(value)
