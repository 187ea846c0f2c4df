"""The client's filters, evaluated as MongoDB documents its operators: written without a look at how Regista does it.

Values of different types are never equal, and neither before nor after one another ("Comparison/Sort Order", type
bracketing); a field that is an array is compared as a whole and by its elements ("Query an Array").
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda held, asked: held > asked,
    "$gte": lambda held, asked: held >= asked,
    "$lt": lambda held, asked: held < asked,
    "$lte": lambda held, asked: held <= asked,
    "$regex": lambda held, asked: re.search(asked, held) is not None,
    # Not MongoDB's own: the client says that it looks for a part of a text.
    "$contains": lambda held, asked: asked in held,
}
_NEGATIVE = {"$ne": "$eq", "$nin": "$in"}


def holds(document: Mapping[str, Any], values: Mapping[str, str | list[str] | None]) -> bool:
    """Return whether values by the client's names of fields fulfil a filter; a list does where one of its texts does."""
    return all(_member(name, asked, values) for name, asked in document.items())


def _member(name: str, asked: Any, values: Mapping[str, str | list[str] | None]) -> bool:
    match name:
        case "$and":
            return all(holds(each, values) for each in asked)
        case "$or":
            return any(holds(each, values) for each in asked)
        case "$nor":
            return not any(holds(each, values) for each in asked)
        case "$not":
            return not holds(asked, values)
        case _:
            return all(_test(values[name], operator, operand) for operator, operand in asked.items())


def _test(held: str | list[str] | None, operator: str, operand: Any) -> bool:
    if operator in _NEGATIVE:
        return not _test(held, _NEGATIVE[operator], operand)
    texts = held if isinstance(held, list) else [] if held is None else [held]
    match operator:
        case "$exists":
            found = bool(texts) == operand
        case "$size":
            found = isinstance(held, list) and len(held) == operand
        case "$all":
            found = bool(operand) and all(_equal(held, texts, each) for each in operand)
        case "$in":
            found = any(_equal(held, texts, each) for each in operand)
        case "$eq":
            found = _equal(held, texts, operand)
        case _:
            found = isinstance(operand, str) and any(_ORDERED[operator](text, operand) for text in texts)
    return found


def _equal(held: str | list[str] | None, texts: list[str], asked: Any) -> bool:
    """Compare the whole and each element; in Python, too, texts equal nothing but texts."""
    return held == asked or asked in texts
