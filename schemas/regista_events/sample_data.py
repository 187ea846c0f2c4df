"""The data of the sample events: one story of a team that trains, links, approves and deploys a model."""

from datetime import UTC, datetime
from uuid import UUID

from regista_events.aliases import (
    AliasAddedData,
    AliasRemovedData,
    ApprovalEvidence,
    ProtectedAliasAddedData,
    ProtectedAliasRemovedData,
)
from regista_events.approvals import (
    ApprovalDeniedData,
    ApprovalExpiredData,
    ApprovalGrantedData,
    ApprovalRequestedData,
    ApprovalSnapshot,
)
from regista_events.artifacts import (
    ArtifactCreatedData,
    ArtifactDeletedData,
    ArtifactDownloadedData,
    ArtifactLinkedData,
    ArtifactUnlinkedData,
    ArtifactUpdatedData,
    ArtifactUsedData,
)
from regista_events.automations import (
    AutomationCreatedData,
    AutomationDeletedData,
    AutomationDisabledData,
    AutomationEnabledData,
    AutomationUpdatedData,
    ExecutionFailedData,
    ExecutionFinishedData,
    ExecutionSkippedData,
)
from regista_events.collections import CollectionCreatedData, CollectionDeletedData, CollectionUpdatedData
from regista_events.deliveries import (
    DeliveryExhaustedData,
    EndpointDisabledData,
    EndpointEnabledData,
    EndpointFailingData,
    EndpointRecoveredData,
)
from regista_events.envelope import Payload
from regista_events.integrations import (
    IntegrationCreatedData,
    IntegrationDeletedData,
    IntegrationUpdatedData,
    SecretCreatedData,
    SecretDeletedData,
    SecretRotatedData,
)
from regista_events.jobs import JobFailedData, JobFinishedData, JobQueuedData, JobStartedData, JobStoppedData
from regista_events.people import (
    AccessDeniedData,
    ApiKeyCreatedData,
    ApiKeyRevokedData,
    MemberInvitedData,
    MemberRemovedData,
    MemberRoleChangedData,
    OrganizationUpdatedData,
    SessionDeniedData,
    SessionLoginData,
    SessionLogoutData,
)
from regista_events.projects import ProjectCreatedData, ProjectDeletedData, ProjectUpdatedData
from regista_events.registries import (
    RegistryCreatedData,
    RegistryDeletedData,
    RegistryMemberChangedData,
    RegistryUpdatedData,
)
from regista_events.runs import (
    MetricTrigger,
    RunAlertedData,
    RunCreatedData,
    RunDeletedData,
    RunMetricTriggeredData,
    RunStateChangedData,
)
from regista_events.subjects import (
    ApiKeySnapshot,
    ArtifactSnapshot,
    AutomationSnapshot,
    CollectionSnapshot,
    EndpointSnapshot,
    IntegrationSnapshot,
    JobSnapshot,
    MemberSnapshot,
    OrganizationSnapshot,
    ProjectSnapshot,
    RegistrySnapshot,
    RunSnapshot,
    SecretSnapshot,
)
from regista_events.tags import CollectionTagAddedData, CollectionTagRemovedData, TagAddedData, TagRemovedData
from regista_events.transition import Change

_BORN = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
_LATER = datetime(2026, 3, 21, 9, 0, tzinfo=UTC)
_CAUSE = UUID("01960000-0000-7000-8000-0000000000c0")
_DELIVERY = UUID("01960000-0000-7000-8000-0000000000d0")
_MODEL = "vision/model-registry/MNIST:v3"
_SOURCE = "vision/mnist/mnist-cnn:v12"
_RUN_PATH = "vision/mnist/runs/k3v9x2ab"
_DESCRIPTION = "A small convolutional network"

