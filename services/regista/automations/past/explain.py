"""Why an automation does or does not act on an event: every step of the decision, in words and as data. Pure.

The steps are those of `Index.candidates` and `verdict.judge`, taken one by one and all of them, also behind one that
fails. Only the first that fails decides: before the condition it means that the automation is not concerned and nothing
was recorded; from there on it is the reason of the decision.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from regista.automations.deciding.verdict import Outcome, is_loop
from regista.automations.language.conditions import Condition
from regista.automations.language.seen import Seen
from regista.automations.matching import LOOKBACK, Definition, Key, scope_keys
from regista.automations.run_triggers import MetricTrigger, StateTrigger
from regista_events import MAX_HOPS, AliasAddedData, RunMetricTriggeredData, RunStateChangedData, short_name

StepName = Literal["in_force", "age", "event", "scope", "trigger", "condition", "enabled", "loop", "author", "limits"]
_LIMITED = {"cooldown", "rate", "coalesced"}


class Step(NamedTuple):
    """One question of the decision: whether it was passed (None: not known, or not asked), in words, and on what."""

    name: StepName
    holds: bool | None
    said: str
    values: Mapping[str, Any] = {}


class Recorded(NamedTuple):
    """What was decided when the automation met the event. ``error`` is a condition's."""

    revision: int
    verdict: Outcome
    reason: str | None
    error: str | None
    decided_at: datetime


class Circumstances(NamedTuple):
    """What neither the event nor the revision says. ``author``: whether it may still act; None where nobody knows."""

    deleted_at: datetime | None = None
    author: bool | None = None
    recorded: Recorded | None = None


class Explanation(NamedTuple):
    """What the steps come to: ``unconcerned`` (``reason`` is the step) or a verdict with its reason, in one sentence."""

    outcome: Outcome | Literal["unconcerned"]
    reason: str | None
    said: str
    steps: list[Step]


def explain(definition: Definition, seen: Seen, circumstances: Circumstances) -> Explanation:
    """Return why the definition acts on the event, or why not."""
    concerned = [ask(definition, seen, circumstances) for ask in _CONCERNED]
    judged = [ask(definition, seen, circumstances) for ask in _JUDGED] if _fits(concerned) else []
    steps = concerned + judged
    failed = next((step for step in steps if step.holds is False), None)
    recorded = circumstances.recorded
    if failed is None:
        return _passed(definition, recorded, steps)
    if failed in concerned:
        return Explanation("unconcerned", failed.name, f"It is not concerned: {failed.said}", steps)
    if failed.name == "condition":
        if "error" in failed.values:
            return Explanation("skipped", "condition_error", f"It is skipped: {failed.said}", steps)
        return Explanation("unmet", None, f"It does not fire: {failed.said}", steps)
    reason = _reason(failed, recorded)
    if recorded is not None and recorded.verdict == "deferred" and failed.name == "limits":
        return Explanation("deferred", reason, f"It waits: {failed.said}", steps)
    return Explanation("skipped", reason, f"It is skipped: {failed.said}", steps)


def _passed(definition: Definition, recorded: Recorded | None, steps: list[Step]) -> Explanation:
    """Return what comes of an event that every step lets through: what was recorded may have come about otherwise."""
    if recorded is not None and recorded.verdict == "skipped":
        why = _OTHERWISE.get(recorded.reason or "", f"it was decided so, for the reason {recorded.reason!r}")
        error = "" if recorded.error is None else f": {recorded.error}"
        return Explanation("skipped", recorded.reason, f"It is skipped: {why}{error}.", steps)
    if recorded is None and definition.unreadable is not None:
        why = f"{_OTHERWISE['unreadable']}: {definition.unreadable}"
        return Explanation("skipped", "unreadable", f"It is skipped: {why}.", steps)
    # A limit that nobody counts now may be all that held it back.
    return Explanation("fire", None, "It fires: every step is passed.", steps)


def _fits(steps: Iterable[Step]) -> bool:
    """Return whether the event is of a type that the definition has words for."""
    return all(step.holds is not False for step in steps if step.name == "event")


def _reason(failed: Step, recorded: Recorded | None) -> str | None:
    match failed.name:
        case "enabled":
            return "disabled"
        case "limits":
            return recorded.reason if recorded is not None else None
        case name:
            return name


def _in_force(definition: Definition, seen: Seen, known: Circumstances) -> Step:
    happened = seen.event.time
    if known.deleted_at is not None and known.recorded is None and known.deleted_at <= happened:
        return Step("in_force", False, f"the automation was deleted at {_when(known.deleted_at)}, before the event.")
    return Step("in_force", True, f"Revision {definition.revision} was in force.", {"revision": definition.revision})


def _age(definition: Definition, seen: Seen, _known: Circumstances) -> Step:
    made, happened = definition.created_at, seen.event.time
    values = {"event": _when(happened), "created": _when(made)}
    if happened < made - LOOKBACK:
        return Step("age", False, f"the event is older than the automation, which was made at {_when(made)}.", values)
    return Step("age", True, "The event is not older than the automation.", values)


def _event(definition: Definition, seen: Seen, _known: Circumstances) -> Step:
    wanted = sorted(map(short_name, definition.events))
    kind = seen.event.short_type
    values = {"event": kind, "on": wanted}
    if seen.event.type in definition.events:
        return Step("event", True, f"It waits for {kind}.", values)
    return Step("event", False, f"it waits for {_listed(wanted)}, and this is {kind}.", values)


