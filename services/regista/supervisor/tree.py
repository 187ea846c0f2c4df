"""The process tree of ``regista up``: starts the children, starts them again when they die, stops them in order."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from regista.kit import backoff, clock, ids
from regista.supervisor.listening import bind

log = structlog.get_logger()

STABLE_SECONDS = 10.0
"""A child that lived this long had started well: its next start does not wait."""
STOP_SECONDS = 45.0
_REFUSED = 2
"""Exit status of a child that cannot work with its settings: starting it again would not help."""


class RefusedError(Exception):
    """A child said that its settings do not work; its log line says why."""


class Child:
    """One process that must always run."""

    def __init__(
        self, role: str, number: int, environment: Mapping[str, str], listening: socket.socket | None = None
    ) -> None:
        self.name = f"{role}-{number}"
        self.started = asyncio.Event()
        self._role = role
        self._environment = environment
        self._listening = listening
        self._process: Process | None = None
        self._starting = asyncio.Lock()
        self._stopping = False
        self._status = bind("127.0.0.1", 0)
        self.status_port: int = self._status.getsockname()[1]
        """The loopback port on which the process tells its peers how it is."""
        self.peers: Sequence[Child] = ()
        """Every child, this one included, known before the first start."""

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        return self._process.pid if self._process is not None else None

    async def keep(self) -> None:
        """Run the process, again and again, until `stop`. Raises `RefusedError` when it refuses its settings."""
        failures = 0
        while True:
            began = clock.monotonic()
            async with self._starting:
                if self._stopping:
                    return
                self._process = await self._spawn()
            status = await self._process.wait()
            if self._stopping:
                return
            if status == _REFUSED:
                raise RefusedError(self.name)
            failures = 1 if clock.monotonic() - began > STABLE_SECONDS else failures + 1
            log.error("process.died", process=self.name, status=status, failures=failures)
            if failures > 1:
                await asyncio.sleep(backoff.exponential(failures - 1, first=0.2, limit=5.0, jitter=ids.fraction()))

    async def stop(self) -> None:
        """Ask the process to drain and wait for its end; after 45 s, end it."""
        self._stopping = True
        # A process that is just being started must be there to be stopped: nobody would wait for its end.
        async with self._starting:
            process = self._process
        self._status.close()
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            log.error("process.killed", process=self.name, seconds=STOP_SECONDS)  # noqa: TRY400
            process.kill()
            await process.wait()

    async def _spawn(self) -> Process:
        reader, writer = os.pipe()
        passed = [writer, self._status.fileno()]
        peers = ",".join(f"{peer.name}={peer.status_port}" for peer in self.peers)
        extra: list[str] = []
        if self._listening is not None:
            passed.append(self._listening.fileno())
            extra = ["--socket", str(self._listening.fileno())]
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "regista.supervisor.process",
                self._role,
                "--parent",
                str(os.getpid()),
                "--ready",
                str(writer),
                "--status",
                str(self._status.fileno()),
                "--peers",
                peers,
                *extra,
                pass_fds=passed,
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environment,
                # Ctrl-C reaches the supervisor alone: it decides the order of the stop.
                start_new_session=True,
            )
        finally:
            os.close(writer)
        _on_line(reader, self.started.set)
        return process


def _on_line(descriptor: int, call: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()

    def readable() -> None:
        loop.remove_reader(descriptor)
        if os.read(descriptor, 64):
            call()
        os.close(descriptor)

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, readable)
