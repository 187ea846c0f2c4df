"""All SQL of lines: what runs stream, where their metrics are, and how far each stream has come."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from regista.kit.db import Transaction
from regista.tracking.lines import Parsed, Shape, Stream
from regista.tracking.places import BLOCK

# In batches: what one statement carries stays small beside what the process has.
_BATCH = 5000

_ADD_LINES = """
INSERT INTO run_line (run_id, stream, line, step, body)
SELECT $1, $2, g.line, g.step, g.body FROM unnest($3::bigint[], $4::bigint[], $5::bytea[]) AS g (line, step, body)
ON CONFLICT (run_id, stream, line) DO NOTHING RETURNING line
"""
_WRITE_LINES = """
INSERT INTO run_line (run_id, stream, line, body)
SELECT $1, $2, g.line, g.body FROM unnest($3::bigint[], $4::bytea[]) AS g (line, body)
ON CONFLICT (run_id, stream, line) DO UPDATE SET body = excluded.body WHERE run_line.body <> excluded.body
"""
_ADD_SHAPES = """
INSERT INTO run_shape (run_id, stream, digest, metrics)
SELECT $1, $2, g.digest, g.metrics::jsonb FROM unnest($3::bytea[], $4::text[]) AS g (digest, metrics)
ON CONFLICT DO NOTHING
"""
_ADD_PLACES = """
INSERT INTO run_place (run_id, stream, digest, block, places)
SELECT $1, $2, g.digest, g.block, g.places
FROM unnest($3::bytea[], $4::bigint[], $5::bit(4096)[]) AS g (digest, block, places)
ON CONFLICT (run_id, stream, digest, block) DO UPDATE SET places = run_place.places | excluded.places
"""
_PROGRESS = "SELECT run_id, stream, lines, base, pending, last_step FROM run_stream WHERE run_id = ANY($1)"
_ADVANCE = """
INSERT INTO run_stream (run_id, stream, lines, last_step) VALUES ($1, $2, $3, $4)
ON CONFLICT (run_id, stream) DO UPDATE
SET lines = greatest(run_stream.lines, excluded.lines), last_step = greatest(run_stream.last_step, excluded.last_step)
"""
_COUNT = """
INSERT INTO run_stream (run_id, stream, lines, last_step) VALUES ($1, $2, $3, $4)
ON CONFLICT (run_id, stream) DO UPDATE
SET lines = run_stream.lines + excluded.lines, last_step = greatest(run_stream.last_step, excluded.last_step)
"""
_WRITER = """
WITH given AS (
    INSERT INTO run_writer (run_id, name, number)
    SELECT $1, $2, count(*) + 1 FROM run_writer WHERE run_id = $1
    ON CONFLICT DO NOTHING RETURNING number
)
SELECT number FROM given UNION ALL SELECT number FROM run_writer WHERE run_id = $1 AND name = $2
"""
_REBASE = "UPDATE run_stream SET base = lines, pending = false WHERE run_id = $1 AND stream = ANY($2)"
_KEEP = "UPDATE run_stream SET pending = false WHERE run_id = $1 AND stream = ANY($2)"
_OPEN = "UPDATE run_stream SET pending = true WHERE run_id = $1"
# Two statements: planned as one, without statistics, every shape of a run with many was compared with every place.
_DIGESTS = "SELECT digest FROM run_shape WHERE run_id = $1 AND stream = $2 AND metrics ?& $3::text[]"
_BLOCKS = """
SELECT block, bit_or(places) AS places FROM run_place
WHERE run_id = $1 AND stream = $2 AND digest = ANY($3::bytea[]) GROUP BY block
"""
_ALL_BLOCKS = "SELECT block, bit_or(places) AS places FROM run_place WHERE run_id = $1 AND stream = $2 GROUP BY block"
_BODIES = "SELECT line, step, body FROM run_line WHERE run_id = $1 AND stream = $2 AND line = ANY($3) ORDER BY line"
_BY_STEP = """
SELECT line, step, body FROM run_line WHERE run_id = $1 AND stream = 0 AND step >= $2 AND step < $3
ORDER BY step, line LIMIT $4
"""
_FIRST_FROM = "SELECT line FROM run_line WHERE run_id = $1 AND stream = 0 AND step >= $2 ORDER BY step, line LIMIT 1"
_LAST_BELOW = """
SELECT line FROM run_line WHERE run_id = $1 AND stream = 0 AND step < $2 ORDER BY step DESC, line DESC LIMIT 1
"""
_AFTER = """
SELECT line, step, body FROM run_line WHERE run_id = $1 AND stream = $2 AND line > $3 ORDER BY line LIMIT $4
"""
_FIRST = "SELECT line, step, body FROM run_line WHERE run_id = $1 AND stream = 0 ORDER BY step, line LIMIT 1"
_LAST = """
SELECT line, step, body FROM run_line WHERE run_id = $1 AND stream = $2 ORDER BY line DESC LIMIT $3
"""
_LAST_OF_EACH = """
SELECT given.id AS run_id, last.body FROM unnest($1::bigint[]) AS given (id)
CROSS JOIN LATERAL (
    SELECT body FROM run_line WHERE run_id = given.id AND stream = $2 ORDER BY line DESC LIMIT 1
) last
"""
_SHAPES = """
SELECT s.run_id, s.metrics, (
    SELECT coalesce(sum(bit_count(p.places)), 0)::bigint FROM run_place p
    WHERE p.run_id = s.run_id AND p.stream = s.stream AND p.digest = s.digest
) AS lines
FROM run_shape s WHERE s.run_id = ANY($1) AND s.stream = $2
"""
_CUT_LINES = "DELETE FROM run_line WHERE run_id = $1 AND stream = 0 AND line >= $2"
_CUT_PLACES = """
WITH gone AS (DELETE FROM run_place WHERE run_id = $1 AND stream = 0 AND block > $2)
UPDATE run_place SET places = places & $3::bit(4096) WHERE run_id = $1 AND stream = 0 AND block = $2
"""
_CUT_STREAM = """
UPDATE run_stream SET lines = $2, base = least(base, $2),
       last_step = (SELECT max(step) FROM run_line WHERE run_id = $1 AND stream = 0)
