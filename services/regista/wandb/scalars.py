"""The schema's own scalars, in and out."""

import json
from datetime import UTC, datetime
from typing import Any

from ariadne import ScalarType
from graphql import GraphQLError

from regista.kit.bodies import check_json

_json_string = ScalarType("JSONString")
_json = ScalarType("JSON")
_date_time = ScalarType("DateTime")
_int64 = ScalarType("Int64")
_duration = ScalarType("Duration")
_LIMIT = 2**63


@_json_string.serializer
def _write_json(value: Any) -> str:
    """Return JSON text; text is JSON already."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@_json_string.value_parser
def _read_json(value: Any) -> Any:
    """Return what the JSON text says, None for empty text."""
    if not isinstance(value, str):
        raise GraphQLError(f"a JSONString is text that holds JSON, not {value!r}")
    if not value.strip():
        return None
    try:
        return check_json(json.loads(value))
    except (ValueError, RecursionError) as error:
        raise GraphQLError(f"a JSONString holds JSON that can be stored; this does not: {error}") from None


@_json.serializer
def _write_value(value: Any) -> Any:
    return value


@_date_time.serializer
def _write_time(value: datetime) -> str:
    """Return UTC with seconds: the client's own format."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@_int64.serializer
@_duration.serializer
def _write_integer(value: int) -> int:
    return value


@_int64.value_parser
@_duration.value_parser
def _read_integer(value: Any) -> int:
    try:
        number = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not -_LIMIT <= number < _LIMIT:
        raise GraphQLError(f"an Int64 is a whole number of 64 bits, not {value!r}")
    return number


BINDINGS = (_json_string, _json, _date_time, _int64, _duration)
