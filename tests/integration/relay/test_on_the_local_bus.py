from collections.abc import AsyncGenerator

import pytest

from regista.kit.db import Database
from tests.support.relay_behaviour import RelayBehaviour
from tests.support.relay_bus import LocalDestination


class TestOnTheLocalBus(RelayBehaviour):
    @pytest.fixture
    async def destination(self, database: Database) -> AsyncGenerator[LocalDestination]:
        destination = LocalDestination(database)
        await destination.prepare()
        yield destination
        await destination.close()
