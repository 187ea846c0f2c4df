"""Whether whoever saved an automation may still have it act: asked at the moment of each decision, and never kept."""

from collections.abc import Collection

from regista.access.actions import Action
from regista.access.verdict import Actor, Resource, decide
from regista.automations.deciding import decisions_repository as repository
from regista.kit.db import Transaction

Revision = tuple[int, int]
"""An automation and the number of one of its revisions."""


async def lost_access(transaction: Transaction, revisions: Collection[Revision]) -> dict[Revision, str]:
    """Return those revisions whose author may not save such an automation any more, each with a sentence that says why.

    An author who is not known, or is deactivated, has lost it. One statement; none where nothing is asked.
    """
    if not revisions:
        return {}
    lost: dict[Revision, str] = {}
    for authored in await repository.authors(transaction, revisions):
        why = _why(authored.actor, authored.place)
        if why is not None:
            lost.update(dict.fromkeys(authored.revisions, why))
    return lost


def _why(author: Actor | None, place: Resource) -> str | None:
    if author is None:
        return "the account that saved it is deactivated or not known any more; somebody else may save it"
    verdict = decide(author, Action.AUTOMATION_WRITE, place)
    return None if verdict.allowed else f"{verdict.reason}; somebody who may can save it again"
