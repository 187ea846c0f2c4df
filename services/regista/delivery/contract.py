"""What passes between delivery and those who use it: rows to plan, rows to send, outcomes, news of a lane."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from regista.kit.db import Transaction

LONGEST_PAUSE: Final = 600.0
"""Seconds for which a lane rests at most because its receiver asks for it."""


class NewDelivery(NamedTuple):
    """An effect that is wanted; ``(event_id, automation_id, action_index, replay_id)`` is its identity for ever.

    ``payload`` is the frozen body, None for the event's own; ``holes`` is what its sender has to know of it, None with
    the event's own. ``traceparent`` is the trace of the event. A replay to an endpoint has no automation and no revision.
    """

    organization_id: int
    lane_id: int
    event_id: UUID
    automation_id: int | None
    action_index: int
    revision: int | None
    replay_id: UUID | None
    payload: bytes | None
    holes: str | None = None
    traceparent: str | None = None


class Claimed(NamedTuple):
    """A row of the ledger on its way to the receiver.

    ``id`` is the same on every attempt, ``position`` the order of the ledger, ``attempt`` counts from 1, ``body`` is
    the frozen payload or the event's own bytes, ``replayed`` tells a replay. ``holes`` and ``traceparent`` are as they
    were planned.
    """

    id: UUID
    position: int
    organization_id: int
    lane_id: int
    event_id: UUID
    attempt: int
    body: bytes
    replayed: bool
    holes: str | None = None
    traceparent: str | None = None


class Outcome(NamedTuple):
    """What one attempt came to. ``error`` None is success; ``gone`` is 410, which disables the lane.

    ``headers`` and ``body`` (20 kB at most, ``truncated`` if there was more) are the response's, ``retry_after`` its
    header as it came, ``seconds`` the whole exchange. ``called`` is false where the delivery itself is why nothing was
    sent: such a failure follows the schedule, and is held neither against the lane's circuit nor against its streak.
    ``final`` is a failure that no repetition mends: the delivery is dead at once. ``pause`` are seconds, `LONGEST_PAUSE`
    at most, for which the receiver wants nothing more of the lane.
    """

    status: int | None
    error: str | None
    seconds: float
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    retry_after: str | None
    gone: bool
    called: bool = True
    final: bool = False
    pause: float = 0.0


class News(StrEnum):
    """What a lane's owner announces, each once."""

    EXHAUSTED = "exhausted"
    """A delivery was given up after its last attempt."""
    FAILING = "failing"
    """Several attempts failed in a row."""
    RECOVERED = "recovered"
    """The first success after that."""
    DISABLED = "disabled"
    """Nothing is sent any more: it is gone, or has failed for too long."""


class LaneNews(NamedTuple):
    """``kind``, and the delivery that brought it about.

    ``attempts`` are the delivery's for EXHAUSTED, otherwise the lane's failures in a row, the first of them at
    ``since``. ``error`` and ``status`` are the last attempt's. ``reason`` of DISABLED is ``gone`` or ``failing``.
    """

    kind: News
    delivery_id: UUID
    event_id: UUID
    automation_id: int | None
    attempts: int
    error: str | None
    status: int | None
    since: datetime | None
    reason: str | None


class Throttle(NamedTuple):
    """At most ``limit`` sends start within any ``seconds``."""

    limit: int
    seconds: float


class Sender(Protocol):
    """One way out. ``kind`` is that of the lanes it serves."""

    kind: str

    async def send(self, row: Claimed) -> Outcome:
        """Make one attempt, ended by a timeout of its own. It is given no database connection and holds none.

        Whatever it raises is a fault of ours, no attempt: the row is sent again after a pause.
        """
        ...

    async def announce(self, transaction: Transaction, lane_id: int, news: LaneNews) -> None:
        """Append the event of the news, in the transaction that records it."""
        ...
