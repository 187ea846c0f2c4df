"""How a request says which events of the log it means."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from regista.access.names import EntityName
from regista.events.filters import EventFilter, Moment, full_types

Types = Annotated[
    list[str] | None, Query(alias="type", max_length=100, description="short types as `alias.added`; several are or-ed")
]
Entity = Annotated[EntityName | None, Query(description="events of this team alone; its admins may ask for it")]
Since = Annotated[
    Moment | None, Query(alias="from", description="the first moment, RFC 3339; without an offset it is UTC")
]
Until = Annotated[Moment | None, Query(alias="to", description="the moment up to which, itself not included")]


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
