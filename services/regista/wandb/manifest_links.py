"""Signed URLs of manifests: like those of content, they need no key and work for an hour."""

import re

from regista.access.boundary import Caller
from regista.kit import clock
from regista.kit.blobs import Grant, LinkRefusedError, transfer
from regista.kit.runtime import Runtime

MANIFESTS = "/artifact-manifests"
"""Where manifests are served; signed URLs of them begin here."""
_NAME = re.compile(r"manifest-([1-9]\d{0,18})\Z", re.ASCII)


def manifest_url(call: Caller, artifact: int) -> str:
    """Return an absolute URL to GET the manifest of a version from."""
    grant = Grant("GET", call.actor.organization_id, f"manifest-{artifact}", "", transfer.expiry())
    return transfer.signer(call.runtime.vault).url(call.base_url + MANIFESTS, grant)


def check_manifest_url(runtime: Runtime, organization: int, name: str, expires: int, signature: str) -> int:
    """Return the artifact whose manifest a URL stands for. Raises `LinkRefusedError`."""
    grant = Grant("GET", organization, name, "", expires)
    transfer.signer(runtime.vault).check(grant, signature, clock.now().timestamp())
    found = _NAME.match(name)
    if found is None:
        raise LinkRefusedError("this URL is not for a manifest")
    return int(found[1])
