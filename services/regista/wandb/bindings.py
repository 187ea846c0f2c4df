"""Every resolver module, and the scalars: what makes the schema executable."""

from collections.abc import Iterator
from typing import Any

from regista.wandb import (
    artifact_writes,
    artifacts,
    automations,
    collections,
    history,
    integrations,
    lineage,
    logs,
    manifests,
    memberships,
    people,
    people_changes,
    project_changes,
    projects,
    registries,
    run_files,
    run_writes,
    runs,
    scalars,
    search,
    server,
    storage,
)

MODULES = (
    scalars,
    server,
    people,
    integrations,
    automations,
    projects,
    collections,
    registries,
    search,
    artifacts,
    memberships,
    lineage,
    storage,
    manifests,
    artifact_writes,
    people_changes,
    project_changes,
    history,
    logs,
    run_files,
    run_writes,
    runs,
)
"""Each has ``BINDINGS``; root fields are `Root`s, which name their actions."""


def bindings() -> Iterator[Any]:
    """Yield what binds resolvers to the schema."""
    for module in MODULES:
        yield from module.BINDINGS
