"""Who and where the ids in events are: looked up once, kept for a few seconds."""

from collections.abc import Iterable

from regista.audit.repository import projection as repository
from regista.audit.repository.projection import Actor
from regista.kit import clock
from regista.kit.db import Transaction

KEPT_SECONDS = 10.0
"""How long a renamed account may still be recorded under its former name."""
MAX_KEPT = 10_000
NOWHERE = 0
"""The organization of a row whose event names none that there is: nobody's, seen by the verification alone."""


class Names:
    """Accounts by the actor of an event, organizations by its source."""

    def __init__(self) -> None:
        self._actors: dict[str, Actor | None] = {}
        self._organizations: dict[str, int] = {}
        self._until = 0.0

    async def load(self, transaction: Transaction, actors: Iterable[str], organizations: Iterable[str]) -> None:
        """Look up what is not known yet."""
        if clock.monotonic() > self._until or len(self._actors) > MAX_KEPT:
            self._actors.clear()
            self._until = clock.monotonic() + KEPT_SECONDS
        unknown = {actor: _account(actor) for actor in set(actors) - self._actors.keys()}
        wanted = [account for account in unknown.values() if account is not None]
        found = await repository.actors(transaction, wanted) if wanted else {}
        for actor, account in unknown.items():
            self._actors[actor] = None if account is None else found.get(account)
        if missing := list(set(organizations) - self._organizations.keys()):
            self._organizations.update(await repository.organizations(transaction, missing))

    def actor(self, actor: str) -> Actor | None:
        """Return who an actor is, None for what is no account."""
        return self._actors.get(actor)

    def organization(self, name: str) -> int:
        """Return the organization's id, `NOWHERE` for a name that there is not."""
        return self._organizations.get(name, NOWHERE)


def _account(actor: str) -> int | None:
    number = int(actor) if actor.isascii() and actor.isdecimal() and len(actor) < 20 else None  # noqa: PLR2004 - of bigint
    return number if number is not None and number < 2**63 else None