WHERE run_id = $1 AND stream = 0
"""
_DISCARD = """
INSERT INTO run_discarded (run_id, organization_id) SELECT id, organization_id FROM run WHERE id = ANY($1)
ON CONFLICT DO NOTHING
"""
_DISCARDED = "SELECT run_id FROM run_discarded ORDER BY run_id LIMIT 1 FOR UPDATE SKIP LOCKED"
_CLEAR_LINES = """
DELETE FROM run_line WHERE ctid = ANY(ARRAY(SELECT ctid FROM run_line WHERE run_id = $1 LIMIT $2))
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream has come: see table ``run_stream``."""

    lines: int = 0
    base: int = 0
    last_step: int | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A line as it is kept."""

    line: int
    step: int | None
    body: bytes


async def add_lines(transaction: Transaction, run: int, stream: Stream, lines: Sequence[Parsed]) -> set[int]:
    """Insert lines; return the numbers of those that were not there yet."""
    added: set[int] = set()
    for start in range(0, len(lines), _BATCH):
        batch = lines[start : start + _BATCH]
        rows = await transaction.connection.fetch(
            _ADD_LINES,
            run,
            stream,
            [one.line for one in batch],
            [one.step for one in batch],
            [one.body for one in batch],
        )
        added.update(row[0] for row in rows)
    return added


async def write_lines(transaction: Transaction, run: int, stream: Stream, first: int, bodies: Sequence[bytes]) -> None:
    """Insert lines numbered from ``first``, over what is there."""
    for start in range(0, len(bodies), _BATCH):
        batch = bodies[start : start + _BATCH]
        numbers = list(range(first + start, first + start + len(batch)))
        await transaction.connection.execute(_WRITE_LINES, run, stream, numbers, batch)


async def add_places(
    transaction: Transaction,
    run: int,
    stream: Stream,
    places: Mapping[bytes, Mapping[int, bytes]],
    shapes: Iterable[Shape],
) -> None:
    """Note which lines have which shape: digest → block → bits."""
    wanted = [shape for shape in shapes if shape.digest in places]
    await transaction.connection.execute(
        _ADD_SHAPES,
        run,
        stream,
        [shape.digest for shape in wanted],
        [json.dumps(shape.metrics) for shape in wanted],
    )
    rows = [
        (digest, block, bits) for digest, blocks in sorted(places.items()) for block, bits in sorted(blocks.items())
    ]
    await transaction.connection.execute(
        _ADD_PLACES,
        run,
        stream,
        [digest for digest, _, _ in rows],
        [block for _, block, _ in rows],
        [asyncpg.BitString.frombytes(bits) for _, _, bits in rows],
    )


async def advance(transaction: Transaction, run: int, stream: Stream, lines: int, last_step: int | None) -> None:
    """Note that a stream has come to ``lines`` lines at least, and to this step."""
    await transaction.connection.execute(_ADVANCE, run, stream, lines, last_step)


async def count(transaction: Transaction, run: int, stream: Stream, lines: int, last_step: int | None) -> None:
    """Note that a stream has ``lines`` lines more, and has come to this step at least."""
    await transaction.connection.execute(_COUNT, run, stream, lines, last_step)


async def writer_number(transaction: Transaction, run: int, name: str) -> int:
    """Return the number, from 1, of a client among those that write to a run side by side. The run is locked."""
    number: Any = await transaction.connection.fetchval(_WRITER, run, name)
    return number


async def open_session(transaction: Transaction, run: int) -> None:
    """Note that a client begins the run anew: the first line that it sends tells where its numbers count from."""
    await transaction.connection.execute(_OPEN, run)


async def rebase(transaction: Transaction, run: int, streams: Sequence[Stream]) -> None:
    """Let the numbers of what comes next in these streams count from the lines that there are."""
    await transaction.connection.execute(_REBASE, run, list(streams))


async def keep_base(transaction: Transaction, run: int, streams: Sequence[Stream]) -> None:
    """Let the numbers of what comes next in these streams count from where they did."""
    await transaction.connection.execute(_KEEP, run, list(streams))


