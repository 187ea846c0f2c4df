"""Names of projects and runs, as the W&B client's rules have them."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from regista.kit import ids

MAX_NAME = 128
REGISTRY_PREFIX = "wandb-registry-"
"""What the names of registries' projects begin with, and no others: registries have commands of their own."""
_NOT_IN_PROJECT = frozenset("/\\#?%:")
_NOT_IN_RUN = frozenset("/\\#?%:'\"")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_RUN_ID_LENGTH = 8
_PACES = ("brisk", "calm", "clever", "crisp", "deft", "early", "fluid", "keen", "light", "lucid", "patient", "quick", "sharp", "steady", "swift", "wide")  # fmt: skip
_PLAYS = ("backheel", "chip", "cross", "drift", "feint", "flick", "header", "overlap", "pass", "pivot", "press", "rabona", "run", "switch", "turn", "volley")  # fmt: skip


def check_name(name: str, what: str, refused: frozenset[str]) -> str:
    """Return ``name`` if it may stand in a path: 1 to 128 printable characters, none of ``refused``, not ``.`` or ``..``.

    Raises `ValueError`.
    """
    named = f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
    if not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"{named} has 1 to {MAX_NAME} characters; this one has {len(name)}")
    if not name.isprintable() or name != name.strip() or name in {".", ".."}:
        raise ValueError(f"{named} is printable text, without spaces at its ends, and not `.` or `..`")
    if found := refused.intersection(name):
        raise ValueError(f"{named} may not contain {' '.join(sorted(found))}")
    return name


def check_project_name(name: str, what: str = "project name") -> str:
    """Return ``name`` if a project may be called so. Raises `ValueError`."""
    return check_name(name, what, _NOT_IN_PROJECT)


def check_run_name(name: str) -> str:
    """Return ``name`` if a run may be called so. Raises `ValueError`."""
    return check_name(name, "run id", _NOT_IN_RUN)


ProjectName = Annotated[str, AfterValidator(check_project_name)]
"""The second part of a path."""

RunName = Annotated[str, AfterValidator(check_run_name)]
"""A run's id in paths, unique in its project."""

ShortText = Annotated[str, StringConstraints(max_length=1024)]
LongText = Annotated[str, StringConstraints(max_length=65536)]


def new_run_name() -> str:
    """Return a random run id: 8 of ``0-9a-z``, as the W&B client makes them."""
    number = ids.uuid7().int
    digits: list[str] = []
    for _ in range(_RUN_ID_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def new_display_name() -> str:
    """Return an invented name for a run that came without one, such as ``deft-switch-412``."""
    number = ids.uuid7().int
    return f"{_PACES[number % 16]}-{_PLAYS[(number >> 4) % 16]}-{(number >> 8) % 1000}"
