import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from regista.access.repository import ACTOR_FIELDS, actor_of
from regista.automations.catalogue import Catalogue
from regista.automations.past import replay as replays
from regista.automations.past import replay_repository
from regista.automations.past.replaying import Replays
from regista.delivery import Claimed, Dispatcher
from regista.effects.due import DueExecutions
from regista.effects.planner import Planner, Way
from regista.events.selection import Selection
from regista.kit import clock
from regista.kit.db import Database
from regista.kit.db.faults import DRIVER_ERRORS
from regista.kit.service import Lifecycle
from regista.kit.web.pages import encode
from regista.webhooks.planning import WEBHOOKS
from regista.webhooks.sender import WebhookSender
from tests.support.postgres import PostgresSession
from tests.support.receiver import Receiver
from tests.support.stage import Tenant, second_tenant, staged

V1 = "/api/v1"
NO_OP = [{"no_op": {}}]
NO_SELECTIONS: list[dict[str, Any]] = [
    {},
    {"events": []},
    {"events": ["01890000-0000-7000-8000-000000000000"], "types": ["alias.added"]},
    {"types": ["alias.aded"]},
    {"from": "yesterday"},
    {"types": ["alias.added"], "what": 1},
]


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        yield tenant


class Handed:
    """In the dispatcher's place: keeps what it is given."""

    def __init__(self) -> None:
        self.rows: list[Claimed] = []

    def hand(self, rows: Sequence[Claimed]) -> None:
        self.rows += rows


async def drive(tenant: Tenant, hands: Any = None, way: Way = WEBHOOKS) -> None:
    """Do all the rounds there are to do."""
    database = tenant.api.runtime.database
    replays, planner = Replays(database), DueExecutions(way, database, Catalogue(), hands)
    while await replays.round() or await planner.round():
        pass


async def asked(tenant: Tenant, path: str, **wanted: Any) -> dict[str, Any]:
    answer = await tenant.client.post(V1 + path, json=wanted)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def shown(tenant: Tenant, replay: dict[str, Any]) -> dict[str, Any]:
    return (await tenant.client.get(f"{V1}/replays/{replay['id']}")).json()


async def lines(client: httpx.AsyncClient, path: str, **wanted: Any) -> list[dict[str, Any]]:
    answer = await client.post(V1 + path, json=wanted)
    assert answer.status_code in {200, 202}, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


@asynccontextmanager
async def sending(tenant: Tenant) -> AsyncGenerator[Dispatcher]:
    sender = WebhookSender(tenant.api.runtime)
    dispatcher = Dispatcher(tenant.api.runtime, [sender])
    lifecycle = Lifecycle()
    running = asyncio.create_task(dispatcher.run(lifecycle))
    try:
        await asyncio.wait_for(lifecycle.started.wait(), 20)
        yield dispatcher
    finally:
        lifecycle.stopping.set()
        await running
        sender.close()


async def arrived(receiver: Receiver, count: int) -> None:
    deadline = clock.monotonic() + 20
    while len(receiver.requests) < count:
        assert clock.monotonic() < deadline, "it did not arrive"
        await asyncio.sleep(0.01)


async def test_what_is_replayed_arrives_as_a_new_message_with_the_same_body_and_says_so(home: Tenant) -> None:
    async with Receiver() as receiver, sending(home) as dispatcher:
        hook = await home.webhook(receiver.url())
        made = await home.automation(scope="collection/team/mnist/MNIST", where='alias == "production"')
        batch = [*await home.emit(times=2), *await home.emit(data=home.place() | {"alias": "other"})]
        events = [each.event.id for each in batch if each.event is not None]
        await Planner(WEBHOOKS, home.api.runtime.database, Catalogue(), dispatcher).handle(batch)
        await arrived(receiver, 2)

        replay = await asked(home, f"/automations/{made['id']}/replay", events=[str(each) for each in events])
        assert (replay["state"], replay["requested_by"], replay["revision"]) == ("running", "admin", 1)
        await drive(home, dispatcher)
        await arrived(receiver, 4)
        first, again = receiver.requests[:2], receiver.requests[2:]
        assert {each.body for each in again} == {each.body for each in first}
        assert [each.headers.get("regista-replayed") for each in receiver.requests] == [None, None, "true", "true"]
        assert len({each.headers["webhook-id"] for each in receiver.requests}) == 4
        done = await shown(home, replay)
        assert (done["state"], done["done"], done["examined"], done["fired"]) == ("finished", 1.0, 3, 2)
        rows = await home.rows("SELECT verdict FROM decision WHERE replay_id = $1", UUID(replay["id"]))
        assert [row["verdict"] for row in rows] == ["fire", "fire"]

        # To the endpoint itself: every event, as it is, whatever automations say.
        replay = await asked(home, f"/webhooks/{hook['id']}/replay", types=["alias.added"])
        await drive(home, dispatcher)
        await arrived(receiver, 7)
        assert sorted(each.body for each in receiver.requests[4:]) == sorted(each.raw for each in batch)
        deliveries = await home.client.get(f"{V1}/deliveries")
        assert {each["replay_id"] for each in deliveries.json()["items"]} >= {replay["id"]}
        assert await home.rows("SELECT FROM execution_due") == []


