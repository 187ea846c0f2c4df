from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from regista.delivery import Claimed, Throttle
from regista.kit import ids
from regista.kit.web.pages import encode
from tests.support.api import Api, running_api
from tests.support.delivery import FakeSender, Ledger, Running, accept, answered, refuse
from tests.support.postgres import PostgresSession

PATH = "/api/v1/deliveries"


class Place:
    """The API and a ledger on one database, with a lane of the team and what it was sent."""

    def __init__(self, api: Api, ledger: Ledger, entity: int) -> None:
        self.api = api
        self.client = api.client
        self.ledger = ledger
        self.entity = entity

    async def dead(self, running: Running, lane: int, number: int = 1) -> list[Claimed]:
        """Plan deliveries that die at their next attempt, which fails."""
        running.sender.behaviours[lane] = refuse
        rows = await self.ledger.plan([lane], number)
        await self.ledger.fetch("UPDATE delivery_due SET made = 9 WHERE lane_id = $1", lane)
        running.dispatcher.hand([])
        await self.ledger.until(
            "SELECT count(*) = $2 FROM delivery WHERE id = ANY($1) AND state = 'dead'", [row.id for row in rows], number
        )
        return rows

    async def get(self, row: Claimed) -> dict[str, Any]:
        return ok(await self.client.get(f"{PATH}/{row.id}"))

    async def items(self, client: httpx.AsyncClient | None = None, **filters: Any) -> list[str]:
        answer = ok(await (client or self.client).get(PATH, params=filters))
        return [item["id"] for item in answer["items"]]

    async def attempts(self, row: Claimed, client: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        return ok(await (client or self.client).get(f"{PATH}/{row.id}/attempts"))["items"]


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


@pytest.fixture
async def place(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Place]:
    async with running_api(postgres, tmp_path) as api:
        ledger = Ledger(api.runtime)
        await ledger.fetch("CREATE TABLE announced (lane_id bigint, kind text, delivery_id uuid)")
        try:
            yield Place(api, ledger, await ledger.value("SELECT id FROM entity WHERE name = 'team'"))
        finally:
            await ledger.end()


async def test_a_delivery_given_up_can_be_sent_again_under_its_id_and_stays_dead_if_that_fails(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    running = await place.ledger.start()
    (row,) = await place.dead(running, lane)
    asked = ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
    assert asked["next_attempt_at"] is not None
    await place.ledger.recorded(2)
    shown = await place.get(row)
    assert (shown["state"], shown["attempts"], shown["next_attempt_at"]) == ("dead", 2, None)
    assert await place.items(state="dead") == [str(row.id)]
    running.sender.behaviours[lane] = accept
    ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
    await place.ledger.recorded(3)
    shown = await place.get(row)
    assert (shown["state"], shown["attempts"]) == ("succeeded", 3)
    assert await place.items(state="dead") == []
    assert await place.items(state="succeeded") == [str(row.id)]
    assert [(sent.id, sent.attempt) for sent in running.sender.sent] == [(row.id, 1), (row.id, 2), (row.id, 3)]
    made = [(attempt["number"], attempt["manual"]) for attempt in await place.attempts(row)]
    assert made == [(1, False), (2, True), (3, True)]
    assert [news.kind for _, news in running.sender.news] == ["exhausted"]


async def test_a_redelivery_that_fails_leaves_the_schedule_where_it_was(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    running = await place.ledger.start()
    running.sender.behaviours[lane] = refuse
    (row,) = await place.ledger.plan([lane], hand=running)
    await place.ledger.recorded(1)
    before = await place.get(row)
    ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
    ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
    await place.ledger.recorded(2)
    after = await place.get(row)
    assert (after["state"], after["attempts"]) == ("pending", 2)
    assert after["next_attempt_at"] == before["next_attempt_at"]
    assert await place.ledger.value("SELECT made FROM delivery_due") == 1


async def test_a_delivery_that_arrived_can_be_sent_again_and_stays_so_if_that_fails(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    running = await place.ledger.start()
    (row,) = await place.ledger.plan([lane], hand=running)
    await place.ledger.all_sent()
    running.sender.behaviours[lane] = refuse
    ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
    await place.ledger.recorded(2)
    shown = await place.get(row)
    assert (shown["state"], shown["attempts"], shown["next_attempt_at"]) == ("succeeded", 2, None)


async def test_what_is_canceled_is_not_sent_and_only_what_is_pending_can_be(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    first, second = await place.ledger.plan([lane], 2)
    assert ok(await place.client.post(f"{PATH}/{first.id}/cancel"))["state"] == "canceled"
    again = await place.client.post(f"{PATH}/{first.id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "not_pending")
    running = await place.ledger.start()
    await place.ledger.all_sent()
    assert running.sender.positions(lane) == [second.position]
    assert await place.items(state="canceled") == [str(first.id)]


async def test_an_attempt_that_arrives_although_canceled_counts(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    running = await place.ledger.start()
    (row,) = await place.ledger.plan([lane])

    async def canceled_meanwhile(_: Claimed) -> Any:
        ok(await place.client.post(f"{PATH}/{row.id}/cancel"))
        return answered(200)

    running.sender.behaviours[lane] = canceled_meanwhile
    running.dispatcher.hand([row])
    await place.ledger.recorded(1)
    assert (await place.get(row))["state"] == "succeeded"


async def test_what_is_canceled_while_it_waits_in_memory_is_not_sent(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity, throttle=Throttle(1, 2.0))
    running = await place.ledger.start()
    first, second, third = await place.ledger.plan([lane], 3, hand=running)
    await place.ledger.recorded(1)
    ok(await place.client.post(f"{PATH}/{second.id}/cancel"))
    await place.ledger.all_sent()
    assert running.sender.positions(lane) == [first.position, third.position]
    assert (await place.get(second))["state"] == "canceled"


@pytest.mark.parametrize(("made", "before"), [(0, "pending"), (9, "dead")])
async def test_a_redelivery_asked_for_during_an_attempt_that_fails_is_made_after_it(
    place: Place, made: int, before: str
) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    (row,) = await place.ledger.plan([lane])
    await place.ledger.fetch("UPDATE delivery_due SET made = $1", made)
    sender = FakeSender()

    async def asked_meanwhile(sent: Claimed) -> Any:
        if sent.attempt == 1:
            ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
        return answered(200 if sent.attempt == 3 else 503)

    sender.behaviours[lane] = asked_meanwhile
    await place.ledger.start(sender)
    await place.ledger.recorded(2)
    shown = await place.get(row)
    assert (shown["state"], shown["next_attempt_at"] is None) == (before, before == "dead")
    ok(await place.client.post(f"{PATH}/{row.id}/redeliver"))
    await place.ledger.recorded(3)
    assert (await place.get(row))["state"] == "succeeded"
    attempts = [(attempt["number"], attempt["manual"]) for attempt in await place.attempts(row)]
    assert attempts == [(1, False), (2, True), (3, True)]


async def test_a_filtered_set_is_redelivered_and_nothing_else(place: Place) -> None:
    lane, other = [await place.ledger.lane(entity_id=place.entity) for _ in range(2)]
    running = await place.ledger.start()
    rows = await place.dead(running, lane, 5)
    untouched = await place.dead(running, other, 2)
    arrived = await place.ledger.plan([await place.ledger.lane(entity_id=place.entity)], 3, hand=running)
    running.sender.behaviours |= {lane: accept, other: accept}
    answer = ok(await place.client.post(f"{PATH}/redeliver", json={"lane": lane}))
    assert answer == {"redelivered": 5, "next_cursor": None}
    await place.ledger.all_sent()
    assert set(await place.items(state="succeeded")) == {str(row.id) for row in [*rows, *arrived]}
    assert set(await place.items(state="dead")) == {str(row.id) for row in untouched}


async def test_everything_since_a_moment_is_redelivered_page_by_page(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regista.delivery.service.MANY", 4)
    lane = await place.ledger.lane(entity_id=place.entity)
    running = await place.ledger.start()
    old = await place.ledger.plan([lane], 3, hand=running)
    await place.ledger.fetch("UPDATE delivery SET created_at = now() - interval '1 day'")
    new = await place.ledger.plan([lane], 10, hand=running)
    await place.ledger.all_sent()
    since = await place.ledger.value("SELECT now() - interval '1 hour'")
    numbers: list[int] = []
    cursor: str | None = None
    while cursor is not None or not numbers:
        body = {"state": None, "since": since.isoformat(), "cursor": cursor}
        answer = ok(await place.client.post(f"{PATH}/redeliver", json=body))
        numbers.append(answer["redelivered"])
        cursor = answer["next_cursor"]
    assert numbers == [4, 4, 2]
    await place.ledger.all_sent()
    twice = {row.id for row in running.sender.sent if row.attempt == 2}
    assert twice == {row.id for row in new}
    assert not twice & {row.id for row in old}


async def test_lists_are_newest_first_paged_and_filtered(place: Place) -> None:
    first, second = [await place.ledger.lane(entity_id=place.entity) for _ in range(2)]
    rows = await place.ledger.plan([first, second], 4)
    newest_first = [str(row.id) for row in reversed(rows)]
    assert await place.items() == newest_first
    pages: list[list[str]] = []
    cursor: str | None = None
    while cursor is not None or not pages:
        answer = ok(await place.client.get(PATH, params={"limit": 3} | ({"cursor": cursor} if cursor else {})))
        pages.append([item["id"] for item in answer["items"]])
        cursor = answer["next_cursor"]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [each for page in pages for each in page] == newest_first
    of_second = [str(row.id) for row in reversed(rows) if row.lane_id == second]
    assert await place.items(lane=second) == of_second
    assert await place.items(automation=second, state="pending") == of_second
    assert await place.items(event=str(rows[0].event_id)) == [str(rows[1].id), str(rows[0].id)]
    assert await place.items(event=str(rows[0].event_id), lane=first) == [str(rows[0].id)]
    assert await place.items(since="2200-01-01T00:00:00Z") == []
    assert (await place.client.get(PATH, params={"lane": 999_999})).status_code == 404
    assert (await place.client.get(PATH, params={"cursor": "nonsense"})).status_code == 422
    large = await place.client.get(f"{PATH}/{rows[0].id}/attempts", params={"cursor": encode([2**15])})
    assert "is not one of this list" in large.json()["detail"]
    shown = await place.get(rows[0])
    assert (shown["endpoint"], shown["kind"], shown["event_type"]) == ("ci", "webhook", "dev.regista.alias.added")


async def test_who_may_see_redeliver_and_read_answers_follows_the_team_of_the_endpoint(place: Place) -> None:
    lane = await place.ledger.lane(entity_id=place.entity)
    running = await place.ledger.start()
    (row,) = await place.dead(running, lane)
    (admin_sees,) = await place.attempts(row)
    assert admin_sees["body"] == "ok"
    assert admin_sees["headers"] == {"content-type": "text/plain"}
    assert (admin_sees["status"], admin_sees["error"]) == (503, "http_5xx")
    async with place.api.as_key(await place.api.key_of("vera", team="team", role="viewer")) as viewer:
        assert await place.items(viewer) == [str(row.id)]
        (viewer_sees,) = await place.attempts(row, viewer)
        assert viewer_sees["status"] == 503
        assert viewer_sees["body"] is viewer_sees["headers"] is None
        assert (await viewer.post(f"{PATH}/{row.id}/redeliver")).status_code == 403
        assert (await viewer.post(f"{PATH}/{row.id}/cancel")).status_code == 403
        assert (await viewer.post(f"{PATH}/redeliver", json={"lane": lane})).status_code == 403
        assert ok(await viewer.post(f"{PATH}/redeliver", json={}))["redelivered"] == 0
    async with place.api.as_key(await place.api.key_of("rea", scope="read", team="team", role="member")) as reader:
        refused = await reader.post(f"{PATH}/redeliver", json={})
        assert refused.status_code == 403
        assert "needs an API key of scope write; this one is for read" in refused.json()["detail"]
    async with place.api.as_key(await place.api.key_of("mo", team="team", role="member")) as member:
        assert (await place.attempts(row, member))[0]["body"] is None
        assert (await member.post(f"{PATH}/{row.id}/redeliver")).status_code == 202
    async with place.api.as_key(await place.api.key_of("strange")) as stranger:
        assert await place.items(stranger) == []
        for path in (f"{PATH}/{row.id}", f"{PATH}/{row.id}/attempts"):
            assert (await stranger.get(path)).status_code == 404
        assert (await stranger.post(f"{PATH}/{row.id}/redeliver")).status_code == 404
        assert (await stranger.get(PATH, params={"lane": lane})).status_code == 404
    assert (await place.client.get(f"{PATH}/{ids.uuid7()}")).status_code == 404
