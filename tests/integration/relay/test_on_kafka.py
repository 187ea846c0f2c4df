import asyncio
from collections.abc import AsyncGenerator

import pytest

from regista.kit.db import Database
from tests.support import relay
from tests.support.bus import until
from tests.support.bus_kafka import fresh_topic
from tests.support.kafka import KafkaBroker
from tests.support.relay_behaviour import RelayBehaviour, check_arrived
from tests.support.relay_bus import KafkaDestination


@pytest.mark.kafka
class TestOnKafka(RelayBehaviour):
    @pytest.fixture
    async def destination(self, kafka: KafkaBroker) -> AsyncGenerator[KafkaDestination]:
        async with fresh_topic(kafka) as harness:
            destination = KafkaDestination(harness)
            yield destination
            await destination.close()

    async def test_a_broker_killed_under_load_blocks_the_relay_until_it_is_back_and_loses_nothing(
        self, database: Database, destination: KafkaDestination, kafka: KafkaBroker
    ) -> None:
        ids = await relay.aggregates(database, 20)
        async with relay.running_relay(database.url, destination.publisher()) as running:
            await relay.write(database, ids, writers=8, events=400, delay=0.01)
            writing = asyncio.create_task(relay.write(database, ids, writers=4, events=400, delay=0.05))
            await asyncio.sleep(0.2)
            await kafka.kill()
            await until(lambda: not running.relay.health().ready)
            await writing
            assert await relay.value(database, "SELECT count(*) FROM outbox") > 0
            await kafka.serve()
            await relay.empty(database)
            assert running.relay.health().ready
        await check_arrived(database, destination)
