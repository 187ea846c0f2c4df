"""Automations and webhooks on a running API: places to watch, events committed in them, receivers that listen."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from regista.access import keys, repository
from regista.access.models import Account, ApiKey, Entity, Organization, TeamMember
from regista.kit import aggregate
from regista.kit.bus.model import Received
from regista.kit.db import Cause, Origin, Transaction
from regista.kit.outbox import Draft, append
from regista_events import codec, event_class
from tests.support.api import Api, running_api
from tests.support.definitions import event_at
from tests.support.postgres import PostgresSession

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Tenant:
    """An organization with a team, a project, a registry and a collection in each; `client` carries its admin's key."""

    def __init__(self, api: Api, client: httpx.AsyncClient, organization_id: int, organization: str, team: str) -> None:
        self.api = api
        self.client = client
        self.organization_id = organization_id
        self.organization = organization
        self.team = team
        self.ids: dict[str, int] = {}
        self.origin = Origin("1", "user", organization_id, organization, public_url="http://test")

    async def webhook(self, url: str, name: str = "ci", **given: Any) -> dict[str, Any]:
        """Make an endpoint of the team."""
        body = {"name": name, "url": url, "entity": self.team} | given
        answer = await self.client.post("/api/v1/webhooks", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def channel(self, name: str = "ml-ops", **given: Any) -> dict[str, Any]:
        """Make a channel of the team, by default of an incoming webhook that nobody listens for."""
        body = {"name": name, "entity": self.team} | (given or {"url": "http://127.0.0.1:9/services/T1/B1/secret"})
        answer = await self.client.post("/api/v1/slack-channels", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def automation(self, name: str = "deploy", **given: Any) -> dict[str, Any]:
        """Make an automation of the whole organization on aliases, to the endpoint ``ci``."""
        body = {
            "name": name,
            "scope": "org",
            "on": ["alias.added"],
            "actions": [{"webhook": {"integration": f"{self.team}/ci"}}],
        } | given
        answer = await self.client.post("/api/v1/automations", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def place(self, collection: str = "collection") -> dict[str, Any]:
        """Return the snapshots' ids of an event in the collection (``collection`` or ``model``, the registry's)."""
        of_registry = collection == "model"
        return {
            "collection": {
                "id": self.ids[collection],
                "project_id": self.ids["registry_project" if of_registry else "project"],
                "entity_id": self.ids["organization_entity" if of_registry else "team"],
                "registry_id": self.ids["registry"] if of_registry else None,
            }
        }

    async def emit(
        self,
        event_type: str = "alias.added",
        data: Mapping[str, Any] | None = None,
        *,
        hops: int = 0,
        times: int = 1,
    ) -> list[Received]:
        """Commit events in the collection, or where ``data`` says, and return them as a consumer gets them."""
        origin = self.origin
        if hops:
            first = event_at(event_type).id
            origin = Origin(
                "1",
                "user",
                self.organization_id,
                self.organization,
                cause=Cause(first, first, hops - 1),
                public_url="http://test",
            )

        async def commit(tx: Transaction) -> list[UUID]:
            made = await aggregate.create(tx, self.organization_id)
            sample = event_at(event_type, organization=self.organization, data=self.place() if data is None else data)
            drafts = [Draft(event_class(event_type), made, sample.subject, sample.data) for _ in range(times)]
            return [event.id for event in await append(tx, drafts)]

        return [await self.received(event) for event in await self.api.runtime.database.run(commit, origin)]

    async def append(self, tx: Transaction) -> UUID:
        """Append an event in the collection in an open transaction; return its id."""
        made = await aggregate.create(tx, self.organization_id)
        sample = event_at("alias.added", organization=self.organization, data=self.place())
        (event,) = await append(tx, [Draft(event_class("alias.added"), made, sample.subject, sample.data)])
        return event.id

    async def received(self, event_id: UUID) -> Received:
        """Return an event of the log as a consumer gets it."""
        async with self.api.runtime.database.transaction() as tx:
            row = await tx.connection.fetchrow("SELECT body, context, shard FROM event WHERE id = $1", event_id)
        assert row is not None
        return Received(codec.decode(row["body"]), row["body"], row["context"], row["shard"])

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return what a statement says."""
        async with self.api.runtime.database.transaction() as tx:
            return [dict(row) for row in await tx.connection.fetch(statement, *values)]

    async def settle(self) -> None:
        """Make the places: rows alone, their commands are not what is tested here."""

        async def commit(tx: Transaction) -> None:
            connection = tx.connection
            organization = self.organization_id
            entities: list[Any] = await connection.fetch(
                "SELECT id, name, kind FROM entity WHERE organization_id = $1", organization
            )
            self.ids["team"] = next(row["id"] for row in entities if row["name"] == self.team)
            self.ids["organization_entity"] = next(row["id"] for row in entities if row["kind"] == "organization")
            for key, entity in (("project", "team"), ("registry_project", "organization_entity")):
                made = await aggregate.create(tx, organization)
                self.ids[key] = await _value(
                    tx,
                    "INSERT INTO project (aggregate_id, organization_id, entity_id, name) VALUES ($1, $2, $3, $4) RETURNING id",
                    made.id,
                    organization,
                    self.ids[entity],
                    "mnist" if key == "project" else "wandb-registry-model",
                )
            made = await aggregate.create(tx, organization)
            self.ids["registry"] = await _value(
                tx,
                """
                INSERT INTO registry (aggregate_id, organization_id, entity_id, project_id, name)
                VALUES ($1, $2, $3, $4, 'model') RETURNING id
                """,
                made.id,
                organization,
                self.ids["organization_entity"],
                self.ids["registry_project"],
            )
            for key, project, entity, registry in (
                ("collection", "project", "team", None),
                ("model", "registry_project", "organization_entity", self.ids["registry"]),
            ):
                made = await aggregate.create(tx, organization)
                self.ids[key] = await _value(
                    tx,
                    """
                    INSERT INTO collection (aggregate_id, organization_id, entity_id, project_id, registry_id, name, kind, type)
                    VALUES ($1, $2, $3, $4, $5, 'MNIST', 'portfolio', 'model') RETURNING id
                    """,
                    made.id,
                    organization,
                    self.ids[entity],
                    self.ids[project],
                    registry,
                )

        await self.api.runtime.database.run(commit, self.origin)


async def _value(tx: Transaction, statement: str, *values: Any) -> int:
    found: int | None = await tx.connection.fetchval(statement, *values)
    assert found is not None
    return found


async def second_tenant(api: Api, name: str = "rival") -> Tenant:
    """Make another organization in the same installation, with the same names of projects and collections."""
    key = f"{name}-key-of-the-tests-0123456789-0123456789"

    async def commit(tx: Transaction) -> int:
        root = await aggregate.create(tx, 0)
        organization = Organization(aggregate_id=root.id, name=name)
        await repository.add(tx, organization)
        team = Entity(organization_id=organization.id, name=f"{name}-team", kind="team")
        own = Entity(organization_id=organization.id, name=f"{name}-org", kind="organization")
        await repository.add(tx, team, own)
        account = Account(
            aggregate_id=(await aggregate.create(tx, organization.id)).id,
            organization_id=organization.id,
            kind="user",
            name=f"{name}-admin",
            organization_role="admin",
            default_entity_id=team.id,
        )
        await repository.add(tx, account)
        await repository.add(
            tx,
            TeamMember(organization_id=organization.id, entity_id=team.id, account_id=account.id, role="admin"),
            ApiKey(
                aggregate_id=(await aggregate.create(tx, organization.id)).id,
                organization_id=organization.id,
                account_id=account.id,
                digest=keys.digest(key),
                prefix=key[:10],
                scope="admin",
            ),
        )
        return organization.id

    organization_id = await api.runtime.database.run(commit)
    tenant = Tenant(api, api.as_key(key), organization_id, name, f"{name}-team")
    await tenant.settle()
    return tenant


@asynccontextmanager
async def staged(postgres: PostgresSession, directory: Path, **settings: Any) -> AsyncGenerator[Tenant]:
    """Yield the first organization of a running API that may call loopback."""
    async with running_api(postgres, directory, **({"webhook_allowed_networks": LOOPBACK} | settings)) as api:
        async with api.runtime.database.transaction() as tx:
            organization = await _value(tx, "SELECT id FROM organization")
        tenant = Tenant(api, api.client, organization, "home", "team")
        await tenant.settle()
        yield tenant
