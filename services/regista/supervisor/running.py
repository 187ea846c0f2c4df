"""Runs a set of services in this process until it is told to stop."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from regista.kit.service import Health, Lifecycle, Service

log = structlog.get_logger()

DRAIN_SECONDS = 40.0
"""A service that has not drained by then is cancelled: its work is repeated by its successor."""


async def run_services(
    services: Sequence[Service], stopping: asyncio.Event, ready: Callable[[], Awaitable[None]]
) -> None:
    """Run the services side by side; call ``ready`` once all have started.

    They are stopped in the order given in reverse, each after the one before has drained: producers before those they
    hand their work to. A service that fails stops all the others and its error is raised.
    """
    lifecycles = [Lifecycle() for _ in services]
    tasks = [
        asyncio.create_task(service.run(lifecycle), name=service.name)
        for service, lifecycle in zip(services, lifecycles, strict=True)
    ]
    started = asyncio.create_task(_all_started(lifecycles, ready), name="started")
    asked = asyncio.create_task(stopping.wait(), name="stopping")
    try:
        await asyncio.wait([*tasks, asked], return_when=asyncio.FIRST_COMPLETED)
        for task, lifecycle in zip(reversed(tasks), reversed(lifecycles), strict=True):
            lifecycle.stopping.set()
            _, late = await asyncio.wait([task], timeout=DRAIN_SECONDS)
            if late:
                log.warning("service.not_drained", name=task.get_name(), seconds=DRAIN_SECONDS)
                task.cancel()
    finally:
        every: list[asyncio.Task[Any]] = [*tasks, started, asked]
        for task in every:
            task.cancel()
        results = await asyncio.gather(*every, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _all_started(lifecycles: Sequence[Lifecycle], ready: Callable[[], Awaitable[None]]) -> None:
    for lifecycle in lifecycles:
        await lifecycle.started.wait()
    # What was made while starting lives as long as the process: the collector need not walk it again and again. And
    # batches make thousands of objects that die by reference count: walking them meanwhile doubled a planner's time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    await ready()


def health_of(services: Sequence[Service]) -> Mapping[str, Health]:
    """Return the present health of each service."""
    return {service.name: service.health() for service in services}
