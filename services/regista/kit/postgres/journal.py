"""The server's log file, kept to a bounded size.

The server writes to the file itself, so that what it says while our process dies is kept too; only its length is ours.
"""

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

LIMIT = 4 * 1024 * 1024
"""Bytes after which the file is moved to ``.1``, which it replaces."""

INTERVAL = 10.0


class Journal:
    """Opens the log for a server and trims it from a thread of its own until closed."""

    def __init__(self, path: Path, *, limit: int = LIMIT, interval: float = INTERVAL) -> None:
        self.path = path
        self._limit = limit
        self._interval = interval
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._start = 0

    def open(self) -> int:
        """Return a descriptor that appends to the file; the caller closes it once the server has it."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.trim()
        self._start = os.fstat(descriptor).st_size
        self._closing.clear()
        self._thread = threading.Thread(target=self._watch, name="postgres-journal", daemon=True)
        self._thread.start()
        return descriptor

    def trim(self) -> None:
        """Move what there is to ``.1`` if it is too long. Cut, not renamed: the server keeps its descriptor."""
        # A full disk must not end the watch, and must not keep the file from being cut.
        with suppress(OSError):
            if self.path.stat().st_size <= self._limit:
                return
            with suppress(OSError):
                shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            os.truncate(self.path, 0)
            self._start = 0

    def tail(self, size: int = 2000) -> str:
        """Return at most the last ``size`` bytes that were written since ``open``."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._start, end - size, 0))
            return file.read(size).decode("utf-8", "replace").strip()
        return ""

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self) -> None:
        while not self._closing.wait(self._interval):
            self.trim()
