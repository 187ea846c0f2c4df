"""Chains that lead back to where they began, through receivers that change what they are told of."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from regista.automations.catalogue import Catalogue
from regista.delivery import Dispatcher
from regista.effects.planner import Planner
from regista.kit import ids
from regista.kit.bus.model import Received
from regista.kit.service import Lifecycle
from regista.webhooks.planning import WEBHOOKS
from regista.webhooks.sender import WebhookSender
from regista_events import codec
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver, Request, response
from tests.support.registry import MNIST, happened, two_linked
from tests.support.stage import Tenant, second_tenant, staged


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await two_linked(tenant.api)
        yield tenant


@asynccontextmanager
async def working(home: Tenant) -> AsyncGenerator[None]:
    """Plan what happens and send it, as the engine does."""
    runtime = home.api.runtime
    sender = WebhookSender(runtime)
    dispatcher = Dispatcher(runtime, [sender])
    planner = Planner(WEBHOOKS, runtime.database, Catalogue(), dispatcher)
    lifecycle = Lifecycle()

    async def relay() -> None:
        position = 0
        while not lifecycle.stopping.is_set():
            rows = await home.rows("SELECT * FROM event WHERE position > $1 ORDER BY position", position)
            if rows:
                position = rows[-1]["position"]
                await planner.handle(
                    [Received(codec.decode(row["body"]), row["body"], row["context"], row["shard"]) for row in rows]
                )
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(dispatcher.run(lifecycle)), asyncio.create_task(relay())]
    try:
        yield
    finally:
        lifecycle.stopping.set()
        await asyncio.gather(*tasks)
        sender.close()


async def moved(home: Tenant, alias: str, headers: Mapping[str, str] | None = None) -> None:
    """Move the alias to the version that does not hold it."""
    held = (await home.client.get(f"{MNIST}/versions/{alias}")).json().get("version")
    body = {"version": "v0" if held == "v1" else "v1"}
    answer = await home.client.put(f"{MNIST}/aliases/{alias}", json=body, headers=dict(headers or {}))
    assert answer.status_code == 200, answer.text


def pushing(home: Tenant, target: Mapping[str, str]) -> Any:
    """Return what a receiver does that moves an alias by the path it was called at, and hands the webhook-id back."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        path = request.line.split()[1]
        delivery = request.headers["webhook-id"]
        header = {"Regista-Cause": delivery} if path == "/ping" else {"tracestate": f"a=1, regista={delivery},b=2"}
        await moved(home, target[path], header)
        writer.write(response())

    return answer


async def came_to(home: Tenant, count: int) -> list[tuple[str, str]]:
    """Wait until there are so many decisions; return the automation and what was said, in their order."""
    async with asyncio.timeout(20):
        while True:
            rows = await home.rows(
                """
                SELECT a.name, coalesce(d.reason, d.verdict) AS said FROM decision d JOIN automation a ON a.id = d.automation_id
                WHERE d.verdict <> 'unmet' ORDER BY d.position
                """
            )
            if len(rows) >= count:
                return [(row["name"], row["said"]) for row in rows]
            await asyncio.sleep(0.02)


async def test_an_automation_that_meets_itself_stops_and_says_loop(home: Tenant) -> None:
    async with Receiver() as receiver, working(home):
        receiver.answer = pushing(home, {"/ping": "production", "/ping2": "pong", "/pong": "ping"})
        await home.webhook(receiver.url(path="/ping"))
        await home.automation("itself", where='alias == "production"')
        await moved(home, "production")
        assert await came_to(home, 2) == [("itself", "fire"), ("itself", "loop")]
        mine, its = (each for each in await happened(home.api, "alias.added") if each["data"]["alias"] == "production")
        assert (mine["hops"], mine.get("automations")) == (0, None)
        (automation,) = await home.rows("SELECT id FROM automation")
        assert (its["causationid"], its["correlationid"]) == (mine["id"], mine["id"])
        assert (its["hops"], its["automations"]) == (1, str(automation["id"]))
        # Two that call each other, one hop more; handed back by a trace.
        await home.webhook(receiver.url(path="/ping2"), "first")
        await home.webhook(receiver.url(path="/pong"), "second")
        for name, alias, hook in (("to pong", "ping", "first"), ("to ping", "pong", "second")):
            actions = [{"webhook": {"integration": f"team/{hook}"}}]
            await home.automation(name, where=f'alias == "{alias}"', actions=actions)
        await moved(home, "ping")
        assert (await came_to(home, 5))[2:] == [("to pong", "fire"), ("to ping", "fire"), ("to pong", "loop")]
        await asyncio.sleep(0.2)
        assert len(await came_to(home, 5)) == 5


async def test_a_cause_is_a_delivery_of_ones_own_organization(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/hook")
    await home.automation(where='alias == "production"')
    await moved(home, "production")
    planner = Planner(WEBHOOKS, home.api.runtime.database, Catalogue())
    for row in await home.rows("SELECT * FROM event ORDER BY position"):
        await planner.handle([Received(codec.decode(row["body"]), row["body"], row["context"], row["shard"])])
    (delivery,) = await home.rows("SELECT id FROM delivery")
    known = str(delivery["id"])
    rival = await second_tenant(home.api)
    for tenant, given in ((home, "nonsense"), (home, str(ids.uuid7())), (rival, known)):
        answer = await tenant.client.get("/api/v1/me", headers={"Regista-Cause": given})
        assert answer.status_code == 422
        assert given in answer.json()["detail"]
        for state in (f"regista={given}", "regista=", "=,;regista=x"):
            assert (await tenant.client.get("/api/v1/me", headers={"tracestate": state})).status_code == 200
    # The W&B client's mutations are part of a chain as well.
    query = 'mutation { upsertModel(input: {name: "caused", entityName: "team"}) { model { id } } }'
    answer = await home.client.post("/graphql", json={"query": query}, headers={"Regista-Cause": known.upper()})
    assert answer.status_code == 200, answer.text
    made = (await home.api.events())[-1]
    assert made["type"] == "dev.regista.project.created"
    assert json.loads(made["body"])["hops"] == 1
