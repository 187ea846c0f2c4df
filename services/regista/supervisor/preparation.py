"""Brings everything that outlives the processes up to date: schema, first organization, Kafka topics and groups."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from regista import migrations
from regista.access import service as access
from regista.kit.db import Database
from regista.kit.settings import Settings
from regista.kit.vault import Vault
from regista.supervisor.secret_key import keep_secret_key
from regista_events import topics

GROUPS: Mapping[str, Sequence[str]] = {topics.EVENTS: ("webhooks", "slack", "audit"), topics.RUN_METRICS: ("metrics",)}
"""Every consumer group by its topic; a new one begins at the moment of its installation."""


class Prepared(NamedTuple):
    """What was done; ``before`` is None for an empty database."""

    before: str | None
    after: str
    bootstrapped: bool
    kafka: bool


async def prepare(settings: Settings, database: Database, vault: Vault, public_url: str) -> Prepared:
    """Prepare database and Kafka. Safe to run twice, or from two places at once.

    Raises `ConfigurationError` for what an operator must decide, `UnavailableError` when Kafka does not answer.
    """
    # Reading the revision is a millisecond, Alembic half a second: a restart after a crash must not pay for it.
    before = after = await migrations.current(database)
    if before != migrations.HEAD:
        before, after = await migrations.migrate(database)
    async with database.transaction() as transaction:
        bootstrapped = await access.bootstrap(transaction, settings, public_url)
        await keep_secret_key(transaction, vault)
    if settings.kafka_bootstrap_servers is not None:
        from regista.kit.bus import provision  # noqa: PLC0415 - the local bus never pays for it

        await provision.ensure_topics(settings.kafka_bootstrap_servers, settings.kafka_replication)
        for topic, groups in GROUPS.items():
            await provision.ensure_group_offsets(settings.kafka_bootstrap_servers, groups, topic=topic)
    return Prepared(before, after or migrations.HEAD, bootstrapped, settings.kafka_bootstrap_servers is not None)
