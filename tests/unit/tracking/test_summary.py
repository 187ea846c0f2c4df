import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regista.kit.bodies import check_json
from regista.tracking.summary import MAX_EVENT_BYTES, for_event, size, storable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.characters(codec=None).map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(JSON)
def test_whatever_comes_is_stored_as_something_that_can_be(value: Any) -> None:
    kept = storable(value)
    check_json(kept)
    json.dumps(kept, allow_nan=False).encode()


def test_what_can_be_stored_stays_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, "ä🙂"], "b": {"c": "d"}}
    assert storable(value) == value


def test_what_cannot_is_replaced_and_the_rest_stays() -> None:
    assert storable({"a\x00": "x\ud83dy", "n": float("nan"), "i": float("-inf")}) == {
        "a\ufffd": "x\ufffdy",
        "n": "NaN",
        "i": "-Infinity",
    }
    nested: Any = 1
    for _ in range(100):
        nested = [nested]
    check_json(storable({"deep": nested}))


def test_an_event_carries_what_is_small_of_a_large_summary() -> None:
    small = {"acc": 0.5, "loss": [1, 2], "name": "x"}
    assert for_event(small) == small
    large = {**small, "table": "x" * MAX_EVENT_BYTES, "histogram": [1] * 400_000}
    assert for_event(large) == {**small, "histogram": [1] * 400_000}
    assert size(for_event({str(number): "x" * 1000 for number in range(5000)})) <= MAX_EVENT_BYTES
