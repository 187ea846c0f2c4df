"""PostgreSQL as every slice sees it: one pool, one gate into a transaction, one way to wake another process."""

from regista.kit.db.database import Database, Transaction
from regista.kit.db.faults import is_outage, is_transient
from regista.kit.db.origin import SYSTEM, Cause, Context, Origin
from regista.kit.db.wakeups import Wakeups

__all__ = [
    "SYSTEM",
    "Cause",
    "Context",
    "Database",
    "Origin",
    "Transaction",
    "Wakeups",
    "is_outage",
    "is_transient",
]
