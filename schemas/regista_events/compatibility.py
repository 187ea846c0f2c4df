"""Which changes of the schemas break somebody: the events already stored, or those who read the new ones.

Additions are compatible: a type, an optional field, a value of an enum, a wider bound. Everything else is a new type.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

# Bounds that shrink when they grow, and those that shrink when they fall.
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_FIXED = ("pattern", "format", "multipleOf", "uniqueItems", "propertyNames")


def incompatibilities(before: Mapping[str, Schema], after: Mapping[str, Schema]) -> list[str]:
    """Return what in `after` breaks `before`, a sentence each; both are JSON Schemas by event type.

    A type may not vanish. Within a type no field may vanish, become required or cease to be, take fewer or other
    types, lose a value of its enum or be bound more tightly.
    """
    found: list[str] = []
    for name, old in before.items():
        if name not in after:
            found.append(f"{name}: the type is gone")
        else:
            found.extend(f"{name}: {fault}" for fault in _Comparison(old, after[name]).faults())
    return found


class _Comparison:
    """Walks two schemas of one type side by side, each with its own definitions."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_root, self._new_root = old, new
        self._seen: set[tuple[str, str]] = set()

    def faults(self) -> Iterator[str]:
        return self._compare("", self._old_root, self._new_root)

    def _compare(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        references = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(references):
            if references in self._seen:
                return
            # The same pair may stand at several places; a fault in it is one fault.
            self._seen.add(references)
        old_kinds = _alternatives(_resolve(old, self._old_root), self._old_root)
        new_kinds = _alternatives(_resolve(new, self._new_root), self._new_root)
        where = place or "the event"
        for kind in old_kinds.keys() - new_kinds.keys():
            yield f"{where} may be {kind} no longer"
        for kind in new_kinds.keys() - old_kinds.keys():
            yield f"{where} may be {kind} now, which its readers do not expect"
        for kind in sorted(old_kinds.keys() & new_kinds.keys()):
            yield from self._compare_kind(place, old_kinds[kind], new_kinds[kind])

    def _compare_kind(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from _values(place, old, new)
        yield from _bounds(place, old, new)
        yield from self._fields(place, old, new)
        for inner, step in (("items", "[]"), ("additionalProperties", ".*")):
            if isinstance(old.get(inner), Mapping) and isinstance(new.get(inner), Mapping):
                yield from self._compare(f"{place}{step}", old[inner], new[inner])
            elif isinstance(new.get(inner), Mapping) and new[inner]:
                yield f"{place or 'the event'} takes less than anything in {inner} now"
            elif new.get(inner) is False and old.get(inner) is not False:
                yield f"{place or 'the event'} takes no {inner} any more"

    def _fields(self, place: str, old: Schema, new: Schema) -> Iterator[str]:
        old_fields: Schema = old.get("properties", {})
        new_fields: Schema = new.get("properties", {})
        prefix = f"{place}." if place else ""
        for name, field in old_fields.items():
            if name not in new_fields:
                yield f"field {prefix}{name} is gone"
            else:
                yield from self._compare(f"{prefix}{name}", field, new_fields[name])
        old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(new_required - old_required):
            yield f"field {prefix}{name} is required now, which stored events may not have"
        for name in sorted((old_required - new_required) & new_fields.keys()):
            yield f"field {prefix}{name} is optional now, which its readers count on"


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = root
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _alternatives(schema: Schema, root: Schema) -> dict[str, Schema]:
    """Return the schema by the JSON type it takes; one that names no type takes `anything`."""
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        found: dict[str, Schema] = {}
        for branch in branches:
            for kind, each in _alternatives(_resolve(branch, root), root).items():
                if kind == "object" and kind in found:
                    found[f"object {each.get('title', '')}"] = each
                else:
                    found[kind] = _joined(found[kind], each) if kind in found else each
        return found
    kinds = schema.get("type", "anything")
    return dict.fromkeys([kinds] if isinstance(kinds, str) else kinds, schema)


def _joined(one: Schema, other: Schema) -> Schema:
    """Return one schema for two alternatives of one JSON type: enums are joined, an open one takes any value."""
    one_values, other_values = _enum(one), _enum(other)
    if one_values is None or other_values is None:
        return one if one_values is None else other
    return {**one, "enum": [*one_values, *other_values]}


def _enum(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _values(place: str, old: Schema, new: Schema) -> Iterator[str]:
    old_values, new_values = _enum(old), _enum(new)
    where = place or "the event"
    if new_values is None:
        if old_values is not None:
            yield f"{where} is open now, and was one of {old_values}"
    elif old_values is None:
        yield f"{where} must be one of {new_values} now"
    else:
        for value in old_values:
            if value not in new_values:
                yield f"{where} may be {value!r} no longer"


def _bounds(place: str, old: Schema, new: Schema) -> Iterator[str]:
    where = place or "the event"
    tighter: tuple[tuple[tuple[str, ...], Callable[[Any, Any], bool]], ...] = (
        (_LOWER, lambda was, now: now > was),
        (_UPPER, lambda was, now: now < was),
        (_FIXED, lambda was, now: now != was),
    )
    for names, shrinks in tighter:
        for name in names:
            if name in new and (name not in old or shrinks(old[name], new[name])):
                yield f"{where} has {name} {new[name]!r} now, and had {old.get(name, 'none')!r}"
