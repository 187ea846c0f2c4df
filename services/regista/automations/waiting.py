"""What an automation waits for: parts of it that are kept as they were saved, and that this version cannot act on yet.

An automation with such a part fires for nothing. It is a candidate like any other, so that every event that it is
concerned with has its decision, ``skipped``, with the part that is to blame as the reason; and whoever reads the
automation is told what it waits for. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

Part = Literal["slack"]


def waits_for(actions: Iterable[Mapping[str, Mapping[str, Any]]]) -> list[Part]:
    """Return what keeps a revision from firing; nothing for one that fires.

    ``slack``: nothing sends to channels.
    """
    return ["slack"] if any("slack" in action for action in actions) else []


def reason(waiting: Iterable[Part]) -> str | None:
    """Return the reason of a skip, ``unsupported_slack``; None where nothing is waited for."""
    return next((f"unsupported_{part}" for part in waiting), None)
