"""Events in the log, made by the dozen and published as the relay publishes them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from regista.access import service
from regista.kit import ids
from regista.kit.bus.model import Received
from regista.kit.db import Database, Transaction
from regista.kit.settings import Settings
from regista_events import codec
from regista_events.envelope import Event
from regista_events.samples import sample
from tests.support.api import ADMIN_KEY
from tests.support.database import fresh
from tests.support.postgres import PostgresSession

BEGAN = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
CONTEXT = (
    b'{"request_id":"r-1","ip":"192.0.2.7","user_agent":"wandb/0.19","client_version":"wandb/0.19","response_code":200}'
)


@asynccontextmanager
async def installed(postgres: PostgresSession, **options: Any) -> AsyncGenerator[Database]:
    """Yield a database with organization `home`, team `team` and an admin (account 1), and an empty outbox."""
    async with fresh(postgres, **options) as database:
        given = Settings(admin_api_key=SecretStr(ADMIN_KEY), data_dir=Path("unused"))
        async with database.transaction() as tx:
            await service.bootstrap(tx, given, "http://test")
            await tx.connection.execute("DELETE FROM outbox")
        yield database


def made(kind: str = "alias.added", number: int = 0, **changes: Any) -> Event[Any]:
    """Return an event of its own, a second later than the one of the number before, with an id made at its time."""
    time = changes.get("time", BEGAN + timedelta(seconds=number))
    identity = UUID(int=int(time.timestamp() * 1000) << 80 | ids.uuid7().int & (1 << 80) - 1)
    given = {"id": identity, "time": time, "source": "/orgs/home", "actor": "1"}
    return sample(kind, "home").model_copy(update=given | changes)


def received(event: Event[Any], shard: int = 3, context: bytes = CONTEXT) -> Received:
    """Return the event as a consumer gets it."""
    raw = codec.encode(event)
    return Received(codec.decode(raw), raw, context, shard)


async def log(tx: Transaction, events: Sequence[Event[Any]], *, organization: int = 1, shard: int = 3) -> None:
    """Write the events into the log and the outbox."""
    for event in events:
        await tx.connection.execute(
            """
            WITH logged AS (
                INSERT INTO event (id, organization_id, aggregate_id, sequence, shard, type, subject, time, actor,
                                   causation_id, correlation_id, body, context)
                VALUES ($1, $2, nextval(pg_get_serial_sequence('aggregate', 'id')), 1, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            )
            INSERT INTO outbox (shard, event_id) VALUES ($3, $1)
            """,
            event.id,
            organization,
            shard,
            event.type,
            event.subject,
            event.time,
            event.actor,
            event.causationid,
            event.correlationid,
            codec.encode(event),
            CONTEXT,
        )
