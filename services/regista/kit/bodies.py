"""What people send: unknown fields refused, and no text that PostgreSQL or UTF-8 cannot hold."""

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

MAX_DEPTH = 64


def check_json(value: Any) -> Any:
    """Return the JSON value with non-finite numbers as the strings NaN, Infinity, -Infinity.

    Raises `ValueError` for U+0000, a lone surrogate, or nesting deeper than 64.
    """
    return _check(value, 0)


def _check(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {_text(str(key)): _check(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_check(member, depth + 1) for member in value]
    return value


def _text(value: str) -> str:
    # `isascii` is a flag check; only other text can hold a surrogate.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"text with a lone surrogate (U+{ord(value[error.start]):04X}) cannot be stored") from None
    if "\x00" in value:
        raise ValueError("text with U+0000 cannot be stored")
    return value


class Part(BaseModel):
    """A value inside a request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(Part):
    """A request body."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return check_json(value)