_project = ProjectSnapshot(id=5, entity="vision", name="mnist", entity_id=2)
_registry = RegistrySnapshot(
    id=8,
    entity="acme",
    name="model",
    project="wandb-registry-model",
    description="Models that may go to production",
    visibility="organization",
    artifact_types=["model"],
)
_portfolio = CollectionSnapshot(
    id=42,
    entity="vision",
    project="model-registry",
    name="MNIST",
    type="model",
    kind="portfolio",
    description="Handwritten digits",
    tags=["vision"],
    entity_id=2,
    project_id=6,
)
_sequence = CollectionSnapshot(
    id=41, entity="vision", project="mnist", name="mnist-cnn", type="model", kind="sequence", entity_id=2, project_id=5
)
_member_version = ArtifactSnapshot(
    id=1203,
    version="v3",
    version_index=3,
    type="model",
    digest="9e1f8a0c4f0b6f6f3f0f9a1f5c2d7e4b",
    size=4_823_120,
    file_count=2,
    metadata={"acc": 0.991, "loss": 0.031, "framework": "pytorch"},
    description=_DESCRIPTION,
    source=_SOURCE,
    run=_RUN_PATH,
    aliases=["latest", "production"],
    tags=["reviewed", "task"],
    tag_values={"task": "classification"},
    created_at=_BORN,
)
_source_version = _member_version.model_copy(
    update={"version": "v12", "version_index": 12, "aliases": ["latest"], "tags": [], "tag_values": {}}
)
_run = RunSnapshot(
    id=977,
    entity="vision",
    project="mnist",
    name="k3v9x2ab",
    display_name="brisk-river-41",
    state="finished",
    job_type="train",
    tags=["baseline"],
    created_at=_BORN,
    entity_id=2,
    project_id=5,
)
_automation = AutomationSnapshot(
    id=15,
    name="deploy-on-production",
    scope="collection/vision/model-registry/MNIST",
    entity="vision",
    description="Deploys the model that holds production",
    events=["alias.added"],
    enabled=True,
    revision=4,
)
_integration = IntegrationSnapshot(
    id=21, entity="vision", name="ci", kind="webhook", url="https://ci.example.com/hooks/deploy"
)
_secret = SecretSnapshot(id=22, entity="vision", name="CI_TOKEN")
_endpoint = EndpointSnapshot(
    id=23, entity="vision", name="ci", kind="webhook", url="https://ci.example.com/hooks/deploy"
)
_job = JobSnapshot(
    id=310,
    entity="vision",
    project="model-registry",
    queue="eval",
    queue_id=4,
    name="vision/jobs/evaluate:latest",
    run="vision/model-registry/runs/p0q8z7ef",
    automation_id=15,
)
_ada = MemberSnapshot(id=3, name="ada", email="ada@example.com")
_grace = MemberSnapshot(id=4, name="grace", email="grace@example.com")
_key = ApiKeySnapshot(id=60, prefix="rgk_7Qm2", owner=_ada, name="laptop", scopes=["read", "write"])


def _approval(*, granted_by: list[str], denied_by: list[str]) -> ApprovalSnapshot:
    return ApprovalSnapshot(
        id=70, requested_by="3", quorum=1, granted_by=granted_by, denied_by=denied_by, expires_at=_LATER
    )


