"""What keeps files from being applied, and where each of it stands."""

from typing import Any, NamedTuple

from regista.kit.errors import RegistaError


class Place(NamedTuple):
    """A place in a text; ``line`` and ``column`` count from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """One thing that is wrong in a file. ``place`` is None where the whole file is meant."""

    file: str
    place: Place | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        place = self.place._asdict() if self.place else {"line": None, "column": None}
        return {"file": self.file, **place, "message": self.message}

    def as_text(self) -> str:
        """Return it as compilers write: ``FILE:LINE:COLUMN: MESSAGE``."""
        return ":".join([self.file, *map(str, self.place or ()), f" {self.message}"])


class FaultyFilesError(RegistaError):
    """Files cannot be applied; nothing has been."""

    status = 422
    code = "faulty_files"

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"nothing was changed; faults: {len(faults)}", errors=[fault.as_json() for fault in faults])
        self.faults = sorted(faults, key=lambda fault: (fault.file, fault.place or Place(0, 0)))


class UsageError(RegistaError):
    """Options that do not fit together."""

    code = "usage"
