import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regista.kit.db.conditions import EVERYTHING, All, Not, Order, Some
from regista.kit.db.conditions import Test as Compare
from regista.kit.errors import InvalidError
from regista.wandb.filters import parse_filter, parse_order


@pytest.mark.parametrize(
    ("document", "condition"),
    [
        (None, EVERYTHING),
        ({}, EVERYTHING),
        ({"state": "running"}, Compare("state", "=", "running")),
        ({"state": None}, Compare("state", "=", None)),
        ({"config.a": {"b": 1}}, Compare("config.a", "=", {"b": 1})),
        ({"a": {"$gt": 1, "$lte": 5}}, All((Compare("a", ">", 1), Compare("a", "<=", 5)))),
        ({"a": 1, "b": {"$ne": 2}}, All((Compare("a", "=", 1), Compare("b", "<>", 2)))),
        ({"a": {"$in": [1, 2]}}, Compare("a", "in", [1, 2])),
        ({"a": {"$nin": []}}, Compare("a", "not in", [])),
        ({"a": {"$regex": "^x"}}, Compare("a", "matches", "^x")),
        ({"a": {"$contains": "x"}}, Compare("a", "contains", "x")),
        ({"a": {"$exists": False}}, Compare("a", "exists", value=False)),
        ({"a": {"$not": {"$gt": 1}}}, Not(Compare("a", ">", 1))),
        ({"$not": {"a": 1}}, Not(Compare("a", "=", 1))),
        ({"$or": [{"a": 1}, {"b": 2}]}, Some((Compare("a", "=", 1), Compare("b", "=", 2)))),
        ({"$nor": [{"a": 1}]}, Not(Some((Compare("a", "=", 1),)))),
        ({"$and": []}, All(())),
        ({"$or": [{"$and": [{"a": {"$eq": 1}}]}]}, Some((All((Compare("a", "=", 1),)),))),
    ],
)
def test_a_filter_says_what_mongo_would_understand(document: Any, condition: Any) -> None:
    assert parse_filter(document) == condition


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "a filter is an object"),
        ("state", "a filter is an object"),
        ({"$and": {"a": 1}}, "takes a list"),
        ({"$where": "1"}, r"\$where"),
        ({"a": {"$size": 1}}, r"\$size"),
        ({"$or": [1]}, "a filter is an object"),
        ({"$not": 1}, "a filter is an object"),
    ],
)
def test_what_is_no_filter_is_refused_with_what_it_is(document: Any, said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        parse_filter(document)


def test_a_filter_may_not_be_nested_without_end() -> None:
    document: dict[str, Any] = {"a": 1}
    field: dict[str, Any] = {"$gt": 1}
    for _ in range(40):
        document = {"$and": [document]}
        field = {"$not": field}
    for nested in (document, {"a": field}):
        with pytest.raises(InvalidError, match="nested deeper"):
            parse_filter(nested)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "$and", "$or", "$not", "$gt", "$in", "$x"]), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_document_is_a_filter_or_is_refused(document: Any) -> None:
    with suppress(InvalidError):
        parse_filter(json.loads(json.dumps(document)))


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        (None, []),
        ("", []),
        ("name", [Order("name")]),
        ("+created_at", [Order("created_at")]),
        ("-summary_metrics.loss, +name", [Order("summary_metrics.loss", descending=True), Order("name")]),
        (",,", []),
    ],
)
def test_an_order_is_read_part_by_part(text: str | None, orders: list[Order]) -> None:
    assert parse_order(text) == orders
