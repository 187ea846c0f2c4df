"""What executions of Slack's actions put into the ledger: the message, as it will be posted."""

import json
from collections.abc import Sequence
from typing import Final

from regista.automations.deciding.decisions import Execution
from regista.automations.payloads.authors import name_authors
from regista.automations.payloads.frozen import Frozen, encoded
from regista.automations.payloads.templates import render_message
from regista.delivery import Claimed, plan
from regista.effects.planner import Planned, Way
from regista.effects.planning import planned
from regista.kit.db import Transaction
from regista.slack.message import Words, message_of


async def plan_messages(
    transaction: Transaction, executions: Sequence[Execution], others: Sequence[Planned]
) -> list[Claimed]:
    """Write what is not in the ledger yet, ``others`` behind the executions, and return it in order."""
    await name_authors(transaction, [each.seen for each in executions])
    return await plan(transaction, [*await planned(transaction, executions, _frozen), *others])


SLACK: Final = Way("slack", "slack", plan_messages)


def _frozen(execution: Execution) -> Frozen:
    said = render_message(execution.action, execution.automation, execution.seen)
    if said.error is not None:
        return Frozen(b"", missing=said.missing, error=said.error)
    words = Words(said.title, said.text, execution.action.settings.get("severity"))
    return Frozen(encoded(json.dumps(message_of(words, execution.seen), ensure_ascii=False, separators=(",", ":"))))
