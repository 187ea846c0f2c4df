"""Fixtures for every test, and who runs beside whom."""

from collections.abc import AsyncGenerator, Generator

import pytest
from xdist.remote import Producer

from tests.support.kafka import kafka, kafka_session
from tests.support.postgres import PostgresSession
from tests.support.turns import Turns, is_late, turn

__all__ = ["kafka", "kafka_session", "postgres"]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Turns:
    return Turns(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=is_late)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with turn(item):
        return (yield)


@pytest.fixture(scope="session")
async def postgres() -> AsyncGenerator[PostgresSession]:
    """The session's PostgreSQL; take a database of your own from it with ``fresh_database``."""
    session = PostgresSession()
    await session.start()
    try:
        yield session
    finally:
        session.stop()
