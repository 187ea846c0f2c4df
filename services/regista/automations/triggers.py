"""The event types that an automation waits for, as people write them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from regista.automations.errors import UnknownEventTypeError
from regista.automations.language.nearest import likeness
from regista.automations.payloads.variables import EVENT_TYPES
from regista_events import TYPE_PREFIX, short_names

_JOBS: Final = "launch jobs are not there yet"
_APPROVALS: Final = "approvals are not there yet"
_EXECUTIONS: Final = "/executions tells what automations did; what failed for good is `delivery.exhausted`"
_SESSIONS: Final = "keys are all that people come in with; a refused one is `session.denied`"
UNPUBLISHED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("job.queued", "job.started", "job.finished", "job.failed", "job.stopped"), _JOBS),
    **dict.fromkeys((f"approval.{each}" for each in ("requested", "granted", "denied", "expired")), _APPROVALS),
    **dict.fromkeys((f"execution.{each}" for each in ("skipped", "failed", "finished")), _EXECUTIONS),
    **dict.fromkeys(("session.login", "session.logout"), _SESSIONS),
}
"""Types of the catalogue that nothing publishes, and what to know of each: whoever waits for one would wait for ever."""

AWAITED: Final = tuple(name for name in short_names() if name not in UNPUBLISHED)
"""The types that an automation may wait for, in order."""


_WANDB: Final[Mapping[str, str]] = {
    **{theirs: ours for ours, theirs in EVENT_TYPES.items()},
    "LINK_MODEL": "artifact.linked",
    "UPDATE_ARTIFACT_ALIAS": "alias.added",
    **dict.fromkeys(
        ("RUN_METRIC", "RUN_METRIC_THRESHOLD", "RUN_METRIC_CHANGE", "RUN_METRIC_ZSCORE"), "run.metric_triggered"
    ),
}
"""What people who come from W&B write, and what it is here."""
_NEAR = 0.75
"""From where on a type is what somebody is likely to have meant."""


def parse_events(written: Iterable[str]) -> list[str]:
    """Return the types without prefix, each once, in the order written; the full name is read too.

    Raises UnknownEventTypeError, which names the nearest type if there is one near.
    """
    found: dict[str, None] = {}
    for text in written:
        name = text.removeprefix(TYPE_PREFIX)
        if name in UNPUBLISHED:
            raise UnknownEventTypeError(f"nothing publishes {text!r}: {UNPUBLISHED[name]}", field="on")
        if name not in AWAITED:
            raise _unknown(text, name)
        found[name] = None
    return list(found)


def _unknown(text: str, name: str) -> UnknownEventTypeError:
    if (ours := _WANDB.get(name.upper())) is not None:
        return UnknownEventTypeError(f"there is no event {text!r}; it is {ours!r} here", field="on", nearest=ours)
    nearest = nearest_event(name)
    if nearest is None:
        where = "/schemas/automations.json lists all (`regista automations schema`)"
        return UnknownEventTypeError(f"there is no event {text!r}; {where}", field="on")
    return UnknownEventTypeError(f"there is no event {text!r}; the nearest is {nearest!r}", field="on", nearest=nearest)


def nearest_event(name: str) -> str | None:
    """Return the type whose name is most like ``name``, None if none is like it."""
    # Likeness alone prefers letters that happen to agree; the same subject or the same end is what people mean.
    about, _, what = name.strip().replace("-", "_").partition(".")

    def fits(known: str) -> float:
        subject, _, happened = known.partition(".")
        return max(likeness(name, known), (likeness(about, subject) + likeness(what, happened)) / 2)

    nearest = max(AWAITED, key=fits)
    return nearest if fits(nearest) >= _NEAR else None
