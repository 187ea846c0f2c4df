"""What a reader of the log asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query

from regista.access.names import EntityName
from regista.kit.errors import InvalidError
from regista_events.catalog import EVENT_TYPES
from regista_events.envelope import full_name

Types = Annotated[
    list[str] | None, Query(alias="type", max_length=100, description="short types as `alias.added`; several are or-ed")
]
Moment = Annotated[datetime | None, Query(description="RFC 3339; without an offset it is UTC")]

Entity = Annotated[EntityName | None, Query(description="events of this team alone; its admins may ask for it")]

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


def asked(
    types: Types = None,
    subject: Annotated[str | None, Query(max_length=1000, description="what the subject begins with")] = None,
    actor: Annotated[str | None, Query(max_length=200, description="name or id")] = None,
    correlation: Annotated[UUID | None, Query(description="the first event of a chain")] = None,
    entity: Entity = None,
    since: Annotated[Moment, Query(alias="from")] = None,
    until: Annotated[Moment, Query(alias="to")] = None,
) -> EventFilter:
    """Return the filter of a request. Raises `InvalidError`."""
    return EventFilter(full_types(types), subject, actor, correlation, entity, utc(since), utc(until))


def utc(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC, which is meant where no offset is given. Raises `InvalidError` beyond the calendar."""
    if moment is None or moment.tzinfo is None:
        return None if moment is None else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidError(f"{moment.isoformat()} lies outside the years 1 to 9999") from None


def full_types(names: Sequence[str] | None) -> list[str] | None:
    """Return full names of types given short or in full, separated by commas or one by one; None for none given.

    Raises `InvalidError` for a name that is not in the catalogue.
    """
    if not names:
        return None
    wanted = {full_name(part.strip()) for name in names for part in name.split(",") if part.strip()}
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
