"""What an automation waits for: parts of it that are kept as they were saved, and that this version cannot act on yet.

An automation with such a part fires for nothing. It is a candidate like any other, so that every event that it is
concerned with has its decision, ``skipped``, with the part that is to blame as the reason; and whoever reads the
automation is told what it waits for. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

Part = Literal["payload", "slack"]


def waits_for(actions: Iterable[Mapping[str, Mapping[str, Any]]]) -> list[Part]:
    """Return what keeps a revision from firing; nothing for one that fires.

    ``payload``: templates are not
    rendered, and the event itself must not go out in their place. ``slack``: nothing sends to channels.
    """
    found: dict[Part, None] = {}
    for action in actions:
        for kind, settings in action.items():
            if "payload" in settings:
                found["payload"] = None
            if kind == "slack":
                found["slack"] = None
    return list(found)


def reason(waiting: Iterable[Part]) -> str | None:
    """Return the reason of a skip, ``unsupported_condition`` and the like; None where nothing is waited for."""
    return next((f"unsupported_{part}" for part in waiting), None)
