"""Alerts that a run's program raises: each an event, those of one title no more often than the program asks for."""

from datetime import timedelta
from typing import Literal

from regista.access.verdict import Actor
from regista.kit.db import Transaction
from regista.kit.outbox import Draft, append
from regista.tracking import repository
from regista.tracking.runs import lock_run
from regista_events import RunAlerted, RunAlertedData

Severity = Literal["info", "warn", "error"]
_TITLE, _TEXT = 1024, 64 * 1024


async def raise_alert(
    transaction: Transaction,
    actor: Actor,
    path: tuple[str, str, str],
    *,
    title: str,
    text: str,
    severity: Severity,
    wait: timedelta,
) -> bool:
    """Announce an alert of a run; return False for one that comes within ``wait`` of the last of its title.

    ``path`` is entity, project and name. A title is cut at 1,024 characters and a text at 65,536: an alert is not refused
    for being long. Raises `NotFoundError`, `AccessDeniedError`.
    """
    locked = await lock_run(transaction, actor, *path)
    title = title[:_TITLE]
    if not await repository.note_alert(transaction, locked.run.id, title, locked.aggregate.now, wait):
        return False
    data = RunAlertedData(run=locked.run.snapshot(locked.project), title=title, text=text[:_TEXT], severity=severity)
    await append(transaction, [Draft(RunAlerted, locked.aggregate, locked.run.path(locked.project), data)])
    return True
