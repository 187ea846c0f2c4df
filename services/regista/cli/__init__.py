"""The ``regista`` command. Each command imports what it runs only when it runs: ``--help`` answers at once."""

import sys


def main() -> None:
    """Run the command line."""
    # structlog takes it where it is installed: 5 MB of a supervisor that prints plain lines.
    sys.modules.setdefault("rich", None)  # pyright: ignore[reportArgumentType] - None tells Python not to import

    from regista.cli.commands import app  # noqa: PLC0415 - after that

    app()


__all__ = ["main"]
