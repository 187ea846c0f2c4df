"""Names of people, programs, teams and organizations."""

import re
from typing import Annotated

from pydantic import StringConstraints

from regista.kit.bodies import Rule

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NAME_RULE = "use letters, digits, `_`, `.` and `-`, at most 64, a letter or digit first"
EntityName = Annotated[str, StringConstraints(pattern=NAME_PATTERN), Rule(NAME_RULE)]
"""The first part of every path."""

_OTHERS = re.compile(r"[^a-z0-9_.]+")


def name_from(text: str) -> str:
    """Return a name made of a text: of ``Ann.Lee@example.com`` it is ``ann.lee``, of ``CI robot`` it is ``ci-robot``."""
    name = _OTHERS.sub("-", text.partition("@")[0].lower()).strip("-_.")
    return name[:64].rstrip("-_.") or "account"
