"""Names of people, programs, teams and organizations."""

from typing import Annotated

from pydantic import StringConstraints

EntityName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""The first part of every path: letters, digits, `_`, `.`, `-`, at most 64."""
