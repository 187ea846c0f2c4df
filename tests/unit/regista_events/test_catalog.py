import re

import pytest

from regista_events import EVENT_TYPES, event_class, short_names

CATALOGUE = [
    "artifact.created",
    "artifact.linked",
    "artifact.unlinked",
    "artifact.updated",
    "artifact.deleted",
    "artifact.downloaded",
    "artifact.used",
    "alias.added",
    "alias.removed",
    "tag.added",
    "tag.removed",
    "collection_tag.added",
    "collection_tag.removed",
    "collection.created",
    "collection.updated",
    "collection.deleted",
    "registry.created",
    "registry.updated",
    "registry.deleted",
    "registry.member_changed",
    "protected_alias.added",
    "protected_alias.removed",
    "project.created",
    "project.updated",
    "project.deleted",
    "run.created",
    "run.state_changed",
    "run.deleted",
    "run.alerted",
    "run.metric_triggered",
    "automation.created",
    "automation.updated",
    "automation.enabled",
    "automation.disabled",
    "automation.deleted",
    "execution.skipped",
    "execution.failed",
    "execution.finished",
    "integration.created",
    "integration.updated",
    "integration.deleted",
    "secret.created",
    "secret.rotated",
    "secret.deleted",
    "delivery.exhausted",
    "endpoint.failing",
    "endpoint.recovered",
    "endpoint.disabled",
    "endpoint.enabled",
    "job.queued",
    "job.started",
    "job.finished",
    "job.failed",
    "job.stopped",
    "approval.requested",
    "approval.granted",
    "approval.denied",
    "approval.expired",
    "member.invited",
    "member.removed",
    "member.role_changed",
    "organization.updated",
    "api_key.created",
    "api_key.revoked",
    "session.login",
    "session.logout",
    "session.denied",
    "access.denied",
]


def test_the_catalogue_is_whole_and_has_nothing_else() -> None:
    assert list(short_names()) == sorted(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_class_is_named_after_its_type(name: str) -> None:
    words = re.split(r"[._]", name)
    found = event_class(name)
    assert found.__name__ == "".join(word.capitalize() for word in words)
    assert EVENT_TYPES[f"dev.regista.{name}"] is found
    assert found.__doc__


def test_a_type_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=r"dev\.regista\.alias\.frobbed"):
        event_class("alias.frobbed")
