"""Root fields that name their action: a test fails on one of the schema that does not."""

from collections.abc import Callable
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

    def names(self, name: str, *, action: Action) -> Callable[[Any], Any]:
        """Declare the resolver of a root field."""
        self.actions[name] = action
        return self.field(name)
