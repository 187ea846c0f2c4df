"""The manifest file of the client, version 1: ``{version, storagePolicy, storagePolicyConfig, contents}``. Pure.

``contents`` has for each path ``{digest, size, ref?, extra?, birthArtifactID?}``: the digest of stored content is its
MD5 in base64, that of a reference whatever its store says. Source: ``wandb/sdk/artifacts/artifact_manifests`` of wandb.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import from_json

from regista.kit.bodies import check_json
from regista.kit.errors import InvalidError
from regista.registry.digest import read_md5
from regista.registry.names import ManifestPath
from regista.registry.subjects import Entry
from regista.wandb import ids
from regista.wandb.checks import checked

Size = Annotated[int, Field(ge=0, lt=2**53)]
Reference = Annotated[str, Field(min_length=1, max_length=4096)]
Digest = Annotated[str, Field(min_length=1, max_length=512)]

_HEAD = {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"}}


def read_manifest(content: bytes) -> list[Entry]:
    """Return the files that a manifest names. Raises `InvalidError` with the path and value that is wrong."""
    try:
        document = check_json(from_json(content))
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"the manifest is no JSON that can be stored: {error}") from None
    contents: Any = document.get("contents") if isinstance(document, dict) else None
    if not isinstance(contents, dict):
        raise InvalidError('the manifest has no "contents"; log the artifact again with a client of W&B')
    return [_entry(path, given) for path, given in contents.items()]


def _entry(path: str, given: Any) -> Entry:
    checked(ManifestPath, path, "file")
    if not isinstance(given, dict):
        raise InvalidError(f"file {path!r} of the manifest is no object")
    digest: str = checked(Digest, given.get("digest"), f"digest of {path!r}")
    size: int = checked(Size, given.get("size") or 0, f"size of {path!r}")
    reference: str | None = given.get("ref")
    extra: Any = given.get("extra") or None
    if extra is not None and not isinstance(extra, dict):
        raise InvalidError(f"extra of {path!r} is no object")
    if reference is not None:
        return Entry(path, digest, size, None, checked(Reference, reference, f"reference of {path!r}"), extra)
    if extra is not None and extra.get("alg", "MD5") != "MD5":
        raise InvalidError(f"the digest of {path!r} is of algorithm {extra['alg']!r}; this server takes MD5 alone")
    try:
        md5 = read_md5(digest)
    except ValueError as error:
        raise InvalidError(f"digest {digest!r} of {path!r}: {error}") from None
    return Entry(path, digest, size, md5, None, extra, birth=_birth(given))


def _birth(given: Mapping[str, Any]) -> int | None:
    birth = given.get("birthArtifactID")
    return ids.decode(birth, "Artifact") if isinstance(birth, str) and birth else None


def write_head() -> str:
    """Return the manifest's text up to its first file."""
    return json.dumps(_HEAD, separators=(",", ":"))[:-1] + ',"contents":{'


def write_entries(artifact: int, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the text of each file of an artifact."""
    for entry in entries:
        shown: dict[str, Any] = {"digest": entry.digest, "size": entry.size}
        if entry.reference is not None:
            shown["ref"] = entry.reference
        else:
            shown["birthArtifactID"] = ids.encode("Artifact", entry.birth or artifact)
        if entry.extra:
            shown["extra"] = entry.extra
        yield f"{json.dumps(entry.path)}:{json.dumps(shown, separators=(',', ':'))}"


def write_tail() -> str:
    """Return the manifest's text behind its last file."""
    return "}}"
