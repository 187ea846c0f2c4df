from collections.abc import AsyncGenerator

import pytest

from tests.support.bus_kafka import fresh_topic
from tests.support.kafka import KafkaBroker
from tests.support.relay_behaviour import RelayBehaviour
from tests.support.relay_bus import KafkaDestination


@pytest.mark.kafka
class TestOnKafka(RelayBehaviour):
    @pytest.fixture
    async def destination(self, kafka: KafkaBroker) -> AsyncGenerator[KafkaDestination]:
        async with fresh_topic(kafka) as harness:
            destination = KafkaDestination(harness)
            yield destination
            await destination.close()
