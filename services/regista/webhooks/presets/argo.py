"""Argo Workflows: the events endpoint of its server, which submits what a WorkflowEventBinding selects."""

from typing import Annotated

from pydantic import Field, StringConstraints

from regista.kit.bodies import Rule
from regista.webhooks.presets.preset import (
    VARIABLES,
    Filled,
    NeededSecret,
    Parameters,
    Preset,
    Secret,
    Segment,
    Url,
    Values,
    reference,
)


class WorkflowEvent(Parameters):
    """``url`` is the Argo server; bindings read ``payload.version`` and the like, and ``discriminator`` if there is one."""

    url: Url
    namespace: Segment
    discriminator: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_.-]*$", max_length=200),
        Rule("use letters, digits, `_`, `.` and `-`, at most 200, or leave it out"),
    ] = ""
    token_secret: Secret = Field("ARGO_TOKEN", description="name of the secret that holds the token, without `Bearer`")
    payload: Values = Field(default_factory=lambda: dict(VARIABLES))


def _fill(parameters: WorkflowEvent) -> Filled:
    return Filled(
        f"{parameters.url.rstrip('/')}/api/v1/events/{parameters.namespace}/{parameters.discriminator}",
        parameters.payload,
        (NeededSecret(parameters.token_secret, "a token of a service account that may submit the workflow templates"),),
        access_token=reference(parameters.token_secret),
    )


WORKFLOW_EVENT = Preset(
    "argo-workflows",
    "Argo Workflows: event",
    "Submits the workflow templates whose event binding selects the payload.",
    WorkflowEvent,
    _fill,
)
