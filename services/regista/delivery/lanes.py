"""Lanes as their endpoints make, change, stop and remove them."""

from regista.delivery.contract import Throttle
from regista.delivery.errors import NoSuchLaneError
from regista.delivery.repository import lanes as repository
from regista.kit.db import Transaction

MAX_CONCURRENCY = 64


async def create_lane(
    transaction: Transaction,
    organization_id: int,
    kind: str,
    *,
    name: str,
    entity_id: int | None = None,
    concurrency: int = 4,
    throttle: Throttle | None = None,
) -> int:
    """Make an active lane and return its id.

    ``kind`` names its sender, ``name`` is what people call the endpoint, ``entity_id`` whose members may see and
    redeliver its deliveries (None: the organization). ``concurrency`` 1 to 64; 1 is strict FIFO.
    """
    lane = await repository.insert(transaction, organization_id, kind, name, entity_id, concurrency, throttle)
    transaction.wake(repository.CHANNEL)
    return lane


async def update_lane(
    transaction: Transaction,
    lane_id: int,
    *,
    name: str,
    entity_id: int | None = None,
    concurrency: int = 4,
    throttle: Throttle | None = None,
) -> None:
    """Overwrite the lane's configuration; the owner follows within a second. Raises `NoSuchLaneError`."""
    if not await repository.configure(transaction, lane_id, name, entity_id, concurrency, throttle):
        raise _missing(lane_id)
    transaction.wake(repository.CHANNEL)


async def enable_lane(transaction: Transaction, lane_id: int) -> bool:
    """Send again, with a clean record of failures; return whether that changed anything. Raises `NoSuchLaneError`."""
    return await _switch(transaction, lane_id, None)


async def disable_lane(transaction: Transaction, lane_id: int, reason: str = "manual") -> bool:
    """Stop sending: pending deliveries wait, none is dropped; return whether that changed anything.

    What is in flight ends as it ends. Raises `NoSuchLaneError`.
    """
    return await _switch(transaction, lane_id, reason)


async def remove_lane(transaction: Transaction, lane_id: int) -> None:
    """Stop sending for ever: what is pending is canceled, what was sent stays on record. Raises `NoSuchLaneError`."""
    if await repository.lock(transaction, lane_id) is None:
        raise _missing(lane_id)
    await repository.remove(transaction, lane_id)
    transaction.wake(repository.CHANNEL)


async def _switch(transaction: Transaction, lane_id: int, reason: str | None) -> bool:
    row = await repository.lock(transaction, lane_id)
    if row is None:
        raise _missing(lane_id)
    if (row["state"] == "active") is (reason is None):
        return False
    if reason is None:
        await repository.enable(transaction, lane_id)
    else:
        await repository.disable(transaction, lane_id, reason)
    transaction.wake(repository.CHANNEL)
    return True


def _missing(lane_id: int) -> NoSuchLaneError:
    return NoSuchLaneError(f"there is no lane {lane_id}, or it was removed")
