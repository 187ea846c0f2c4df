"""Compiled conditions and orders on a real database: what every operator finds, of every kind of field."""

from typing import Any, get_args

import pytest

from regista.kit.db.conditions import (
    Column,
    Condition,
    Kind,
    Not,
    Operator,
    Order,
    Parameters,
    columns,
    compile_condition,
    compile_order,
)
from regista.kit.db.conditions import Test as Compare
from tests.support.api import Api

FIND = columns(
    {
        "text": Column("t.text"),
        "integer": Column("t.integer", "integer"),
        "number": Column("t.number", "number"),
        "boolean": Column("t.boolean", "boolean"),
        "time": Column("t.time", "time"),
        "many": Column("EXISTS (SELECT 1 FROM unnest(t.many) AS one WHERE {test})", "many", "one"),
    },
    json="t.json",
)
TABLE = """
CREATE TEMPORARY TABLE t (
    id bigint PRIMARY KEY, text text, integer bigint, number double precision, boolean boolean, time timestamptz,
    many text[] NOT NULL, json jsonb NOT NULL
);
INSERT INTO t VALUES
    (1, 'apple', 1, 1.5, true, '2026-01-01T00:00:00Z', '{red,round}', '{"x": 1, "y": {"z": "deep"}, "l": [1, 2]}'),
    (2, 'banana', 2, -2.5, false, '2026-02-01T00:00:00Z', '{yellow}', '{"x": 2.5, "t": "text", "b": true}'),
    (3, 'a.b%c_d', 9223372036854775807, 'Infinity', true, '2026-03-01T00:00:00Z', '{}', '{"x": "1", "n": null}'),
    (4, NULL, NULL, NULL, NULL, NULL, '{red}', '{}')
"""
JANUARY, FEBRUARY = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00"
EVERY_ROW = [1, 2, 3, 4]

FOUND: list[tuple[str, Operator, Any, list[int]]] = [
    ("text", "=", "apple", [1]),
    ("text", "<>", "apple", [2, 3, 4]),
    ("text", ">", "apple", [2]),
    ("text", ">=", "apple", [1, 2]),
    ("text", "<", "banana", [1, 3]),
    ("text", "<=", "banana", [1, 2, 3]),
    ("text", "in", ["apple", "banana"], [1, 2]),
    ("text", "in", ["apple", None], [1, 4]),
    ("text", "in", [], []),
    ("text", "not in", ["apple", "banana"], [3, 4]),
    ("text", "not in", ["apple", None], [2, 3]),
    ("text", "matches", "^a", [1, 3]),
    ("text", "contains", "an", [2]),
    ("text", "contains", ".b%c_", [3]),
    ("text", "exists", True, [1, 2, 3]),
    ("text", "exists", False, [4]),
    ("text", "=", None, [4]),
    ("text", "<>", None, [1, 2, 3]),
    ("integer", "=", 1, [1]),
    ("integer", "=", "1", [1]),
    ("integer", "<>", 1, [2, 3, 4]),
    ("integer", ">", 1, [2, 3]),
    ("integer", ">=", 2**63 - 1, [3]),
    ("integer", "<", 2, [1]),
    ("integer", "<=", 2, [1, 2]),
    ("integer", "in", [1, 2, 77], [1, 2]),
    ("integer", "not in", [1], [2, 3, 4]),
    ("integer", "matches", "^9", [3]),
    ("integer", "contains", "2", [2, 3]),
    ("integer", "exists", True, [1, 2, 3]),
    ("number", "=", 1.5, [1]),
    ("number", "<>", 1.5, [2, 3, 4]),
    ("number", ">", 0, [1, 3]),
    ("number", ">=", 1.5, [1, 3]),
    ("number", "<", 0, [2]),
    ("number", "<=", 1.5, [1, 2]),
    ("number", "in", [1.5, -2.5], [1, 2]),
    ("number", "not in", [1.5], [2, 3, 4]),
    ("number", "matches", "Inf", [3]),
    ("number", "contains", ".5", [1, 2]),
    ("number", "exists", False, [4]),
    ("boolean", "=", True, [1, 3]),
    ("boolean", "<>", True, [2, 4]),
    ("boolean", ">", False, [1, 3]),
    ("boolean", ">=", False, [1, 2, 3]),
    ("boolean", "<", True, [2]),
    ("boolean", "<=", False, [2]),
    ("boolean", "in", [False], [2]),
    ("boolean", "not in", [False], [1, 3, 4]),
    ("boolean", "matches", "^t", [1, 3]),
    ("boolean", "contains", "als", [2]),
    ("boolean", "exists", True, [1, 2, 3]),
    ("time", "=", JANUARY, [1]),
    ("time", "<>", JANUARY, [2, 3, 4]),
    ("time", ">", "2026-01-15", [2, 3]),
    ("time", ">=", FEBRUARY, [2, 3]),
    ("time", "<", FEBRUARY, [1]),
    ("time", "<=", "2026-02-01T01:00:00+01:00", [1, 2]),
    ("time", "in", [JANUARY], [1]),
    ("time", "not in", [JANUARY], [2, 3, 4]),
    ("time", "matches", "^2026-0[12]", [1, 2]),
    ("time", "contains", "-03-", [3]),
    ("time", "exists", True, [1, 2, 3]),
    ("many", "=", "red", [1, 4]),
    ("many", "=", ["yellow", "round"], [1, 2]),
    ("many", "<>", "red", [2, 3]),
    ("many", ">", "round", [2]),
    ("many", ">=", "round", [1, 2]),
    ("many", "<", "round", [1, 4]),
    ("many", "<=", "round", [1, 4]),
    ("many", "in", ["red", "yellow"], [1, 2, 4]),
    ("many", "not in", ["red", "yellow"], [3]),
    ("many", "matches", "^r", [1, 4]),
    ("many", "contains", "red", [1, 4]),
    ("many", "exists", True, [1, 2, 4]),
    ("many", "exists", False, [3]),
    ("json.x", "=", 1, [1]),
    ("json.x", "=", 1.0, [1]),
    ("json.x", "=", "1", [3]),
    ("json.x", "<>", 1, [2, 3, 4]),
    ("json.x", ">", 1, [2]),
    ("json.x", ">=", 1, [1, 2]),
    ("json.x", "<", 2, [1]),
    ("json.x", "<=", "1", [3]),
    ("json.x", "in", [1, "1"], [1, 3]),
    ("json.x", "not in", [1, "1"], [2, 4]),
    ("json.x", "matches", "^1", [1, 3]),
    ("json.t", "contains", "ex", [2]),
    ("json.l", "contains", 2, [1]),
    ("json.x", "exists", True, [1, 2, 3]),
    ("json.y.z", "=", "deep", [1]),
    ("json.y", "=", {"z": "deep"}, [1]),
    ("json.b", "=", True, [2]),
    ("json.n", "=", None, EVERY_ROW),
    ("json.x", "=", None, [4]),
    ("json.x", "<>", None, [1, 2, 3]),
]


