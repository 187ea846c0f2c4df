"""As whom the server runs.

PostgreSQL refuses to run as root, and its ``initdb`` as a uid without a name. An ordinary user with a name needs
nothing. For everybody else, in this order: a user namespace in which we are an ordinary user (files stay ours, nothing
on the machine changes); for root where namespaces are refused, as in most containers, an unprivileged user that exists
already. Nobody's directories change their permissions and no user is made.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regista.kit.postgres import launch
from regista.kit.postgres.errors import RootRefusedError

UNPRIVILEGED = ("postgres", "nobody")
"""Users to lend their uid, in this order, when root may not make a namespace."""

FIRST_USER = 1000
"""The uid to have inside a namespace if it has a name: the least surprising one in a list of processes."""


class Identity(NamedTuple):
    """A way to run the server: ``owner`` is the uid that its files have on disk, ``gid`` their group."""

    mode: launch.Mode
    uid: int
    gid: int
    owner: int

    def command(self, directory: Path, program: Path, *arguments: str) -> list[str]:
        """Return the command that runs ``program`` in ``directory`` under this identity, as a child of this process.

        The child ends with a fast shutdown (SIGINT) when the *thread* that forked it ends: fork from the main thread.
        """
        return [
            *(sys.executable, "-I", "-S", launch.__file__),
            *(str(os.getpid()), self.mode, str(self.uid), str(self.gid), str(directory)),
            *(str(program), *arguments),
        ]

    def refusal(self, directory: Path, program: Path) -> str | None:
        """Return why this identity cannot run ``program`` in ``directory``; None when it can."""
        tried = subprocess.run(  # noqa: S603 - the wheel's binary, by its full path
            self.command(directory, program, "--version"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return None if tried.returncode == 0 else tried.stderr.strip() or f"exit status {tried.returncode}"


def myself() -> Identity:
    """Return the identity of this process."""
    return Identity("self", os.geteuid(), os.getegid(), os.geteuid())


def needs_another() -> bool:
    """Whether PostgreSQL would refuse this process's own uid."""
    return os.geteuid() == 0 or not _named(os.geteuid())


def namespace() -> Identity | None:
    """Return the identity of an ordinary user in a namespace of its own; None where the platform has none."""
    uid = inner_uid([entry.pw_uid for entry in pwd.getpwall()])
    if sys.platform != "linux" or uid is None:
        return None
    return Identity("namespace", uid, uid, os.geteuid())


def unprivileged(*, owner: int | None = None) -> Identity | None:
    """Return the identity of an existing unprivileged user, ``owner`` of a present cluster first; None if there is none."""
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    lenders = [entry for entry in entries.values() if owner and entry.pw_uid == owner]
    lenders += [entries[name] for name in UNPRIVILEGED if name in entries]
    if os.geteuid() != 0 or not lenders:
        return None
    return Identity("user", lenders[0].pw_uid, lenders[0].pw_gid, lenders[0].pw_uid)


def refused(data_dir: Path, reasons: Sequence[str]) -> RootRefusedError:
    """Return the error for when every way was tried, with the ways out."""
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}, which has no name on this machine"
    return RootRefusedError(
        f"The embedded PostgreSQL does not run as {who}, and no other way was open for the data directory {data_dir}: "
        f"{'; '.join(reasons)}. Run regista as an ordinary user, or name another --data-dir that such a user can reach, "
        f"or set REGISTA_DATABASE_URL to a server of your own."
    )


def inner_uid(uids: Sequence[int]) -> int | None:
    """Choose the uid to have inside: any named one but root's, because initdb looks its name up."""
    return FIRST_USER if FIRST_USER in uids else min((uid for uid in uids if uid != 0), default=None)


def _named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
