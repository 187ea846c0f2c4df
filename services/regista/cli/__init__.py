"""The ``regista`` command. Each command imports what it runs only when it runs: ``--help`` answers at once."""

from regista.cli.commands import app


def main() -> None:
    """Run the command line."""
    app()


__all__ = ["app", "main"]
