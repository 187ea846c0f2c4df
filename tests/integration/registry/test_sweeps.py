"""Versions that expire, artifacts that nobody committed, uploads that were forgotten."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from regista.kit.blobs import transfer
from regista.registry.sweeps import clear_staged, delete_abandoned, delete_expired
from tests.support.api import Api
from tests.support.registry import V1, announce, happened, link, log, rows, short

MODEL = f"{V1}/collections/team/train/model/versions"


async def expire(api: Api, artifact: int) -> None:
    """Let the time to live of a version be over."""
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "UPDATE artifact SET expires_at = now() - interval '1 s' WHERE id = $1 AND expires_at IS NOT NULL", artifact
        )


async def sweep(api: Api) -> int:
    return await delete_expired(api.runtime.database, "http://test")


async def test_a_version_whose_time_is_over_is_deleted_with_its_aliases_and_an_event(api: Api) -> None:
    old = await log(api, {"f": b"old"}, ttl_seconds=60, aliases=["best"])
    await log(api, {"f": b"kept"})
    assert await sweep(api) == 0
    await expire(api, old["artifact_id"])
    assert await sweep(api) == 1
    assert await sweep(api) == 0
    assert (await api.client.get(f"{MODEL}/v0")).status_code == 404
    assert (await api.client.get(f"{MODEL}/latest")).json()["version"] == "v1"
    (event,) = await happened(api, "artifact.deleted")
    assert (event["data"]["reason"], event["data"]["version"], event["actortype"]) == ("ttl", "v0", "system")
    assert short(await happened(api, "alias.removed")) == ["alias.removed best v0"]


async def test_the_time_to_live_counts_from_the_creation_and_can_be_changed_and_taken_away(api: Api) -> None:
    version = await log(api, {"f": b"x"})
    at = f"{MODEL}/v0"
    spans = []
    for seconds in (3600, 2**52, None):
        assert (await api.client.patch(at, json={"ttl_seconds": seconds})).status_code == 200
        query = "SELECT extract(epoch FROM expires_at - created_at)::float FROM artifact WHERE id = " + str(
            version["artifact_id"]
        )
        spans.append(await rows(api, query))
    assert spans == [3600, 9e9, None]


async def test_what_others_rely_on_does_not_expire(api: Api) -> None:
    linked = await log(api, {"f": b"linked"}, ttl_seconds=60)
    await link(api, linked["source"])
    protected = await log(api, {"f": b"protected"}, ttl_seconds=60, aliases=["prod"])
    async with api.runtime.database.transaction() as tx:
        await tx.connection.execute(
            "INSERT INTO protected_alias (organization_id, project_id, alias) "
            "SELECT organization_id, id, 'prod' FROM project WHERE name = 'train'"
        )
    for version in (linked, protected):
        await expire(api, version["artifact_id"])
    assert await sweep(api) == 0
    assert [each["version"] for each in await api.pages(MODEL)] == ["v1", "v0"]


async def test_many_versions_expire_in_small_transactions(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regista.registry.sweeps._BATCH", 2)
    for number in range(5):
        version = await log(api, {"f": b"%d" % number}, ttl_seconds=60)
        await expire(api, version["artifact_id"])
    assert await sweep(api) == 5
    assert await api.pages(MODEL) == []


async def test_what_was_announced_and_never_committed_goes_after_a_while(api: Api) -> None:
    await announce(api, {"f": b"never"}, client_id="c")
    kept = await log(api, {"f": b"committed"})
    assert await delete_abandoned(api.runtime.database) == 0
    assert await delete_abandoned(api.runtime.database, timedelta(0)) == 1
    assert await rows(api, "SELECT count(*) FROM artifact_client") == 0
    assert (await api.client.get(f"{MODEL}/v0")).json() == kept


async def test_forgotten_parts_and_halves_of_uploads_are_taken_away_and_content_stays(api: Api, tmp_path: Path) -> None:
    await log(api, {"f": b"content"})
    old = [tmp_path / "blobs/staged/1/parts-x-1", tmp_path / "blobs/uploads/half"]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
        os.utime(path, (0, 0))
    young = tmp_path / "blobs/staged/1/manifest-7"
    young.write_bytes(b"young")
    assert await clear_staged(transfer.store(api.runtime)) == 2
    assert [path for path in old if path.exists()] == []
    assert young.exists()
    assert (await api.client.get(f"{MODEL}/v0/files/f")).status_code == 200
