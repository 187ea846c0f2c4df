"""Launch jobs on their way through a queue."""

from typing import Literal

from regista_events.envelope import Event, Payload
from regista_events.subjects import JobSnapshot


class JobData(Payload, frozen=True):
    """The item of the queue, with its queue and run, as it stands after the change."""

    job: JobSnapshot


class JobQueuedData(JobData, frozen=True):
    """The item as it was put on the queue."""


class JobQueued(Event[JobQueuedData], frozen=True):
    """A job was put on a queue."""

    type: Literal["dev.regista.job.queued"] = "dev.regista.job.queued"


class JobStartedData(JobData, frozen=True):
    """`agent` runs it; `attempt` counts from 1."""

    agent: str | None = None
    attempt: int = 1


class JobStarted(Event[JobStartedData], frozen=True):
    """An agent started a job."""

    type: Literal["dev.regista.job.started"] = "dev.regista.job.started"


class JobFinishedData(JobData, frozen=True):
    """`exit_code` is 0 or None where the executor has none."""

    exit_code: int | None = None


class JobFinished(Event[JobFinishedData], frozen=True):
    """A job ended well."""

    type: Literal["dev.regista.job.finished"] = "dev.regista.job.finished"


class JobFailedData(JobData, frozen=True):
    """`exit_code` is None where the job never ran; `stage` is where it failed, `reason` why."""

    exit_code: int | None = None
    reason: str
    stage: str | None = None


class JobFailed(Event[JobFailedData], frozen=True):
    """A job failed for good: its queue retries it no more."""

    type: Literal["dev.regista.job.failed"] = "dev.regista.job.failed"


class JobStoppedData(JobData, frozen=True):
    """`exit_code` is None where the job never ran."""

    exit_code: int | None = None
    reason: str | None = None


class JobStopped(Event[JobStoppedData], frozen=True):
    """A job was stopped by someone."""

    type: Literal["dev.regista.job.stopped"] = "dev.regista.job.stopped"
