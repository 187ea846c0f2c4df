"""What it takes to be one of Regista's services: relay, a consumer, a dispatcher, the API.

The same classes run together in one process (``regista up``) or one to a process (``regista serve NAME``).
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a service can do its work now, and in words why not."""

    ready: bool
    detail: str = ""


@dataclass(slots=True)
class Lifecycle:
    """The conversation between a service and whoever runs it."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, seconds: float) -> bool:
        """Wait until ``seconds`` have passed or the service is asked to stop; return whether it is asked to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return False
        return True


class Service(Protocol):
    """A part of the system that runs until it is told to stop.

    ``run`` sets ``lifecycle.started`` once it serves, returns after ``lifecycle.stopping`` is set and its work is
    drained, and raises when it cannot go on: the process then ends, and the supervisor starts it again.
    """

    name: str

    async def run(self, lifecycle: Lifecycle) -> None:
        """Run until asked to stop."""
        ...

    def health(self) -> Health:
        """Return the present state, without I/O."""
        ...
