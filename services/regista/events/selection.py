"""Which events of the log are meant, and where they are."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Selection(BaseModel):
    """Which events are meant: chosen ones by id, or all that fit. It is stored as JSON and read again.

    ``types`` are full names, None for every type; ``subject`` is a prefix; ``since`` is included, ``until`` is not.
    ``entities`` are names: events of nobody else; None for no such limit.
    """

    model_config = ConfigDict(frozen=True)

    events: tuple[UUID, ...] | None = None
    types: tuple[str, ...] | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    entities: tuple[str, ...] | None = None


class Stretch(NamedTuple):
    """Positions of the log: those above ``after``, up to ``last``."""

    after: int
    last: int

    @property
    def ended(self) -> bool:
        """Whether there is nothing left in it."""
        return self.after >= self.last
