"""Who causes a change, through what, and because of which earlier event: the part of an event that no slice decides."""

import json
from dataclasses import dataclass, replace
from typing import Literal, Self
from uuid import UUID

ActorType = Literal["user", "service", "automation", "system"]

_JSON = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Context:
    """How a request came in. Stored beside the event and hashed with it by the audit, never delivered to anyone."""

    request_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    client_version: str | None = None
    response_code: int | None = None

    def encode(self) -> bytes:
        """Return the JSON bytes that are stored, published as a header and hashed; absent members are left out."""
        return _JSON({name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}).encode()


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that led to this change, the first of its chain, and how deep the chain is.

    ``automations`` are those whose actions led here, the first first.
    """

    event_id: UUID
    correlation_id: UUID
    hops: int
    automations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Who changes what is changed in a transaction, in whose name and why."""

    actor: str
    actor_type: ActorType
    organization_id: int
    organization: str
    context: Context = Context()
    cause: Cause | None = None
    traceparent: str | None = None
    public_url: str = ""

    def answering(self, status: int) -> Self:
        """Return the same origin with the HTTP status that the change will be answered with."""
        return replace(self, context=replace(self.context, response_code=status))


SYSTEM = "system"
"""The actor of what the server does by itself."""
