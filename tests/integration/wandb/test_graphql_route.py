import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.support.api import Api, running_api
from tests.support.postgres import PostgresSession

SERVER = "query ServerFeaturesQuery { serverInfo { features { name } } }"


@pytest.fixture(scope="module")
async def api(postgres: PostgresSession, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Api]:
    async with running_api(postgres, tmp_path_factory.mktemp("graphql")) as api:
        yield api


async def test_a_wrong_key_is_a_401_with_errors_as_the_client_reads_them(api: Api) -> None:
    for key in (None, "k" * 40, "short"):
        async with api.as_key(key) as client:
            answer = await client.post("/graphql", json={"query": SERVER})
        assert answer.status_code == 401
        assert "key" in answer.json()["errors"][0]["message"]
        assert answer.headers["www-authenticate"].startswith("Basic")


async def test_the_clients_basic_authentication_is_taken(api: Api) -> None:
    key = api.client.headers["authorization"].removeprefix("Bearer ")
    async with api.as_key(None) as client:
        answer = await client.post("/graphql", json={"query": SERVER}, auth=httpx.BasicAuth("api", key))
    assert answer.status_code == 200
    assert answer.json()["data"]["serverInfo"]["features"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"query"', b"{}", b'{"query": 3}', b'{"query": "{a}", "variables": []}', b"\xff\xfe"]
)
async def test_a_body_that_is_no_graphql_request_is_a_400_that_says_what_to_send(api: Api, body: bytes) -> None:
    answer = await api.client.post("/graphql", content=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]


async def test_null_variables_and_an_empty_operation_name_are_none(api: Api) -> None:
    answer = await api.client.post("/graphql", json={"query": SERVER, "variables": None, "operationName": ""})
    assert answer.json()["data"]["serverInfo"]["features"]


async def test_an_outage_in_the_middle_of_a_request_is_a_503_and_the_next_request_is_served(
    api: Api, postgres: PostgresSession
) -> None:
    del postgres
    query = "query Viewer { viewer { id username } }"
    assert (await api.client.post("/graphql", json={"query": query})).status_code == 200
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    answers = await asyncio.gather(*(api.client.post("/graphql", json={"query": query}) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert (await api.client.post("/graphql", json={"query": query})).json()["data"]["viewer"]["username"] == "admin"
