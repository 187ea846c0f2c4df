from collections.abc import AsyncIterator

import pytest

from tests.support.bus_kafka import TopicHarness, fresh_topic
from tests.support.kafka import KafkaBroker


@pytest.fixture
async def bus(kafka: KafkaBroker) -> AsyncIterator[TopicHarness]:
    async with fresh_topic(kafka) as harness:
        yield harness
