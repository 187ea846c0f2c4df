"""Where a cluster lies and under which identity it is run."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from regista.kit.postgres import identity
from regista.kit.postgres.errors import PostgresError
from regista.kit.postgres.identity import Identity

SYSTEM_DIRECTORY = Path("/var/lib/regista")
"""Holds the clusters of a root that may not make namespaces and whose data directory others cannot reach."""


class Place(NamedTuple):
    """A directory of ours, mode 0700, with everything of one server: cluster, password, log, socket."""

    home: Path
    identity: Identity

    @property
    def cluster(self) -> Path:
        """The cluster itself, absent before the first start."""
        return self.home / "cluster"

    @property
    def password(self) -> Path:
        """The generated password, mode 0600."""
        return self.home / "password"

    @property
    def log(self) -> Path:
        """What the server has to say."""
        return self.home / "postgres.log"


def find(data_dir: Path, program: Path, *, system_directory: Path = SYSTEM_DIRECTORY) -> Place:
    """Return the place for ``data_dir`` (absolute), made and owned by the identity that is to run ``program``.

    A cluster that exists stays where it is. Raises ``RootRefusedError`` when no identity will do.
    """
    near, far = data_dir / "postgres", system_directory / f"postgres-{fingerprint(data_dir)}"
    if not identity.needs_another():
        return _own(Place(near, identity.myself()))
    homes = [home for home in (near, far) if (home / "cluster").exists()][:1]
    ways = [(home, identity.namespace()) for home in homes or [near]]
    ways += [(home, identity.unprivileged(owner=_owner(home))) for home in homes or [near, far]]
    reasons: list[str] = []
    for home, way in ways:
        if way is None:
            continue
        place = Place(home, way)
        try:
            refusal = way.refusal(_own(place).home, program)
        except OSError as error:
            refusal = str(error)
        if refusal is None:
            return place
        reasons.append(
            f"{'in a user namespace' if way.mode == 'namespace' else f'as uid {way.uid}'} in {home}: {refusal}"
        )
        with suppress(OSError):
            home.rmdir()
    raise identity.refused(data_dir, reasons)


def fingerprint(data_dir: Path) -> str:
    """Return a short name for a data directory, the same at each start."""
    return hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]


def _own(place: Place) -> Place:
    """Make the home and give all of it, which is ours alone, to the identity."""
    if not place.home.parent.exists():
        # Only ever the system directory, which the lent user has to pass through whatever the umask is.
        place.home.parent.mkdir(mode=0o755, parents=True)
        place.home.parent.chmod(0o755)
    place.home.mkdir(mode=0o700, exist_ok=True)
    owner, gid = place.identity.owner, place.identity.gid if place.identity.mode == "user" else os.getegid()
    present = place.home.stat().st_uid
    if present == owner:
        return place
    if os.geteuid() != 0:
        raise PostgresError(
            f"The cluster in {place.home} belongs to uid {present}, and this process is uid {owner}. "
            f"Run regista as that user, or name another --data-dir."
        )
    for directory, _, names in os.walk(place.home):
        for name in (".", *names):
            os.chown(Path(directory, name), owner, gid, follow_symlinks=False)
    return place


def _owner(home: Path) -> int | None:
    return home.stat().st_uid if (home / "cluster").exists() else None
