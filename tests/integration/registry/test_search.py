"""Search on a real database: what filters find, in which order, page by page, and for whom."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from regista.access import repository as access
from regista.access.verdict import Actor
from regista.kit.db.conditions import EVERYTHING, Order, UnknownFieldError
from regista.kit.errors import InvalidError
from regista.registry import search
from regista.registry.search import Filters, Slice, Where
from regista.wandb.filters import parse_filter
from tests.support.api import Api, running_api
from tests.support.postgres import PostgresSession
from tests.support.registry import V1, link, log


class Shop(Api):
    """The API with three registries, and who asks."""

    people: dict[str, Actor]

    async def registries(self, who: str = "admin", order: tuple[Order, ...] = (), **filters: Any) -> list[str]:
        part = Slice(order, None, 100)
        async with self.runtime.database.transaction() as tx:
            found = await search.search_registries(tx, self.people[who], parse_filter(filters), part)
        return [each.thing.name for each in found]

    async def collections(
        self, who: str = "admin", where: Where | None = None, registry: Any = None, **filters: Any
    ) -> list[str]:
        asked = Filters(parse_filter(registry), parse_filter(filters), EVERYTHING)
        where = where or Where(kinds=["portfolio"])
        part = Slice((Order("id"),), None, 100)
        async with self.runtime.database.transaction() as tx:
            found = await search.search_collections(tx, self.people[who], asked, where, part)
            assert await search.count_collections(tx, self.people[who], asked, where) == len(found)
        return [each.thing.name for each in found]

    async def versions(self, filters: Any = None, who: str = "admin") -> list[str]:
        asked = Filters(EVERYTHING, EVERYTHING, parse_filter(filters))
        where = Where(kinds=["portfolio"])
        part = Slice((Order("linked_at"),), None, 100)
        async with self.runtime.database.transaction() as tx:
            found = await search.search_versions(tx, self.people[who], asked, where, part)
            assert await search.count_versions(tx, self.people[who], asked, where) == len(found)
        return [f"{collection.name}:{version.name}" for collection, version in (each.thing for each in found)]


def place(registry: str, collection: str) -> str:
    return f"{V1}/collections/home-org/wandb-registry-{registry}/{collection}"


@pytest.fixture(scope="module")
async def shop(postgres: PostgresSession, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Shop]:
    async with running_api(postgres, tmp_path_factory.mktemp("shop")) as api:
        made = Shop(api.runtime, api.app, api.client)
        await stock(made)
        yield made


async def stock(shop: Shop) -> None:
    client = shop.client
    for name, visibility, description in (
        ("open", "organization", "for all"),
        ("closed", "restricted", None),
        ("team", "restricted", "for the team"),
    ):
        body = {"name": name, "visibility": visibility, "description": description}
        assert (await client.post(f"{V1}/registries", json=body)).status_code == 201
    metadata: list[dict[str, Any]] = [
        {"acc": 0.5, "nested": {"deep": ["x"]}},
        {"acc": 0.9, "name": "best"},
        {"acc": "high"},
    ]
    sources = [
        (await log(shop, {"m": b"%d" % number * (number + 1)}, metadata=each))["source"]
        for number, each in enumerate(metadata)
    ]
    for number in range(12):
        await log(shop, {"m": b"many %d" % number}, "many")
    for registry, collection, linked in (
        ("open", "A", [0, 1]),
        ("open", "B", [2]),
        ("closed", "C", [0]),
        ("team", "D", [1]),
    ):
        for number in linked:
            await link(shop, sources[number], to=place(registry, collection))
    await link(shop, sources[0])
    await client.put(f"{place('open', 'A')}/aliases/best", json={"version": "v1"})
    await client.put(f"{place('open', 'A')}/tags/checked", json={"value": "yes"})
    await client.put(f"{place('open', 'A')}/versions/v0/tags/slow", json={})
    await client.put(f"{V1}/collections/team/train/model/versions/v1/tags/everywhere", json={})
    await client.patch(place("open", "B"), json={"description": "the second"})
    # A collection that is for fewer people than its registry.
    body = {"name": "hidden", "type": "model", "kind": "portfolio"}
    await client.post(place("open", "x").rpartition("/")[0], json=body)
    await client.patch(place("open", "hidden"), json={"visibility": "entity"})
    for name, team in (("eve", None), ("ann", "team")):
        await shop.key_of(name, team=team)
    assert (
        await client.put(f"{V1}/registries/team/members/team", json={"role": "restricted_viewer"})
    ).status_code == 200
    shop.people = {}
    async with shop.runtime.database.transaction() as tx:
        for name in ("admin", "eve", "ann"):
            row = await access.actor_by_name(tx, 1, name)
            assert row is not None
            shop.people[name] = access.actor_of(row)


async def test_registries_are_found_by_the_names_of_their_projects_and_what_is_said_of_them(shop: Shop) -> None:
    assert await shop.registries() == ["open", "closed", "team"]
    assert await shop.registries(order=(Order("name"),)) == ["closed", "open", "team"]
    assert await shop.registries(order=(Order("created_at", descending=True),)) == ["team", "closed", "open"]
    assert await shop.registries(name="wandb-registry-open") == ["open"]
    assert await shop.registries(name="open") == []
    assert await shop.registries(name={"$regex": "registry-(open|team)$"}) == ["open", "team"]
    assert await shop.registries(description={"$contains": "team"}) == ["team"]
    assert await shop.registries(description={"$exists": False}) == ["closed"]
    assert await shop.registries(description={"$ne": "for all"}) == ["closed", "team"]
    with pytest.raises(UnknownFieldError, match="colour"):
        await shop.registries(colour="red")


async def test_collections_are_found_by_name_tag_alias_and_registry(shop: Shop) -> None:
    assert await shop.collections() == ["A", "B", "C", "D", "MNIST", "hidden"]
    assert await shop.collections(name={"$in": ["A", "D", "Z"]}) == ["A", "D"]
    assert await shop.collections(tag="checked") == ["A"]
    assert await shop.collections(alias="best") == ["A"]
    assert await shop.collections(description={"$regex": "^the"}) == ["B"]
    assert await shop.collections(registry={"name": {"$regex": "open"}}) == ["A", "B", "hidden"]
    assert await shop.collections(type="dataset") == []
    with pytest.raises(InvalidError, match="id is compared with 'x'"):
        await shop.collections(id="x")


async def test_versions_are_found_by_alias_tag_metadata_and_number(shop: Shop) -> None:
    assert await shop.versions() == ["A:v0", "A:v1", "B:v0", "C:v0", "D:v0", "MNIST:v0"]
    assert await shop.versions({"alias": "best"}) == ["A:v1"]
    assert await shop.versions({"tag": "slow"}) == ["A:v0"]
    assert await shop.versions({"tag": "everywhere"}) == ["A:v1", "D:v0"]
    assert await shop.versions({"tag": {"$ne": "everywhere"}}) == ["A:v0", "B:v0", "C:v0", "MNIST:v0"]
    assert await shop.versions({"metadata.acc": {"$gt": 0.5}}) == ["A:v1", "D:v0"]
    assert await shop.versions({"metadata.acc": "high"}) == ["B:v0"]
    assert await shop.versions({"metadata.nested.deep": ["x"]}) == ["A:v0", "C:v0", "MNIST:v0"]
    assert await shop.versions({"metadata.name": {"$exists": True}}) == ["A:v1", "D:v0"]
    for one in ("v1", "1", 1):
        assert await shop.versions({"version": one}) == ["A:v1"], one
    assert await shop.versions({"version": {"$gte": "v1"}}) == ["A:v1"]
    assert await shop.versions({"version": {"$nin": ["v0", "v7"]}}) == ["A:v1"]
    assert await shop.versions({"version": {"$regex": "^v[1-9]$"}}) == ["A:v1"]
    assert await shop.versions({"version": "latest"}) == []
    assert await shop.versions({"state": "COMMITTED", "artifact_size": {"$lte": 1}}) == ["A:v0", "C:v0", "MNIST:v0"]
    assert await shop.versions({"$or": [{"alias": "best"}, {"tag": "slow"}]}) == ["A:v0", "A:v1"]
    assert await shop.versions({"$nor": [{"alias": "latest"}]}) == ["A:v0"]


async def test_versions_are_compared_by_number_not_by_letters(shop: Shop) -> None:
    asked = Filters(EVERYTHING, parse_filter({"name": "many"}), parse_filter({"version": {"$gt": "v9"}}))
    async with shop.runtime.database.transaction() as tx:
        found = await search.search_versions(tx, shop.people["admin"], asked, Where(), Slice((), None, 100))
    assert [each.thing[1].name for each in found] == ["v10", "v11"]


async def test_nobody_finds_or_counts_what_they_may_not_see(shop: Shop) -> None:
    assert await shop.registries("eve") == ["open"]
    assert await shop.registries("ann") == ["open", "team"]
    assert await shop.collections("eve") == ["A", "B"]
    assert await shop.collections("ann") == ["A", "B", "D", "MNIST"]
    assert await shop.versions(who="eve") == ["A:v0", "A:v1", "B:v0"]
    assert await shop.versions(who="ann") == ["A:v0", "A:v1", "B:v0", "D:v0", "MNIST:v0"]
    # Also not by a filter that names it.
    assert await shop.registries("eve", name="wandb-registry-closed") == []
    assert await shop.collections("eve", registry={"name": {"$regex": "closed"}}) == []


@pytest.mark.parametrize(
    "fields", [(), ("name",), ("-name",), ("description",), ("-description", "name"), ("-updated_at",)]
)
async def test_pages_of_one_put_together_are_the_whole_list(shop: Shop, fields: tuple[str, ...]) -> None:
    orders = [Order(field.lstrip("-"), descending=field.startswith("-")) for field in fields]
    where, actor = Where(), shop.people["admin"]
    async with shop.runtime.database.transaction() as tx:
        whole = await search.search_collections(tx, actor, search.NO_FILTERS, where, Slice(orders, None, 100))
        cursor, pages = None, []
        while part := await search.search_collections(tx, actor, search.NO_FILTERS, where, Slice(orders, cursor, 1)):
            pages += part
            cursor = part[-1].cursor
    assert [each.thing.id for each in pages] == [each.thing.id for each in whole]
    assert len(whole) == 8


async def test_types_are_those_of_collections_that_one_may_see_and_those_a_registry_accepts(shop: Shop) -> None:
    async with shop.runtime.database.transaction() as tx:
        rows = await tx.connection.fetch("SELECT id, name FROM project")
    ids = {row["name"]: row["id"] for row in rows}

    async def types(who: str, project: str) -> list[str]:
        async with shop.runtime.database.transaction() as tx:
            return list((await search.list_types(tx, shop.people[who], [ids[project]]))[ids[project]])

    body = {"accepts_all": False, "artifact_types": ["model", "table"]}
    assert (await shop.client.patch(f"{V1}/registries/closed", json=body)).status_code == 200
    assert await types("admin", "wandb-registry-closed") == ["model", "table"]
    assert await types("eve", "wandb-registry-closed") == []
    assert await types("eve", "wandb-registry-open") == ["model"]
    assert await types("eve", "train") == []
    assert await types("ann", "train") == ["model"]


async def test_a_cursor_that_this_list_did_not_give_is_refused(shop: Shop) -> None:
    query = """query R($after: String) { organization(name: "home") { orgEntity {
        projects(after: $after) { edges { node { name } } } } } }"""
    for cursor in ("x", "WyJ4Il0=", "WzEsIDJd", "W251bGxd", "e30=", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSJd"):
        answer = await shop.client.post("/graphql", json={"query": query, "variables": {"after": cursor}})
        body = answer.json()
        assert answer.status_code == 200
        assert body.get("errors") or body["data"]["organization"]["orgEntity"]["projects"]["edges"] == [], cursor
