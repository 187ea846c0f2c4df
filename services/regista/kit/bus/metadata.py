"""Keeps aiokafka 0.14 from asking for metadata in a circle while its brokers are away.

Where a partition has no leader, its fetcher and its sender ask for metadata until there is one, without a pause. As long
as somebody answers, that is a round trip each; when every broker refuses at once, it is thousands of attempts and log
lines a second, on a core that whatever starts again would need.
"""

import asyncio
from typing import Any

from aiokafka.client import AIOKafkaClient

PAUSE = 0.25
"""Seconds after an attempt that no broker answered."""


def calm(client: AIOKafkaClient) -> None:
    """Let the client pause after each update of metadata that failed; whoever waits for it waits as long."""
    ask = client._metadata_update  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - there is no setting for it

    async def ask_calmly(*arguments: Any) -> Any:
        answered = await ask(*arguments)
        if not answered:
            await asyncio.sleep(PAUSE)
        return answered

    client._metadata_update = ask_calmly  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] - the same