async def test_a_replay_takes_what_had_happened_whatever_limits_say_and_however_old_it_is(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.emit(times=5)
    async with home.api.runtime.database.transaction() as tx:
        await tx.connection.execute("UPDATE event SET time = time - interval '1 year'")
    made = await home.automation(limits={"cooldown": "1h"}, actions=NO_OP)
    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    # What commits after it was asked for is not part of it.
    await home.emit(times=4)
    await drive(home)
    done = await shown(home, replay)
    assert (done["examined"], done["fired"]) == (5, 5)
    assert await home.rows("SELECT FROM execution_due") == await home.rows("SELECT FROM delivery") == []


async def test_what_an_author_lost_is_skipped_and_a_deleted_automation_ends_its_replay(home: Tenant) -> None:
    await home.emit(times=3)
    member = home.api.as_key(await home.api.key_of("mara", team="team", role="member"))
    rule = {"name": "hers", "scope": "project/team/mnist", "on": ["alias.added"], "actions": NO_OP}
    made = (await member.post(f"{V1}/automations", json=rule)).json()
    replay = (await member.post(f"{V1}/automations/{made['id']}/replay", json={"types": ["alias.added"]})).json()
    await home.client.put(f"{V1}/teams/team/members/mara", json={"role": "viewer"})
    await drive(home)
    assert {name: (await shown(home, replay))[name] for name in ("fired", "skipped", "state")} == {
        "fired": 0,
        "skipped": 3,
        "state": "finished",
    }
    reasons = await home.rows("SELECT DISTINCT verdict, reason FROM decision WHERE replay_id = $1", UUID(replay["id"]))
    assert reasons == [{"verdict": "skipped", "reason": "author"}]

    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    await home.client.delete(f"{V1}/automations/{made['id']}")
    await drive(home)
    assert (await shown(home, replay))["state"] == "canceled"


async def test_a_canceled_replay_sends_nothing_more_and_what_was_waiting_says_canceled(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_repository, "WAITING", 1)
    await home.webhook("http://127.0.0.1:9/")
    await home.emit(times=250)
    made = await home.automation()
    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    replays = Replays(home.api.runtime.database)
    assert await replays.round()
    # With so much on its way to the planner, it stands back.
    assert not await replays.round()
    assert (await shown(home, replay))["fired"] == 200
    assert (await home.client.post(f"{V1}/replays/{replay['id']}/cancel")).json()["state"] == "canceled"
    await drive(home)
    assert await home.rows("SELECT FROM delivery") == []
    assert await home.rows("SELECT reason, count(*) FROM decision WHERE replay_id IS NOT NULL GROUP BY reason") == [
        {"reason": "canceled", "count": 200}
    ]
    again = await home.client.post(f"{V1}/replays/{replay['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_running")


async def test_what_a_finished_replay_has_left_to_the_planners_can_be_taken_back(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.emit(times=3)
    made = await home.automation()
    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    assert await Replays(home.api.runtime.database).round()
    assert (await shown(home, replay))["state"] == "finished"
    canceled = await home.client.post(f"{V1}/replays/{replay['id']}/cancel")
    assert (canceled.status_code, canceled.json()["state"]) == (200, "canceled")
    await drive(home)
    assert await home.rows("SELECT FROM delivery") == []
    assert {row["reason"] for row in await home.rows("SELECT reason FROM decision")} == {"canceled"}

    other = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    await drive(home)
    again = await home.client.post(f"{V1}/replays/{other['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_running")


async def test_an_automation_that_is_deleted_while_a_replay_is_asked_for_does_not_fire(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.emit(times=2)
    made = await home.automation()
    path = f"{V1}/automations/{made['id']}"
    database = home.api.runtime.database
    async with database.transaction() as tx:
        row = await tx.connection.fetchrow(
            f"""
            SELECT {ACTOR_FIELDS} FROM account a JOIN organization o ON o.id = a.organization_id
            WHERE a.organization_role = 'admin' AND o.id = $1
            """,
            home.organization_id,
        )
        assert row is not None
        wanted = Selection(types=("dev.regista.alias.added",))
        await replays.to_automation(tx, actor_of(row), made["id"], wanted)
        deletion = asyncio.create_task(home.client.delete(path))
        await asyncio.wait([deletion], timeout=0.5)
    assert (await deletion).status_code == 204
    assert await home.rows("SELECT state FROM replay") == [{"state": "canceled"}]
    # Whatever else may have let one through, it ends without a shot.
    await home.rows("UPDATE replay SET state = 'running', finished_at = NULL")
    await drive(home)
    assert await home.rows("SELECT state FROM replay") == [{"state": "canceled"}]
    assert await home.rows("SELECT FROM decision") == []


class Cuts:
    """Loses the connection before the statement of a round that ``at`` says, BEGIN being the first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = self.said = 0
        self.task = asyncio.current_task()
        for name in ("execute", "fetch", "fetchrow", "fetchval"):
            monkeypatch.setattr(asyncpg.Connection, name, self._lossy(getattr(asyncpg.Connection, name)))

    def _lossy(self, original: Any) -> Any:
        async def call(connection: Any, *given: Any, **more: Any) -> Any:
            # What others say meanwhile, such as whoever listens for notifications, is none of the round's.
            if asyncio.current_task() is self.task:
                self.said += 1
                if self.said == self.at:
                    connection.terminate()
            return await original(connection, *given, **more)

        return call

    async def everywhere(self, work: Callable[[], Awaitable[bool]]) -> int:
        """Do all rounds, each cut off before every statement in turn, COMMIT included, until it gets through."""
        cuts, more = 0, True
        while more:
            for place in itertools.count(2):
                self.at, self.said = place, 0
                try:
                    more = await work()
                except DRIVER_ERRORS:
                    cuts += 1
                else:
                    break
        self.at = 0
        return cuts


async def test_a_crash_between_any_two_statements_loses_nothing_and_repeats_nothing(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.emit(times=250)
    made = await home.automation()
    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    database, handed, cuts = home.api.runtime.database, Handed(), Cuts(monkeypatch)
    assert await cuts.everywhere(Replays(database).round) > 6
    assert await cuts.everywhere(DueExecutions(WEBHOOKS, database, Catalogue(), handed).round) > 6
    assert (await shown(home, replay))["fired"] == 250
    rows = await home.rows(
        "SELECT count(*), count(DISTINCT event_id) AS events FROM delivery WHERE replay_id IS NOT NULL"
    )
    assert rows == [{"count": 250, "events": 250}]
    assert len(handed.rows) == len({row.id for row in handed.rows}) == 250
    assert await home.rows("SELECT FROM execution_due") == []


async def test_two_drivers_and_two_workers_share_the_work_and_do_it_once(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.emit(times=600)
    made = [await home.automation(f"number {number}") for number in range(2)]
    replays = [await asked(home, f"/automations/{each['id']}/replay", types=["alias.added"]) for each in made]
    handed = Handed()
    databases = [Database(home.api.runtime.database.url, pool_size=2) for _ in range(4)]
    ended = asyncio.Event()

    async def work(number: int) -> None:
        rounds = (
            Replays(databases[number])
            if number % 2
            else DueExecutions(WEBHOOKS, databases[number], Catalogue(), handed)
        )
        while not ended.is_set():
            if not await rounds.round():
                await asyncio.sleep(0.01)

    workers = [asyncio.create_task(work(number)) for number in range(4)]
    try:
        async with asyncio.timeout(30):
            while (await home.rows("SELECT count(*) AS found FROM delivery"))[0]["found"] < 1200:
                await asyncio.sleep(0.05)
    finally:
        ended.set()
        await asyncio.gather(*workers)
        for database in databases:
            await database.close()
    assert len({row.id for row in handed.rows}) == len(handed.rows) == 1200
    assert [(await shown(home, each))["fired"] for each in replays] == [600, 600]


async def test_what_cannot_be_done_is_given_up_with_its_reason_and_the_others_go_on(
    home: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await home.webhook("http://127.0.0.1:9/")
    batch = await home.emit(times=5)
    made = await home.automation()
    await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    poison = batch[2].event.id if batch[2].event is not None else None

    async def poisoned(tx: Any, executions: Any, others: Any) -> Any:
        if any(each.event.id == poison for each in executions):
            raise RuntimeError("it cannot be planned")
        return await WEBHOOKS.plan(tx, executions, others)

    await drive(home, way=WEBHOOKS._replace(plan=poisoned))
    assert len(await home.rows("SELECT FROM delivery")) == 4
    (row,) = await home.rows("SELECT event_id, reason, \"values\" FROM decision WHERE verdict = 'skipped'")
    assert (row["event_id"], row["reason"]) == (poison, "failed")
    assert "cannot be planned" in row["values"]["error"]

    idle = await home.automation("idle", actions=NO_OP)
    broken, sound = [await asked(home, f"/automations/{idle['id']}/replay", types=["alias.added"]) for _ in range(2)]
    decide = replay_repository.decide

    async def failing(tx: Any, running: Any, *rest: Any) -> None:
        if str(running.id) == broken["id"]:
            raise ValueError("no event at all")
        await decide(tx, running, *rest)

    monkeypatch.setattr(replay_repository, "decide", failing)
    await drive(home)
    assert [(await shown(home, each))["state"] for each in (broken, sound)] == ["failed", "finished"]
    assert (await shown(home, broken))["error"] == "ValueError: no event at all"


async def test_who_may_replay_what_and_what_is_no_selection(home: Tenant) -> None:
    hook = await home.webhook("http://127.0.0.1:9/")
    await home.emit()
    made = await home.automation(scope="project/team/mnist")
    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    wanted = {"types": ["alias.added"]}
    member = home.api.as_key(await home.api.key_of("mara", team="team", role="member"))
    viewer = home.api.as_key(await home.api.key_of("vera", team="team", role="viewer"))
    stranger = home.api.as_key(await home.api.key_of("zoe"))
    rival = await second_tenant(home.api)

    async def statuses(path: str) -> list[int]:
        clients = [member, viewer, stranger, rival.client]
        return [(await each.post(V1 + path, json=wanted)).status_code for each in clients]

    assert await statuses(f"/automations/{made['id']}/replay") == [202, 403, 404, 404]
    # An endpoint is sent events as they are: for those who may read the log.
    assert await statuses(f"/webhooks/{hook['id']}/replay") == [403, 403, 404, 404]
    assert [(await each.get(f"{V1}/replays/{replay['id']}")).status_code for each in (member, viewer, stranger, rival.client)] == [200, 200, 404, 404]  # fmt: skip
    assert [len((await each.get(f"{V1}/replays")).json()["items"]) for each in (viewer, stranger, rival.client)] == [
        2,
        0,
        0,
    ]
    assert (await viewer.post(f"{V1}/replays/{replay['id']}/cancel")).status_code == 403
    assert len(await home.api.pages(f"{V1}/replays", limit=1, automation=made["id"])) == 2

    for none in NO_SELECTIONS:
        for path in (f"/automations/{made['id']}/replay", f"/webhooks/{hook['id']}/replay"):
            assert (await home.client.post(V1 + path, json=none)).status_code == 422, none

    for key in ("x", "2026-01-01T00:00:00", "0001-01-01T00:00:00+23:59"):
        listed = await home.client.get(f"{V1}/replays", params={"cursor": encode([key, replay["id"]])})
        assert listed.status_code == 422, key

    # A team's admin replays what is the team's, whatever else is asked for.
    admin = home.api.as_key(await home.api.key_of("ada", team="team", role="admin"))
    own = (await admin.post(f"{V1}/webhooks/{hook['id']}/replay", json={"from": "2020-01-01T00:00:00Z"})).json()
    assert own["selection"]["entities"] == ["ada", "team"]


async def test_a_replay_canceled_between_two_planners_tells_of_each_action_what_became_of_it(home: Tenant) -> None:
    await home.webhook("http://127.0.0.1:9/")
    await home.channel()
    both = [{"webhook": {"integration": "team/ci"}}, {"slack": {"integration": "team/ml-ops"}}]
    made = await home.automation(actions=both)
    await home.emit(times=300)  # more than one round takes, so that it still runs
    replay = await asked(home, f"/automations/{made['id']}/replay", types=["alias.added"])
    await Replays(home.api.runtime.database).round()
    await DueExecutions(WEBHOOKS, home.api.runtime.database, Catalogue()).round()
    canceled = await home.client.post(f"{V1}/replays/{replay['id']}/cancel")
    assert canceled.status_code == 200, canceled.text
    shown_ = (await home.client.get(f"{V1}/executions?limit=500")).json()["items"]
    assert {(each["kind"], each["status"], each["reason"]) for each in shown_} == {
        ("webhook", "pending", None),
        ("slack", "skipped", "canceled"),
    }
