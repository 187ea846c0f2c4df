"""What the processes do not load before they need it: each of these costs megabytes, and time at every start."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("regista.supervisor.up", ["sqlalchemy", "aiohttp", "fastapi"]),
        ("regista.app", ["slack_sdk", "alembic", "aiokafka", "faststream", "httpx"]),
        (
            "regista.supervisor.composition",
            ["slack_sdk", "alembic", "aiokafka", "faststream", "httpx", "fastapi", "starlette", "uvicorn"],
        ),
    ],
)
def test_a_process_loads_what_it_may_never_need_only_once_it_does(module: str, absent: list[str]) -> None:
    code = f"import {module}, sys; print(*[name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
