"""What Prometheus is told of relays."""

from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from regista.relay.outlet import Outlet
from regista.relay.repository import Lag


class _Families:
    """The metrics of all relays of a process; the label says whose."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ("topic",)
        self.published = Counter(
            "regista_relay_published",
            "Rows that the bus acknowledged and that left the outbox.",
            names,
            registry=registry,
        )
        self.batch = Histogram(
            "regista_relay_batch_rows",
            "Rows in one batch.",
            names,
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
            registry=registry,
        )
        self.failures = Counter(
            "regista_relay_failures", "Batches that the bus did not take.", names, registry=registry
        )
        self.pending = Gauge(
            "regista_relay_pending_rows", "Rows in the held shards, counted up to 10,000.", names, registry=registry
        )
        self.lag = Gauge(
            "regista_relay_lag_seconds", "Age of the oldest row in the held shards.", names, registry=registry
        )
        self.held = Gauge("regista_relay_shards_held", "Shards held, of 16.", names, registry=registry)


_FAMILIES: WeakKeyDictionary[CollectorRegistry, _Families] = WeakKeyDictionary()
"""A registry takes each family once, and a process has a relay for each outlet."""


class RelayMetrics:
    """The metrics of one outlet. Summed over all relays, gauges give the whole: a shard has one holder."""

    def __init__(self, registry: CollectorRegistry, outlet: Outlet) -> None:
        families = _FAMILIES.get(registry) or _FAMILIES.setdefault(registry, _Families(registry))
        self._published = families.published.labels(outlet.topic)
        self._batch = families.batch.labels(outlet.topic)
        self._failures = families.failures.labels(outlet.topic)
        self._pending = families.pending.labels(outlet.topic)
        self._lag = families.lag.labels(outlet.topic)
        self._held = families.held.labels(outlet.topic)

    def sent(self, rows: int) -> None:
        """Count a batch that goes to the bus."""
        self._batch.observe(rows)

    def failed(self) -> None:
        """Count a batch that the bus did not take."""
        self._failures.inc()

    def settled(self, rows: int) -> None:
        """Count rows that have left the outbox."""
        self._published.inc(rows)

    def holds(self, shards: int) -> None:
        """Tell how many shards are held."""
        self._held.set(shards)

    def lags(self, lag: Lag) -> None:
        """Tell how far the held shards are behind."""
        self._pending.set(lag.pending)
        self._lag.set(lag.seconds)
