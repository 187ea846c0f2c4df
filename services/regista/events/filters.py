"""Which events of the log are meant."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import AfterValidator

from regista.kit.errors import InvalidError
from regista_events.catalog import EVENT_TYPES
from regista_events.envelope import full_name


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} lies outside the years 1 to 9999") from None


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A moment of a question, in UTC, which is meant where no offset is given."""

SKEW = timedelta(minutes=10)
"""How far the clock that made an event's id may be from the database's, with the length of a transaction."""


class EventFilter(NamedTuple):
    """Conditions that must all hold; None is no condition.

    ``types`` are full names. ``subject`` is a prefix, ``actor`` an id. ``entity`` is the first part of the subject.
    ``since`` is included, ``until`` is not; both have an offset.
    """

    types: Sequence[str] | None = None
    subject: str | None = None
    actor: str | None = None
    correlation: UUID | None = None
    entity: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def narrows(self) -> bool:
        """Whether there is a condition beyond the type, so that rows are read that are not shown."""
        return any(each is not None for each in (self.subject, self.actor, self.entity, self.since, self.until))


def full_types(names: Sequence[str] | None) -> list[str] | None:
    """Return full names of types given short or in full, separated by commas or one by one; None for none given.

    Raises `InvalidError` for a name that is not in the catalogue, and for names that are all empty.
    """
    if not names:
        return None
    wanted = {full_name(part.strip()) for name in names for part in name.split(",") if part.strip()}
    if not wanted:
        raise InvalidError("the type of events is empty; name one as `alias.added`, or leave it out", field="type")
    for name in sorted(wanted - EVENT_TYPES.keys()):
        raise InvalidError(f"there is no event type {name!r}; /asyncapi.json lists them", field="type")
    return sorted(wanted)


def first_id(moment: datetime | None) -> UUID | None:
    """Return the least UUIDv7 that an event of this moment, `SKEW` allowed for, can have."""
    return None if moment is None else _floor(moment, -SKEW)


def last_id(moment: datetime | None) -> UUID | None:
    """Return a UUIDv7 above those that events up to this moment, `SKEW` allowed for, can have."""
    return None if moment is None else _floor(moment, SKEW)


def _floor(moment: datetime, by: timedelta) -> UUID:
    milliseconds = int((moment.timestamp() + by.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)
