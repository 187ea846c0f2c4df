"""A realistic event of every type, for test sends, previews and tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from regista_events.catalog import event_class
from regista_events.envelope import Event, full_name, short_name
from regista_events.sample_data import BY_THE_SERVER, DATA, SUBJECTS
from regista_events.schemas import schema_path

SAMPLE_ID = UUID("01960000-0000-7000-8000-000000000001")
SAMPLE_TIME = datetime(2026, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)


def sample(
    event_type: str,
    organization: str = "acme",
    *,
    event_id: UUID = SAMPLE_ID,
    time: datetime = SAMPLE_TIME,
    public_url: str = "http://localhost:8080",
) -> Event[Any]:
    """Return an example of a type by its full or short name; the same arguments give the same event.

    Raises:
        KeyError: the catalogue has no such type.

    """
    wanted = event_class(event_type)
    name = short_name(event_type)
    about = name.partition(".")[0]
    by_the_server = about in BY_THE_SERVER
    return wanted(
        id=event_id,
        source=f"/orgs/{organization}",
        type=full_name(event_type),
        subject=SUBJECTS.get(name) or SUBJECTS[about],
        time=time,
        dataschema=f"{public_url.rstrip('/')}{schema_path(event_type)}",
        partitionkey="42",
        sequence=7,
        actor="system" if by_the_server else "3",
        actortype="system" if by_the_server else "user",
        data=DATA[wanted.model_fields["data"].annotation],
    )
