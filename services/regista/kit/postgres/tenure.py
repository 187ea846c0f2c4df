"""Who holds a data directory: one process at a time."""

import fcntl
import os
from pathlib import Path

from regista.kit.postgres.errors import DataDirectoryInUseError


class Tenure:
    """An exclusive ``flock`` on ``regista.lock`` in the data directory; it ends with the process, however that ends."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock, or raise ``DataDirectoryInUseError`` that says who holds it."""
        descriptor = os.open(self._data_dir / "regista.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise DataDirectoryInUseError(
                f"The data directory {self._data_dir} is in use by {f'process {holder}' if holder else 'another process'}. "
                f"Stop that one first, or name another --data-dir."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor

    def leave(self) -> None:
        """Give the directory back; nothing if it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
