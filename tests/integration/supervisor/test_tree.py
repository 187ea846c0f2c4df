import asyncio
import os

import pytest

from regista.kit.errors import ConfigurationError
from regista.supervisor.listening import bind
from regista.supervisor.tree import Child

# Without a database a process of the API waits for its schema for as long as it is let.
SETTINGS = {"REGISTA_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REGISTA_SECRET_KEY": "k" * 32}


async def test_a_process_that_is_just_being_started_is_stopped_too() -> None:
    listening = bind("127.0.0.1", 0)
    child = Child("api", 1, {**os.environ, **SETTINGS}, listening)
    child.peers = (child,)
    keeping = asyncio.create_task(child.keep())
    await asyncio.sleep(0)
    assert child.pid is None, "the process is there already: this shows nothing"
    try:
        await child.stop()
        assert child.pid is not None
        async with asyncio.timeout(5):
            await keeping
    finally:
        await child.stop()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        listening.close()


def test_an_address_that_cannot_be_listened_on_is_refused_with_the_option_that_names_it() -> None:
    taken = bind("127.0.0.1", 0)
    try:
        for host, port, option in (
            ("127.0.0.1", taken.getsockname()[1], "--port"),
            ("999.1.1.1", 0, "--host"),
            ("192.0.2.1", 0, "--host"),
        ):
            with pytest.raises(ConfigurationError, match=f"choose another {option}$"):
                bind(host, port)
    finally:
        taken.close()
