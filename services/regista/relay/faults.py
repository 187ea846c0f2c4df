"""Where a test may strike."""

from collections.abc import Sequence

from regista.kit.bus.model import Record


class Faults:
    """What happens at the moments at which a relay is most easily hurt: here, nothing.

    Failure tests pass a subclass whose methods raise, wait or kill the process.
    """

    async def acknowledged(self, records: Sequence[Record]) -> None:
        """Run after the bus has acknowledged the batch, before its rows are deleted."""

    async def settled(self, count: int) -> None:
        """Run after ``count`` rows were deleted, before anything else is read."""


NO_FAULTS = Faults()
