"""Two API processes, and clients that all want to move the same alias."""

import asyncio
from pathlib import Path

from tests.support.outcome import assert_verified, becomes, database_of, rows
from tests.support.sink import Sink
from tests.support.system import move, publish_model, running_system, subscribe

RACERS = 32
VERSIONS = 4
MOVED = """
SELECT id::text, convert_from(body, 'UTF8')::json -> 'data' ->> 'version' AS version,
       convert_from(body, 'UTF8')::json -> 'data' ->> 'previous' AS previous
FROM event WHERE type = 'dev.regista.alias.added'
  AND convert_from(body, 'UTF8')::json -> 'data' ->> 'alias' = 'production' ORDER BY sequence
"""


async def test_racing_moves_of_one_alias_form_one_chain_in_the_answers_the_log_and_the_webhooks(
    tmp_path: Path,
) -> None:
    async with running_system(tmp_path, workers=2) as system, Sink() as sink:
        await publish_model(system, versions=VERSIONS)
        await subscribe(system, "ci", sink.url(), "collection/team/model-registry/MNIST", concurrency=1)
        answers = await asyncio.gather(*(move(system, f"v{number % VERSIONS}") for number in range(RACERS)))
        changes = {answer["event_id"]: answer for answer in answers if answer["event_id"] is not None}
        url, secret = database_of(system)
        logged = await rows(url, MOVED)
        assert {row["id"] for row in logged} == changes.keys()
        assert len(logged) > VERSIONS
        before = None
        for row in logged:
            assert row["previous"] == before
            assert (changes[row["id"]]["previous"], changes[row["id"]]["version"]) == (before, row["version"])
            before = row["version"]
        await sink.has(changes)
        assert [each.event_id for each in sink.arrivals] == [row["id"] for row in logged]
        current = await system.client.get("/api/v1/collections/team/model-registry/MNIST/versions/production")
        assert current.json()["version"] == before
        await becomes(url, "SELECT count(*) FROM event WHERE id NOT IN (SELECT event_id FROM audit)", 0)
        await assert_verified(url, secret)
