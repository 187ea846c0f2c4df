"""Planners, and the dispatcher that they hand their rows to, in the test's own process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry

from regista.automations.catalogue import Catalogue
from regista.delivery import Dispatcher
from regista.effects.planner import Planner
from regista.kit import clock
from regista.kit.service import Lifecycle
from regista.slack.planning import SLACK
from regista.slack.sender import SlackSender
from regista.webhooks.planning import WEBHOOKS
from regista.webhooks.sender import WebhookSender
from tests.support.stage import Tenant


class Sending:
    """Both planners, and the dispatcher that they hand their rows to, as in one process; `kill` ends it at once."""

    def __init__(self, tenant: Tenant) -> None:
        runtime = replace(tenant.api.runtime, metrics=CollectorRegistry())
        self.senders = [WebhookSender(runtime), SlackSender(runtime)]
        self.dispatcher = Dispatcher(runtime, self.senders)
        self.planners = [Planner(way, runtime.database, Catalogue(), self.dispatcher) for way in (WEBHOOKS, SLACK)]
        self.lifecycle = Lifecycle()
        self.running = asyncio.create_task(self.dispatcher.run(self.lifecycle))

    async def plan(self, batch: Any) -> None:
        for planner in self.planners:
            await planner.handle(batch)

    async def kill(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


@asynccontextmanager
async def sending(tenant: Tenant) -> AsyncGenerator[Sending]:
    it = Sending(tenant)
    try:
        await asyncio.wait_for(it.lifecycle.started.wait(), 20)
        yield it
    finally:
        it.lifecycle.stopping.set()
        await asyncio.gather(it.running, return_exceptions=True)
        for sender in it.senders:
            sender.close()


async def until(holds: Any, seconds: float = 30) -> None:
    """Wait until what ``holds`` returns is awaited as true."""
    deadline = clock.monotonic() + seconds
    while not await holds():
        assert clock.monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.02)
