"""Names of the registry, as the W&B client's rules have them, and versions as people write them."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from regista.registry.errors import InvalidNameError
from regista.tracking.names import check_name, check_project_name

LATEST = "latest"
"""The alias that the server keeps on the newest version of each collection."""
MODEL_REGISTRY = "model-registry"
"""The project that `link_model` links into; made on the first link."""
MAX_REGISTRY_NAME = 113
"""Characters of a registry's name: with its prefix it is the name of a project."""
MAX_METADATA_KEYS = 100
MAX_METADATA_BYTES = 256 * 1024
"""Bytes of the metadata's JSON: every event of the version carries it, and Kafka takes messages of 1 MB."""
MAX_PATH_BYTES = 1024
MAX_MANIFEST_BYTES = 64 * 1024 * 1024
"""Bytes of a manifest that is uploaded as a file: some 300,000 files."""
_MAX_INDEX = 2**63 - 1
_VERSION = re.compile(r"v(0|[1-9]\d{0,18})\Z", re.ASCII)
_RESERVED = re.compile(r"v\d+\Z", re.ASCII)
_TAG = re.compile(r"[-\w]+( +[-\w]+)*\Z")


def _collection(name: str) -> str:
    return check_name(name, "collection name", frozenset("/"))


def _type(name: str) -> str:
    return check_name(name, "artifact type", frozenset("/:"))


def _alias(name: str) -> str:
    return check_name(name, "alias", frozenset("/:"))


def _settable(name: str) -> str:
    if name == LATEST or _RESERVED.match(name):
        raise ValueError(f"the alias {name} is the server's: it follows the versions by itself")
    return _alias(name)


def _tag(name: str) -> str:
    if len(name) > 128 or not _TAG.match(name):  # noqa: PLR2004 - as all names
        raise ValueError("a tag has at most 128 letters, digits, _ and -, in words with spaces between")
    return name


def _manifest_path(path: str) -> str:
    if not path or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise ValueError(f"a file's path has 1 to {MAX_PATH_BYTES} bytes")
    if "\\" in path or any(ord(character) < 0x20 or ord(character) == 0x7F for character in path):  # noqa: PLR2004
        raise ValueError("a file's path contains no backslash and no control character")
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise ValueError("a file's path is relative, written with /, and without empty parts, `.` and `..`")
    return path


def _registry(name: str) -> str:
    if len(name) > MAX_REGISTRY_NAME:
        raise ValueError(f"a registry name has 1 to {MAX_REGISTRY_NAME} characters; this one has {len(name)}")
    return check_project_name(name, "registry name")


RegistryName = Annotated[str, AfterValidator(_registry)]
"""A registry, as people call it: without the prefix of its project."""
CollectionName = Annotated[str, AfterValidator(_collection)]
ArtifactType = Annotated[str, AfterValidator(_type)]
Alias = Annotated[str, AfterValidator(_settable)]
"""An alias that a client may set or remove."""
Tag = Annotated[str, AfterValidator(_tag)]
TagValue = Annotated[str, StringConstraints(max_length=5000)]
ManifestPath = Annotated[str, AfterValidator(_manifest_path)]
"""Where a file stands in a version; what a client writes to disk below a directory that it chose."""
VersionName = Annotated[str, AfterValidator(_alias)]
"""``vN``, or an alias, `latest` too."""


def version_index(name: str) -> int | None:
    """Return the index of ``vN``, None for an alias."""
    found = _VERSION.match(name)
    return int(found[1]) if found is not None and int(found[1]) <= _MAX_INDEX else None


def checked_aliases(aliases: Iterable[str]) -> list[str]:
    """Return the aliases that a client gives with a version, each once, without those that are the server's.

    Clients send `latest` with everything they log; it is not refused, since the server sets it anyway. Raises
    `InvalidNameError`.
    """
    kept: dict[str, None] = {}
    for alias in aliases:
        if alias == LATEST:
            continue
        try:
            kept[_settable(alias)] = None
        except ValueError as error:
            raise InvalidNameError(f"alias {alias!r}: {error}", field="aliases") from None
    return list(kept)


def check_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata if it has at most 100 top-level keys and 256 KiB of JSON; raise `ValueError` otherwise."""
    if len(metadata) > MAX_METADATA_KEYS:
        raise ValueError(f"metadata has at most {MAX_METADATA_KEYS} top-level keys; this has {len(metadata)}")
    size = len(json.dumps(metadata, separators=(",", ":")))
    if size > MAX_METADATA_BYTES:
        raise ValueError(
            f"metadata has at most {MAX_METADATA_BYTES} bytes as JSON; this has {size}: log a file instead"
        )
    return metadata


Metadata = Annotated[dict[str, Any], AfterValidator(check_metadata)]
