import asyncio

import pytest

from regista.delivery import Claimed, News, Outcome
from regista.delivery.repository import views
from regista.delivery.repository.lanes import CHANNEL
from regista.kit.db import Transaction
from tests.support.delivery import Behaviour, Ledger, accept, answered, hang, refuse

_DELAY = "SELECT extract(epoch FROM due_at - now())::float8 FROM delivery_due WHERE position = $1"


async def test_ten_attempts_with_one_id_and_then_dead_and_announced_once(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    running.sender.behaviours[lane] = refuse
    (row,) = await ledger.plan([lane], hand=running)
    delays: list[float] = []
    for attempt in range(1, 10):
        await ledger.recorded(attempt)
        delays.append(await ledger.value(_DELAY, row.position))
        await ledger.bring_forward(lane)
    await ledger.recorded(10)
    hours = [hours * 3600 for hours in (2, 5, 10, 14, 20, 24)]
    for delay, middle in zip(delays, [5, 300, 1800, *hours], strict=True):
        assert 0.8 * middle - 5 <= delay <= 1.2 * middle
    assert [(sent.id, sent.attempt) for sent in running.sender.sent] == [(row.id, n) for n in range(1, 11)]
    assert await ledger.value("SELECT state FROM delivery") == "dead"
    assert await ledger.value("SELECT count(*) FROM delivery_due") == 0
    kinds = [news.kind for _, news in running.sender.news]
    assert kinds == [News.FAILING, News.EXHAUSTED]
    failing, exhausted = (news for _, news in running.sender.news)
    assert (failing.attempts, failing.error, failing.status) == (4, "http_5xx", 503)
    assert failing.since is not None
    assert (exhausted.attempts, exhausted.delivery_id, exhausted.automation_id) == (10, row.id, lane)
    assert exhausted.event_id == row.event_id


async def test_failing_is_told_once_and_recovered_on_the_next_success(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    running.sender.behaviours[lane] = refuse
    await ledger.plan([lane], 6, hand=running)
    await ledger.recorded(6)
    running.sender.behaviours[lane] = accept
    await ledger.bring_forward(lane)
    await ledger.all_sent()
    await ledger.plan([lane], 10, hand=running)
    await ledger.all_sent()
    assert [(told, news.kind, news.attempts) for told, news in running.sender.news] == [
        (lane, News.FAILING, 4),
        (lane, News.RECOVERED, 6),
    ]
    assert await ledger.value("SELECT count(*) FROM announced") == 2
    assert await ledger.value(
        "SELECT (failures, failing, failing_since) IS NOT DISTINCT FROM (0, false, NULL) FROM lane"
    )


async def test_a_delivery_that_cannot_be_sent_is_not_held_against_its_lane(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    unsent = Outcome(None, "secret_missing", 0.0, {}, b"not sent", False, None, False, called=False)
    running.sender.behaviours[lane] = answering(unsent)
    await ledger.plan([lane], 12, hand=running)
    await ledger.recorded(12)
    assert await ledger.value("SELECT count(*) FROM delivery_due WHERE due_at > now()") == 12
    assert await ledger.value("SELECT (failures, failing)::text FROM lane") == "(0,f)"
    running.sender.behaviours[lane] = accept
    # The circuit of a lane with twelve failures would be closed for half a minute.
    await ledger.bring_forward(lane)
    await ledger.all_sent()
    assert running.sender.news == []


def answering(outcome: Outcome) -> Behaviour:
    async def answer(_: Claimed) -> Outcome:
        return outcome

    return answer


@pytest.mark.parametrize(
    ("outcome", "least"),
    [
        (answered(429), 60),
        (Outcome(None, "timeout", 15.0, {}, b"", False, None, False), 60),
        (answered(503, retry_after="120"), 120),
        (answered(503, retry_after="999999"), 36000),
    ],
    ids=["429", "timeout", "hint", "hint beyond the limit"],
)
async def test_what_the_answer_says_about_waiting_is_in_the_schedule(
    ledger: Ledger, outcome: Outcome, least: float
) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    running.sender.behaviours[lane] = answering(outcome)
    (row,) = await ledger.plan([lane], hand=running)
    await ledger.recorded(1)
    delay = await ledger.value(_DELAY, row.position)
    assert least - 5 < delay <= least


async def test_410_disables_the_lane_and_what_is_pending_waits(ledger: Ledger) -> None:
    lane = await ledger.lane(concurrency=1)
    running = await ledger.start()
    running.sender.behaviours[lane] = answering(answered(410))
    await ledger.plan([lane], 20, hand=running)
    await ledger.until("SELECT state = 'disabled' AND disabled_reason = 'gone' FROM lane")
    await ledger.bring_forward(lane)
    await asyncio.sleep(1.2)
    assert len(running.sender.sent) == 1
    assert [(news.kind, news.reason) for _, news in running.sender.news] == [(News.DISABLED, "gone")]
    assert await ledger.value("SELECT count(*) FROM delivery_due") == 20


async def test_five_days_of_nothing_but_failures_disable_the_lane(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    running.sender.behaviours[lane] = refuse
    await ledger.plan([lane], hand=running)
    await ledger.recorded(1)
    await ledger.fetch("UPDATE lane SET failing_since = now() - interval '119 hours 59 minutes'")
    await ledger.bring_forward(lane)
    await ledger.recorded(2)
    assert await ledger.value("SELECT state FROM lane") == "active"
    await ledger.fetch("UPDATE lane SET failing_since = now() - interval '120 hours 1 second'")
    await ledger.bring_forward(lane)
    await ledger.until("SELECT state = 'disabled' AND disabled_reason = 'failing' FROM lane")
    assert [(news.kind, news.reason) for _, news in running.sender.news] == [(News.DISABLED, "failing")]


async def test_news_that_cannot_be_written_keep_the_outcome_and_hold_up_no_other_lane(ledger: Ledger) -> None:
    lane, other, healthy = [await ledger.lane() for _ in range(3)]
    running = await ledger.start()
    running.sender.behaviours |= {lane: refuse, other: refuse}
    await ledger.fetch(f"ALTER TABLE announced ADD CONSTRAINT no CHECK (lane_id <> {lane})")
    await ledger.plan([lane, other, healthy], 4, hand=running)
    await ledger.until("SELECT count(*) = 1 FROM announced WHERE lane_id = $1", other)
    await ledger.until("SELECT count(*) = 4 FROM delivery WHERE lane_id = $1 AND state = 'succeeded'", healthy)
    assert await ledger.value("SELECT failures < 4 FROM lane WHERE id = $1", lane)
    await ledger.fetch("ALTER TABLE announced DROP CONSTRAINT no")
    await ledger.until("SELECT failures = 4 FROM lane WHERE id = $1", lane)
    await ledger.until("SELECT count(*) = 1 FROM announced WHERE lane_id = $1", lane)


async def test_a_hung_send_keeps_nothing_else_of_its_lane_waiting(ledger: Ledger) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    rows = await ledger.plan([lane], 30)

    async def first_hangs(row: Claimed) -> Outcome:
        return await (hang if row.position == rows[0].position else accept)(row)

    running.sender.behaviours[lane] = first_hangs
    running.dispatcher.hand(rows)
    await ledger.until("SELECT count(*) = 29 FROM delivery WHERE state = 'succeeded'")


async def test_a_redelivery_that_failed_and_is_recorded_twice_leaves_the_schedule_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = await ledger.lane()
    running = await ledger.start()
    running.sender.behaviours[lane] = refuse
    (row,) = await ledger.plan([lane], hand=running)
    await ledger.recorded(1)
    before = await ledger.fetch("SELECT due_at, made, manual, resume_at FROM delivery_due")
    commit = Transaction.commit
    commits = 0

    async def unacknowledged(transaction: Transaction) -> None:
        nonlocal commits
        await commit(transaction)
        task = asyncio.current_task()
        if task is not None and task.get_name() == "delivery-recorder":
            commits += 1
            if commits == 1:
                raise ConnectionResetError("the commit was not acknowledged")

    monkeypatch.setattr(Transaction, "commit", unacknowledged)
    async with ledger.database.transaction() as tx:
        assert await views.redeliver(tx, [row.id]) == 1
        tx.wake(CHANNEL)
    await ledger.recorded(2)
    async with asyncio.timeout(20):
        while commits < 2:
            await asyncio.sleep(0.02)
    assert await ledger.fetch("SELECT due_at, made, manual, resume_at FROM delivery_due") == before
    assert await ledger.value("SELECT state FROM delivery") == "pending"
