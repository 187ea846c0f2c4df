"""GraphQL over ASGI, as the client asks it."""

from typing import Any

from tests.support.api import Api


async def ask(api: Api, query: str, **variables: Any) -> dict[str, Any]:
    """Return the data of an answer without errors."""
    answer = await api.client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "errors" not in body, body["errors"]
    return body["data"]


async def refusal(api: Api, query: str, **variables: Any) -> str:
    """Return what the first error of an answer says."""
    answer = await api.client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()["errors"][0]["message"]
