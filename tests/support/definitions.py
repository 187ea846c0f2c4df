"""Definitions of automations and events of places, as values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from regista.automations.matching import Action, Definition
from regista.kit import ids
from regista_events import Event, event_class, full_name, sample
from regista_events.samples import SAMPLE_TIME

WEBHOOK = Action("webhook", {"integration": "ci"}, 1, 1)


def definition(
    number: int,
    scope: tuple[str, int],
    *events: str,
    organization: str = "acme",
    organization_id: int = 1,
    entity: str | None = None,
    **changes: Any,
) -> Definition:
    """Return the first revision of an automation that was made when the samples happened."""
    made = Definition(
        id=number,
        organization_id=organization_id,
        organization=organization,
        revision=1,
        enabled=True,
        created_at=SAMPLE_TIME,
        scope_kind=scope[0],  # type: ignore[arg-type]
        scope_id=scope[1],
        scope_entity=entity,
        events=frozenset(full_name(each) for each in events),
        condition=None,
        actions=(WEBHOOK,),
        kinds=frozenset({"webhook"}),
    )
    return made._replace(**changes)


def event_at(
    event_type: str,
    *,
    organization: str = "acme",
    event_id: UUID | None = None,
    time: datetime = SAMPLE_TIME,
    data: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> Event[Any]:
    """Return a sample whose snapshots in ``data`` are changed: ``{"collection": {"id": 7}}``."""
    event = sample(event_type, organization, event_id=event_id or ids.uuid7(), time=time)
    document = event.model_dump(mode="json", by_alias=True) | attributes
    for name, changes in (data or {}).items():
        value = document["data"].get(name)
        document["data"][name] = {**value, **changes} if isinstance(value, dict) else changes
    return event_class(event_type).model_validate(document)
