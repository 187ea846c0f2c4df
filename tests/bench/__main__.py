"""``python -m tests.bench [NAME …] [--json FILE] [--quick]``: measure, print one table, keep the figures.

The load generator, the receiver and PostgreSQL (fsync on) share the machine with what is measured: the figures are those
of a machine with two cores, and no other work on it. Nothing is warm but what the measurement itself has warmed.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from regista.kit.telemetry import configure_logging
from tests.bench import arrival, deliveries, isolation, matching, mutations, parts, past, recovery, runs, startup
from tests.bench.figures import FULL, QUICK, Effort, Figure, table

Measure = Callable[[Effort], Awaitable[list[Figure]]]

MEASURES: dict[str, Measure] = {
    "startup": startup.measure,
    "mutations": mutations.measure,
    "arrival": arrival.measure,
    "deliveries": deliveries.measure,
    "isolation": isolation.measure,
    "recovery": recovery.measure,
    "runs": runs.measure,
    "matching": matching.measure,
    "relay": parts.measure_relay,
    "audit": parts.measure_audit,
    "past": past.measure,
}


async def run(names: Sequence[str], effort: Effort) -> list[Figure]:
    """Take one measurement after the other; say on stderr what goes on."""
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        sys.stderr.write(f"{name} … ")
        sys.stderr.flush()
        figures += await MEASURES[name](effort)
        sys.stderr.write(f"{time.monotonic() - began:.0f} s\n")
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Regista.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure, by default all: {', '.join(MEASURES)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="a short look: is everything in order?")
    given = parser.parse_args()
    if unknown := set(given.names) - set(MEASURES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    configure_logging("error", "bench")
    # While a broker starts, nobody answers yet.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    figures = asyncio.run(run(given.names or list(MEASURES), QUICK if given.quick else FULL))
    sys.stdout.write(table(figures) + "\n")
    if given.json is not None:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "quick": given.quick}
        document = {"machine": machine, "figures": [figure.document() for figure in figures]}
        given.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(figure.reached is not False for figure in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
