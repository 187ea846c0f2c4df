"""The event types that an automation waits for, as people write them. Pure."""

from collections.abc import Iterable

from regista.automations.errors import UnknownEventTypeError
from regista.automations.language.nearest import likeness
from regista_events import TYPE_PREFIX, short_names

_KNOWN = frozenset(short_names())


def parse_events(written: Iterable[str]) -> list[str]:
    """Return the types without prefix, each once, in the order written; the full name is read too.

    Raises UnknownEventTypeError, which names the nearest type there is.
    """
    found: dict[str, None] = {}
    for text in written:
        name = text.removeprefix(TYPE_PREFIX)
        if name not in _KNOWN:
            nearest = nearest_event(name)
            raise UnknownEventTypeError(
                f"there is no event {text!r}; the nearest is {nearest!r}", field="on", nearest=nearest
            )
        found[name] = None
    return list(found)


def nearest_event(name: str) -> str:
    """Return the type whose name is most like ``name``."""
    # Likeness alone prefers letters that happen to agree; the same subject or the same end is what people mean.
    about, _, what = name.strip().replace("-", "_").partition(".")

    def fits(known: str) -> float:
        subject, _, happened = known.partition(".")
        return max(likeness(name, known), (likeness(about, subject) + likeness(what, happened)) / 2)

    return max(sorted(_KNOWN), key=fits)
