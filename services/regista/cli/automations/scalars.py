"""What an unquoted word in YAML stands for: the core schema of YAML 1.2, where ``on`` is text. Pure."""

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_LONGEST_NUMBER = 400
_BASES = {"0o": 8, "0x": 16}

Scalar = str | int | float | bool | None


def scalar(text: str) -> Scalar:
    """Return the value of a plain scalar. Raises `ValueError` for a number that JSON cannot hold."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _NOT_FINITE.match(text):
        raise ValueError(f"{text} is no number in JSON; quote it if text is meant")
    if _INTEGER.match(text):
        if len(text) > _LONGEST_NUMBER:
            raise ValueError(f"a number of {len(text)} digits; quote it if text is meant")
        base = _BASES.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)  # noqa: PLR2004 - decimal
    if _FLOAT.match(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{text[:40]} is larger than a number may be; quote it if text is meant")
        return number
    return text
