"""Names and texts that clients send, held to the same rules as REST's bodies, with a sentence for the client's user."""

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from regista.kit.errors import InvalidError


def checked(kind: Any, value: Any, what: str) -> Any:
    """Return ``value`` as the annotated type ``kind`` has it. Raises `InvalidError` that says what is wrong with it."""
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = first["msg"].removeprefix("Value error, ")
        shown = repr(value) if isinstance(value, str) and len(value) <= 200 else "the given value"  # noqa: PLR2004 - as fits a line
        raise InvalidError(f"{what} {shown}: {reason}", field=what) from None


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
