from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresSession
from tests.support.stage import Tenant, staged

PATH = "/api/v1/automations"
RULE: dict[str, Any] = {
    "name": "deploy",
    "scope": "collection/team/mnist/MNIST",
    "on": ["alias.added"],
    "actions": [{"webhook": {"integration": "ci"}}],
}


@pytest.fixture
async def home(postgres: PostgresSession, tmp_path: Path) -> AsyncGenerator[Tenant]:
    async with staged(postgres, tmp_path) as tenant:
        await tenant.webhook("http://127.0.0.1:9/hook")
        yield tenant


async def test_a_key_for_reading_checks_what_its_owner_may_save_and_saves_nothing(home: Tenant) -> None:
    answers: dict[str, tuple[int, int]] = {}
    for name, role in (("max", "member"), ("vera", "viewer")):
        key = await home.api.key_of(name, team="team", role=role, scope="read")
        async with home.api.as_key(key) as client:
            checked = await client.post(f"{PATH}/check", json=RULE)
            saved = await client.post(PATH, json=RULE)
            answers[name] = (checked.status_code, saved.status_code)
            if role == "viewer":
                assert "needs role member" in checked.json()["detail"]
    assert answers == {"max": (200, 403), "vera": (403, 403)}
    assert (await home.client.get(PATH)).json()["items"] == []
