from typing import Any

import pytest

from regista.wandb.configs import unwrap, wrap


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"lr": {"value": 0.1, "desc": None}}, {"lr": 0.1}),
        ({"lr": {"value": 0.1}}, {"lr": 0.1}),
        ({"plain": 3}, {"plain": 3}),
        ({"model": {"value": {"value": 1}}}, {"model": {"value": 1}}),
        ({"range": {"value": 1, "max": 2}}, {"range": {"value": 1, "max": 2}}),
        (None, {}),
        ([1], {}),
    ],
)
def test_members_of_a_config_are_taken_out_of_their_wrapping(theirs: Any, ours: dict[str, Any]) -> None:
    assert unwrap(theirs) == ours


def test_what_was_wrapped_is_unwrapped_to_what_it_was() -> None:
    config = {"a": 1, "b": {"value": 2}, "c": {"value": 3, "desc": "x"}, "d": None, "_wandb": {"t": {}}}
    assert unwrap(wrap(config)) == config
