"""What the audit says about an event: a pure function of the two byte strings that the chain is over.

Verification computes it again, so that a column altered by itself is found although the hash does not cover it.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter
from pydantic_core import from_json, to_json

from regista.audit.transition import transition
from regista_events.envelope import short_name

FORMAT = 1
"""Number of the mapping below. Whoever changes it counts up: older rows are verified by what never changes."""

MALFORMED = "malformed"
"""The action of bytes that are no event."""

MAX_TEXT = 500
"""Characters of a column; a B-tree takes no value beyond 2.7 KB. The body has the rest."""

_BIGINT = 2**63
_INTEGER = 2**31
_TIME: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)
_INFINITIES = frozenset((datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)))
_SOURCE = "/orgs/"
# In the order in which a type's data is about them.
_SUBJECTS = (
    "collection", "run", "project", "registry", "automation", "integration", "secret", "endpoint", "job",
)  # fmt: skip

Json = Mapping[str, Any]


class Entry(NamedTuple):
    """The columns of a row that follow from the event alone, in the order of the table."""

    event_id: UUID
    time: datetime | None
    """None for bytes that are no event: the row has the moment of its projection."""
    action: str
    resource: str
    actor_user_id: str
    actor_type: str
    actor_ip: str | None
    user_agent: str | None
    cli_version: str | None
    request_id: str | None
    response_code: int | None
    causation_id: UUID | None
    correlation_id: UUID | None
    entity_asset: int | None = None
    entity_name: str | None = None
    project_asset: int | None = None
    project_name: str | None = None
    artifact_asset: int | None = None
    artifact_digest: str | None = None
    artifact_qualified_name: str | None = None
    artifact_sequence_asset: int | None = None
    artifact_version: str | None = None
    user_asset: int | None = None
    user_email: str | None = None
    automation_id: int | None = None
    delivery_id: UUID | None = None
    before: str | None = None
    after: str | None = None


LASTING = Entry._fields[:13]
"""The columns that no change of the mapping touches."""


class Audited(NamedTuple):
    """An entry and the name of the organization that its event says it belongs to, None where it says none."""

    entry: Entry
    organization: str | None


def audited(raw: bytes, context: bytes) -> Audited:
    """Return what the audit says about an event. Raises `ValueError` for bytes that are none."""
    event = from_json(raw)
    if not isinstance(event, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the callers' one answer to bytes that are no event
    identity, moment = event.get("id"), event.get("time")
    if not (isinstance(identity, str) and isinstance(moment, str)):
        raise ValueError("an event has an id and a time")  # noqa: TRY004 - as above
    data = event.get("data")
    entry = Entry(
        UUID(identity),
        _moment(moment),
        _text(event.get("type"), short_name) or "",
        _text(event.get("subject")) or "",
        _text(event.get("actor")) or "",
        _text(event.get("actortype")) or "",
        *_request(context),
        _uuid(event.get("causationid")),
        _uuid(event.get("correlationid")),
        *(_about(event, data) if isinstance(data, dict) else ()),
    )
    return Audited(entry, _organization(event))


def malformed(raw: bytes, context: bytes) -> Audited:
    """Return what the audit says about bytes that are no event: the same bytes always get the same id, a UUIDv8."""
    value = int.from_bytes(hashlib.sha256(raw + context).digest()[:16])
    value = value & ~(0xF000 << 64) | 0x8000 << 64
    identity = UUID(int=value & ~(0xC000 << 48) | 0x8000 << 48)
    try:
        event = from_json(raw)
    except ValueError:
        event = None
    entry = Entry(identity, None, MALFORMED, "", "", "system", *_request(context), None, None)
    return Audited(entry, _organization(event) if isinstance(event, dict) else None)


def _organization(event: Json) -> str | None:
    source = event.get("source")
    return source[len(_SOURCE) :] if isinstance(source, str) and source.startswith(_SOURCE) else None


def _request(context: bytes) -> tuple[str | None, str | None, str | None, str | None, int | None]:
    try:
        found = from_json(context)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return None, None, None, None, None
    code = found.get("response_code")
    return (
        _text(found.get("ip")),
        _text(found.get("user_agent")),
        _text(found.get("client_version")),
        _text(found.get("request_id")),
        code if type(code) is int and abs(code) < _INTEGER else None,
    )


def _about(event: Json, data: Json) -> tuple[Any, ...]:
    """Return the columns from ``entity_asset`` on."""
    subject: Json = next((data[name] for name in _SUBJECTS if isinstance(data.get(name), dict)), {})
    collection, artifact = _object(data, "collection"), _object(data, "artifact")
    project, job = _object(data, "project"), _object(data, "job")
    user = _object(data, "member") or _object(_object(data, "api_key"), "owner")
    if user.get("kind") == "team":
        user = {}
    entity = _text(subject.get("entity"))
    version = _text(data.get("version")) if collection else None
    name = None
    if collection and version:
        name = _text(f"{entity}/{collection.get('project')}/{collection.get('name')}:{version}")
    automation = _id(_object(data, "automation").get("id"))
    if automation is None:
        automation = _id(data.get("automation_id"))
    if automation is None:
        automation = _id(job.get("automation_id"))
    before, after = transition(short_name(str(event.get("type"))), data)
    return (
        _id(subject.get("entity_id")),
        entity,
        _id(project.get("id") if project else subject.get("project_id")),
        _text(project.get("name") if project else subject.get("project")),
        _id(artifact.get("id")),
        _text(artifact.get("digest")),
        name,
        _id(collection.get("id")),
        version,
        _id(user.get("id")),
        _text(user.get("email")),
        automation if automation is not None or event.get("actortype") != "automation" else _number(event.get("actor")),
        _uuid(data.get("delivery")),
        _written(before),
        _written(after),
    )


def _object(parent: Json, name: str) -> Json:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object, shorten: Any = None) -> str | None:
    if not isinstance(value, str):
        return None
    if shorten is not None:
        value = str(shorten(value))
    value = value[:MAX_TEXT]
    return value if "\0" not in value else value.replace("\0", "\N{SYMBOL FOR NULL}")


def _id(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _BIGINT else None


def _number(value: object) -> int | None:
    return _id(int(value)) if isinstance(value, str) and value.isdecimal() and len(value) < MAX_TEXT else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    moment = _TIME.validate_python(text) if not text.endswith("Z") else datetime.fromisoformat(text)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the instant lies outside the years 1 to 9999 in UTC") from None
    if moment in _INFINITIES:
        raise ValueError("the instant is the first or last of the calendar, which the driver takes for infinity")
    return moment


def _written(value: Json | None) -> str | None:
    return None if value is None else to_json(value, inf_nan_mode="strings").decode()
