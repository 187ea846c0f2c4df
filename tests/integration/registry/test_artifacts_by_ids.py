from pathlib import Path

from regista.access.keys import KeyCache
from regista.access.verdict import Actor
from regista.registry import service
from tests.support.api import ADMIN_KEY, Api, running_api
from tests.support.postgres import PostgresSession
from tests.support.registry import announce, link, log


async def actor(api: Api, key: str | None = None) -> Actor:
    keys: KeyCache = api.app._app.state.keys  # type: ignore[attr-defined]
    return await keys.actor(key or ADMIN_KEY)


async def test_artifacts_are_found_by_number_in_every_state_with_their_own_version(
    postgres: PostgresSession, tmp_path: Path
) -> None:
    async with running_api(postgres, tmp_path) as api:
        made = await log(api, {"a": b"one"}, aliases=["best"], tags=["good"])
        pending = await announce(api, {"a": b"two"})
        await link(api, made["source"], ["prod"])
        async with api.runtime.database.transaction() as tx:
            found = await service.artifacts_by_ids(tx, await actor(api), [made["artifact_id"], pending["id"], 10**12])
        assert set(found) == {made["artifact_id"], pending["id"]}
        artifact = found[made["artifact_id"]]
        assert artifact.state == "committed"
        assert artifact.version is not None
        assert (artifact.version.name, artifact.version.aliases) == ("v0", ["best", "latest"])
        assert artifact.collection.path == "team/train/model"
        assert artifact.tags == {"good": None}
        assert found[pending["id"]].version is None
