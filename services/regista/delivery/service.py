"""What people may ask of the ledger: to see, to try again, to give up."""

from typing import Any, Final
from uuid import UUID

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, authorize, decide
from regista.delivery.errors import NoSuchDeliveryError, NoSuchLaneError, NotPendingError
from regista.delivery.repository import lanes, views
from regista.delivery.repository.views import Filters
from regista.kit.db import Transaction

MANY: Final = 1000
"""Deliveries that one request has redelivered at most."""
LAST: Final = 2**63 - 1


async def list_deliveries(
    transaction: Transaction, actor: Actor, filters: Filters, before: int | None, limit: int
) -> list[Any]:
    """Return deliveries that the actor may see, newest first. Raises `NoSuchLaneError` for a lane that it may not."""
    visible = await _allowed(transaction, actor, Action.DELIVERY_READ, filters.lane_id)
    return await views.page(
        transaction, actor.organization_id, visible, filters, LAST if before is None else before, limit
    )


async def get_delivery(transaction: Transaction, actor: Actor, delivery: UUID, *, lock: bool = False) -> Any:
    """Return one delivery. Raises `NoSuchDeliveryError`, `AccessDeniedError`."""
    row = await views.one(transaction, actor.organization_id, delivery, lock=lock)
    if row is None:
        raise NoSuchDeliveryError(f"delivery {delivery} does not exist, or you may not see it")
    authorize(actor, Action.DELIVERY_READ, _resource(actor, row["entity_id"], f"delivery {delivery}"))
    return row


async def list_attempts(
    transaction: Transaction, actor: Actor, delivery: UUID, after: int, limit: int
) -> tuple[list[Any], bool]:
    """Return attempts of a delivery, and whether the actor may see what the endpoint answered.

    What an endpoint of the inside says is for those alone who could have configured it.
    """
    row = await get_delivery(transaction, actor, delivery)
    may_edit = decide(actor, Action.INTEGRATION_WRITE, _resource(actor, row["entity_id"], row["endpoint"])).allowed
    return await views.attempts(transaction, delivery, after, limit), may_edit


async def redeliver(transaction: Transaction, actor: Actor, delivery: UUID) -> Any:
    """Have one more attempt made, with the same id, whatever came of the others; return the delivery.

    If it fails, the delivery stays what it was, and its schedule, if it has one left, goes on where it was.
    Raises `NoSuchDeliveryError`, `AccessDeniedError`, and `NoSuchLaneError` for one whose endpoint was deleted.
    """
    row = await get_delivery(transaction, actor, delivery, lock=True)
    authorize(actor, Action.DELIVERY_REDELIVER, _resource(actor, row["entity_id"], f"delivery {delivery}"))
    if not await views.redeliver(transaction, [delivery]):
        raise NoSuchLaneError(
            f"endpoint {row['endpoint']!r} of delivery {delivery} was deleted; nothing can be sent to it"
        )
    transaction.wake(lanes.CHANNEL)
    return await views.one(transaction, actor.organization_id, delivery)


async def redeliver_many(
    transaction: Transaction, actor: Actor, filters: Filters, before: int | None
) -> tuple[int, int | None]:
    """Redeliver what the filters name, newest first, MANY at most, of lanes where the actor may.

    Return how many, and the position below which to go on, None when that was all. Raises `NoSuchLaneError`.
    """
    visible = await _allowed(transaction, actor, Action.DELIVERY_REDELIVER, filters.lane_id)
    rows = await views.page(
        transaction, actor.organization_id, visible, filters, LAST if before is None else before, MANY + 1
    )
    chosen = rows[:MANY]
    number = await views.redeliver(transaction, [row["id"] for row in chosen])
    if number:
        transaction.wake(lanes.CHANNEL)
    return number, chosen[-1]["position"] if len(rows) > MANY else None


async def cancel(transaction: Transaction, actor: Actor, delivery: UUID) -> Any:
    """End a pending delivery; return it. An attempt that is being made may still arrive, and then counts.

    Raises `NoSuchDeliveryError`, `AccessDeniedError`, and `NotPendingError` for one that has ended.
    """
    row = await get_delivery(transaction, actor, delivery, lock=True)
    authorize(actor, Action.DELIVERY_REDELIVER, _resource(actor, row["entity_id"], f"delivery {delivery}"))
    if not await views.cancel(transaction, delivery):
        raise NotPendingError(f"delivery {delivery} is {row['state']}; only a pending one can be canceled")
    transaction.wake(lanes.RECALL)
    return await views.one(transaction, actor.organization_id, delivery)


async def _allowed(transaction: Transaction, actor: Actor, action: Action, lane_id: int | None) -> list[int | None]:
    if lane_id is None:
        entities = await views.entities(transaction, actor.organization_id)
        return [entity for entity in entities if decide(actor, action, _resource(actor, entity, "lanes")).allowed]
    lane = await lanes.by_id(transaction, lane_id)
    if lane is None or lane["organization_id"] != actor.organization_id:
        raise NoSuchLaneError(f"lane {lane_id} does not exist, or you may not see it")
    authorize(actor, action, _resource(actor, lane["entity_id"], f"lane {lane_id}"))
    return [lane["entity_id"]]


def _resource(actor: Actor, entity: int | None, name: str) -> Resource:
    return Resource(name, actor.organization_id, entity)
