"""What tests of the registry do over and over: log a version with real bytes, and read the log."""

import base64
import hashlib
import json
from typing import Any

from tests.support.api import Api

V1 = "/api/v1"
MNIST = f"{V1}/collections/team/model-registry/MNIST"


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def manifest(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [{"path": path, "size": len(content), "md5": md5(content)} for path, content in files.items()]


async def announce(api: Api, files: dict[str, bytes], collection: str = "model", **fields: Any) -> dict[str, Any]:
    body = {
        "entity": "team",
        "project": "train",
        "collection": collection,
        "type": "model",
        "manifest": manifest(files),
        **fields,
    }
    answer = await api.client.post(f"{V1}/artifacts", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def upload(api: Api, announced: dict[str, Any], files: dict[str, bytes]) -> None:
    """PUT what is missing, without a key, as clients do."""
    async with api.as_key(None) as client:
        for one in announced["uploads"]:
            if one["upload_url"] is not None:
                answer = await client.put(one["upload_url"], content=files[one["path"]])
                assert answer.status_code == 200, answer.text


async def log(api: Api, files: dict[str, bytes], collection: str = "model", **fields: Any) -> dict[str, Any]:
    """Log a version and return it."""
    announced = await announce(api, files, collection, **fields)
    await upload(api, announced, files)
    answer = await api.client.post(f"{V1}/artifacts/{announced['id']}/commit")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def link(api: Api, source: str, aliases: list[str] | None = None, to: str = MNIST) -> dict[str, Any]:
    answer = await api.client.post(f"{to}/versions", json={"source": source, "aliases": aliases or []})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def two_linked(api: Api) -> None:
    """Make versions v0 and v1 of team/train/model and link both into the registry, in that order."""
    for number in range(2):
        version = await log(api, {"model.bin": b"weights %d" % number})
        await link(api, version["source"])


async def happened(api: Api, *kinds: str) -> list[dict[str, Any]]:
    """Return the events of these types (all of artifacts, aliases, tags, collections without any), in order."""
    wanted = kinds or ("artifact.", "alias.", "tag.", "collection", "project.", "run.")
    return [
        json.loads(event["body"])
        for event in await api.events()
        if event["type"].removeprefix("dev.regista.").startswith(wanted)
    ]


def short(events: list[dict[str, Any]]) -> list[str]:
    """Return events as ``alias.added production v0→v1``."""
    lines: list[str] = []
    for event in events:
        data = event["data"]
        words = [event["type"].removeprefix("dev.regista.")]
        if "alias" in data:
            words.append(data["alias"])
        if "tag" in data:
            words.append(data["tag"])
        if "previous" in data and "alias" in data:
            words.append(f"{data['previous']}→{data['version']}")
        elif "version" in data:
            words.append(data["version"])
        lines.append(" ".join(words))
    return lines


async def rows(api: Api, statement: str) -> Any:
    async with api.runtime.database.transaction() as tx:
        return await tx.connection.fetchval(statement)
