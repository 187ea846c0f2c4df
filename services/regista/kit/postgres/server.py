"""The embedded server's life: start, wait until it answers, stop."""

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlencode

import asyncpg
import structlog

from regista.kit import clock
from regista.kit.postgres import binaries, cluster, former, place, sizing, sockets
from regista.kit.postgres.errors import PostgresFailedError
from regista.kit.postgres.journal import Journal
from regista.kit.postgres.tenure import Tenure

log = structlog.get_logger()

DATABASE = "regista"

REPORT_SECONDS = 2.0
"""How often a wait for recovery is reported."""

STOP_SECONDS = 60.0
"""How long the fast shutdown may take before an immediate one: the next start then recovers, nothing is lost."""


class EmbeddedPostgres:
    """One PostgreSQL server on one data directory, a child of this process.

    ``start`` and ``stop`` block (the first start about half a second, for ``initdb``); ``wait_ready`` does not. The
    child ends with a fast shutdown when this process ends, on Linux even by SIGKILL. ``settings`` override the ones
    chosen for the machine's size.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] = MappingProxyType({}),
        system_directory: Path = place.SYSTEM_DIRECTORY,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._settings = {**sizing.settings(*sizing.machine()), **settings}
        self._system_directory = system_directory
        self._tenure = Tenure(self.data_dir)
        self._journal: Journal | None = None
        self._socket: Path | None = None
        self._place: place.Place | None = None
        self._password = ""
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The libpq URL of the database, with its password: a secret. Known after ``start``."""
        return self.url_of(DATABASE)

    @property
    def log_path(self) -> Path:
        """The file that the server logs to. Known after ``start``."""
        return self._started()[0].log

    def start(self) -> None:
        """Take the data directory, make the cluster if need be, and fork the server; it may not answer yet.

        Call it from the main thread: on Linux the server lives as long as the thread that forked it. Called again
        after the server has ended by itself, it starts it anew. Raises the errors of ``regista.kit.postgres``.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("start() must be called from the main thread: the server would end with this one")
        if self.process is not None:
            if self.process.poll() is None:
                raise RuntimeError(f"the server already runs as process {self.process.pid}")
            self.stop()
        programs = binaries.find()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tenure.take()
        try:
            self._fork(programs)
        except BaseException:
            self.stop()
            raise

    def _fork(self, programs: Path) -> None:
        self._place = found = place.find(
            self.data_dir.resolve(), programs / "postgres", system_directory=self._system_directory
        )
        if not found.home.is_relative_to(self.data_dir.resolve()):
            log.warning("postgres.elsewhere", home=str(found.home), data_dir=str(self.data_dir))
        former.stop(found.cluster)
        self._password = cluster.prepare(found, programs)
        name = place.fingerprint(self.data_dir.resolve())
        self._socket = sockets.directory(found, name, runtime=os.environ.get("XDG_RUNTIME_DIR"))
        self._journal = Journal(found.log)
        output = self._journal.open()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the wheel's binary, by its full path
                found.identity.command(
                    found.home, programs / "postgres", *self._arguments(found.cluster, self._socket)
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=cluster.ENVIRONMENT,
                start_new_session=True,
            )
        finally:
            os.close(output)
        log.info("postgres.started", pid=self.process.pid, home=str(found.home), identity=found.identity.mode)

    async def wait_ready(self) -> None:
        """Return once the database answers; recovery may take as long as it needs, and the log says what is waited for.

        Raises ``PostgresFailedError`` when the server ends instead.
        """
        begun = clock.monotonic()
        told, pause = begun, 0.01
        while (waiting_for := await self._obstacle()) is not None:
            if clock.monotonic() - told > REPORT_SECONDS:
                told = clock.monotonic()
                last = self._journal.tail(300).rpartition("\n")[2] if self._journal else ""
                log.info("postgres.waiting", waiting_for=waiting_for, seconds=round(told - begun), last_line=last)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.25)
        log.info("postgres.ready", milliseconds=round((clock.monotonic() - begun) * 1000))

    async def _obstacle(self) -> str | None:
        """Return what keeps the database from answering; None when it has answered."""
        _, process = self._started()
        if process.poll() is not None:
            raise PostgresFailedError(self._epitaph(process.returncode))
        try:
            connection = await asyncpg.connect(self.url)
        except asyncpg.InvalidCatalogNameError:
            return await self._create_database()
        except asyncpg.TooManyConnectionsError:
            return None
        except OSError:
            return "the server to open its socket"
        except (asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
            return str(error)
        except asyncpg.PostgresError as error:
            raise PostgresFailedError(
                f"The embedded PostgreSQL in {self.data_dir} answers, but with: {error}"
            ) from error
        await connection.close()
        return None

    async def _create_database(self) -> str:
        connection = await asyncpg.connect(self.url_of("postgres"))
        try:
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()
        return f"the new database {DATABASE}"

    def stop(self) -> None:
        """Stop the server (SIGINT, a fast shutdown), wait for its end and give the data directory back; idempotent."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("postgres.stop_immediate", pid=self.process.pid, seconds=STOP_SECONDS)
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
        if self.process is not None:
            log.info("postgres.stopped", pid=self.process.pid, status=self.process.returncode)
            self.process = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)
            self._socket = None
        self._tenure.leave()

    def _started(self) -> tuple[place.Place, subprocess.Popen[bytes]]:
        if self._place is None or self.process is None:
            raise RuntimeError("the embedded PostgreSQL has not been started")
        return self._place, self.process

    def url_of(self, database: str) -> str:
        """Return the libpq URL of any database of this server, with its password: a secret."""
        self._started()
        query = {"host": str(self._socket), "port": sockets.PORT, "user": cluster.USER, "password": self._password}
        return f"postgresql:///{database}?{urlencode(query, quote_via=quote)}"

    def _arguments(self, data: Path, socket: Path) -> list[str]:
        fixed = {
            "listen_addresses": "",
            "port": str(sockets.PORT),
            "unix_socket_directories": str(socket),
            "unix_socket_permissions": "0700",
        }
        options = [f"{name}={value}" for name, value in {**self._settings, **fixed}.items()]
        return ["-D", str(data), *(part for option in options for part in ("-c", option))]

    def _epitaph(self, status: int) -> str:
        said = self._journal.tail() if self._journal else ""
        full = "No space left on device" in said
        advice = "Free space on that disk and start again; what was committed is kept." if full else "Then start again."
        return (
            f"The embedded PostgreSQL in {self.data_dir} ended with status {status} before it was ready. {advice} "
            f"The end of its log: {said or '(nothing was logged)'}"
        )
