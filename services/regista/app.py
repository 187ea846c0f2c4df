"""The FastAPI application: the slices' routers and the edges, nothing of its own."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import FastAPI
from prometheus_client import generate_latest
from starlette.types import ASGIApp

from regista import migrations
from regista.access import api as access_api
from regista.access.keys import KeyCache
from regista.audit import api as audit_api
from regista.automations import api as automations_api
from regista.automations import documents as automation_documents
from regista.automations.executions import api as executions_api
from regista.automations.past import api as past_api
from regista.automations.past import replay_api
from regista.automations.payloads import preview_api
from regista.automations.secrets import api as secrets_api
from regista.delivery import api as delivery_api
from regista.delivery.causes import find_cause
from regista.events import api as events_api
from regista.kit.db import is_outage
from regista.kit.health import probes
from regista.kit.peers import Peer, exposition, healths
from regista.kit.runtime import Runtime
from regista.kit.service import Health
from regista.kit.web import Edge, describe_alike, install_problems
from regista.registry import api as registry_api
from regista.slack import api as slack_api
from regista.tracking import api as tracking_api
from regista.wandb import api as wandb_api
from regista.wandb import storage_routes as wandb_storage
from regista.wandb import stream as wandb_stream
from regista.webhooks import api as webhooks_api
from regista.webhooks.presets import api as presets_api

V1 = "/api/v1"


def create_app(runtime: Runtime, stopping: asyncio.Event | None = None, peers: Sequence[Peer] = ()) -> ASGIApp:
    """Return the ASGI application of the API on a process's resources.

    Once ``stopping`` is set, live streams end. ``peers`` are all processes of the installation, this one included, whose
    health and metrics it tells with its own.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.keys = KeyCache(runtime.database)
        warming = asyncio.create_task(wandb_api.warm())
        yield
        await warming
        app.state.keys.close()

    async def checks() -> Mapping[str, Health]:
        return await healths(peers) if peers else await own_checks(runtime)

    async def metrics() -> bytes:
        return await exposition(peers) if peers else generate_latest(runtime.metrics)

    app = FastAPI(
        title="Regista",
        version=metadata.version("regista"),
        description="A model registry whose every change is an event.",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.runtime = runtime
    app.state.stopping = stopping
    app.state.find_cause = find_cause
    install_problems(app)
    describe_alike(app)
    # Routers are searched in this order: the hottest first.
    app.include_router(registry_api.router, prefix=V1)
    app.include_router(probes(checks, metrics))
    app.include_router(access_api.router, prefix=V1)
    app.include_router(events_api.router, prefix=V1)
    app.include_router(automation_documents.documents)  # before the path of any event type's
    app.include_router(events_api.documents)
    app.include_router(audit_api.router, prefix=V1)
    app.include_router(tracking_api.router, prefix=V1)
    app.include_router(automation_documents.router, prefix=V1)
    app.include_router(automations_api.router, prefix=V1)
    app.include_router(executions_api.router, prefix=V1)
    app.include_router(past_api.router, prefix=V1)
    app.include_router(preview_api.router, prefix=V1)
    app.include_router(replay_api.router, prefix=V1)
    app.include_router(secrets_api.router, prefix=V1)
    app.include_router(webhooks_api.router, prefix=V1)
    app.include_router(slack_api.router, prefix=V1)
    app.include_router(presets_api.router, prefix=V1)
    app.include_router(delivery_api.router, prefix=V1)
    app.include_router(wandb_stream.router)
    app.include_router(wandb_storage.router)
    app.include_router(wandb_api.router)
    return Edge(app, metrics=runtime.metrics, streamed=(f"{V1}/blobs/", f"{V1}/run-files/", "/files/", "/graphql"))


async def own_checks(runtime: Runtime) -> Mapping[str, Health]:
    """Return the health of the API's own parts."""
    return {"database": await _database(runtime)}


async def _database(runtime: Runtime) -> Health:
    try:
        revision = await migrations.current(runtime.database)
    except Exception as error:
        if is_outage(error):
            return Health(ready=False, detail=f"the database does not answer: {error}")
        raise
    if revision != migrations.HEAD:
        return Health(ready=False, detail=f"the schema is at {revision}, this program needs {migrations.HEAD}")
    return Health(ready=True)
