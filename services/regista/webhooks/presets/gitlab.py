"""GitLab: start a pipeline with a trigger token (pipeline triggers API, v4)."""

from typing import Annotated
from urllib.parse import quote

from pydantic import Field, StringConstraints

from regista.kit.bodies import Rule
from regista.webhooks.presets.preset import (
    VARIABLES,
    Filled,
    NeededSecret,
    Parameters,
    Preset,
    Secret,
    Url,
    reference,
)

Variable = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=255),
    Rule("use letters, digits and `_`, at most 255, no digit first"),
]


class PipelineTrigger(Parameters):
    """``project`` is its number or its path (``group/project``), ``ref`` the branch or tag.

    Variables are texts: ``${string(artifact.version_index)}`` for what is none.
    """

    project: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_./-]+$", max_length=500),
        Rule("use the project's number or its path as group/project, at most 500 characters"),
    ]
    ref: Annotated[str, StringConstraints(min_length=1, max_length=250)] = "main"
    url: Url = "https://gitlab.com"
    token_secret: Secret = Field("GITLAB_TRIGGER_TOKEN", description="name of the secret that holds the trigger token")
    variables: Annotated[dict[Variable, str], Field(max_length=50)] = Field(
        default_factory=lambda: {f"REGISTA_{name.upper()}": value for name, value in VARIABLES.items()}
    )


def _fill(parameters: PipelineTrigger) -> Filled:
    project = quote(parameters.project, safe="")
    return Filled(
        f"{parameters.url.rstrip('/')}/api/v4/projects/{project}/trigger/pipeline",
        {"token": reference(parameters.token_secret), "ref": parameters.ref, "variables": parameters.variables},
        (NeededSecret(parameters.token_secret, "a pipeline trigger token of the project"),),
    )


PIPELINE_TRIGGER = Preset(
    "gitlab-pipeline-trigger",
    "GitLab: pipeline trigger",
    "Starts a pipeline of a project on a branch or tag, with variables.",
    PipelineTrigger,
    _fill,
)