async def progress(transaction: Transaction, runs: Sequence[int]) -> dict[int, dict[Stream, Progress]]:
    """Return how far the streams of runs have come; what has not begun is left out."""
    found: dict[int, dict[Stream, Progress]] = {}
    for row in await transaction.connection.fetch(_PROGRESS, list(runs)):
        place = Progress(row["lines"], row["base"], row["last_step"], row["pending"])
        found.setdefault(row["run_id"], {})[Stream(row["stream"])] = place
    return found


async def blocks(transaction: Transaction, run: int, stream: Stream, metrics: Sequence[str]) -> dict[int, bytes]:
    """Return the places of the lines that have all of these metrics; of all lines for none."""
    if metrics:
        found = await transaction.connection.fetch(_DIGESTS, run, stream, list(metrics))
        rows = await transaction.connection.fetch(_BLOCKS, run, stream, [row["digest"] for row in found])
    else:
        rows = await transaction.connection.fetch(_ALL_BLOCKS, run, stream)
    return {row["block"]: row["places"].bytes for row in rows}


async def bodies(transaction: Transaction, run: int, stream: Stream, lines: Sequence[int]) -> list[Stored]:
    """Return these lines, in order, without those there are not."""
    return _stored(await transaction.connection.fetch(_BODIES, run, stream, list(lines)))


async def by_step(transaction: Transaction, run: int, low: int, high: int, limit: int) -> list[Stored]:
    """Return up to ``limit`` lines of history from step ``low`` up to, not including, ``high``, by step and number."""
    return _stored(await transaction.connection.fetch(_BY_STEP, run, low, high, limit))


async def lines_of_steps(transaction: Transaction, run: int, low: int, high: int) -> tuple[int, int]:
    """Return where the lines from step ``low`` up to ``high`` begin and end, for steps that grow with the lines."""
    first = await transaction.connection.fetchval(_FIRST_FROM, run, low)
    last = await transaction.connection.fetchval(_LAST_BELOW, run, high)
    return (0, 0) if first is None or last is None else (min(first, last), max(first, last) + 1)


async def after(transaction: Transaction, run: int, stream: Stream, line: int, limit: int) -> list[Stored]:
    """Return up to ``limit`` lines behind line ``line``, in order."""
    return _stored(await transaction.connection.fetch(_AFTER, run, stream, line, limit))


async def first_step(transaction: Transaction, run: int) -> int | None:
    """Return the lowest step of a run's history, None where it has none."""
    row = await transaction.connection.fetchrow(_FIRST, run)
    return row["step"] if row is not None else None


async def cut(transaction: Transaction, run: int, step: int) -> None:
    """Take the history back to the lines before the first that is beyond ``step``. The run is locked."""
    beyond = await transaction.connection.fetchval(_FIRST_FROM, run, step + 1)
    if beyond is None:
        return
    block, bits = divmod(beyond, BLOCK)
    kept = asyncpg.BitString.frombytes(((1 << BLOCK) - (1 << (BLOCK - bits))).to_bytes(BLOCK // 8))
    await transaction.connection.execute(_CUT_LINES, run, beyond)
    await transaction.connection.execute(_CUT_PLACES, run, block, kept)
    await transaction.connection.execute(_CUT_STREAM, run, beyond)


async def last(transaction: Transaction, run: int, stream: Stream, limit: int) -> list[Stored]:
    """Return the last lines, in order."""
    return _stored(await transaction.connection.fetch(_LAST, run, stream, limit))[::-1]


async def last_of_each(transaction: Transaction, runs: Sequence[int], stream: Stream) -> dict[int, bytes]:
    """Return the last line of each run that has one."""
    rows = await transaction.connection.fetch(_LAST_OF_EACH, list(runs), stream)
    return {row["run_id"]: row["body"] for row in rows}


async def shapes(transaction: Transaction, runs: Sequence[int], stream: Stream) -> list[asyncpg.Record]:
    """Return ``run_id, metrics, lines`` of every shape of these runs."""
    return await transaction.connection.fetch(_SHAPES, list(runs), stream)


async def discard(transaction: Transaction, runs: Sequence[int]) -> None:
    """Give up the lines of runs that are about to be deleted: a sweep clears them away."""
    await transaction.connection.execute(_DISCARD, list(runs))


async def clear(transaction: Transaction, limit: int) -> bool:
    """Delete up to ``limit`` lines of a run that is gone; return whether there may be more to do."""
    run = await transaction.connection.fetchval(_DISCARDED)
    if run is None:
        return False
    done: Any = await transaction.connection.execute(_CLEAR_LINES, run, limit)
    if int(done.rpartition(" ")[2]) < limit:
        for table in ("run_place", "run_shape", "run_discarded"):
            await transaction.connection.execute(f"DELETE FROM {table} WHERE run_id = $1", run)  # noqa: S608 - fixed names
    return True


def _stored(rows: Sequence[asyncpg.Record]) -> list[Stored]:
    return [Stored(row["line"], row["step"], row["body"]) for row in rows]
