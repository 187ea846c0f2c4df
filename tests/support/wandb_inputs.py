"""Values that a GraphQL variable must not hold, each in the place of one value of a request that is otherwise good."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_input_type,
    type_from_ast,
)

from regista.wandb import ids

HUGE = "x" * 100_000
NUL = "a\x00b"
SURROGATE = "a\ud800b"
_MANY = 200
_NESTED = "[" * 500 + "]" * 500
_TEXTS: tuple[Any, ...] = (None, "", HUGE, NUL, SURROGATE, 3, {"a": 1}, "../a/b:c")
_IDS: tuple[Any, ...] = (
    None,
    "",
    NUL,
    3,
    "====",
    ids.encode("Artifact", 2**70),
    ids.encode("Project", 999_999),
    ids.encode("ArtifactCollection", 999_999),
    ids.encode("Artifact", 999_999),
)
_NUMBERS: tuple[Any, ...] = (None, -1, 0, 2**31, 2**63, 1.5, "x", True)
_JSON: tuple[Any, ...] = (
    *_TEXTS,
    "{",
    "[]",
    "3",
    '{"a": NaN}',
    '"\\u0000"',
    '"\\ud800"',
    _NESTED,
    '{"$and": {}}',
    '{"$or": [{"name": {"$regex": "("}}]}',
    '{"created_at": {"$gt": "yesterday"}}',
    '{"id": {"$in": [99999999999999999999]}}',
)
_BAD: dict[str, tuple[Any, ...]] = {
    "ID": _IDS,
    "Int": _NUMBERS,
    "Int64": _NUMBERS,
    "Duration": _NUMBERS,
    "Float": _NUMBERS,
    "Boolean": (None, "true", 1, [True]),
    "JSONString": _JSON,
    "JSON": _JSON,
    "DateTime": (*_TEXTS, "9999999-01-01T00:00:00Z", "2020-01-01"),
}


def spoiled(
    schema: GraphQLSchema, operation: OperationDefinitionNode, base: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the variables with one value at a time replaced by a bad one, or left out."""
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind = type_from_ast(schema, definition.type)
        if not is_input_type(kind):
            continue
        yield {key: value for key, value in base.items() if key != name}
        for value in _values(kind, base.get(name)):
            yield {**base, name: value}


def _values(kind: Any, base: Any) -> Iterator[Any]:
    if isinstance(kind, GraphQLNonNull):
        yield from _values(kind.of_type, base)
        return
    match kind:
        case GraphQLList():
            yield from (None, "a", [], [None], [[]], {})
            first = base[0] if isinstance(base, list) and base else None
            for value in _values(kind.of_type, first):
                yield [value]
            yield [first] * _MANY
        case GraphQLEnumType():
            yield from (None, "NO_SUCH_VALUE", 3, SURROGATE)
            yield from list(kind.values)
        case GraphQLInputObjectType():
            yield from (None, "a", [])
            given: dict[str, Any] = base if isinstance(base, dict) else {}
            for name, field in kind.fields.items():
                yield {key: value for key, value in given.items() if key != name}
                for value in _values(field.type, given.get(name)):
                    yield {**given, name: value}
        case GraphQLScalarType():
            yield from _BAD.get(kind.name, _TEXTS)
        case _:
            return
