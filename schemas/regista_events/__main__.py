"""`python -m regista_events` writes the schema snapshots; with `--check` it writes nothing and says what differs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from regista_events.compatibility import incompatibilities
from regista_events.schemas import SNAPSHOTS, current, read_snapshots, stale_snapshots, write_snapshots


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the snapshots; return 0, or 1 where a change is incompatible or, with `--check`, not written."""
    parser = argparse.ArgumentParser(prog="python -m regista_events", description="Write the schema snapshots.")
    parser.add_argument("--folder", type=Path, default=SNAPSHOTS, help="where the snapshots stand")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--break", action="store_true", dest="may_break", help="write incompatible changes too")
    options = parser.parse_args(arguments)
    faults = incompatibilities(read_snapshots(options.folder), current())
    for fault in faults:
        sys.stderr.write(f"incompatible: {fault}\n")
    if faults and not options.may_break:
        sys.stderr.write("nothing written; a breaking change is a new type with the suffix .v2\n")
        return 1
    if options.check:
        stale = stale_snapshots(options.folder)
        for name in stale:
            sys.stderr.write(f"differs: {name}\n")
        return 1 if stale else 0
    for name in write_snapshots(options.folder):
        sys.stdout.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
