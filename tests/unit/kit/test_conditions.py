from typing import Any

import pytest

from regista.kit.db.conditions import (
    EVERYTHING,
    All,
    Column,
    Condition,
    Not,
    Operator,
    Order,
    Parameters,
    Some,
    UnknownFieldError,
    columns,
    compile_condition,
    compile_order,
)
from regista.kit.db.conditions import (
    Test as Compare,
)
from regista.kit.errors import InvalidError

FIND = columns(
    {
        "name": Column("t.name"),
        "size": Column("t.size", "integer"),
        "score": Column("t.score", "number"),
        "live": Column("t.live", "boolean"),
        "at": Column("t.at", "time"),
        "tags": Column("EXISTS (SELECT 1 FROM tag WHERE {test})", "many", "tag.name"),
    },
    metadata="t.metadata",
)


def compiled(condition: Condition) -> tuple[str, list[Any]]:
    parameters = Parameters()
    return compile_condition(condition, FIND, parameters), parameters.values


def test_values_are_parameters_and_never_text_of_the_statement() -> None:
    evil = "'; DROP TABLE run; --"
    for field in ("name", "tags", "metadata.a"):
        sql, values = compiled(Compare(field, "=", evil))
        assert evil not in sql
        assert any(evil in str(value) for value in values)
    sql, values = compiled(Compare(f"metadata.{evil}", "=", 1))
    assert evil not in sql
    assert values[0] == [evil]


def test_of_nothing_all_is_true_and_some_is_false() -> None:
    assert compiled(EVERYTHING) == ("true", [])
    assert compiled(Some(())) == ("false", [])
    assert compiled(Not(All(()))) == ("(NOT true)", [])


def test_parts_are_joined_in_their_order() -> None:
    sql, values = compiled(All((Compare("name", "=", "a"), Some((Compare("size", ">", 1), Compare("size", "<", 0))))))
    assert sql == (
        "(coalesce(t.name = $1::text, false) AND "
        "(coalesce(t.size > $2::bigint, false) OR coalesce(t.size < $3::bigint, false)))"
    )
    assert values == ["a", 1, 0]


@pytest.mark.parametrize("field", ["other", "metadata", "meta.x", "", "name.x"])
def test_a_field_that_the_list_does_not_know_is_refused_by_name(field: str) -> None:
    with pytest.raises(UnknownFieldError, match=r"there is no field"):
        compiled(Compare(field, "=", 1))
    with pytest.raises(UnknownFieldError):
        compile_order([Order(field)], FIND, Parameters(), "t.id")


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("size", "=", "many"),
        ("size", "=", 2**63),
        ("size", ">", None),
        ("score", "<", "low"),
        ("live", "=", 1),
        ("at", ">", "yesterday"),
        ("at", ">", 5),
        ("name", "=", 5),
        ("name", "matches", 5),
        ("name", "contains", None),
        ("name", "in", "a"),
        ("size", "in", ["a"]),
        ("metadata.a", ">", True),
        ("metadata.a", "<", [1]),
        ("metadata.a", "in", 1),
        ("tags", "=", 5),
    ],
)
def test_a_value_of_another_kind_is_refused_with_the_field(field: str, operator: Operator, value: Any) -> None:
    with pytest.raises(InvalidError, match=field):
        compiled(Compare(field, operator, value))


def test_an_order_ends_in_what_decides_ties_and_its_cursor_says_where() -> None:
    parameters = Parameters()
    sorting = compile_order([Order("name", descending=True), Order("size")], FIND, parameters, "t.id")
    assert sorting.by == '(t.name) COLLATE "C" DESC NULLS LAST, t.size ASC NULLS LAST, t.id ASC NULLS LAST'
    assert sorting.after(["b", None, "3"], parameters)
    assert parameters.values == ["b", "3"]
    with pytest.raises(InvalidError, match="cursor"):
        sorting.after(["b"], parameters)


def test_a_list_is_not_ordered_by_what_has_many_values() -> None:
    with pytest.raises(UnknownFieldError, match="many values"):
        compile_order([Order("tags")], FIND, Parameters(), "t.id")
