"""References to secrets inside text: ``${secret.NAME}``. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import StringConstraints

from regista.kit.bodies import Rule
from regista.kit.errors import InvalidError

SecretName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"),
    Rule("use letters, digits and `_`, at most 64, no digit first"),
]

_REFERENCE: Final = re.compile(r"\$\{secret\.([A-Za-z_][A-Za-z0-9_]{0,63})\}")


def referred(text: str) -> set[str]:
    """Return the names of the secrets that the text refers to.

    Raises `InvalidError` for anything else that begins with ``${``.
    """
    names = set(_REFERENCE.findall(text))
    if "${" in _REFERENCE.sub("", text):
        raise InvalidError("a reference that begins with ${ is not ${secret.NAME}; nothing else can be put in here")
    return names


def resolved(text: str, values: Mapping[str, str]) -> str:
    """Return the text with the values put in; what a value looks like is never read as a reference.

    Raises `KeyError` for a name that ``values`` does not have.
    """
    return _REFERENCE.sub(lambda found: values[found[1]], text)
