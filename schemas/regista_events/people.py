"""The organization, its members, keys and sessions, and everything that was refused."""

from typing import Literal

from regista_events.envelope import Event, Payload
from regista_events.subjects import ApiKeySnapshot, MemberSnapshot, OrganizationSnapshot
from regista_events.transition import Change, Changes


class OrganizationUpdatedData(Payload, frozen=True):
    """`changes` by field: retention_days."""

    organization: OrganizationSnapshot
    changes: Changes


class OrganizationUpdated(Event[OrganizationUpdatedData], frozen=True):
    """The organization's settings changed."""

    type: Literal["dev.regista.organization.updated"] = "dev.regista.organization.updated"


class MemberData(Payload, frozen=True):
    """`team` is the team's entity, None where the organization itself is meant."""

    member: MemberSnapshot
    team: str | None = None


class MemberInvitedData(MemberData, frozen=True):
    """`role` that they will have."""

    role: str


class MemberInvited(Event[MemberInvitedData], frozen=True):
    """Somebody was asked into the organization or a team."""

    type: Literal["dev.regista.member.invited"] = "dev.regista.member.invited"


class MemberRemovedData(MemberData, frozen=True):
    """`role` that they had."""

    role: str


class MemberRemoved(Event[MemberRemovedData], frozen=True):
    """Somebody is a member no longer."""

    type: Literal["dev.regista.member.removed"] = "dev.regista.member.removed"


class MemberRoleChangedData(MemberData, frozen=True):
    """`role` from and to."""

    role: Change[str]


class MemberRoleChanged(Event[MemberRoleChangedData], frozen=True):
    """A member's role changed."""

    type: Literal["dev.regista.member.role_changed"] = "dev.regista.member.role_changed"


class ApiKeyCreatedData(Payload, frozen=True):
    """The key by its prefix."""

    api_key: ApiKeySnapshot


class ApiKeyCreated(Event[ApiKeyCreatedData], frozen=True):
    """An API key was made."""

    type: Literal["dev.regista.api_key.created"] = "dev.regista.api_key.created"


class ApiKeyRevokedData(Payload, frozen=True):
    """The key by its prefix; `reason` where nobody asked (`expired`)."""

    api_key: ApiKeySnapshot
    reason: str | None = None


class ApiKeyRevoked(Event[ApiKeyRevokedData], frozen=True):
    """An API key works no longer."""

    type: Literal["dev.regista.api_key.revoked"] = "dev.regista.api_key.revoked"


class SessionLoginData(Payload, frozen=True):
    """`method`: password, oidc."""

    member: MemberSnapshot
    method: str


class SessionLogin(Event[SessionLoginData], frozen=True):
    """Somebody signed in."""

    type: Literal["dev.regista.session.login"] = "dev.regista.session.login"


class SessionLogoutData(Payload, frozen=True):
    """`reason` where nobody asked (`expired`)."""

    member: MemberSnapshot
    reason: str | None = None


class SessionLogout(Event[SessionLogoutData], frozen=True):
    """A session ended."""

    type: Literal["dev.regista.session.logout"] = "dev.regista.session.logout"


class Refusal(Payload, frozen=True):
    """What was asked (`action` on `resource`, as a person would type it), and why it was refused.

    `role_needed` is the least role that would have been enough, `role_held` the one they have; None where roles were
    not what was missing.
    """

    action: str
    resource: str
    reason: str
    role_needed: str | None = None
    role_held: str | None = None


class SessionDeniedData(Refusal, frozen=True):
    """`login` is the name that was given and may be nobody's; `key_prefix` the start of the key. Never a secret."""

    login: str | None = None
    method: str | None = None
    key_prefix: str | None = None


class SessionDenied(Event[SessionDeniedData], frozen=True):
    """Somebody could not be let in."""

    type: Literal["dev.regista.session.denied"] = "dev.regista.session.denied"


class AccessDeniedData(Refusal, frozen=True):
    """`member` asked; None where the actor is no member."""

    member: MemberSnapshot | None = None


class AccessDenied(Event[AccessDeniedData], frozen=True):
    """Somebody asked for what they may not do."""

    type: Literal["dev.regista.access.denied"] = "dev.regista.access.denied"
