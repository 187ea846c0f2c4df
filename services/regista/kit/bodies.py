"""What people send: unknown fields refused, no text that PostgreSQL or UTF-8 cannot hold, rules said in words."""

import math
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MAX_DEPTH = 64


class Rule:
    """What a text must be like, in words: ``Annotated[str, StringConstraints(pattern=…), Rule("use letters")]``.

    Whoever sends another reads the value and the words instead of a regular expression; of a ``secret`` only the words.
    """

    def __init__(self, words: str, *, secret: bool = False) -> None:
        self._words = words
        self._secret = secret

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._check, handler(source))

    def _check(self, value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError:
            if not isinstance(value, str):
                raise
            shown = "this value" if self._secret else repr(value[:100])
            raise PydanticCustomError(
                "unfit", "{shown} does not fit: {words}", {"shown": shown, "words": self._words}
            ) from None


def check_json(value: Any) -> Any:
    """Return the JSON value with non-finite numbers as the strings NaN, Infinity, -Infinity.

    Raises `ValueError` for U+0000, a lone surrogate, or nesting deeper than 64.
    """
    return _check(value, 0)


def _check(value: Any, depth: int, *, names: bool = True) -> Any:
    """Return the value; without ``names``, non-finite numbers stay what they are."""
    if isinstance(value, str):
        return _text(value)
    if names and isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {_text(str(key)): _check(member, depth + 1, names=names) for key, member in value.items()}
    if isinstance(value, list):
        return [_check(member, depth + 1, names=names) for member in value]
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
    """A value inside a request body. Where any JSON may stand, non-finite numbers become the strings of their names."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        free = _free(cls)
        if not free or not isinstance(value, dict):
            return value
        return {name: check_json(member) if name in free else member for name, member in value.items()}


class Body(Part):
    """A request body."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return _check(value, 0, names=False)


@cache
def _free(model: type[Part]) -> frozenset[str]:
    """Return the fields in which any JSON may stand."""
    fields = model.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if _holds_any(field.annotation))


def _holds_any(annotation: Any) -> bool:
    return annotation is Any or any(map(_holds_any, get_args(annotation)))
