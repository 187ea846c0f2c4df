"""Run as a script, between fork and exec of a PostgreSQL program: take the identity, tie the life to the parent's.

A program of its own because each step wants a process with one thread (``unshare`` demands it, ``preexec_fn`` is not
safe beside other threads) and because the tie is lost at a change of user: it must come after that and before the exec.
Imports the standard library only: it runs isolated, without site-packages.

Arguments: PARENT-PID MODE UID GID DIRECTORY PROGRAM [ARGUMENT…]; MODE is ``self``, ``namespace`` (UID is the one that
this user has inside) or ``user``.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["self", "namespace", "user"]

REFUSED = 71
"""The exit status when the identity is not to be had, the directory not reachable or the program not executable."""

ORPHANED = 72
"""The exit status when the parent was gone before the tie was made."""

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def _enter_namespace(uid: int) -> None:
    """Become ``uid`` inside a new user namespace in which nobody else exists; on disk, files stay the caller's."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{uid} {outer_gid} 1", encoding="ascii")


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def main(arguments: list[str]) -> int:
    """Take the identity and execute the program; return an exit status only when that failed."""
    parent, mode, uid, gid, directory, *command = arguments
    os.umask(0o077)
    try:
        if mode == "namespace":
            _enter_namespace(int(uid))
        elif mode == "user":
            _become(int(uid), int(gid))
        os.chdir(directory)
        if sys.platform == "linux":
            # For the postmaster SIGINT is a fast shutdown.
            _call("prctl", _PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != int(parent):
            return ORPHANED
        os.execv(command[0], command)  # noqa: S606 - the program is one of the wheel's, found by us
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
