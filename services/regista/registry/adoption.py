"""Content that is a version already: what is announced with it once more goes to that version."""

from collections.abc import Sequence

from regista.kit.aggregate import Aggregate
from regista.kit.db import Transaction
from regista.kit.outbox import Draft
from regista.registry.aliases import place_aliases
from regista.registry.repository import artifacts, lineage, versions
from regista.registry.repository.artifacts import ArtifactRow
from regista.registry.subjects import Collection, Tags, Version
from regista.registry.tags import merge_tags, showing


async def adopt(
    transaction: Transaction,
    aggregate: Aggregate,
    collection: Collection,
    known: ArtifactRow,
    aliases: Sequence[str],
    tags: Tags,
    run_id: int | None,
) -> tuple[Version, list[Draft]]:
    """Set what came with content that is a version already; the run that logged it again is an output edge too.

    Call under the collection's lock; return the version and the events.
    """
    if run_id is not None:
        await lineage.add(transaction, known.organization_id, known.id, run_id, "output")
    version = await own_version(transaction, collection, known.id)
    version, changed = merge_tags(version, tags)
    await artifacts.add_tags(transaction, known.id, {name: version.tags[name] for name in changed})
    version, drafts = await place_aliases(transaction, aggregate, collection, version, aliases, newest=False)
    tagged = await showing(transaction, aggregate, collection, version, changed, at=len(drafts))
    return version, [*drafts, *tagged]


async def own_version(transaction: Transaction, collection: Collection, artifact: int) -> Version:
    """Return a committed artifact of the collection as its version."""
    version = await versions.of_artifact(transaction, collection.id, artifact)
    assert version is not None  # noqa: S101 - a committed artifact is a member of its own collection
    return version
