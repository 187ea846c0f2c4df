"""What an event costs where many automations are: elsewhere, and where it happens."""

import statistics
import time
from collections.abc import Callable

from regista.automations.deciding.verdict import FIRE, judge
from regista.automations.language.conditions import Condition
from regista.automations.language.seen import Seen
from regista.automations.matching import Definition, Index
from regista_events.codec import decode, encode
from tests.bench.figures import Effort, Figure
from tests.support.definitions import definition, event_at

FEW, MANY, RELEVANT = 10, 10_000, 100
MATCHES = 200
"""Of one round: so short that whatever else the machine does falls upon neighbours alike."""
HERE = 7
METADATA = {f"metric_{number}": number / 7 for number in range(50)}
CONDITIONS = (
    'alias == "production" && artifact.metadata.acc >= 0.9 && previous != null',
    'alias in ["production", "staging"] && artifact.metadata.metric_{n} >= 0.0',
    'artifact.tags.exists(tag, tag.matches("^(task|v[0-9]+)$")) && collection.name != "none {n}"',
    'artifact.metadata.framework == "jax {n}" || event.hops > 4 || artifact.size > 10000',
)


async def measure(effort: Effort) -> list[Figure]:
    beside = [_match(FEW), _match(MANY)]
    rounds = [tuple(match() for match in beside) for _ in range(500 * effort.rounds)]
    few, many = (statistics.median(column) for column in zip(*rounds, strict=True))
    more = statistics.median(beside_many / beside_few for beside_few, beside_many in rounds)
    judged = _judge()
    relevant = [judged() for _ in range(100 * effort.rounds)]
    return [
        Figure(f"match with {FEW} automations elsewhere", 1e6 * few, "µs"),
        Figure(f"match with {MANY:,} elsewhere", 1e6 * many, "µs"),
        Figure("how much more that is", more, "×", 1.1, less=True),
        Figure(f"match and judge {RELEVANT} with conditions", 1e3 * statistics.median(relevant), "ms", 5, less=True),
    ]


def _on_alias(number: int, collection: int, condition: Condition | None = None) -> Definition:
    return definition(number, ("collection", collection), "alias.added", condition=condition)


def _match(elsewhere: int) -> Callable[[], float]:
    """Return a round: the CPU seconds of one match among so many automations on other collections."""
    index = Index()
    index.put(_on_alias(0, HERE))
    for number in range(1, elsewhere + 1):
        index.put(_on_alias(number, HERE + number))
    event = event_at("alias.added", data={"collection": {"id": HERE}})

    def match() -> float:
        began = time.thread_time()
        for _ in range(MATCHES):
            index.candidates(event)
        return (time.thread_time() - began) / MATCHES

    return match


def _judge() -> Callable[[], float]:
    """Return a round: the CPU seconds in which one new event is matched and judged by all that it concerns."""
    index = Index()
    for number in range(RELEVANT):
        text = CONDITIONS[number % len(CONDITIONS)].replace("{n}", str(number // 2))
        index.put(_on_alias(number, HERE, Condition(text)))
    artifact = {"metadata": {"acc": 0.95, "framework": "torch", **METADATA}}
    body = encode(event_at("alias.added", data={"collection": {"id": HERE}, "artifact": artifact}))

    def match() -> float:
        event = decode(body)
        began = time.thread_time()
        seen = Seen(event)
        verdicts = [judge(each, seen) for each in index.candidates(event)]
        took = time.thread_time() - began
        assert verdicts == [FIRE] * RELEVANT
        return took

    match()
    return match
