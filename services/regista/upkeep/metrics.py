"""What Prometheus is told of the upkeep."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class UpkeepMetrics:
    """Summed over all processes, the gauge is 1: one of them holds the upkeep."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ("sweep",)
        self._held = Gauge("regista_upkeep_held", "Whether this process does the upkeep.", registry=registry)
        self._swept = Counter("regista_upkeep_swept", "Things that sweeps have dealt with.", names, registry=registry)
        self._failures = Counter("regista_upkeep_failures", "Sweeps that failed.", names, registry=registry)
        self._seconds = Histogram(
            "regista_upkeep_sweep_seconds",
            "How long sweeps take.",
            names,
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60),
            registry=registry,
        )

    def holds(self, held: bool) -> None:  # noqa: FBT001 - what a gauge is set to
        """Tell whether this process does the upkeep."""
        self._held.set(held)

    def swept(self, sweep: str, count: int, seconds: float) -> None:
        """Count what a sweep did."""
        self._swept.labels(sweep).inc(count)
        self._seconds.labels(sweep).observe(seconds)

    def failed(self, sweep: str) -> None:
        """Count a sweep that failed."""
        self._failures.labels(sweep).inc()
