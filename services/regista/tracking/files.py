"""Files of runs: what a client saves beside its lines. None commits: the boundary does.

A file is announced, put to a signed URL, and is there once its content is stored and its row committed. Putting a name
again replaces the file.
"""

import mimetypes
from collections.abc import Sequence

from regista.access.actions import Action
from regista.access.verdict import Actor
from regista.kit.blobs import Blob
from regista.kit.db import Transaction
from regista.kit.errors import InvalidError
from regista.tracking import file_repository as repository
from regista.tracking.runs import find_run, run_path
from regista.tracking.subjects import RunFile

MAX_NAME = 1024


def check_file_name(name: str) -> str:
    """Return ``name`` if a run's file may be called so: a relative path without ``..``. Raises `InvalidError`."""
    if not 1 <= len(name) <= MAX_NAME or "\x00" in name:
        raise InvalidError(
            f"a file's name has 1 to {MAX_NAME} characters, none of them U+0000; {name[:100]!r} does not"
        )
    if name.startswith("/") or any(part in {"", ".", ".."} for part in name.split("/")):
        raise InvalidError(f"a file's name is a relative path without empty parts, `.` and `..`; {name[:100]!r} is not")
    return name


def media_type(name: str) -> str | None:
    """Return the media type that a name says."""
    return mimetypes.guess_type(name)[0]


async def keep_file(transaction: Transaction, organization_id: int, run: int, name: str, content: Blob) -> RunFile:
    """Give a run a file whose content is stored. Who may was decided where the URL was signed.

    Raises `NotFoundError` for a run that was deleted meanwhile.
    """
    return await repository.keep(transaction, organization_id, run, name, content)


async def list_files(
    transaction: Transaction,
    run: int,
    *,
    names: Sequence[str] | None = None,
    pattern: str | None = None,
    after: int = 0,
    limit: int,
) -> list[RunFile]:
    """Return up to ``limit`` files of a run behind id ``after``; ``pattern`` is one of SQL's LIKE.

    The caller has authorized `run.read` on the run. Raises `InvalidError` for a pattern that ends in its escape.
    """
    return await repository.files(transaction, run, names, _pattern(pattern), after, limit)


async def count_files(transaction: Transaction, run: int, pattern: str | None = None) -> int:
    """Return how many files a run has; see `list_files`."""
    return await repository.count(transaction, run, None, _pattern(pattern))


async def delete_files(transaction: Transaction, actor: Actor, files: Sequence[int]) -> None:
    """Delete files by id, of whatever runs; those that there are not are passed over.

    Raises `NotFoundError`, `AccessDeniedError` for files of runs that the actor may not change.
    """
    for run in await repository.runs_of(transaction, actor.organization_id, files):
        await find_run(transaction, actor, *await run_path(transaction, actor, run), Action.RUN_WRITE)
    await repository.delete(transaction, actor.organization_id, files)


def _pattern(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise InvalidError(f"pattern {pattern!r} ends in an escape; write \\\\ for a backslash", field="pattern")
    return pattern or None
