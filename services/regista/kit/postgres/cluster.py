"""The cluster on disk: made once and whole, refused when another major version made it."""

import os
import shutil
import subprocess
from pathlib import Path

import structlog

from regista.kit import ids
from regista.kit.postgres.binaries import MAJOR
from regista.kit.postgres.errors import ClusterVersionError, PostgresFailedError
from regista.kit.postgres.place import Place

log = structlog.get_logger()

USER = "regista"

ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
"""All that the programs see: PGPORT, PGDATA and their like of the caller's shell would change what they do."""


def prepare(place: Place, binaries: Path) -> str:
    """Make the cluster if there is none, and return its password.

    ``initdb`` works beside the final name, so that a crash leaves either no cluster or a whole one. Raises
    ``ClusterVersionError`` and ``PostgresFailedError``.
    """
    if not place.cluster.exists():
        _make(place, binaries)
    version = (place.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != MAJOR:
        raise ClusterVersionError(
            f"The cluster in {place.cluster} was made by PostgreSQL {version}; this release of Regista runs {MAJOR}. "
            f"To move it: start the release that made it, save its database with pg_dump --format=custom, start this "
            f"release with an empty --data-dir, and load the file there with pg_restore. The old cluster was not touched."
        )
    try:
        return place.password.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise PostgresFailedError(
            f"The cluster in {place.cluster} is there but its password file {place.password} is not. "
            f"Restore that file from the backup that has the cluster."
        ) from error


def _make(place: Place, binaries: Path) -> None:
    fresh = place.home / "cluster.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _write_secret(place, ids.token())
    made = subprocess.run(  # noqa: S603 - the wheel's binary, by its full path
        place.identity.command(
            place.home,
            binaries / "initdb",
            f"--pgdata={fresh}",
            f"--username={USER}",
            f"--pwfile={place.password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=ENVIRONMENT,
        start_new_session=True,
        check=False,
    )
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise PostgresFailedError(
            f"initdb could not make a cluster in {place.home} (exit status {made.returncode}): "
            f"{(made.stderr or made.stdout).strip()[-2000:]}"
        )
    fresh.rename(place.cluster)
    _sync(place.home)
    log.info("postgres.cluster_made", cluster=str(place.cluster), version=MAJOR)


def _write_secret(place: Place, secret: str) -> None:
    place.password.unlink(missing_ok=True)
    descriptor = os.open(place.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        if place.identity.mode == "user":
            os.fchown(descriptor, place.identity.owner, place.identity.gid)
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
