from copy import deepcopy
from typing import Any

import pytest

from regista_events import incompatibilities

SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {
        "Subject": {
            "title": "Subject",
            "type": "object",
            "properties": {"name": {"type": "string"}, "kind": {"enum": ["a", "b"], "type": "string"}},
            "required": ["name", "kind"],
        }
    },
    "properties": {
        "type": {"const": "t", "type": "string"},
        "alias": {"type": "string", "maxLength": 10, "pattern": "^a"},
        "count": {"type": "integer", "minimum": 1, "maximum": 16},
        "previous": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "value": {"anyOf": [{"type": "number"}, {"enum": ["NaN"], "type": "string"}]},
        "subject": {"$ref": "#/$defs/Subject"},
        "subjects": {"type": "array", "items": {"$ref": "#/$defs/Subject"}},
        "changes": {"type": "object", "additionalProperties": {"type": "string"}},
        "metadata": {"type": "object", "additionalProperties": True},
        "free": {},
    },
    "required": ["type", "alias", "subject"],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the schema with the value at a path of `/`-separated keys; None deletes it."""
    schema = deepcopy(SCHEMA)
    *steps, last = path.split("/")
    place: Any = schema
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return schema


def faults(after: dict[str, Any]) -> list[str]:
    return incompatibilities({"t": SCHEMA}, {"t": after})


INCOMPATIBLE = {
    "a field vanishes": (changed("properties/alias", None), "field alias is gone"),
    "a nested field vanishes": (changed("$defs/Subject/properties/name", None), "field subject.name is gone"),
    "a field becomes required": (
        changed("required", ["type", "alias", "subject", "count"]),
        "field count is required now, which stored events may not have",
    ),
    "a new field is required": (
        {
            **changed("required", ["type", "alias", "subject", "new"]),
            "properties": {**SCHEMA["properties"], "new": {"type": "string"}},
        },
        "field new is required now, which stored events may not have",
    ),
    "a field becomes optional": (
        changed("required", ["type", "subject"]),
        "field alias is optional now, which its readers count on",
    ),
    "a type becomes another": (changed("properties/alias", {"type": "integer"}), "alias may be string no longer"),
    "a type narrows": (changed("properties/previous", {"type": "string"}), "previous may be null no longer"),
    "a free field is given a type": (changed("properties/free/type", "string"), "free may be anything no longer"),
    "a type widens": (
        changed("properties/alias", {"type": ["string", "null"], "maxLength": 10, "pattern": "^a"}),
        "alias may be null now, which its readers do not expect",
    ),
    "an enum loses a value": (
        changed("$defs/Subject/properties/kind/enum", ["a"]),
        "subject.kind may be 'b' no longer",
    ),
    "a constant changes": (changed("properties/type/const", "u"), "type may be 't' no longer"),
    "an enum in an alternative loses its value": (
        changed("properties/value", {"anyOf": [{"type": "number"}, {"enum": ["Infinity"], "type": "string"}]}),
        "value may be 'NaN' no longer",
    ),
    "free text becomes an enum": (
        changed("properties/alias/enum", ["a"]),
        "alias must be one of ['a'] now",
    ),
    "an enum becomes free text": (
        changed("$defs/Subject/properties/kind", {"type": "string"}),
        "subject.kind is open now, and was one of ['a', 'b']",
    ),
    "a lower bound rises": (changed("properties/count/minimum", 2), "count has minimum 2 now, and had 1"),
    "an upper bound falls": (changed("properties/count/maximum", 8), "count has maximum 8 now, and had 16"),
    "a bound appears": (changed("properties/alias/minLength", 1), "alias has minLength 1 now, and had 'none'"),
    "a pattern changes": (changed("properties/alias/pattern", "^b"), "alias has pattern '^b' now, and had '^a'"),
    "the items of a list change": (
        changed("properties/subjects/items", {"type": "string"}),
        "subjects[] may be object no longer",
    ),
    "the values of a map change": (
        changed("properties/changes/additionalProperties/type", "integer"),
        "changes.* may be string no longer",
    ),
    "the values of a map are bound": (
        changed("properties/metadata/additionalProperties", {"type": "string"}),
        "metadata takes less than anything in additionalProperties now",
    ),
    "a map is closed": (
        changed("properties/metadata/additionalProperties", False),
        "metadata takes no additionalProperties any more",
    ),
}

COMPATIBLE = {
    "nothing": SCHEMA,
    "an optional field": changed("properties/new", {"type": "string"}),
    "an optional nested field": changed("$defs/Subject/properties/new", {"type": "string"}),
    "a value of an enum": changed("$defs/Subject/properties/kind/enum", ["c", "b", "a"]),
    "a wider upper bound": changed("properties/count/maximum", 32),
    "a wider lower bound": changed("properties/count/minimum", 0),
    "a bound gone": changed("properties/alias/maxLength", None),
    "a pattern gone": changed("properties/alias/pattern", None),
    "a description": changed("description", "what it means"),
    "a default": changed("properties/previous/default", "v0"),
    "a definition written out": changed("properties/subject", SCHEMA["$defs"]["Subject"]),
    "alternatives in another order": changed("properties/previous/anyOf", [{"type": "null"}, {"type": "string"}]),
    "alternatives as a list of types": changed("properties/previous", {"type": ["string", "null"]}),
}


@pytest.mark.parametrize("case", INCOMPATIBLE)
def test_an_incompatible_change_is_named(case: str) -> None:
    after, expected = INCOMPATIBLE[case]
    assert f"t: {expected}" in faults(after)


@pytest.mark.parametrize("case", COMPATIBLE)
def test_an_addition_is_accepted(case: str) -> None:
    assert faults(COMPATIBLE[case]) == []


def test_a_type_may_come_and_may_not_go() -> None:
    assert incompatibilities({}, {"t": SCHEMA}) == []
    assert incompatibilities({"t": SCHEMA}, {}) == ["t: the type is gone"]


def test_two_objects_as_alternatives_are_compared_each_with_its_own() -> None:
    other = {"title": "Other", "type": "object", "properties": {"x": {"type": "string"}}}
    two = changed("properties/subject", {"anyOf": [{"$ref": "#/$defs/Subject"}, other]})
    less = changed("properties/subject", {"anyOf": [{"$ref": "#/$defs/Subject"}, {**other, "properties": {}}]})
    assert incompatibilities({"t": two}, {"t": less}) == ["t: field subject.x is gone"]
    assert incompatibilities({"t": two}, {"t": SCHEMA}) == ["t: subject may be object Other no longer"]
