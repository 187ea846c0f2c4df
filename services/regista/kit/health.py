"""``/livez``, ``/readyz`` and ``/metrics``, the same at every process's port."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from regista.kit.service import Health
from regista.kit.web.routing import ActionRouter

Checks = Callable[[], Awaitable[Mapping[str, Health]]]
"""Returns the present health of each part of the process."""


def probes(checks: Checks, metrics: CollectorRegistry) -> ActionRouter:
    """Return the routes; they need no key.

    ``/livez`` answers while the event loop turns: restarting helps no outage of a dependency. ``/readyz`` is 503 while
    any part cannot do its work, and says which and why.
    """
    router = ActionRouter(tags=["health"])

    async def livez() -> Response:
        """Say that the process is alive."""
        return JSONResponse({"alive": True})

    async def readyz() -> Response:
        """Say whether every part of the process can do its work."""
        found = await checks()
        ready = all(health.ready for health in found.values())
        parts = {name: {"ready": health.ready, "detail": health.detail} for name, health in found.items()}
        return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503)

    async def exposition() -> Response:
        """Return the process's metrics in Prometheus' text format."""
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    router.read("/livez", action=None)(livez)
    router.read("/readyz", action=None, responses={503: {"description": "a part cannot do its work"}})(readyz)
    router.read("/metrics", action=None, response_class=Response)(exposition)
    return router
