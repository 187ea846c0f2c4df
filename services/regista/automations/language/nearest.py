"""Which of the names there are is most like one that there is not. Pure."""

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return the name most like ``name``; of a longer path the beginning counts, as ``metadata`` of ``metadata.acc``."""
    steps = name.split(".")
    beginnings = [".".join(steps[:length]) for length in range(1, min(len(steps), 4) + 1)]
    return max(sorted(known), key=lambda each: max(_of_paths(beginning, each) for beginning in beginnings))


def likeness(one: str, other: str) -> float:
    """Return how much of two texts is the same, whatever their case: from 0, nothing, to 1."""
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _of_paths(name: str, known: str) -> float:
    return (likeness(name, known) + likeness(name.rpartition(".")[2], known.rpartition(".")[2])) / 2
