"""Everything that can be asked for, and the role it needs: the matrix of access control, as data."""

from enum import IntEnum, StrEnum


class Role(IntEnum):
    """Roles in ascending order of what they allow; a role includes all below it."""

    NONE = 0
    RESTRICTED = 1
    VIEWER = 2
    MEMBER = 3
    ADMIN = 4

    @property
    def label(self) -> str:
        """The name people use."""
        return "restricted viewer" if self is Role.RESTRICTED else self.name.lower()

    @property
    def key(self) -> str:
        """The name that is stored and that programs use."""
        return self.label.replace(" ", "_")

    @classmethod
    def of(cls, key: str) -> "Role":
        """Return the role of a `key`. Raises `ValueError` for one that is none."""
        for role in cls:
            if role.key == key and role is not cls.NONE:
                return role
        raise ValueError(f"there is no role {key!r}; there are {', '.join(role.key for role in cls if role)}")


class Action(StrEnum):
    """What a route or command does, in the words of events and the audit."""

    PROJECT_READ = "project.read"
    PROJECT_WRITE = "project.write"
    RUN_READ = "run.read"
    RUN_WRITE = "run.write"
    ARTIFACT_READ = "artifact.read"
    ARTIFACT_DOWNLOAD = "artifact.download"
    ARTIFACT_CREATE = "artifact.create"
    ARTIFACT_UPDATE = "artifact.update"
    ARTIFACT_LINK = "artifact.link"
    ARTIFACT_UNLINK = "artifact.unlink"
    ARTIFACT_DELETE = "artifact.delete"
    COLLECTION_READ = "collection.read"
    COLLECTION_WRITE = "collection.write"
    ALIAS_SET = "alias.set"
    ALIAS_REMOVE = "alias.remove"
    TAG_SET = "tag.set"
    TAG_REMOVE = "tag.remove"
    REGISTRY_READ = "registry.read"
    REGISTRY_ADMIN = "registry.admin"
    AUTOMATION_READ = "automation.read"
    AUTOMATION_WRITE = "automation.write"
    INTEGRATION_READ = "integration.read"
    INTEGRATION_WRITE = "integration.write"
    DELIVERY_READ = "delivery.read"
    DELIVERY_REDELIVER = "delivery.redeliver"
    EVENT_READ = "event.read"
    AUDIT_READ = "audit.read"
    ORGANIZATION_ADMIN = "organization.admin"
    MEMBER_READ = "member.read"
    MEMBER_WRITE = "member.write"
    KEY_READ = "api_key.read"
    KEY_WRITE = "api_key.write"
    SELF_READ = "self.read"
    ACCESS_EXPLAIN = "access.explain"


class Scope(IntEnum):
    """What an API key may be used for, whoever holds it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


_READS = {
    Action.PROJECT_READ,
    Action.RUN_READ,
    Action.ARTIFACT_READ,
    Action.COLLECTION_READ,
    Action.REGISTRY_READ,
    Action.SELF_READ,
}
_VIEWERS = {
    Action.ARTIFACT_DOWNLOAD,
    Action.AUTOMATION_READ,
    Action.INTEGRATION_READ,
    Action.DELIVERY_READ,
    Action.MEMBER_READ,
    Action.ACCESS_EXPLAIN,
}
_ADMINS = {
    Action.REGISTRY_ADMIN,
    Action.INTEGRATION_WRITE,
    Action.EVENT_READ,
    Action.AUDIT_READ,
    Action.ORGANIZATION_ADMIN,
    Action.MEMBER_WRITE,
    Action.KEY_WRITE,
    Action.KEY_READ,
}
PROTECTABLE = {Action.ALIAS_SET, Action.ALIAS_REMOVE, Action.ARTIFACT_UNLINK, Action.ARTIFACT_DELETE}
"""Actions that need an admin when the alias, or an alias of the version, is protected."""


def needed_role(action: Action, *, protected: bool = False) -> Role:
    """Return the least role, on the resource's entity or registry, that allows the action."""
    if action in _READS:
        return Role.RESTRICTED
    if action in _VIEWERS:
        return Role.VIEWER
    if action in _ADMINS or (protected and action in PROTECTABLE):
        return Role.ADMIN
    return Role.MEMBER


def needed_scope(action: Action) -> Scope:
    """Return the least scope of an API key that allows the action."""
    if action in _READS or action in _VIEWERS or action in {Action.EVENT_READ, Action.AUDIT_READ, Action.KEY_READ}:
        return Scope.READ
    return Scope.ADMIN if action in _ADMINS else Scope.WRITE
