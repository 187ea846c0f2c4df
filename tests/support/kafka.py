"""A real Apache Kafka for the tests: one node in KRaft mode, started once per session, which tests may kill."""

import asyncio
import base64
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from string import Template

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

HOME = Path(__file__).resolve().parents[2] / "deploy" / "kafka"
LIB = HOME / "lib"
INSTALL = "apt-get install -y openjdk-17-jre-headless maven"
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile=file:{HOME / 'log4j2.xml'}")


def missing() -> str | None:
    """Return what keeps Kafka from running here, with the command that mends it, or None."""
    absent = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"Kafka needs {' and '.join(absent)}: {INSTALL}" if absent else None


def fetch() -> None:
    """Let Maven copy the jars into ``lib`` unless a finished copy for this very pom.xml is there."""
    wanted = hashlib.sha256((HOME / "pom.xml").read_bytes()).hexdigest()
    mark = LIB / ".complete"
    LIB.mkdir(exist_ok=True)
    with (LIB / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text() == wanted:
            return
        for jar in LIB.glob("*.jar"):
            jar.unlink()
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={LIB}"]
        done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Maven could not fetch Kafka:\n{done.stdout}{done.stderr}")
        mark.write_text(wanted)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class KafkaBroker:
    """One broker with its own directory and ports, which stay the same from one start to the next."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.log = directory / "broker.log"
        self._properties = directory / "server.properties"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start, and return when an admin client can list topics."""
        if not self._properties.exists():
            await self._format()
        with self.log.open("ab") as log:
            command = [*JAVA, "-Xmx512m", "-cp", f"{LIB}/*", "kafka.Kafka", str(self._properties)]
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=self.directory)
        await self._ready()

    async def stop(self) -> None:
        """End it with SIGTERM, as an upgrade does."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it with SIGKILL, as a power cut does."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    async def serve(self) -> None:
        """Bring it back whatever a test left behind."""
        if self._process is None or self._process.returncode is not None:
            await self.start()
        else:
            self.resume()
            await self._ready()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._signal(signal.SIGCONT)
        self._signal(number)
        async with asyncio.timeout(30):
            await self._process.wait()
        self._process = None

    async def _format(self) -> None:
        values = {"port": self.port, "controller_port": free_port(), "data": self.directory / "data"}
        self._properties.write_text(Template((HOME / "server.properties").read_text()).substitute(values))
        cluster = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode()
        # A leading hyphen would be read as an option.
        arguments = ["format", f"--cluster-id={cluster}", "-c", str(self._properties)]
        command = [*JAVA, "-Xmx256m", "-cp", f"{LIB}/*", "kafka.tools.StorageTool", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=120, cwd=self.directory, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    async def _ready(self) -> None:
        async with asyncio.timeout(90):
            while not await self._answers():
                if self._process is None or self._process.returncode is not None:
                    raise RuntimeError(f"Kafka ended instead of starting:\n{self.log.read_text()[-4000:]}")
                await asyncio.sleep(0.2)

    async def _answers(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=3000)
        try:
            await admin.start()
            await admin.list_topics()
        except (KafkaError, OSError):
            return False
        else:
            return True
        finally:
            await admin.close()


@pytest.fixture(scope="session")
async def kafka_session() -> AsyncIterator[KafkaBroker]:
    """The session's broker; skips where Java or Maven is missing, and fails there when CI asks for the whole."""
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    await asyncio.to_thread(fetch)
    with tempfile.TemporaryDirectory(prefix="regista-kafka-") as directory:
        broker = KafkaBroker(Path(directory))
        try:
            await broker.start()
            yield broker
        finally:
            await broker.kill()


@pytest.fixture
async def kafka(kafka_session: KafkaBroker) -> KafkaBroker:
    """The session's broker, serving, whatever the test before did to it. Topics and groups are shared: name your own."""
    await kafka_session.serve()
    return kafka_session
