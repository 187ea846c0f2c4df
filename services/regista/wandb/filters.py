"""The client's Mongo-like filters and its orders, as conditions of the kit. Pure.

Field names pass as they are; the list that is filtered says which it knows.
"""

from collections.abc import Callable, Mapping
from typing import Any

from regista.kit.db.conditions import EVERYTHING, All, ArrayOperator, Condition, Not, Operator, Order, Some, Test
from regista.kit.errors import InvalidError

MAX_DEPTH = 32
OPERATORS: dict[str, Operator] = {
    "$eq": "=",
    "$ne": "<>",
    "$gt": ">",
    "$gte": ">=",
    "$lt": "<",
    "$lte": "<=",
    "$in": "in",
    "$nin": "not in",
    "$regex": "matches",
    "$contains": "contains",
    "$exists": "exists",
}
"""Of a field, by the client's sign."""
OF_ARRAYS: dict[str, ArrayOperator] = {"$size": "size", "$all": "all"}
"""Those that lists cannot be filtered by, and automations can."""
_LOGICAL: dict[str, Callable[[tuple[Condition, ...]], Condition]] = {
    "$and": All,
    "$or": Some,
    "$nor": lambda parts: Not(Some(parts)),
}


def parse_filter(document: Any, operators: Mapping[str, Operator | ArrayOperator] = OPERATORS) -> Condition:
    """Return the condition in a filter; of None or ``{}`` the one that is always true.

    Raises `InvalidError` for what is no filter, with the operator or value that is not.
    """
    return _Parser(operators).parse(document, 0) if document is not None else EVERYTHING


def parse_order(text: str | None) -> list[Order]:
    """Return the order in ``-created_at``, ``+name`` or several of them separated by commas."""
    orders: list[Order] = []
    for part in (text or "").split(","):
        name = part.strip()
        if name:
            orders.append(Order(name.lstrip("+-"), descending=name.startswith("-")))
    return orders


class _Parser:
    """Reads filters whose fields may be asked by ``operators``."""

    def __init__(self, operators: Mapping[str, Operator | ArrayOperator]) -> None:
        self._operators = operators

    def parse(self, document: Any, depth: int) -> Condition:
        if not isinstance(document, dict):
            raise InvalidError(f"a filter is an object such as {{'name': {{'$eq': 'x'}}}}, not {document!r}")
        if depth > MAX_DEPTH:
            raise InvalidError(f"the filter is nested deeper than {MAX_DEPTH} levels")
        parts = [self._member(str(name), value, depth) for name, value in document.items()]
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _member(self, name: str, value: Any, depth: int) -> Condition:
        if name in _LOGICAL:
            if not isinstance(value, list):
                raise InvalidError(f"{name} takes a list of filters, not {value!r}")
            return _LOGICAL[name](tuple(self.parse(each, depth + 1) for each in value))
        if name == "$not":
            return Not(self.parse(value, depth + 1))
        if name.startswith("$"):
            raise InvalidError(f"the filter operator {name!r} is not known here; there are {self._known()}")
        return self._field(name, value, depth)

    def _field(self, name: str, value: Any, depth: int) -> Condition:
        operators: dict[str, Any] = value if isinstance(value, dict) else {}
        if not operators or not all(key.startswith("$") for key in operators):
            return Test(name, "=", value)
        if depth > MAX_DEPTH:
            raise InvalidError(f"the filter is nested deeper than {MAX_DEPTH} levels")
        tests: list[Condition] = []
        for operator, operand in operators.items():
            if operator == "$not":
                tests.append(Not(self._field(name, operand, depth + 1)))
            elif operator in self._operators:
                tests.append(Test(name, self._operators[operator], operand))
            else:
                raise InvalidError(
                    f"the filter operator {operator!r} on {name} is not known here; there are {self._known()}"
                )
        return tests[0] if len(tests) == 1 else All(tuple(tests))

    def _known(self) -> str:
        return ", ".join([*_LOGICAL, "$not", *self._operators])
