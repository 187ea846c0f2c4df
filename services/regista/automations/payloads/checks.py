"""What the checks of one save's templates have compiled, and what they may come to: others wait meanwhile. Pure.

Each expression is compiled once for an event type, however many actions say it.
"""

from regista.automations.errors import TemplateError
from regista_events import short_name

_MENTIONED = 4
"""What it takes to look at a placeholder on one event type, in the unit of `effort`."""
_LONGEST_SHOWN = 200


class Checks:
    """The checks of one save; the same for all of its actions."""

    def __init__(self) -> None:
        self._checked: set[tuple[str, str]] = set()
        self._texts: set[str] = set()
        self._spent = 0

    def mention(self, text: str, event_type: str) -> None:
        """Count a placeholder that is looked at for an event type. Raises `TemplateError` for one too many."""
        self._spend(_MENTIONED, text, event_type)

    def compile(self, text: str, event_type: str) -> None:
        """Check an expression on an event type. Raises `CompileError`, and `TemplateError` for one too many."""
        from regista.automations.language.expressions import effort, effort_once, environment  # noqa: PLC0415 - costs 10 MB when used

        key = text, short_name(event_type)
        if key not in self._checked:
            new = text not in self._texts
            self._spend(effort(text) + (effort_once(text) if new else 0), text, event_type)
            environment(event_type).compile(text, new=new)
            self._texts.add(text)
            self._checked.add(key)

    def _spend(self, units: int, text: str, event_type: str) -> None:
        from regista.automations.language.expressions import MOST_CHECKED  # noqa: PLC0415 - as above

        self._spent += units
        if self._spent > MOST_CHECKED:
            shown = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
            raise TemplateError(
                f"the payloads and texts of all actions have too many expressions, or too long ones, for their event types: "
                f"{len(self._texts)} were checked when ${{{shown}}} came; write fewer or shorter ones, or make several "
                "automations of fewer event types or actions each",
                field="actions",
                expression=shown,
                event=short_name(event_type),
            )
