"""Deliveries that were given up, and the health of the endpoints they went to."""

from typing import Literal
from uuid import UUID

from regista_events.envelope import Event, Id, Payload, Timestamp
from regista_events.subjects import EndpointSnapshot


class DeliveryExhaustedData(Payload, frozen=True):
    """`attempts` in all; `cause` is the event that was to be delivered, `cause_type` its short type.

    `error` is the last attempt's code (`timeout`, `http_5xx`), `response_code` its HTTP status if there was an answer.
    """

    endpoint: EndpointSnapshot
    delivery: UUID
    attempts: Id
    cause: UUID
    cause_type: str
    automation_id: Id | None = None
    error: str | None = None
    response_code: int | None = None


class DeliveryExhausted(Event[DeliveryExhaustedData], frozen=True):
    """The last attempt of a delivery failed; it can still be redelivered."""

    type: Literal["dev.regista.delivery.exhausted"] = "dev.regista.delivery.exhausted"


class EndpointData(Payload, frozen=True):
    """`attempts` that failed in a row, the first of them at `since`; `delivery` and `error` are the last one's."""

    endpoint: EndpointSnapshot
    attempts: Id = 0
    delivery: UUID | None = None
    error: str | None = None
    since: Timestamp | None = None


class EndpointFailingData(EndpointData, frozen=True):
    """Told once, when the failures in a row reach the limit."""


class EndpointFailing(Event[EndpointFailingData], frozen=True):
    """An endpoint has failed several times in a row."""

    type: Literal["dev.regista.endpoint.failing"] = "dev.regista.endpoint.failing"


class EndpointRecoveredData(EndpointData, frozen=True):
    """`delivery` is the one that succeeded."""


class EndpointRecovered(Event[EndpointRecoveredData], frozen=True):
    """An endpoint that was failing answered again."""

    type: Literal["dev.regista.endpoint.recovered"] = "dev.regista.endpoint.recovered"


class EndpointDisabledData(EndpointData, frozen=True):
    """`reason`: failing (too long), gone (it answered 410), or manual."""

    reason: str


class EndpointDisabled(Event[EndpointDisabledData], frozen=True):
    """Nothing is sent to an endpoint any more; its pending deliveries wait."""

    type: Literal["dev.regista.endpoint.disabled"] = "dev.regista.endpoint.disabled"


class EndpointEnabledData(EndpointData, frozen=True):
    """The endpoint as it is sent to from now on."""


class EndpointEnabled(Event[EndpointEnabledData], frozen=True):
    """An endpoint is sent to again."""

    type: Literal["dev.regista.endpoint.enabled"] = "dev.regista.endpoint.enabled"
