from typing import Any

import pytest

from regista.automations.deciding.limits import parse_limits
from regista.kit.errors import InvalidError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cooldown": 10**20}, "limits.cooldown: 100000000000000000000 seconds are not between 1s and"),
        ({"cooldown": 10**4000}, "1s and 30d; write e.g. `10m`"),
        ({"cooldown": -(10**20)}, "-100000000000000000000 seconds are not between"),
        ({"cooldown": 0}, "limits.cooldown: more than 0s is wanted"),
        ({"cooldown": "999999999d"}, "limits.cooldown: at most 30d is wanted"),
        ({"cooldown": 1e300}, "write a whole number and s, m, h or d"),
        ({"per_hour": 10**20}, "limits.per_hour: at most 10000 is wanted, not 100000000000000000000"),
        ({"per_hour": -(10**20)}, "limits.per_hour: at least 1 is wanted, not -100000000000000000000"),
    ],
)
def test_a_number_beyond_what_a_limit_may_be_is_refused_with_what_it_may_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError) as refused:
        parse_limits(given)
    assert said in str(refused.value)
