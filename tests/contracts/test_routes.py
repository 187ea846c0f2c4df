import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from regista.access.actions import Action
from regista.kit.web import action_of
from tests.support.access import FOREIGN_KEY, OPERATIONS, TEAM_ONLY, Gets, Operation, build_world
from tests.support.api import Api, running_api
from tests.support.postgres import PostgresSession
from tests.support.routes import Declared, declared

FRAMEWORK = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
"""FastAPI's own: they describe the program, which is public, and hold no data."""

PUBLIC = {
    "/livez": "who asks restarts the process and has no key",
    "/readyz": "who asks balances the load and has no key",
    "/metrics": "numbers of the process, no names",
    "/asyncapi.json": "describes the program",
    "/schemas/{name}.json": "describes the program",
    "/schemas/automations.json": "describes the program",
    "/api/v1/blobs/{organization}/{blob}": "the signature in the URL is the key",
    "/api/v1/run-files/{organization}/{run}": "the signature in the URL is the key",
    "/artifact-manifests/{organization}/{manifest}": "the signature in the URL is the key",
}

FIELDS = {"/graphql"}
"""One path for many questions, each of whose root fields names an action of its own."""


class World(Api):
    """The API with one of each thing in it."""

    values: dict[str, str]
    stranger: str

    async def call(self, operation: Operation, key: str | None) -> httpx.Response:
        async with self.as_key(key) as client:
            given = operation.content(self.values)
            return await client.request(operation.method, operation.url(self.values), json=given)


@pytest.fixture(scope="module")
async def world(postgres: PostgresSession, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with running_api(postgres, directory, webhook_allowed_networks="127.0.0.0/8") as api:
        made = World(api.runtime, api.app, api.client)
        made.values = await build_world(made)
        made.stranger = await made.key_of("stranger")
        # A live stream ends at once when the process is about to stop.
        stopping = asyncio.Event()
        stopping.set()
        made.app._app.state.stopping = stopping
        yield made


def routes(world: World) -> list[Declared]:
    return list(declared(world.app._app.routes))


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}{operation.query}"


every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=named)


async def test_every_route_names_an_action_or_is_public_for_a_reason(world: World) -> None:
    public: set[str] = set()
    for method, path, route in routes(world):
        if path in FRAMEWORK:
            continue
        action = action_of(route)
        if action is None:
            public.add(path)
        else:
            assert action in set(Action), f"{method} {path} names {action!r}"
    assert public == PUBLIC.keys()


async def test_every_route_that_needs_a_key_is_tried_below(world: World) -> None:
    served = {(method, path) for method, path, _ in routes(world) if path not in FRAMEWORK | PUBLIC.keys() | FIELDS}
    renamed = {"{team}": "{entity}"}
    tried = {(operation.method, operation.route) for operation in OPERATIONS}
    assert {(method, path.replace(*next(iter(renamed.items())))) for method, path in served} == tried


@every_operation
async def test_without_a_key_nothing_is_answered(world: World, operation: Operation) -> None:
    for key in (None, "a-key-that-nobody-was-ever-given-0123456789"):
        answer = await world.call(operation, key)
        assert answer.status_code == 401, answer.text
        assert answer.json()["code"] == "unauthenticated"


@every_operation
async def test_who_has_no_role_in_the_team_gets_nothing_of_it(world: World, operation: Operation) -> None:
    answer = await world.call(operation, world.stranger)
    check(operation.stranger, answer)


@every_operation
async def test_an_admin_of_another_organization_gets_nothing_of_it(world: World, operation: Operation) -> None:
    answer = await world.call(operation, FOREIGN_KEY)
    check(operation.foreigner, answer)


async def test_the_same_calls_are_answered_to_an_admin(world: World) -> None:
    refused: list[Any] = []
    for operation in OPERATIONS:
        answer = await world.call(operation, world.client.headers["authorization"].removeprefix("Bearer "))
        # What the other callers were allowed to make is there already.
        if answer.is_error and answer.status_code != 409:
            refused.append((named(operation), answer.status_code, answer.json()["detail"]))
    assert refused == []


def check(gets: Gets, answer: httpx.Response) -> None:
    match gets:
        case Gets.REFUSED:
            assert answer.status_code in {403, 404}, f"{answer.status_code}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json"
        case Gets.SHARED:
            assert answer.status_code == 200, answer.text
        case Gets.OWN | Gets.NOTHING:
            assert answer.is_success, answer.text
            assert not [name for name in TEAM_ONLY if name in answer.text]
            if gets is Gets.NOTHING and answer.headers["content-type"] == "application/json":
                nothing = {"items": [], "next_cursor": None, "redelivered": 0}
                assert answer.json() == {name: nothing[name] for name in answer.json()}
