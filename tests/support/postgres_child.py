"""A process that runs an embedded server, for tests that kill, confine or starve it.

    python postgres_child.py DATA_DIR hold        prints one JSON line when ready, stops when its input ends
    python postgres_child.py DATA_DIR write       prints the number of each row once its commit was acknowledged
    python postgres_child.py DATA_DIR fill        fills the disk with rows, frees some, and prints what became of it
    python postgres_child.py DATA_DIR fill-log    the same, with write-ahead log

Flags: --no-namespaces refuses ``unshare`` as containers do (seccomp); --system DIR stands for /var/lib/regista.
"""

import argparse
import asyncio
import ctypes
import errno
import json
import os
import platform
import struct
import sys
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from regista.kit.postgres import EmbeddedPostgres, PostgresError

UNSHARE = {"x86_64": 272, "aarch64": 97}


def refuse_namespaces() -> None:
    """Install the seccomp filter: ``unshare`` fails with EPERM, everything else goes on."""
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # load the system call's number
            (0x15, 0, 1, UNSHARE[platform.machine()]),  # is it unshare?
            (0x06, 0, 0, 0x00050000 | errno.EPERM),
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    held = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", 4, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


async def hold(server: EmbeddedPostgres) -> None:
    await server.wait_ready()
    assert server.process is not None
    tell({"url": server.url, "pid": server.process.pid, "home": str(server.log_path.parent)})
    await asyncio.to_thread(sys.stdin.read)


async def write(server: EmbeddedPostgres) -> None:
    """Four writers side by side, until somebody kills this process."""
    await server.wait_ready()
    first = await asyncpg.connect(server.url)
    await first.execute("DROP TABLE IF EXISTS row; CREATE TABLE row (number bigint PRIMARY KEY)")
    await first.close()
    numbers = count()

    async def writer() -> None:
        connection = await asyncpg.connect(server.url)
        while True:
            number = next(numbers)
            await connection.execute("INSERT INTO row VALUES ($1)", number)
            tell(number)

    await asyncio.gather(*(writer() for _ in range(4)))


async def fill_log(server: EmbeddedPostgres) -> None:
    await fill(
        server,
        "WITH logged AS (SELECT pg_logical_emit_message(true, 'x', $2::bytea)) INSERT INTO row SELECT $1 FROM logged",
    )


async def fill(server: EmbeddedPostgres, statement: str = "INSERT INTO row VALUES ($1, $2)") -> None:
    """Write until the disk is full, go on trying, free space, and compare what is there with what was acknowledged."""
    ballast = server.data_dir / "ballast"
    ballast.write_bytes(bytes(24 << 20))
    await server.wait_ready()
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE TABLE row (number bigint PRIMARY KEY, body bytea)")
    await connection.close()
    acknowledged: list[int] = []
    errors: list[str] = []
    for number in range(2000):
        try:
            connection = await asyncpg.connect(server.url)
            try:
                await connection.execute(statement, number, os.urandom(200_000))
            finally:
                connection.terminate()
            acknowledged.append(number)
        except (asyncpg.PostgresError, OSError) as error:
            errors.append(f"{type(error).__name__}: {error}")
            await asyncio.sleep(0.05)
        if len(errors) == 20:
            break
    refused = await restart(server)
    ballast.unlink()
    if refused is not None or server.process is None or server.process.poll() is not None:
        server.start()
    await server.wait_ready()
    connection = await asyncpg.connect(server.url)
    present = {row["number"] for row in await connection.fetch("SELECT number FROM row")}
    await connection.execute("INSERT INTO row VALUES (-1, 'again')")
    await connection.close()
    tell(
        {
            "acknowledged": len(acknowledged),
            "lost": sorted(set(acknowledged) - present),
            "errors": sorted(set(errors)),
            "refused": refused,
        }
    )


async def restart(server: EmbeddedPostgres) -> str | None:
    """Start a server that has ended, on the disk that is still full; return why it would not."""
    if server.process is not None and server.process.poll() is None:
        return None
    try:
        server.start()
        await server.wait_ready()
    except PostgresError as error:
        return str(error)
    return None


def tell(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


TASKS = {"hold": hold, "write": write, "fill": fill, "fill-log": fill_log}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("what", choices=list(TASKS))
    parser.add_argument("--no-namespaces", action="store_true")
    parser.add_argument("--system", type=Path, default=Path("/var/lib/regista"))
    options = parser.parse_args()
    if options.no_namespaces:
        refuse_namespaces()
    server = EmbeddedPostgres(options.data_dir, system_directory=options.system)
    try:
        server.start()
        asyncio.run(TASKS[options.what](server))
    except PostgresError as error:
        tell({"error": type(error).__name__, "message": str(error)})
    finally:
        server.stop()


if __name__ == "__main__":
    main()
