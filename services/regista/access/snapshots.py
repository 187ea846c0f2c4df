"""How people and keys appear in events."""

from regista.access.verdict import Actor
from regista_events import MemberSnapshot


def member_snapshot(actor: Actor) -> MemberSnapshot:
    """Return the actor as events show it."""
    return MemberSnapshot(id=actor.id, name=actor.name, kind=actor.kind, email=actor.email)
