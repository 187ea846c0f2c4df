from typing import Any

from tests.support.api import Api

VIEWER = """
query GetViewer {
  viewer {
    id name username email admin flags entity deletedAt
    teams { edges { node { id name } } }
    organizations { name orgEntity { name entityType } }
  }
}
"""
ORGANIZATION_OF = """
query FetchOrgInfoFromEntity($entity: String!) {
  entity(name: $entity) {
    name entityType isTeam
    organization { name orgEntity { name } }
    user { username organizations { name orgEntity { name } } }
  }
}
"""


async def ask(api: Api, query: str, key: str | None = None, **variables: Any) -> dict[str, Any]:
    """Return the data of a GraphQL request that must have no errors."""
    body = {"query": query, "variables": variables}
    if key is None:
        answer = await api.client.post("/graphql", json=body)
    else:
        async with api.as_key(key) as client:
            answer = await client.post("/graphql", json=body)
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


async def test_the_viewer_is_whose_key_was_presented(api: Api) -> None:
    viewer = (await ask(api, VIEWER))["viewer"]
    assert viewer["username"] == viewer["name"] == "admin"
    assert viewer["entity"] == "team"
    assert [edge["node"]["name"] for edge in viewer["teams"]["edges"]] == ["team"]
    assert viewer["organizations"] == [
        {"name": "home", "orgEntity": {"name": "home-org", "entityType": "organization"}}
    ]
    key = await api.key_of("eve")
    viewer = (await ask(api, VIEWER, key))["viewer"]
    assert (viewer["username"], viewer["entity"], viewer["admin"], viewer["teams"]) == (
        "eve",
        "eve",
        False,
        {"edges": []},
    )


async def test_every_entity_leads_to_the_organization_and_its_own_entity(api: Api) -> None:
    await api.key_of("eve")
    organization = {"name": "home", "orgEntity": {"name": "home-org"}}
    team = (await ask(api, ORGANIZATION_OF, entity="team"))["entity"]
    assert (team["entityType"], team["isTeam"], team["organization"], team["user"]) == (
        "team",
        True,
        organization,
        None,
    )
    space = (await ask(api, ORGANIZATION_OF, entity="eve"))["entity"]
    assert (space["entityType"], space["user"]["organizations"]) == ("user", [organization])
    assert (await ask(api, ORGANIZATION_OF, entity="home-org"))["entity"]["entityType"] == "organization"
    assert (await ask(api, ORGANIZATION_OF, entity="nobody"))["entity"] is None
