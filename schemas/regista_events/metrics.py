"""What runs log, on its way to whoever watches metrics: the records of topic `regista.run-metrics.v1`. No events.

ValueError
└── MalformedBatch    bytes that are no batch
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import to_json

from regista_events.envelope import MAX_HOPS, Id, Payload, Timestamp
from regista_events.subjects import RunSnapshot

LineKind = Literal["history", "system"]

Number = Annotated[
    float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"], "type": "string"}]})
]
"""A float; in JSON, one that is not finite is its name."""


class MetricLine(Payload, frozen=True):
    """The numbers of one line; members of nested objects are named by paths, as `val.loss`.

    `history` is what the program logs, with a step of its own; `system` what the client measures of the machine
    (`system.cpu`). A line with more than a batch holds comes in several parts, each with other metrics.
    """

    metrics: dict[str, Number]
    step: int | None = None
    kind: LineKind = "history"


class MetricCause(Payload, frozen=True):
    """Why lines were logged: the event that led to it, the first of its chain, and the automations that carried it on."""

    causationid: UUID
    correlationid: UUID
    hops: int = Field(ge=0, le=MAX_HOPS, description="depth of that event in its chain")
    automations: list[Id] = Field(default_factory=list[Id], description="the first first")


class MetricBatch(Payload, frozen=True):
    """Lines of one run that were logged together, in order.

    `number` grows from each batch of a run to its next; what has one that was seen is a repeat. `run` is the run as it
    was when the lines came, `partitionkey` its aggregate. `cause` is null where whoever logged named none.
    """

    id: UUID
    source: str = Field(description="/orgs/{organization}")
    partitionkey: str
    number: Id
    time: Timestamp
    run: RunSnapshot
    cause: MetricCause | None = None
    lines: list[MetricLine] = Field(default_factory=list[MetricLine])


class MalformedBatch(ValueError):  # noqa: N818 - as MalformedEvent
    """The bytes are no batch; the message says where."""


_ADAPTER = TypeAdapter(MetricBatch)
_EMPTY = b"[]}"


def encode_line(metrics: Mapping[str, float], step: int | None = None, kind: LineKind = "history") -> bytes:
    """Return a line as `encode_batch` takes it."""
    line = {"metrics": metrics, "step": step} if kind == "history" else {"metrics": metrics, "kind": kind}
    return to_json(line, inf_nan_mode="strings")


def encode_batch(head: MetricBatch, lines: Iterable[bytes]) -> bytes:
    """Return a batch whose lines are encoded already; `head` has none."""
    return head.model_dump_json().encode().removesuffix(_EMPTY) + b"[" + b",".join(lines) + b"]}"


def decode(raw: bytes) -> MetricBatch:
    """Return the batch of these bytes; fields that this version does not know are passed over. Raises `MalformedBatch`."""
    try:
        return _ADAPTER.validate_json(raw)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in fault["loc"])
        message = f"not a batch of metrics: {place}: {fault['msg']}"
        raise MalformedBatch(message) from error
