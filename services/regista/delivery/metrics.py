"""What a dispatcher tells Prometheus."""

from collections import Counter as Tally
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0)


class Metrics:
    """The metrics of the one dispatcher of a process."""

    def __init__(
        self, registry: CollectorRegistry, queued: Callable[[], float], in_flight: Callable[[], float]
    ) -> None:
        self._attempts = Counter(
            "regista_delivery_attempts",
            "attempts recorded, by what they came to",
            ("kind", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "regista_delivery_attempt_seconds", "how long attempts take", ("kind",), registry=registry, buckets=_BUCKETS
        )
        self.fenced = Counter(
            "regista_delivery_fenced", "outcomes not recorded because the lane has another owner", registry=registry
        )
        self.faults = Counter("regista_delivery_faults", "sends that failed through a fault of ours", registry=registry)
        Gauge("regista_delivery_queued", "rows in memory that wait to be sent", registry=registry).set_function(queued)
        Gauge("regista_delivery_in_flight", "sends under way", registry=registry).set_function(in_flight)

    def recorded(self, kind: str, outcomes: Tally[str], seconds: list[float]) -> None:
        """Count a batch of attempts of one kind, by outcome."""
        for outcome, number in outcomes.items():
            self._attempts.labels(kind, outcome).inc(number)
        observe = self._seconds.labels(kind).observe
        for value in seconds:
            observe(value)
