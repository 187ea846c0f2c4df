"""Files that are uploaded in parts: what the client does above 2 GiB, here with parts of some bytes."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.support import wandb_artifacts as wb
from tests.support.api import Api
from tests.support.registry import V1, md5
from tests.support.wandb_artifacts import Logging, done, refusal

PARTS = [b"first part|" * 1000, b"second part|" * 1000, b"the rest"]
WHOLE = b"".join(PARTS)


def hexes(parts: list[bytes]) -> list[dict[str, Any]]:
    return [{"partNumber": place, "hexMD5": hashlib.md5(part).hexdigest()} for place, part in enumerate(parts, 1)]


async def announce(one: Logging, parts: list[bytes] = PARTS) -> dict[str, Any]:
    """Announce the file with its parts, as the client does, and return its node."""
    spec = {"artifactID": one.id, "name": "big.bin", "md5": md5(WHOLE), "uploadPartsInput": hexes(parts)}
    answer = await done(one.api, wb.FILES, input={"artifactFiles": [spec], "storageLayout": "V2"})
    return answer["files"]["edges"][0]["node"]


async def send(api: Api, node: dict[str, Any], chosen: range = range(3)) -> dict[int, str]:
    """PUT parts and return their ETags by number."""
    urls = node["uploadMultipartUrls"]["uploadUrlParts"]
    assert [url["partNumber"] for url in urls] == [1, 2, 3]
    tags: dict[int, str] = {}
    for place in chosen:
        answer = await wb.put(api, urls[place]["uploadUrl"], PARTS[place])
        tags[place + 1] = answer.headers["etag"]
    return tags


def completion(node: dict[str, Any], tags: dict[int, str]) -> dict[str, Any]:
    return {
        "completeMultipartAction": "Complete",
        "completedParts": [{"partNumber": number, "hexMD5": tag} for number, tag in tags.items()],
        "artifactID": node["artifact"]["id"],
        "storagePath": node["storagePath"],
        "uploadID": node["uploadMultipartUrls"]["uploadID"],
    }


async def test_parts_become_the_file_that_was_announced(api: Api, tmp_path: Path) -> None:
    one = await Logging(api, {"big.bin": WHOLE}).create()
    node = await announce(one)
    assert node["uploadUrl"] is not None
    tags = await send(api, node)
    assert tags[1].strip('"') == hashlib.md5(PARTS[0]).hexdigest()
    given = completion(node, dict(reversed(tags.items())))
    assert (await done(api, wb.COMPLETE, input=given))["digest"] == md5(WHOLE)
    assert list((tmp_path / "blobs/staged/1").iterdir()) == []
    await one.upload_manifest()
    assert (await one.commit())["size"] == len(WHOLE)
    url = (await api.client.get(f"{V1}/collections/team/train/model/versions/v0/files/big.bin")).json()["url"]
    assert await wb.fetch(api, url) == WHOLE
    # Again, as a client does that heard no answer; and for another version of the same file.
    assert (await done(api, wb.COMPLETE, input=given))["digest"] == md5(WHOLE)
    assert (await announce(await Logging(api, {"big.bin": WHOLE, "x": b""}).create()))["uploadUrl"] is None


async def test_an_interrupted_upload_goes_on_with_the_parts_that_have_arrived(api: Api) -> None:
    first = await Logging(api, {"big.bin": WHOLE}).create()
    tags = await send(api, await announce(first), range(2))
    again = await Logging(api, {"big.bin": WHOLE, "x": b""}).create()
    node = await announce(again)
    assert "part" in await refusal(api, wb.COMPLETE, input=completion(node, {**tags, 3: hexes(PARTS)[2]["hexMD5"]}))
    tags |= await send(api, node, range(2, 3))
    assert (await done(api, wb.COMPLETE, input=completion(node, tags)))["digest"] == md5(WHOLE)


async def test_two_that_complete_at_once_both_succeed(api: Api) -> None:
    one = await Logging(api, {"big.bin": WHOLE}).create()
    node = await announce(one)
    given = completion(node, await send(api, node))
    answers = await asyncio.gather(*(done(api, wb.COMPLETE, input=given) for _ in range(4)))
    assert [answer["digest"] for answer in answers] == [md5(WHOLE)] * 4


async def test_who_cannot_wait_for_the_join_asks_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await Logging(api, {"big.bin": WHOLE}).create()
    node = await announce(one)
    given = completion(node, await send(api, node))
    with monkeypatch.context() as patch:
        patch.setattr("regista.registry.api.parts.WAIT_SECONDS", 0)
        answer = await api.client.post("/graphql", json={"query": wb.COMPLETE, "variables": {"input": given}})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "ask again" in answer.json()["errors"][0]["message"]
    assert (await done(api, wb.COMPLETE, input=given))["digest"] == md5(WHOLE)


async def test_a_part_with_other_bytes_is_refused_and_can_be_sent_again(api: Api) -> None:
    one = await Logging(api, {"big.bin": WHOLE}).create()
    node = await announce(one)
    url = node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"]
    await wb.put(api, url, b"other", 422)
    await wb.put(api, url.replace("signature=", "signature=0"), PARTS[0], 403)
    assert (await done(api, wb.COMPLETE, input=completion(node, await send(api, node))))["digest"] == md5(WHOLE)


async def test_parts_that_are_not_those_of_the_file_are_refused(api: Api) -> None:
    wrong = [PARTS[1], PARTS[0], PARTS[2]]
    one = await Logging(api, {"big.bin": WHOLE}).create()
    node = await announce(one, wrong)
    for url, part in zip(node["uploadMultipartUrls"]["uploadUrlParts"], wrong, strict=True):
        await wb.put(api, url["uploadUrl"], part)
    given = completion(node, {each["partNumber"]: each["hexMD5"] for each in hexes(wrong)})
    assert "MD5" in await refusal(api, wb.COMPLETE, input=given)
    assert "not of these" in await refusal(
        api, wb.COMPLETE, input=completion(node, {each["partNumber"]: each["hexMD5"] for each in hexes(PARTS)})
    )


@pytest.mark.parametrize("numbers", [[1, 3], [2], [0, 1], [1, 1]])
async def test_parts_are_numbered_from_one_without_a_gap(api: Api, numbers: list[int]) -> None:
    one = await Logging(api, {"big.bin": WHOLE}).create()
    parts = [{"partNumber": number, "hexMD5": "0" * 32} for number in numbers]
    spec = {"artifactID": one.id, "name": "big.bin", "md5": md5(WHOLE), "uploadPartsInput": parts}
    assert "numbered" in await refusal(api, wb.FILES, input={"artifactFiles": [spec]})
