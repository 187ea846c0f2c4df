"""What only an installation on Kafka runs; imported there alone, because the client takes memory."""

from regista.kit.bus.kafka import KafkaPublisher
from regista.kit.bus.subscriber import KafkaSubscriber
from regista.kit.runtime import Runtime
from regista.kit.service import Lifecycle
from regista.relay import EVENTS, Outlet, Relay

__all__ = ["KafkaRelay", "KafkaSubscriber"]


class KafkaRelay(Relay):
    """A relay with a producer of its own, closed when the relay has drained."""

    def __init__(self, runtime: Runtime, bootstrap: str, outlet: Outlet = EVENTS) -> None:
        self._kafka = KafkaPublisher(bootstrap, topic=outlet.topic)
        super().__init__(runtime, self._kafka, outlet=outlet)

    async def run(self, lifecycle: Lifecycle) -> None:
        """Relay, then close the producer."""
        try:
            await super().run(lifecycle)
        finally:
            await self._kafka.close()
