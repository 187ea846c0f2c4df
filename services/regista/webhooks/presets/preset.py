"""What a preset is, and what it makes of its parameters. Pure."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import Field, StringConstraints

from regista.access.names import EntityName
from regista.automations.secrets.reference import SecretName
from regista.effects.names import IntegrationName
from regista.kit.bodies import Body, Rule

Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^/?#]+", max_length=2000),
    Rule("use a URL as https://host, at most 2,000 characters"),
]
Segment = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200),
    Rule("use letters, digits, `_`, `.` and `-`, at most 200"),
]
"""A part of a path that needs no encoding."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""Text of one line; templates may stand in it."""

VARIABLES: Mapping[str, str] = {
    "event": "${event_type}",
    "author": "${event_author}",
    "version": "${artifact_version_string}",
    "collection": "${artifact_collection_name}",
    "alias": "${alias}",
    "entity": "${entity_name}",
    "project": "${project_name}",
}
"""What is told of an event where nothing else is asked for: texts all, whatever the type of the event is."""


class Parameters(Body):
    """What every preset is asked: the name of the webhook, and the team that it and its secrets belong to."""

    name: IntegrationName
    entity: EntityName | None = None


P = TypeVar("P", bound=Parameters)


class NeededSecret(NamedTuple):
    """A secret to make first: ``value`` where the parameters held it, None where only its owner has it."""

    name: str
    what: str
    value: str | None = None


class Filled(NamedTuple):
    """What a preset made: an endpoint's ``url``, ``headers`` and access token, and the ``payload`` of an action."""

    url: str
    payload: Mapping[str, Any]
    secrets: tuple[NeededSecret, ...]
    headers: Mapping[str, str] = {}
    access_token: str | None = None


class Preset(NamedTuple, Generic[P]):
    """A preset: ``fill`` raises `InvalidError` for parameters that do not fit."""

    name: str
    title: str
    description: str
    parameters: type[P]
    fill: Callable[[P], Filled]


def reference(secret: str) -> str:
    """Return how a secret is referred to."""
    return f"${{secret.{secret}}}"


Secret = SecretName
Values = Annotated[dict[str, Any], Field(max_length=50)]
