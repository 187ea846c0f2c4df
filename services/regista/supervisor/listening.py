"""Listening sockets, bound by the process that outlives those that accept on them."""

import errno
import socket

from regista.kit.errors import ConfigurationError

BACKLOG = 2048
_OF_PORTS = {errno.EADDRINUSE, errno.EACCES}


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one.

    Raises `ConfigurationError` when the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        option = "--port" if error.errno in _OF_PORTS else "--host"
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another {option}"
        ) from error
    listening.set_inheritable(True)
    return listening


def url_of(listening: socket.socket, host: str) -> str:
    """Return the URL to reach the socket under; an unspecified address is named by loopback."""
    port: int = listening.getsockname()[1]
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