async def found(api: Api, condition: Condition, order: list[Order] | None = None) -> list[int]:
    parameters = Parameters()
    where = compile_condition(condition, FIND, parameters)
    sorting = compile_order(order or [], FIND, parameters, "t.id")
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(TABLE)
        rows = await tx.connection.fetch(f"SELECT id FROM t WHERE {where} ORDER BY {sorting.by}", *parameters.values)
        await tx.connection.execute("DROP TABLE t")
    return [row["id"] for row in rows]


def test_every_operator_is_tried_on_every_kind() -> None:
    tried = {(field.partition(".")[0], operator) for field, operator, _, _ in FOUND}
    assert tried == {(kind, operator) for kind in get_args(Kind) for operator in get_args(Operator)}


async def test_every_operator_finds_what_it_says_and_its_negation_everything_else(api: Api) -> None:
    wrong: list[Any] = []
    for field, operator, value, expected in FOUND:
        test = Compare(field, operator, value)
        if await found(api, test) != expected:
            wrong.append((field, operator, value, await found(api, test)))
        if await found(api, Not(test)) != [row for row in EVERY_ROW if row not in expected]:
            wrong.append(("not", field, operator, value, await found(api, Not(test))))
    assert wrong == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([Order("text")], [3, 1, 2, 4]),
        ([Order("text", descending=True)], [2, 1, 3, 4]),
        ([Order("boolean"), Order("integer", descending=True)], [2, 3, 1, 4]),
        ([Order("json.x")], [1, 2, 3, 4]),
        ([Order("json.x", descending=True)], [2, 1, 3, 4]),
        ([Order("time", descending=True)], [3, 2, 1, 4]),
        ([], [1, 2, 3, 4]),
    ],
)
async def test_an_order_has_nulls_last_and_its_pages_meet_without_gap_or_double(
    api: Api, order: list[Order], expected: list[int]
) -> None:
    assert await found(api, Not(Compare("text", "=", "none")), order) == expected
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(TABLE)
        for size in (1, 2, 3):
            seen: list[int] = []
            cursor: list[str | None] | None = None
            while True:
                parameters = Parameters(size)
                sorting = compile_order(order, FIND, parameters, "t.id")
                behind = sorting.after(cursor, parameters) if cursor is not None else "true"
                statement = f"SELECT id, {sorting.keys} AS keys FROM t WHERE {behind} ORDER BY {sorting.by} LIMIT $1"
                rows = await tx.connection.fetch(statement, *parameters.values)
                if not rows:
                    break
                seen += [row["id"] for row in rows]
                cursor = list(rows[-1]["keys"])
            assert seen == expected


async def test_a_pattern_that_cannot_be_is_an_answer_and_no_fault(api: Api) -> None:
    answer = await api.client.post("/api/v1/projects/team/train/runs", json={"name": "r1"})
    assert answer.status_code == 201
    query = 'query($f: JSONString) { project(name: "train", entityName: "team") { runs(filters: $f) { totalCount } } }'
    for pattern in ("[", "(?", "*", "a{99999}"):
        body = {"query": query, "variables": {"f": '{"name": {"$regex": "' + pattern + '"}}'}}
        answer = await api.client.post("/graphql", json=body)
        assert answer.status_code == 200
        assert answer.json()["errors"][0]["message"]
