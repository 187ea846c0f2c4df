"""How often an automation may fire, whatever happens. Pure.

``cooldown``: so long after it has fired, it does not fire again. ``per_hour``: it fires at most so often within any 60
minutes. ``coalesce``: what comes while it may not fire is not lost one by one: the latest event waits and fires when the
limit lets it through, those before it are skipped as ``coalesced``. All of it in the time of events.
"""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, WithJsonSchema, model_validator

from regista.kit.bodies import Part
from regista.kit.complaints import said
from regista.kit.errors import InvalidError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WRITTEN = re.compile(r"([0-9]{1,9})\s*([smhd])\Z")
_LONGEST = timedelta(days=30)


def _parse(value: Any) -> Any:
    if isinstance(value, str) and (found := _WRITTEN.match(value.strip())):
        return timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _LONGEST.total_seconds():
            # Said here, because what is beyond all durations there are has none that the bounds could refuse.
            raise ValueError(f"{str(value)[:30]} seconds are not between 1s and {_written(_LONGEST)}; write e.g. `10m`")
        return timedelta(seconds=value)
    raise ValueError("write a whole number and s, m, h or d, as in `10m`")


def _written(value: timedelta | None) -> str | None:
    if value is None:
        return None
    seconds = int(value.total_seconds())
    unit = next(unit for unit in "dhms" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


Duration = Annotated[
    timedelta,
    BeforeValidator(_parse),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\s*[0-9]{1,9}\s*[smhd]\s*$"},
                {"type": "integer", "minimum": 1, "maximum": int(_LONGEST.total_seconds()), "description": "seconds"},
            ],
            "examples": ["10m"],
        }
    ),
]


class Limits(Part):
    """What limits an automation; none by default."""

    cooldown: Annotated[Duration, Field(gt=timedelta(), le=_LONGEST)] | None = None
    per_hour: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    coalesce: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _some(self) -> "Limits":
        if self.cooldown is None and self.per_hour is None:
            raise ValueError("give `cooldown`, `per_hour` or both; `coalesce` says what becomes of events held back")
        return self

    def written(self) -> dict[str, Any]:
        """Return it as it is stored and shown."""
        return self.model_dump(mode="json", exclude_none=True)


def parse_limits(stored: dict[str, Any] | None) -> Limits | None:
    """Return the limits of a revision. Raises `InvalidError` for what are none, with the place and the reason."""
    if stored is None:
        return None
    try:
        return Limits.model_validate(stored)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(["limits", *map(str, first["loc"])])
        raise InvalidError(f"{place}: {said(first)}", field="limits", place=place) from None
