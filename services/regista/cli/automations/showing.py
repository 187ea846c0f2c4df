"""A plan as people read it, and as programs do. Pure."""

import difflib
from collections.abc import Iterator
from typing import Any

from regista.cli.automations.changes import Alteration, Creation, Deletion, Plan, Step
from regista.cli.automations.written import field

_SIGNS = {Creation: "+", Alteration: "~", Deletion: "-"}
_WORDS = {Creation: "create", Alteration: "change", Deletion: "delete"}


def as_text(plan: Plan) -> str:
    """Return each step with what it changes, and a line that counts them."""
    lines = [line for step in plan.steps for line in (*_lines(step), "")]
    counts = [f"{sum(type(step) is kind for step in plan.steps)} to {word}" for kind, word in _WORDS.items()]
    return "\n".join([*lines, f"{', '.join(counts)}, {len(plan.unchanged)} unchanged"])


def as_json(plan: Plan) -> dict[str, Any]:
    """Return ``{"create": […], "change": […], "delete": […], "unchanged": […]}``."""
    shown: dict[str, Any] = {word: [] for word in _WORDS.values()}
    for step in plan.steps:
        shown[_WORDS[type(step)]].append(step_as_json(step))
    return shown | {"unchanged": [{"scope": each.scope, "name": each.name} for each in plan.unchanged]}


def step_as_json(step: Step) -> dict[str, Any]:
    """Return one step; ``changes`` are ``{"from", "to"}`` by field."""
    match step:
        case Creation(declared):
            place = declared.document.at(())
            return {"scope": declared.scope, "name": declared.name, "file": declared.document.file, "line": place.line}
        case Alteration(declared, number, changes):
            place = declared.document.at(())
            return {
                "id": number,
                "scope": declared.scope,
                "name": declared.name,
                "file": declared.document.file,
                "line": place.line,
                "changes": {name: {"from": change.before, "to": change.after} for name, change in changes.items()},
            }
        case Deletion():
            return step._asdict()


def title(step: Step) -> str:
    """Return which automation a step is about."""
    match step:
        case Creation(declared) | Alteration(declared, _, _):
            return f"{declared.scope}  {declared.name}"
        case Deletion(_, scope, name):
            return f"{scope}  {name}"


def done(step: Step) -> str:
    """Return what to say when a step is done."""
    return f"{_WORDS[type(step)]}d  {title(step)}"


def _lines(step: Step) -> Iterator[str]:
    sign = _SIGNS[type(step)]
    match step:
        case Creation(declared):
            yield f"{sign} {title(step)}    ({declared.document.file}:{declared.document.at(()).line})"
            for name, value in declared.fields.items():
                if value is not None and name != "scope":
                    yield from (f"  {sign} {line}" for line in _yaml(name, value))
        case Alteration(declared, _, changes):
            yield f"{sign} {title(step)}    ({declared.document.file}:{declared.document.at(()).line})"
            for name, change in changes.items():
                for line in difflib.ndiff(
                    _yaml(name, _ordered_as(change.after, change.before)), _yaml(name, change.after)
                ):
                    if not line.startswith("?"):
                        yield f"  {line}"
        case Deletion():
            yield f"{sign} {title(step)}    (in no file)"


def _ordered_as(model: Any, value: Any) -> Any:
    """Return the value with the members of its mappings in the order of the model's: order is no difference."""
    if isinstance(model, dict) and isinstance(value, dict):
        kept = {key: _ordered_as(member, value[key]) for key, member in model.items() if key in value}
        return kept | {key: member for key, member in value.items() if key not in kept}
    if isinstance(model, list) and isinstance(value, list):
        return [_ordered_as(*pair) for pair in zip(model, value, strict=False)] + value[len(model) :]
    return value


def _yaml(name: str, value: Any) -> list[str]:
    return field(name, value).splitlines() if value is not None else []
