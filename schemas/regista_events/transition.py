"""What a field was and what it became."""

from typing import Any, Generic, TypeVar

from pydantic import Field

from regista_events.envelope import Payload

V = TypeVar("V")


class Change(Payload, Generic[V], frozen=True):
    """A transition, in JSON `{"from": …, "to": …}`; in Python the first is `from_`."""

    from_: V = Field(validation_alias="from", serialization_alias="from")
    to: V


Changes = dict[str, Change[Any]]
"""Transitions by the name of the field that changed."""
