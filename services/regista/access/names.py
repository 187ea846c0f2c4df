"""Names of people, programs, teams and organizations."""

from typing import Annotated

from pydantic import StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NAME_RULE = "use letters, digits, `_`, `.` and `-`, at most 64, a letter or digit first"
EntityName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""The first part of every path."""
