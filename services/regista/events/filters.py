"""What a reader of the log asks for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator

from regista.access.names import EntityName
from regista.kit.errors import InvalidError
from regista_events.catalog import EVENT_TYPES
from regista_events.envelope import full_name

Types = Annotated[
    list[str] | None, Query(alias="type", max_length=100, description="short types as `alias.added`; several are or-ed")
]
Entity = Annotated[EntityName | None, Query(description="events of this team alone; its admins may ask for it")]


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} lies outside the years 1 to 9999") from None


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A moment of a question, in UTC, which is meant where no offset is given."""
Since = Annotated[
    Moment | None, Query(alias="from", description="the first moment, RFC 3339; without an offset it is UTC")
]
Until = Annotated[Moment | None, Query(alias="to", description="the moment up to which, itself not included")]

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
    since: Since = None,
    until: Until = None,
) -> EventFilter:
    """Return the filter of a request. Raises `InvalidError`."""
    return EventFilter(full_types(types), subject, actor, correlation, entity, since, until)


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
