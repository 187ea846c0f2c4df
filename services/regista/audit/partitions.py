"""Months: the partitions of the audit's table, made before a row needs one."""

from collections.abc import Iterable
from datetime import datetime

from regista.audit.repository import projection as repository
from regista.audit.repository.projection import Month
from regista.kit.db import Database


def month_of(moment: datetime) -> Month:
    """Return the month, in UTC, that a moment falls into."""
    return Month(moment.year, moment.month)


def following(month: Month) -> Month:
    """Return the month after."""
    return Month(month.year + month.month // 12, month.month % 12 + 1)


class Partitions:
    """The months that this process knows to have a partition.

    Making one takes a lock that neither readers nor writers of the table wait for, in a transaction of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[Month] = set()

    async def ensure(self, moments: Iterable[datetime]) -> None:
        """Make the partitions of these moments, and of the month after the last one. Raises what the driver raises."""
        wanted = {month_of(moment) for moment in moments}
        if wanted:
            wanted.add(following(max(wanted)))
        for month in sorted(wanted - self._known):
            async with self._database.transaction() as transaction:
                await repository.make_partition(transaction, month, following(month))
            self._known.add(month)

    def forget(self) -> None:
        """Look again next time: somebody has dropped a partition."""
        self._known.clear()