_EXAMPLES: tuple[Payload, ...] = (
    ArtifactCreatedData(collection=_sequence, artifact=_source_version, version="v12", aliases=["latest"]),
    ArtifactLinkedData(
        collection=_portfolio,
        artifact=_member_version,
        version="v3",
        source=_SOURCE,
        aliases=["latest", "production"],
        tags=["reviewed"],
    ),
    ArtifactUnlinkedData(
        collection=_portfolio, artifact=_member_version, version="v3", source=_SOURCE, aliases=[], tags=["reviewed"]
    ),
    ArtifactUpdatedData(
        collection=_sequence,
        artifact=_source_version,
        version="v12",
        changes={"description": Change(from_=None, to=_DESCRIPTION), "ttl_seconds": Change(from_=86_400, to=None)},
    ),
    ArtifactDeletedData(collection=_sequence, artifact=_source_version, version="v12", reason="ttl"),
    ArtifactDownloadedData(
        collection=_portfolio, artifact=_member_version, version="v3", client="wandb/0.31.0", path="model.pt"
    ),
    ArtifactUsedData(
        collection=_portfolio, artifact=_member_version, version="v3", run="vision/model-registry/runs/p0q8z7ef"
    ),
    AliasAddedData(
        collection=_portfolio,
        artifact=_member_version,
        version="v3",
        alias="production",
        previous="v2",
        protected=True,
        approval=ApprovalEvidence(id=70, requested_by="3", granted_by=["4"], quorum=1),
    ),
    AliasRemovedData(collection=_portfolio, artifact=_member_version, version="v3", alias="staging"),
    ProtectedAliasAddedData(alias="production", registry=_registry, approvals=1),
    ProtectedAliasRemovedData(alias="production", registry=_registry, approvals=1),
    TagAddedData(
        collection=_portfolio, artifact=_member_version, version="v3", tag="task", value="classification", previous=None
    ),
    TagRemovedData(collection=_portfolio, artifact=_member_version, version="v3", tag="reviewed"),
    CollectionTagAddedData(collection=_portfolio, tag="vision"),
    CollectionTagRemovedData(collection=_portfolio, tag="draft"),
    CollectionCreatedData(collection=_portfolio),
    CollectionUpdatedData(collection=_portfolio, changes={"description": Change(from_=None, to="Handwritten digits")}),
    CollectionDeletedData(collection=_portfolio),
    RegistryCreatedData(registry=_registry),
    RegistryUpdatedData(registry=_registry, changes={"visibility": Change(from_="restricted", to="organization")}),
    RegistryDeletedData(registry=_registry),
    RegistryMemberChangedData(registry=_registry, member=_grace, role=Change(from_=None, to="admin")),
    ProjectCreatedData(project=_project),
    ProjectUpdatedData(project=_project, changes={"description": Change(from_=None, to="Digits")}),
    ProjectDeletedData(project=_project),
    RunCreatedData(run=_run.model_copy(update={"state": "running"})),
    RunStateChangedData(
        run=_run, state=Change(from_="running", to="finished"), summary={"acc": 0.991, "loss": 0.031}, exit_code=0
    ),
    RunDeletedData(run=_run, summary={"acc": 0.991, "loss": 0.031}),
    RunAlertedData(
        run=_run.model_copy(update={"state": "running"}),
        title="Loss is rising",
        text="The loss has risen for 500 steps: 0.42 to 0.61.",
        severity="warn",
    ),
    RunMetricTriggeredData(
        run=_run.model_copy(update={"state": "running"}),
        automation=_automation.model_copy(
            update={"name": "loss-exploded", "scope": "project/vision/mnist", "events": ["run.metric_triggered"]}
        ),
        revision=4,
        metric="loss",
        values=[0.9, 1.8, "Infinity"],
        value="Infinity",
        step=1200,
        threshold=1.5,
        trigger=MetricTrigger(kind="threshold", comparison=">", threshold=1.5, aggregation="average", window=3),
    ),
    AutomationCreatedData(automation=_automation, revision=Change(from_=None, to=1)),
    AutomationUpdatedData(
        automation=_automation,
        revision=Change(from_=3, to=4),
        changes={"limits": Change(from_=None, to={"cooldown": "10m"})},
    ),
    AutomationEnabledData(automation=_automation, revision=Change(from_=4, to=4)),
    AutomationDisabledData(
        automation=_automation.model_copy(update={"enabled": False}), revision=Change(from_=4, to=4)
    ),
    AutomationDeletedData(automation=_automation, revision=Change(from_=4, to=None)),
    ExecutionSkippedData(automation=_automation, revision=4, cause=_CAUSE, cause_type="alias.added", reason="cooldown"),
    ExecutionFailedData(
        automation=_automation,
        revision=4,
        cause=_CAUSE,
        cause_type="alias.added",
        action_index=0,
        action="webhook",
        delivery=_DELIVERY,
        reason="integration ci has no secret CI_TOKEN",
    ),
    ExecutionFinishedData(
        automation=_automation,
        revision=4,
        cause=_CAUSE,
        cause_type="alias.added",
        action_index=0,
        action="webhook",
        delivery=_DELIVERY,
    ),
    IntegrationCreatedData(integration=_integration),
    IntegrationUpdatedData(integration=_integration, changes={"name": Change(from_="deploy", to="ci")}),
    IntegrationDeletedData(integration=_integration),
    SecretCreatedData(secret=_secret),
    SecretRotatedData(secret=_secret),
    SecretDeletedData(secret=_secret),
    DeliveryExhaustedData(
        endpoint=_endpoint,
        delivery=_DELIVERY,
        attempts=10,
        cause=_CAUSE,
        cause_type="alias.added",
        automation_id=15,
        error="http_5xx",
        response_code=503,
    ),
    EndpointFailingData(endpoint=_endpoint, attempts=4, delivery=_DELIVERY, error="http_5xx", since=_BORN),
    EndpointRecoveredData(endpoint=_endpoint, attempts=6, delivery=_DELIVERY, since=_BORN),
    EndpointDisabledData(
        endpoint=_endpoint, attempts=58, delivery=_DELIVERY, error="timeout", since=_BORN, reason="failing"
    ),
    EndpointEnabledData(endpoint=_endpoint),
    JobQueuedData(job=_job),
    JobStartedData(job=_job, agent="gpu-host-1"),
    JobFinishedData(job=_job, exit_code=0),
    JobFailedData(job=_job, exit_code=137, reason="the process was killed (out of memory)", stage="run"),
    JobStoppedData(job=_job, reason="stopped by ada"),
    ApprovalRequestedData(
        collection=_portfolio,
        artifact=_member_version,
        version="v3",
        approval=_approval(granted_by=[], denied_by=[]),
        alias="production",
        previous="v2",
        reason="better on every digit",
    ),
    ApprovalGrantedData(
        collection=_portfolio,
        artifact=_member_version,
        version="v3",
        approval=_approval(granted_by=["4"], denied_by=[]),
        alias="production",
        previous="v2",
        by="4",
        complete=True,
    ),
    ApprovalDeniedData(
        collection=_portfolio,
        artifact=_member_version,
        version="v3",
        approval=_approval(granted_by=[], denied_by=["4"]),
        alias="production",
        previous="v2",
        by="4",
        reason="not evaluated on the new test set",
    ),
    ApprovalExpiredData(
        collection=_portfolio,
        artifact=_member_version,
        version="v3",
        approval=_approval(granted_by=[], denied_by=[]),
        alias="production",
        previous="v2",
    ),
    MemberInvitedData(member=_grace, team="vision", role="member"),
    MemberRemovedData(member=_grace, team="vision", role="member"),
    MemberRoleChangedData(member=_grace, team="vision", role=Change(from_="member", to="admin")),
    OrganizationUpdatedData(
        organization=OrganizationSnapshot(id=1, name="acme"), changes={"retention_days": Change(from_=90, to=365)}
    ),
    ApiKeyCreatedData(api_key=_key),
    ApiKeyRevokedData(api_key=_key),
    SessionLoginData(member=_ada, method="password"),
    SessionLogoutData(member=_ada),
    SessionDeniedData(
        action="session.login", resource="console", reason="wrong password", login="ada", method="password"
    ),
    AccessDeniedData(
        action="alias.set_protected",
        resource=f"{_MODEL} production",
        reason="the alias production is protected in this registry",
        role_needed="admin",
        role_held="member",
        member=_ada,
    ),
)

