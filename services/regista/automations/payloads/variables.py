"""The variables of W&B's payloads, by their names there: what each stands for in an event of ours. Pure.

One that an event of a type has no value for is the empty text, as in W&B. ``artifact_version_string`` names the version
by its number: an alias may have moved on by the time that somebody looks.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from regista.automations.language.seen import Seen
from regista.automations.language.vocabulary import Vocabulary
from regista.automations.payloads.placeholders import METADATA
from regista_events import Event, MetricTrigger

Read = Callable[[Seen, str], Any]
"""Reads a variable; the text is the automation's name. None: the event has no value."""

EVENT_TYPES: Final[Mapping[str, str]] = {
    "artifact.created": "CREATE_ARTIFACT",
    "artifact.linked": "LINK_ARTIFACT",
    "artifact.unlinked": "UNLINK_ARTIFACT",
    "alias.added": "ADD_ARTIFACT_ALIAS",
    "tag.added": "ADD_ARTIFACT_TAG",
    "tag.removed": "REMOVE_ARTIFACT_TAG",
    "collection_tag.added": "ADD_COLLECTION_TAG",
    "collection_tag.removed": "REMOVE_COLLECTION_TAG",
    "run.state_changed": "RUN_STATE",
}
"""W&B's names of event types; those it does not have are ours in its spelling, ``ALIAS_REMOVED``."""
_METRIC_EVENTS = {"threshold": "RUN_METRIC", "change": "RUN_METRIC_CHANGE", "zscore": "RUN_METRIC_ZSCORE"}

_OWNERS = ("collection", "project", "run", "registry", "automation", "integration", "secret", "endpoint", "job")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "project_name": ("collection.project", "project.name", "run.project", "registry.project", "job.project"),
    "entity_name": (*(f"{owner}.entity" for owner in _OWNERS), "team"),
    "artifact_collection_name": ("collection.name",),
    "artifact_version_index": ("artifact.version_index",),
    "alias": ("alias",),
    "tag": ("tag",),
    "run_status": ("run.state",),
    "metric_name": ("metric",),
    "metric_values": ("values",),
}
"""Variables that are a word of ours: the first that the event type has."""


def _event_type(event: Event[Any]) -> str:
    trigger = getattr(event.data, "trigger", None)
    if isinstance(trigger, MetricTrigger):
        return _METRIC_EVENTS[trigger.kind]
    short = event.short_type
    return EVENT_TYPES.get(short) or short.replace(".", "_").upper()


def _version(seen: Seen, _automation: str) -> str:
    number = base64.b64encode(f"Artifact:{seen.values['artifact.id']}".encode()).decode()
    return f"wandb-artifact://_id/{number}"


def _version_string(seen: Seen, _automation: str) -> str:
    values = seen.values
    place = "/".join(values[f"collection.{name}"] for name in ("entity", "project", "name"))
    return f"{place}:{values['artifact.version']}"


def _run_name(seen: Seen, _automation: str) -> str:
    return seen.values["run.display_name"] or seen.values["run.name"]


def _metric_filter(seen: Seen, _automation: str) -> str | None:
    """Say what was asked of the metric, in the words of W&B's client."""
    data: Any = seen.event.data
    trigger: MetricTrigger = data.trigger
    metric = f"{trigger.aggregation.upper()}({data.metric})" if trigger.aggregation else data.metric
    value = _number(trigger.threshold)
    falls, rises = trigger.comparison == "decrease", trigger.comparison == "increase"
    match trigger.kind:
        case "threshold":
            return f"{metric} {trigger.comparison} {value}"
        case "change":
            verb = "decreases" if falls else "increases" if rises else "changes"
            relative = trigger.relative and not isinstance(trigger.threshold, str)
            return f"{metric} {verb} {f'{trigger.threshold:.2%}' if relative else value}"
        case "zscore":
            score = f"zscore({data.metric!r})"
            if falls:
                return f"{score} < -{value}"
            return f"{score} > +{value}" if rises else f"abs({score}) > {value}"


def _number(value: float | str) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


_READS: Final[Mapping[str, tuple[str, Read]]] = {
    "artifact_version": ("artifact.id", _version),
    "artifact_version_string": ("artifact.version", _version_string),
    "run_name": ("run.name", _run_name),
    "metric_filter": ("trigger", _metric_filter),
}
"""Variables that are put together: the word that the event type must have, and how."""
_ALWAYS: Final[Mapping[str, Read]] = {
    "event_type": lambda seen, _automation: _event_type(seen.event),
    "event_author": lambda seen, _automation: seen.author or seen.event.actor,
    "automation_name": lambda _seen, automation: automation,
}
AUTHOR: Final = "event_author"
NAMES: Final = frozenset({*_WORDS, *_READS, *_ALWAYS})
"""All of them but ``artifact_metadata.KEY``, which stands for any number of names."""


def nothing(_seen: Seen, _automation: str) -> str:
    """Read a variable that the event type has no value for."""
    return ""


def reader(name: str, words: Vocabulary) -> Read | None:
    """Return how a variable is read from events of a type; None for a name that is none of W&B's."""
    if name.startswith(METADATA):
        return _metadata(name.removeprefix(METADATA)) if "artifact.metadata" in words.types else nothing
    if name in _ALWAYS:
        return _ALWAYS[name]
    if name in _READS:
        needed, read = _READS[name]
        return read if _has(words, needed) else nothing
    if name in _WORDS:
        return next((_word(each) for each in _WORDS[name] if each in words.types), nothing)
    return None


def _has(words: Vocabulary, needed: str) -> bool:
    return needed in words.types or any(word.startswith(f"{needed}.") for word in words.types)


def _word(word: str) -> Read:
    return lambda seen, _automation: seen.values[word]


def _metadata(key: str) -> Read:
    return lambda seen, _automation: seen.values["artifact.metadata"].get(key)
