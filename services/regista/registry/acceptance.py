"""What registries take: links, to versions of the types that they accept."""

from regista.kit.db import Transaction
from regista.registry.errors import KindMismatchError, TypeNotAcceptedError
from regista.registry.repository import registries


async def check_accepted(transaction: Transaction, project: int, kind: str, artifact_type: str) -> None:
    """Return if a project may get a collection of this kind and type; what the registry accepts stays until the end.

    A collection holds one type, so what was accepted with it is accepted with every link into it. Raises
    `KindMismatchError` and `TypeNotAcceptedError`; a project that is no registry takes everything.
    """
    held = await registries.hold(transaction, project)
    if held is None:
        return
    name, accepts_all, types = held
    if kind != "portfolio":
        raise KindMismatchError(
            f"registry {name} holds links: log the version to a project of a team, and link it here", kind="portfolio"
        )
    if not accepts_all and artifact_type not in types:
        raise TypeNotAcceptedError(
            f"registry {name} accepts artifacts of type {', '.join(map(repr, types)) or 'none'}, not {artifact_type!r}; "
            "an admin of the registry can add the type",
            accepted=types,
        )
