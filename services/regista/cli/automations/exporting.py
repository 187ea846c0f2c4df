"""Exported automations in files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from regista.cli.automations.faults import UsageError
from regista.cli.automations.written import file_names, text


def store(directory: Path, automations: Iterable[Mapping[str, Any]], url: str) -> int:
    """Write a file for each automation and return how many; the directory must be new or empty. Raises `UsageError`."""
    try:
        if directory.exists() and any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty; nothing is overwritten: name a new directory")
        names = file_names(automations)
        for name, automation in names.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text([automation], url), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{directory} cannot be written to: {error}") from None
    return len(names)
