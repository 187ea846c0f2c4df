"""Root fields that name their action: a test fails on one of the schema that does not."""

from collections.abc import Callable, Iterable
from typing import Any

from ariadne import ObjectType

from regista.access.actions import Action


class Root(ObjectType):
    """``Query`` or ``Mutation``; every field says what it does, in access control's terms.

    The commands and queries behind a field authorize what they touch; ``action`` is what the caller asks for at least.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.actions: dict[str, Action] = {}
        self.statuses: dict[str, frozenset[int]] = {}

    def names(self, name: str, *, action: Action, statuses: Iterable[int] = ()) -> Callable[[Any], Any]:
        """Declare the resolver of a root field.

        ``statuses`` are those of errors that the client tells apart by the answer's HTTP status: 4xx, never 5xx.
        """
        self.actions[name] = action
        self.statuses[name] = frozenset(statuses)
        return self.field(name)
