import asyncio
from typing import Any

from tests.support.api import ADMIN_KEY, Api

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


async def ask(api: Api, text: str, key: str | None = None, **variables: Any) -> dict[str, Any]:
    """Return the data of a GraphQL request that must have no errors."""
    body = {"query": text, "variables": variables}
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


async def refused(api: Api, query: str, key: str | None = None, **given: Any) -> str:
    """Return the sentence of a mutation that must be refused."""
    async with api.as_key(key or ADMIN_KEY) as client:
        answer = await client.post("/graphql", json={"query": query, "variables": {"input": given}})
    assert answer.status_code == 200, answer.text
    return answer.json()["errors"][0]["message"]


CREATE_USER = (
    "mutation C($input: CreateUserInput!) { done: createUser(input: $input) { user { username email admin } } }"
)
CREATE_TEAM = "mutation C($input: CreateTeamInput!) { done: createTeam(input: $input) { entity { name members { username role } } } }"
INVITE = (
    "mutation C($input: CreateInviteInput!) { done: createInvite(input: $input) { invite { toUser { username } } } }"
)
REMOVE = "mutation C($input: DeleteInviteInput!) { done: deleteInvite(input: $input) { success } }"
ROBOT = (
    "mutation C($input: CreateServiceAccountInput!) { done: createServiceAccount(input: $input) { user { username } } }"
)
MEMBERS = "query M($name: String!) { entity(name: $name) { members { id username role admin accountType } } }"


async def test_accounts_are_made_of_addresses_and_descriptions_under_names_that_are_free(api: Api) -> None:
    made = await ask(api, CREATE_USER, input={"email": "Ann.Lee@example.com", "admin": True})
    assert made["done"]["user"] == {"username": "ann.lee", "email": "Ann.Lee@example.com", "admin": True}
    assert (await ask(api, CREATE_USER, input={"email": "ann.lee@example.org"}))["done"]["user"][
        "username"
    ] == "ann.lee-2"
    for team in ("users", "team"):
        assert (await ask(api, CREATE_USER, input={"email": f"{team}@example.com"}))["done"]["user"][
            "username"
        ] == f"{team}-2"
    robots = [
        (await ask(api, ROBOT, input={"entityName": "team", "description": "CI robot"}))["done"]["user"]["username"]
        for _ in range(2)
    ]
    assert robots == ["ci-robot", "ci-robot-2"]
    members = (await ask(api, MEMBERS, name="team"))["entity"]["members"]
    assert [(each["username"], each["accountType"]) for each in members] == [
        ("admin", "MEMBER"),
        ("ci-robot", "SERVICE"),
        ("ci-robot-2", "SERVICE"),
    ]


async def test_an_address_is_one_persons(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.client.post("/api/v1/users", json={"name": f"ann{n}", "email": "ann@example.com"}) for n in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert "has the e-mail address" in await refused(api, CREATE_USER, email="ANN@example.com")


async def test_teams_are_made_and_people_let_in_and_out(api: Api) -> None:
    await ask(api, CREATE_USER, input={"email": "ann@example.com"})
    await ask(api, CREATE_USER, input={"email": "bob@example.com"})
    made = await ask(api, CREATE_TEAM, input={"teamName": "vision", "teamAdminUserName": "ann"})
    assert made["done"]["entity"] == {"name": "vision", "members": [{"username": "ann", "role": "admin"}]}
    for whom in ({"email": "BOB@example.com"}, {"username": "admin", "admin": True}):
        await ask(api, INVITE, input={"entityName": "vision", **whom})
    members = (await ask(api, MEMBERS, name="vision"))["entity"]["members"]
    assert [(each["username"], each["role"], each["admin"]) for each in members] == [
        ("admin", "admin", True),
        ("ann", "admin", True),
        ("bob", "member", False),
    ]
    assert "in team vision already" in await refused(api, INVITE, entityName="vision", username="bob")
    bob = members[2]["id"]
    assert (await ask(api, REMOVE, input={"entityName": "vision", "id": bob}))["done"]["success"] is True
    assert "is nobody in team vision" in await refused(api, REMOVE, entityName="vision", id=bob)


async def test_what_is_refused_of_people_says_why(api: Api) -> None:
    assert "is no name of a team: use letters" in await refused(api, CREATE_TEAM, teamName="bad name!")
    assert "is taken" in await refused(api, CREATE_TEAM, teamName="team")
    assert "no account 'ghost'" in await refused(api, CREATE_TEAM, teamName="vision", teamAdminUserName="ghost")
    assert "is no e-mail address" in await refused(api, CREATE_USER, email="ann")
    assert "name whom to invite" in await refused(api, INVITE, entityName="team")
    assert "there is no account with" in await refused(api, INVITE, entityName="team", email="ghost@example.com")
    assert "holds registries and is no team" in await refused(api, INVITE, entityName="home-org", username="admin")
    key = await api.key_of("eve")
    assert "needs role admin" in await refused(api, CREATE_USER, key, email="mine@example.com")
    assert "does not exist, or you may not see it" in await refused(api, INVITE, key, entityName="team", username="eve")


async def test_people_are_found_by_how_their_names_and_addresses_begin_and_end(api: Api) -> None:
    for email in ("ann@example.com", "joann@example.org", "annika@example.com"):
        await ask(api, CREATE_USER, input={"email": email})
    search = "query S($query: String) { users(query: $query) { edges { node { username apiKeys { edges { node { name } } } } } } }"

    async def found(query: str) -> list[str]:
        return [edge["node"]["username"] for edge in (await ask(api, search, query=query))["users"]["edges"]]

    assert await found("ann") == ["ann", "joann", "annika"]
    assert await found("ANNIKA@example.com") == ["annika"]
    assert await found("example.org") == ["joann"]
    assert await found("%") == []
    key = await api.key_of("eve")
    users = (await ask(api, search, key, query="admin"))["users"]["edges"]
    assert users == [{"node": {"username": "admin", "apiKeys": None}}]


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
