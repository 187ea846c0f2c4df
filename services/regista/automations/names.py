"""Names of automations: a segment of a path, as long as the W&B client lets them be. Pure."""

import re
from typing import Annotated

from pydantic import StringConstraints

from regista.kit.bodies import Rule
from regista.kit.errors import InvalidError

_PATTERN = r"^[^/\x00-\x1f\x7f]{1,255}$"
_RULE = "use 1 to 255 characters, none of them a slash or a control character"
AutomationName = Annotated[str, StringConstraints(pattern=_PATTERN, strip_whitespace=True), Rule(_RULE)]
_NAME = re.compile(_PATTERN[:-1] + r"\Z")


def check_name(name: str) -> str:
    """Return the name without spaces around it. Raises `InvalidError`."""
    stripped = name.strip()
    if not _NAME.match(stripped):
        raise InvalidError(f"{name[:300]!r} is no name of an automation; {_RULE}", field="name")
    return stripped
