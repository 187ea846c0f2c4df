"""Names of integrations: what the W&B client lets one be called, without the letters that need encoding. Pure."""

import re
from typing import Annotated

from pydantic import StringConstraints

from regista.kit.bodies import Rule
from regista.kit.errors import InvalidError

_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_. -]{0,63}$"
_RULE = "use 1 to 64 letters, digits, spaces and any of _ . -, no space or dot first"
IntegrationName = Annotated[str, StringConstraints(pattern=_PATTERN, strip_whitespace=True), Rule(_RULE)]
_NAME = re.compile(_PATTERN[:-1] + r"\Z")


def check_name(name: str, noun: str) -> str:
    """Return the name without spaces around it; ``noun`` is what it names. Raises `InvalidError`."""
    stripped = name.strip()
    if not _NAME.match(stripped):
        raise InvalidError(f"{name[:100]!r} is no name of a {noun}; {_RULE}", field="name")
    return stripped
