"""The names of those who caused events, for templates that say them: an event carries ids alone."""

from collections.abc import Iterable

from regista.access.repository import account_names
from regista.automations.language.seen import Seen
from regista.kit.db import Transaction


async def name_authors(transaction: Transaction, events: Iterable[Seen]) -> None:
    """Set ``author`` of each event to the name that its account has today; whoever is no account keeps the id.

    One statement, none where no account has caused anything.
    """
    by_account = [(int(seen.event.actor), seen) for seen in events if seen.event.actor.isdecimal()]
    if not by_account:
        return
    names = await account_names(transaction, {account for account, _ in by_account})
    for account, seen in by_account:
        seen.author = names.get(account)
