"""GitHub: the REST calls that start workflows (repos/dispatches, actions/workflows/dispatches; API version 2022-11-28)."""

from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from regista.webhooks.presets.preset import (
    VARIABLES,
    Filled,
    NeededSecret,
    Parameters,
    Preset,
    Secret,
    Segment,
    Url,
    reference,
)

API: Final = "https://api.github.com"
MOST_PROPERTIES: Final = 10
"""Of ``client_payload``, at its top."""
MOST_INPUTS: Final = 25
_HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class _Repository(Parameters):
    owner: Segment
    repository: Segment
    api_url: Url = Field(API, description="of GitHub Enterprise Server: https://HOST/api/v3")
    token_secret: Secret = Field("GITHUB_TOKEN", description="name of the secret that holds the access token")

    def url(self, path: str) -> str:
        """Return the URL of something in the repository."""
        return f"{self.api_url.rstrip('/')}/repos/{self.owner}/{self.repository}/{path}"


class RepositoryDispatch(_Repository):
    """``event_type`` is what a workflow has under ``on.repository_dispatch.types``."""

    event_type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    client_payload: Annotated[dict[str, Any], Field(max_length=MOST_PROPERTIES)] = Field(
        default_factory=lambda: dict(VARIABLES),
        description="a template, shown to the workflow as github.event.client_payload",
    )


class WorkflowDispatch(_Repository):
    """``workflow`` is its file's name or its number, ``ref`` the branch or tag, ``inputs`` those that it declares.

    Inputs are texts: ``${string(artifact.version_index)}`` for what is none.
    """

    workflow: Segment
    ref: Annotated[str, StringConstraints(min_length=1, max_length=250)] = "main"
    inputs: Annotated[dict[str, str], Field(max_length=MOST_INPUTS)] = Field(
        default_factory=lambda: {"version": VARIABLES["version"]}
    )


def _token(parameters: _Repository, permission: str) -> NeededSecret:
    return NeededSecret(parameters.token_secret, f"an access token for the repository with {permission}: write")


def _dispatch(parameters: RepositoryDispatch) -> Filled:
    return Filled(
        parameters.url("dispatches"),
        {"event_type": parameters.event_type, "client_payload": parameters.client_payload},
        (_token(parameters, "contents"),),
        _HEADERS,
        reference(parameters.token_secret),
    )


def _run(parameters: WorkflowDispatch) -> Filled:
    return Filled(
        parameters.url(f"actions/workflows/{parameters.workflow}/dispatches"),
        {"ref": parameters.ref, "inputs": parameters.inputs},
        (_token(parameters, "actions"),),
        _HEADERS,
        reference(parameters.token_secret),
    )


REPOSITORY_DISPATCH = Preset(
    "github-repository-dispatch",
    "GitHub: repository_dispatch",
    "Starts every workflow of a repository that waits for an event type.",
    RepositoryDispatch,
    _dispatch,
)
WORKFLOW_DISPATCH = Preset(
    "github-workflow-dispatch",
    "GitHub: workflow_dispatch",
    "Starts one workflow on a branch or tag, with its inputs.",
    WorkflowDispatch,
    _run,
)
