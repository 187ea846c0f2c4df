"""The API in the test's own process, on a real database, spoken to over ASGI."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from regista.access import service
from regista.app import create_app
from regista.kit.runtime import Runtime, open_runtime
from regista.kit.settings import Settings
from tests.support.database import prepare
from tests.support.postgres import PostgresSession

ADMIN_KEY = "admin-key-of-the-tests-0123456789-0123456789"


class Api:
    """A client of the running application; `client` carries the admin's key."""

    def __init__(self, runtime: Runtime, app: Any, client: httpx.AsyncClient) -> None:
        self.runtime = runtime
        self.app = app
        self.client = client

    def as_key(self, key: str | None) -> httpx.AsyncClient:
        """Return a client with another key, or with none."""
        headers = {"authorization": f"Bearer {key}"} if key is not None else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)

    async def key_of(self, name: str, *, team: str | None = None, role: str = "member", **key: Any) -> str:
        """Make a person (once), give a role in a team, and return a new key."""
        await self.client.post("/api/v1/users", json={"name": name})
        if team is not None:
            answer = await self.client.put(f"/api/v1/teams/{team}/members/{name}", json={"role": role})
            assert answer.status_code == 200, answer.text
        answer = await self.client.post("/api/v1/api-keys", json={"user": name, **key})
        assert answer.status_code == 201, answer.text
        return answer.json()["key"]

    async def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return the items of all pages of a list; none may be longer than its ``limit``."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            answer = await self.client.get(path, params=query | ({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert len(page["items"]) <= int(query.get("limit", 50))
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def events(self) -> list[dict[str, Any]]:
        """Return all events in the order of the log."""
        async with self.runtime.database.transaction() as tx:
            rows = await tx.connection.fetch("SELECT type, subject, body FROM event ORDER BY position")
        return [dict(row) for row in rows]


@asynccontextmanager
async def running_api(postgres: PostgresSession, directory: Path, **settings: Any) -> AsyncGenerator[Api]:
    """Yield the API on a database of its own, bootstrapped."""
    async with postgres.fresh_database(prepare) as url:
        given = Settings(
            database_url=SecretStr(url),
            secret_key=SecretStr("secret-key-of-the-tests-0123456789"),
            admin_api_key=SecretStr(ADMIN_KEY),
            data_dir=directory,
            **settings,
        )
        async with open_runtime(given, "tests") as runtime:
            async with runtime.database.transaction() as tx:
                await service.bootstrap(tx, given, runtime.public_url)
            app = create_app(runtime)
            inner = app._app  # type: ignore[attr-defined]
            async with inner.router.lifespan_context(inner):
                api = Api(runtime, app, httpx.AsyncClient())
                async with api.as_key(ADMIN_KEY) as client:
                    api.client = client
                    yield api
