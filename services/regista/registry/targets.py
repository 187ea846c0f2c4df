"""What an upload URL is for, as text within the URL, which its signature covers. Pure.

Content goes to the collection of the artifact that it is brought for; parts and manifests are staged until a command
makes something of them.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

_CONTENT = re.compile(r"([0-9a-f]{32})-(any|0|[1-9]\d{0,15})-([1-9]\d{0,18})\Z", re.ASCII)
_PART = re.compile(r"part-([0-9a-f]{32})-([1-9]\d{0,4})-([0-9a-f]{32})\Z", re.ASCII)
_MANIFEST = re.compile(r"manifest-([1-9]\d{0,18})-([0-9a-f]{32})\Z", re.ASCII)


class ContentTarget(NamedTuple):
    """A file's bytes, for the artifact that they are brought for; ``size`` None where it was not announced."""

    md5: bytes
    size: int | None
    artifact: int

    def __str__(self) -> str:
        """Return it as a URL has it."""
        return f"{self.md5.hex()}-{'any' if self.size is None else self.size}-{self.artifact}"


class PartTarget(NamedTuple):
    """Part ``number`` of a file that is uploaded in parts; ``upload`` is what `upload_id` returns."""

    upload: str
    number: int
    md5: bytes

    def __str__(self) -> str:
        """Return it as a URL has it."""
        return f"part-{self.upload}-{self.number}-{self.md5.hex()}"

    @property
    def staged(self) -> str:
        """The name that it is staged under."""
        return part_name(self.upload, self.number)


class ManifestTarget(NamedTuple):
    """The file of a manifest."""

    manifest: int
    md5: bytes

    def __str__(self) -> str:
        """Return it as a URL has it."""
        return f"manifest-{self.manifest}-{self.md5.hex()}"

    @property
    def staged(self) -> str:
        """The name that it is staged under."""
        return manifest_name(self.manifest)


Target = ContentTarget | PartTarget | ManifestTarget


def parse_target(text: str) -> Target | None:
    """Return what a URL with this text is for, None for one that is not for an upload."""
    if found := _CONTENT.match(text):
        size = None if found[2] == "any" else int(found[2])
        return ContentTarget(bytes.fromhex(found[1]), size, int(found[3]))
    if found := _PART.match(text):
        return PartTarget(found[1], int(found[2]), bytes.fromhex(found[3]))
    if found := _MANIFEST.match(text):
        return ManifestTarget(int(found[1]), bytes.fromhex(found[2]))
    return None


def upload_id(collection: int, md5: bytes, parts: Sequence[bytes]) -> str:
    """Return the id of an upload of these parts (MD5s, in their order) to a collection: 32 hex digits.

    It is made of what is uploaded: parts that have arrived serve a repeat of the upload, and whoever completes it by
    other parts names another upload. Source of the bytes: SHA-256, cut.
    """
    digest = hashlib.sha256(f"{collection}:{md5.hex()}".encode())
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:32]


def part_name(upload: str, number: int) -> str:
    """Return the name that a part is staged under."""
    return f"parts-{upload}-{number}"


def manifest_name(manifest: int) -> str:
    """Return the name that the file of a manifest is staged under."""
    return f"manifest-{manifest}"
