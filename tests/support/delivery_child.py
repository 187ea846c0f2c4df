"""A process with a dispatcher, for tests that kill it: ``python delivery_child.py DATABASE_URL``.

Prints ``ready``, then each delivery id as its send begins. Sends to odd lanes end at once, those to even ones never: at
the end of the process they have been sent and not recorded.
"""

import asyncio
import sys

from pydantic import SecretStr

from regista.delivery import Claimed, Dispatcher, LaneNews, Outcome
from regista.kit.db import Transaction
from regista.kit.runtime import open_runtime
from regista.kit.service import Lifecycle
from regista.kit.settings import Settings
from regista.kit.telemetry import configure_logging


class PrintingSender:
    """Says what it is given."""

    kind = "webhook"

    async def send(self, row: Claimed) -> Outcome:
        sys.stdout.write(f"{row.id} {row.position}\n")
        sys.stdout.flush()
        if row.lane_id % 2 == 0:
            await asyncio.sleep(600)
        return Outcome(200, None, 0.0, {}, b"", False, None, False)

    async def announce(self, transaction: Transaction, lane_id: int, news: LaneNews) -> None:
        raise AssertionError(f"nothing fails here: {lane_id} {news} {transaction}")


async def main() -> None:
    configure_logging("warning", "delivery-child")
    settings = Settings(database_url=SecretStr(sys.argv[1]), secret_key=SecretStr("secret-key-of-the-tests-0123456789"))
    async with open_runtime(settings, "delivery-child") as runtime:
        lifecycle = Lifecycle()
        running = asyncio.create_task(Dispatcher(runtime, [PrintingSender()]).run(lifecycle))
        await lifecycle.started.wait()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await running


asyncio.run(main())
