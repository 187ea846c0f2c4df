"""The envelope of every event: CloudEvents 1.0 and Regista's extension attributes."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

TYPE_PREFIX = "dev.regista."
"""Reverse-DNS prefix of every event type (CloudEvents 1.0, attribute `type`)."""

MAX_HOPS = 16
"""Depth at which a chain of events that cause one another is cut."""

_BIGINT_MAX = 2**63 - 1


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = "the instant lies outside the years 1 to 9999 in UTC"
        raise ValueError(message) from None


def _rfc3339(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(_rfc3339, return_type=str, when_used="json"),
]
"""An instant in UTC; in JSON always RFC 3339 with six digits of microseconds and `Z`, so that texts sort as instants."""

Id = Annotated[int, Field(ge=0, le=_BIGINT_MAX)]
"""A bigint identity inside one installation."""

ActorType = Literal["user", "service", "automation", "system"]

D = TypeVar("D")


def _absent(value: object) -> bool:
    return value is None


class Payload(BaseModel, frozen=True):
    """Anything inside `data`: unknown fields are passed over, `null` is written out, NaN and the infinities are strings."""

    model_config = ConfigDict(
        extra="ignore",
        ser_json_inf_nan="strings",
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Event(BaseModel, Generic[D], frozen=True):
    """A change that was committed, or an observation, with all that a consumer needs to act on it.

    Attributes follow CloudEvents 1.0.2; `partitionkey`, `sequence` and `traceparent` follow its documented extensions,
    with `sequence` as an integer. Optional attributes are left out of the JSON when they are None; nulls inside
    `data` are written.
    """

    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="strings", serialize_by_alias=True)

    specversion: Literal["1.0"] = "1.0"
    id: UUID = Field(description="UUIDv7; the idempotency key everywhere")
    source: str = Field(min_length=1, description="/orgs/{organization}")
    type: str = Field(description="dev.regista.<subject>.<what happened>")
    subject: str = Field(min_length=1, description="the path a person would type, as entity/project/collection:v3")
    time: Timestamp = Field(description="when the transaction happened")
    dataschema: str = Field(min_length=1, description="URL of the JSON Schema of this type")
    partitionkey: str = Field(min_length=1, description="id of the aggregate in whose order events come; the Kafka key")
    sequence: int = Field(ge=1, le=_BIGINT_MAX, description="position within the aggregate, without gaps")
    actor: str = Field(min_length=1, description="id of who did it")
    actortype: ActorType
    causationid: UUID | None = Field(default=None, exclude_if=_absent, description="the event that caused this one")
    correlationid: UUID | None = Field(default=None, exclude_if=_absent, description="the first event of the chain")
    hops: int = Field(default=0, ge=0, le=MAX_HOPS, description="depth in the chain of causes")
    automations: str | None = Field(
        default=None,
        exclude_if=_absent,
        description="ids of the automations whose actions led to this event, the first first, separated by commas",
    )
    traceparent: str | None = Field(default=None, exclude_if=_absent, description="W3C trace context")
    data: D

    @property
    def short_type(self) -> str:
        """The type as people write it, as `alias.added`."""
        return short_name(self.type)


class UnknownEvent(Event[Any], frozen=True):
    """An event of a type that this version does not know: consumers pass over it.

    `data` is the JSON as it came, and extension attributes that this version does not know are kept in `model_extra`.
    """

    model_config = ConfigDict(extra="allow")

    data: Any = None


def short_name(full: str) -> str:
    """Return a type without its prefix: `dev.regista.alias.added` → `alias.added`; a foreign type stays as it is."""
    return full.removeprefix(TYPE_PREFIX)


def full_name(short: str) -> str:
    """Return a type with its prefix: `alias.added` → `dev.regista.alias.added`; a full name stays as it is."""
    return short if short.startswith(TYPE_PREFIX) else f"{TYPE_PREFIX}{short}"
