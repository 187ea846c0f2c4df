"""Slack's service beside the others, on Kafka: its death delays its own messages alone, and loses none."""

import signal
from pathlib import Path

import pytest

from regista.kit import clock
from tests.support.distributed import distributed
from tests.support.outcome import becomes
from tests.support.postgres import PostgresSession
from tests.support.sink import Sink
from tests.support.slack import TOKEN, FakeSlack
from tests.support.system import move, ok, publish_model

SUCCEEDED = """
SELECT count(*) FROM delivery d JOIN lane l ON l.id = d.lane_id WHERE l.kind = '{kind}' AND d.state = 'succeeded'
"""


@pytest.mark.kafka
async def test_the_death_of_slacks_service_delays_its_messages_alone_and_loses_none(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with (
        FakeSlack() as slack,
        Sink() as sink,
        distributed(postgres, tmp_path, "api", "relay", "webhooks", SLACK_API_URL=slack.api) as installation,
    ):
        url, client = installation.database_url, installation.client
        service = await installation.serve("slack")
        await publish_model(installation)
        await ok(await client.post("/api/v1/webhooks", json={"name": "ci", "url": sink.url()}))
        channel = {"name": "ml-ops", "channel": "#ml-ops", "token": TOKEN}
        await ok(await client.post("/api/v1/slack-channels", json=channel))
        actions = [{"webhook": {"integration": "ci"}}, {"slack": {"integration": "ml-ops", "title": "${alias}"}}]
        automation = {"name": "both", "scope": "org", "on": ["alias.added"], "where": 'alias.startsWith("move")'}
        await ok(await client.post("/api/v1/automations", json=automation | {"actions": actions}))

        await move(installation, "v0", "move-1")
        for kind in ("webhook", "slack"):
            await becomes(url, SUCCEEDED.format(kind=kind), 1)
        await service.end(signal.SIGKILL)
        struck = clock.monotonic()
        for alias in ("move-2", "move-3"):
            await move(installation, "v0", alias)
        await becomes(url, SUCCEEDED.format(kind="webhook"), 3)
        # Lanes of webhooks were never the dead one's: nobody has to notice first that it is gone.
        assert clock.monotonic() - struck < 2
        assert [each.title for each in slack.posted] == ["move-1"]
        await installation.serve("slack")
        await becomes(url, SUCCEEDED.format(kind="slack"), 3, seconds=60)
        assert sorted(each.title for each in slack.posted) == ["move-1", "move-2", "move-3"]
        assert len(sink.arrivals) == 3