def _scope(definition: Definition, seen: Seen, _known: Circumstances) -> Step:
    lies = scope_keys(seen.event)
    wants = definition.met_by()
    values = {"event": [_key(each) for each in lies], "scope": [_key(each) for each in wants]}
    if seen.event.source != definition.source:
        return Step("scope", False, "the event is another organization's.", values)
    if met := next((each for each in wants if each in lies), None):
        return Step("scope", True, f"The event lies in its scope, {_key(met)}.", values)
    return Step("scope", False, f"the event does not lie in its scope, {_key(wants[0])}.", values)


def _trigger(definition: Definition, seen: Seen, _known: Circumstances) -> Step:
    match definition.trigger, seen.event.data:
        case StateTrigger(states=states), RunStateChangedData(state=state):
            met, values = state.to in states, {"state": state.to, "states": list(states)}
            said = f"the run came to {state.to}, and it waits for {_listed(states)}."
        case MetricTrigger(), RunMetricTriggeredData(automation=automation, revision=revision):
            values = {"automation": automation.id, "revision": revision}
            met = automation.id == definition.id and revision >= definition.trigger_since
            said = f"the event is for automation {automation.id} alone."
            if automation.id == definition.id and not met:
                said = f"the metric passed the test of revision {revision}, which is another one since."
        case None, AliasAddedData(automatic=True, alias=alias):
            met = definition.condition is not None and definition.condition.names("alias")
            values = {"automatic": True, "alias": alias}
            said = f"the server moved {alias} by itself, which counts only where the condition names `alias`."
        case _:
            return Step("trigger", True, "It asks for nothing else of the event.")
    return Step("trigger", met, said[0].upper() + said[1:] if met else said, values)


def _condition(definition: Definition, seen: Seen, _known: Circumstances) -> Step:
    if definition.condition is None:
        return Step("condition", True, "It has no condition.")
    truth = definition.condition.judge(seen)
    parts = [_part(part) for part in definition.condition.explain(seen)]
    values: dict[str, Any] = {"where": definition.condition.text, "parts": parts}
    if truth.error is not None:
        values["error"] = truth.error
        return Step("condition", False, f"its condition cannot be told: {truth.error}", values)
    if truth.holds:
        return Step("condition", True, "Its condition holds.", values)
    return Step("condition", False, f"its condition does not hold{_blamed(parts, definition.condition)}.", values)


def _part(part: Any) -> dict[str, Any]:
    return {"where": part.text, "value": part.value, "error": part.error, "values": part.values}


def _blamed(parts: list[dict[str, Any]], condition: Condition) -> str:
    wrong = [part["where"] for part in parts if part["value"] is not True]
    return f": {_listed(wrong, 'and')}" if len(parts) > 1 and wrong else f": {condition.text}"


def _enabled(definition: Definition, _seen: Seen, known: Circumstances) -> Step:
    recorded = known.recorded
    if recorded is not None and recorded.reason == "disabled":
        return Step("enabled", False, "it was disabled.")
    if definition.enabled or recorded is not None:
        return Step("enabled", True, "It was enabled.")
    return Step("enabled", False, "it was disabled.")


def _loop(definition: Definition, seen: Seen, _known: Circumstances) -> Step:
    event = seen.event
    values = {"hops": event.hops, "automations": event.automations.split(",") if event.automations else []}
    if not is_loop(definition.id, seen):
        return Step("loop", True, "It did not bring the event about itself.", values)
    if event.hops >= MAX_HOPS:
        return Step(
            "loop", False, f"the chain of causes is {event.hops} events long, and is cut at {MAX_HOPS}.", values
        )
    return Step("loop", False, "its own action led to this event.", values)


def _author(definition: Definition, _seen: Seen, known: Circumstances) -> Step:
    recorded = known.recorded
    values = {"author_id": definition.author_id}
    if recorded is not None and recorded.reason == "author":
        return Step("author", False, "whoever saved it had no right to it any more.", values)
    if recorded is not None and recorded.verdict in {"fire", "deferred"}:
        return Step("author", True, "Whoever saved it had the right to.", values)
    if recorded is not None or known.author is None:
        return Step("author", None, "Whether its author still had the right to it was not asked.", values)
    if known.author:
        return Step("author", True, "Whoever saved it has the right to.", values)
    return Step("author", False, "whoever saved it has no right to it any more.", values)


def _limits(definition: Definition, _seen: Seen, known: Circumstances) -> Step:
    if definition.limits is None:
        return Step("limits", True, "It has no limits.")
    values = {"limits": definition.limits.written()}
    recorded = known.recorded
    if recorded is None:
        return Step("limits", None, "Limits are counted when events are decided; this one was not.", values)
    if recorded.reason in _LIMITED or recorded.verdict == "deferred":
        return Step("limits", False, _LIMIT_SAYS.get(recorded.reason or "", "its limits hold it back."), values)
    if recorded.verdict == "fire":
        return Step("limits", True, "Its limits let it through.", values)
    return Step("limits", None, "Its limits were not asked.", values)


_OTHERWISE = {
    "deleted": "it was deleted while it was held back",
    "failed": "an action of it could not be carried out and was given up; its executions tell of each",
    "unreadable": "another version saved it, and this one cannot read it",
}
_LIMIT_SAYS = {
    "cooldown": "it had fired too short a time before.",
    "rate": "it had fired as often as it may within an hour.",
    "coalesced": "a later event took its place while its limits held it back.",
}
Ask = Callable[[Definition, Seen, Circumstances], Step]
_CONCERNED: tuple[Ask, ...] = (_in_force, _age, _event, _scope, _trigger)
_JUDGED: tuple[Ask, ...] = (_condition, _enabled, _loop, _author, _limits)


def _key(key: Key) -> str:
    kind, which = key
    return "the organization" if kind == "org" else f"{kind} {which}"


def _when(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _listed(words: Iterable[str], joint: str = "or") -> str:
    *rest, last = words
    return f"{', '.join(rest)} {joint} {last}" if rest else last
