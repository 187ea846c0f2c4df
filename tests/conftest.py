"""Fixtures for every test."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.kafka import kafka, kafka_session
from tests.support.postgres import PostgresSession

__all__ = ["kafka", "kafka_session", "postgres"]


@pytest.fixture(scope="session")
async def postgres() -> AsyncGenerator[PostgresSession]:
    """The session's PostgreSQL; take a database of your own from it with ``fresh_database``."""
    session = PostgresSession()
    await session.start()
    try:
        yield session
    finally:
        session.stop()
