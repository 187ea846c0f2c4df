"""Whoever drives replays: reads the log on from where each stands, judges, and leaves what fires to the planners.

Who writes: one transaction a chunk holds the replay's row, records the decisions, the executions that are due and how
far it has come. Who reads: the planners, which take what is due. A crash repeats the chunk; nothing of it was there.
"""

from collections import Counter
from collections.abc import Sequence

import structlog

from regista.automations import repository
from regista.automations.actions import NO_OP
from regista.automations.deciding.author_access import lost_access
from regista.automations.deciding.planners import planners
from regista.automations.deciding.verdict import Verdict
from regista.automations.past import replay_repository
from regista.automations.past.due_repository import CHANNEL
from regista.automations.past.hindsight import Hindsight
from regista.automations.past.replay_repository import Running
from regista.events.passage import Chunk, read
from regista.kit.bus.fault import Fault, classify
from regista.kit.db import Database, Transaction
from regista_events import RegistryEvent, UnknownEvent

logger = structlog.get_logger()

Counts = tuple[int, int, int]
"""Events examined, fired and skipped."""


class Replays:
    """Drives all replays, one chunk at a time; any number of these may run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def round(self) -> bool:
        """Take the replay whose turn it is one chunk further; return whether there was one."""
        running: Running | None = None
        try:
            async with self._database.transaction() as transaction:
                running = await replay_repository.take(transaction)
                if running is not None:
                    await self._advance(transaction, running)
        except Exception as error:
            if running is None or classify(error) is not Fault.GUILTY:
                raise
            # It would fail again however often it is tried, and the others wait behind it.
            logger.exception("replay_failed", replay=str(running.id))
            async with self._database.transaction() as transaction:
                said = f"{type(error).__name__}: {error}".replace("\0", "")
                await replay_repository.end(transaction, running.id, "failed", said[:1000])
        return running is not None

    async def _advance(self, transaction: Transaction, running: Running) -> None:
        chunk = await read(transaction, running.organization_id, running.selection, running.left)
        counts = await (
            self._send(transaction, running, chunk.events)
            if running.automation_id is None
            else self._judge(transaction, running, chunk)
        )
        if counts is None:
            # What it was for is gone.
            await replay_repository.end(transaction, running.id, "canceled")
        else:
            await replay_repository.advance(transaction, running.id, chunk.left.after, counts)
            transaction.wake(CHANNEL)

    async def _send(
        self, transaction: Transaction, running: Running, events: Sequence[RegistryEvent | UnknownEvent]
    ) -> Counts | None:
        assert running.integration_id is not None  # noqa: S101 - the table holds one of the two
        target = await replay_repository.target(transaction, running.organization_id, running.integration_id)
        if target is None:
            return None
        await replay_repository.leave(transaction, running, [event.id for event in events], [target.kind])
        return len(events), len(events), 0

    async def _judge(self, transaction: Transaction, running: Running, chunk: Chunk) -> Counts | None:
        assert running.automation_id is not None  # noqa: S101 - as above
        # Whoever deletes it from now on waits for this transaction, and ends the replay then.
        whose = running.organization_id, running.automation_id
        definition = await repository.definition(transaction, *whose)
        if definition is None or await repository.aggregate_id(transaction, *whose) is None:
            return None
        hindsight = Hindsight(definition)
        lost = (await lost_access(transaction, [(definition.id, definition.revision)])).values()
        refused = next((Verdict("skipped", "author", why) for why in lost), None)
        verdicts = [
            (event.id, judged.verdict if refused is None or judged.verdict.outcome != "fire" else refused)
            for event in chunk.events
            if (judged := hindsight.judge(event)) is not None and judged.verdict.outcome != "unmet"
        ]
        await replay_repository.decide(transaction, running, definition.revision, verdicts)
        fired = [event for event, verdict in verdicts if verdict.outcome == "fire"]
        # An action that does nothing waits for nobody.
        await replay_repository.leave(transaction, running, fired, sorted(planners(definition.kinds - {NO_OP})))
        counts = Counter(verdict.outcome for _, verdict in verdicts)
        return len(chunk.events), counts["fire"], counts["skipped"]
