"""Where the poison of a consumer group is kept: the record as it came, where it came from, and what was wrong."""

from regista.kit.bus.model import Origin, Received
from regista.kit.db import Database

ERROR_LIMIT = 4000
"""Characters of the error that are kept: enough for its type, message and first detail."""

_PARK = """
INSERT INTO dead_letter ("group", origin, event_id, shard, body, context, error) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""


class DeadLetters:
    """`regista.kit.bus.model.Parking` on table ``dead_letter``.

    A record is the same one when group and event id agree or, where the bus said no id, group and place; parking it
    again changes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def park(self, group: str, record: Received, origin: Origin, error: Exception) -> None:
        """Commit the record in a transaction of its own. Raises what the driver raises."""
        async with self._database.transaction() as transaction:
            await transaction.connection.execute(
                _PARK, group, str(origin), origin.event_id, record.shard, record.raw, record.context, _said(error)
            )


def _said(error: Exception) -> str:
    """Return the error as text that PostgreSQL can hold: no U+0000, no lone surrogate."""
    text = f"{type(error).__name__}: {error}"[:ERROR_LIMIT]
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()
