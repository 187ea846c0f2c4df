"""Byte ranges of a download (RFC 9110, section 14): one range is served, several are not."""

import re

from regista.kit.errors import RegistaError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)


class RangeError(RegistaError):
    """The range begins behind the end of the content."""

    status = 416
    code = "range_not_satisfiable"


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return ``(start, end)``, end exclusive, of a Range header for content of ``size`` bytes.

    None means the whole content: no header, or one that is not understood, which a server passes over. Raises
    `RangeError`.
    """
    found = _RANGE.match(header.strip()) if header else None
    if found is None or (not found[1] and not found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        start, end = size - length, size
    else:
        start = int(found[1])
        end = min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size or start == end:
        raise RangeError(f"range {header} lies outside of the {size} bytes that there are", size=size)
    return start, end