DATA: dict[object, Payload] = {type(each): each for each in _EXAMPLES}
"""An example by its data class."""

SUBJECTS: dict[str, str] = {
    "access": _MODEL,
    "alias": _MODEL,
    "api_key": "acme/api-keys/rgk_7Qm2",
    "approval": f"{_MODEL}/approvals/70",
    "artifact": _MODEL,
    "artifact.created": _SOURCE,
    "artifact.deleted": _SOURCE,
    "artifact.updated": _SOURCE,
    "automation": "vision/automations/deploy-on-production",
    "collection": "vision/model-registry/MNIST",
    "collection_tag": "vision/model-registry/MNIST",
    "delivery": f"vision/endpoints/ci/deliveries/{_DELIVERY}",
    "endpoint": "vision/endpoints/ci",
    "execution": "vision/automations/deploy-on-production",
    "integration": "vision/integrations/ci",
    "job": "vision/queues/eval/310",
    "member": "vision/members/grace",
    "organization": "organization",
    "project": "vision/mnist",
    "protected_alias": "acme/wandb-registry-model",
    "registry": "acme/wandb-registry-model",
    "run": _RUN_PATH,
    "secret": "vision/secrets/CI_TOKEN",
    "session": "acme/members/ada",
    "tag": _MODEL,
}
"""A subject by what the type is about; three types are about the source version."""

BY_THE_SERVER = frozenset({"delivery", "endpoint", "execution"})
"""What no person does."""
