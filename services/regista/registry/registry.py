"""A registry as its rows hold it, and as events show it.

A registry is a project of the organization's own entity, whose collections hold links and whose members have roles.
Description and visibility are the project's; the project's name is the registry's behind `REGISTRY_PREFIX`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from regista.access.verdict import Resource, Visibility
from regista.tracking.names import REGISTRY_PREFIX
from regista_events import RegistrySnapshot

Openness = Literal["organization", "restricted"]
"""Who sees a registry: everybody in the organization, or those who have a role in it."""

_VISIBILITIES = {"organization": Visibility.ORGANIZATION, "restricted": Visibility.PRIVATE}


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry with the names of what holds it.

    It takes artifacts of any type if ``accepts_all``, otherwise those of ``artifact_types``, which may list some in
    either case. ``visibility`` is the project's.
    """

    id: int
    aggregate_id: int
    organization_id: int
    entity_id: int
    entity: str
    project_id: int
    project_aggregate_id: int
    name: str
    description: str | None
    visibility: str
    accepts_all: bool
    artifact_types: list[str]
    created_at: datetime
    updated_at: datetime

    @property
    def project(self) -> str:
        """The name of its project."""
        return project_name(self.name)

    @property
    def path(self) -> str:
        """What a person types in front of a collection."""
        return f"{self.entity}/{self.project}"

    @property
    def openness(self) -> Openness:
        """Who sees it, in the words of people."""
        return "restricted" if self.visibility == Visibility.PRIVATE else "organization"

    def accepts(self, artifact_type: str) -> bool:
        """Say whether versions of this type may be linked into it."""
        return self.accepts_all or artifact_type in self.artifact_types

    def resource(self) -> Resource:
        """Return what access control asks about."""
        return Resource(
            f"registry {self.name}",
            self.organization_id,
            self.entity_id,
            Visibility(self.visibility),
            project_id=self.project_id,
        )

    def snapshot(self) -> RegistrySnapshot:
        """Return the registry as events show it."""
        return RegistrySnapshot.model_construct(
            id=self.id,
            entity=self.entity,
            name=self.name,
            project=self.project,
            description=self.description,
            visibility=self.openness,
            artifact_types=self.artifact_types,
            accepts_all=self.accepts_all,
            entity_id=self.entity_id,
            project_id=self.project_id,
        )


def project_name(registry: str) -> str:
    """Return the name of a registry's project."""
    return REGISTRY_PREFIX + registry


def registry_name(project: str) -> str | None:
    """Return the name of the registry that a project of this name is, None if it is none."""
    return project.removeprefix(REGISTRY_PREFIX) if project.startswith(REGISTRY_PREFIX) else None


def visibility_of(openness: Openness) -> Visibility:
    """Return a registry's visibility as access control has it."""
    return _VISIBILITIES[openness]
