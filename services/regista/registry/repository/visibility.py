"""What an actor may see, as SQL: lists hold what `decide` would allow one by one."""

from regista.access.verdict import Sight
from regista.kit.db.conditions import Parameters


def visible(seen: Sight, parameters: Parameters, visibility: str) -> str:
    """Return the SQL of what `decide` says of each row of a project ``p``; ``visibility`` is an expression."""
    alternatives = ["true"] if seen.everything else []
    if not seen.everything:
        if seen.organization:
            alternatives.append(f"{visibility} = 'organization'")
        if seen.entities:
            alternatives.append(
                f"({visibility} <> 'private' AND p.entity_id = ANY({parameters.add(seen.entities)}::bigint[]))"
            )
        if seen.projects:
            alternatives.append(f"p.id = ANY({parameters.add(seen.projects)}::bigint[])")
    shown = f"({' OR '.join(alternatives)})" if alternatives else "false"
    if seen.only is not None:
        shown = f"({shown} AND p.entity_id = {parameters.add(seen.only)}::bigint)"
    return shown
