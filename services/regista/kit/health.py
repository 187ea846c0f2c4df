"""``/livez``, ``/readyz`` and ``/metrics``, the same at every process's port."""

from collections.abc import Awaitable, Callable

from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from regista.kit.peers import Checks
from regista.kit.web.routing import ActionRouter


def probes(checks: Checks, metrics: Callable[[], Awaitable[bytes]]) -> ActionRouter:
    """Return the routes; they need no key.

    ``/livez`` answers while the event loop turns: restarting helps no outage of a dependency. ``/readyz`` is 503 while
    any part cannot do its work, and says which and why.
    """
    router = ActionRouter(tags=["health"])

    async def livez() -> Response:
        """Say that the process is alive."""
        return JSONResponse({"alive": True})

    async def readyz() -> Response:
        """Say whether every part can do its work."""
        found = await checks()
        ready = all(health.ready for health in found.values())
        parts = {name: {"ready": health.ready, "detail": health.detail} for name, health in found.items()}
        return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503)

    async def exposition() -> Response:
        """Return the metrics in Prometheus' text format."""
        return Response(await metrics(), media_type=CONTENT_TYPE_LATEST)

    router.read("/livez", action=None)(livez)
    router.read("/readyz", action=None, responses={503: {"description": "a part cannot do its work"}})(readyz)
    router.read("/metrics", action=None, response_class=Response)(exposition)
    return router
