"""Artifacts as they are read: by number, and only those that the reader may see."""

from collections.abc import Iterable

from regista.access.actions import Action
from regista.access.verdict import Actor, decide
from regista.kit.db import Transaction
from regista.registry.repository import artifacts, collections
from regista.registry.subjects import Artifact


async def artifacts_by_ids(
    transaction: Transaction, actor: Actor, numbers: Iterable[int], action: Action = Action.ARTIFACT_READ
) -> dict[int, Artifact]:
    """Return the artifacts, in whatever state, that the actor may do ``action`` to, by id: two statements at most.

    Who may read a collection that an artifact is linked in may read the artifact, wherever it was logged.
    """
    found = await artifacts.by_ids(transaction, actor.organization_id, list(set(numbers)))
    hidden = [
        number
        for number, artifact in found.items()
        if not decide(actor, action, artifact.collection.resource()).allowed
    ]
    if not hidden:
        return found
    linked = await collections.with_artifacts(transaction, actor.organization_id, hidden)
    shown = {
        number
        for number, places in linked.items()
        if any(decide(actor, action, place.resource()).allowed for place in places)
    }
    return {number: artifact for number, artifact in found.items() if number in shown or number not in hidden}
