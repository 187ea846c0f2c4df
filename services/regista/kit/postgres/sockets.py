"""Where the server's Unix socket lies."""

import os
import stat
import sys
import tempfile
from pathlib import Path

from regista.kit.postgres.errors import SocketPathError
from regista.kit.postgres.place import Place

LONGEST = 107 if sys.platform == "linux" else 103
"""The most bytes of a socket's path: ``sun_path`` of unix(7) without its final NUL."""

PORT = 5432
"""Part of the socket's name; no TCP port is opened."""


def directory(place: Place, name: str, *, runtime: str | None = None) -> Path:
    """Return a directory of mode 0700 for the socket, owned by the server's identity.

    In the cluster's home when that path will do, else a directory called ``name`` in the runtime directory.
    ``runtime`` is XDG_RUNTIME_DIR. No server may be running on the cluster. Raises ``SocketPathError``.
    """
    candidates = [place.home / "socket"]
    if place.identity.mode != "user" and runtime:
        candidates.append(Path(runtime) / f"regista-{name}")
    candidates.append(Path(tempfile.gettempdir()) / f"regista-{place.identity.owner}-{name}")
    candidates.append(Path("/tmp") / f"regista-{place.identity.owner}-{name}")  # noqa: S108 - made 0700 or refused
    for candidate in candidates:
        if fits(candidate) and _private(candidate, place.identity.owner):
            _clear(candidate)
            return candidate
    raise SocketPathError(
        f"No directory is short enough ({LONGEST} bytes with the socket's name), writable and private for the socket of "
        f"the embedded PostgreSQL: tried {', '.join(map(str, candidates))}. Set XDG_RUNTIME_DIR or name a shorter --data-dir."
    )


def fits(candidate: Path) -> bool:
    """Whether a socket in ``candidate`` can be named to the kernel, to the server's option and to a client's URL.

    ``unix_socket_directories`` and the ``host`` of a URL are both lists that a comma divides.
    """
    path = str(candidate)
    short = len(os.fsencode(candidate / f".s.PGSQL.{PORT}")) <= LONGEST
    return short and path == path.strip() and not set(path) & set(',"@')


def _clear(candidate: Path) -> None:
    """Remove a killed server's socket and lock: its pid may be a stranger's by now, or a zombie's still."""
    for suffix in ("", ".lock"):
        (candidate / f".s.PGSQL.{PORT}{suffix}").unlink(missing_ok=True)


def _private(candidate: Path, owner: int) -> bool:
    """Make the directory, or accept the one of a former start; never one that somebody else has laid there."""
    try:
        candidate.mkdir(mode=0o700, exist_ok=True)
        found = candidate.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() != owner:
            os.chown(candidate, owner, -1)
            found = candidate.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not stat.S_IMODE(found.st_mode) & 0o077
