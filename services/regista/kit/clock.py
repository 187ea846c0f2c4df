"""The one source of wall-clock and monotonic time, so that tests can stand at any moment."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the place the ban points to


def monotonic() -> float:
    """Return seconds from an arbitrary moment, never going backwards."""
    return time.monotonic()
