from typing import Any

import pytest

from regista.automations.deciding.limits import parse_limits
from regista.kit.errors import InvalidError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"cooldown": 10**20},
            "limits.cooldown is wrong: Value error, 100000000000000000000 seconds are not between 1s and",
        ),
        ({"cooldown": 10**4000}, "1s and 30d; write e.g. `10m`"),
        ({"cooldown": -(10**20)}, "-100000000000000000000 seconds are not between"),
        ({"cooldown": 0}, "greater than"),
        ({"cooldown": "999999999d"}, "less than or equal to"),
        ({"cooldown": 1e300}, "write a whole number and s, m, h or d"),
        ({"per_hour": 10**20}, "limits.per_hour is wrong: Input should be less than or equal to 10000"),
        ({"per_hour": -(10**20)}, "greater than or equal to 1"),
    ],
)
def test_a_number_beyond_what_a_limit_may_be_is_refused_with_what_it_may_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        parse_limits(given)
    assert said in str(refused.value)
