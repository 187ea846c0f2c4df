"""The secrets that payloads of a revision refer to, found and locked when it is saved.

They are those of the team that owns the integration: whoever may write an automation may let the team's endpoints be
called with the team's secrets, and nobody else's.
"""

from regista.automations import integrations
from regista.automations.errors import TemplateError, UnknownSecretError
from regista.automations.payloads.checks import Checks
from regista.automations.payloads.compiling import unknown_name
from regista.automations.payloads.templates import check_payload
from regista.automations.repository import NewRevision
from regista.automations.secrets import repository as secrets
from regista.kit.db import Transaction


async def find_secrets(transaction: Transaction, new: NewRevision) -> set[int]:
    """Return the ids of the secrets, none of which can be deleted before this transaction ends.

    Raises TemplateError for a template that is none, and for a plain name that is neither a variable nor a secret, and
    UnknownSecretError.
    """
    found: set[int] = set()
    checks = Checks()
    owners: dict[int, int] | None = None
    for number, (action, integration) in enumerate(zip(new.actions, new.integration_ids, strict=True)):
        ((kind, settings),) = action.items()
        within = f"actions[{number}].{kind}"
        try:
            references = check_payload(settings, new.events, checks)
        except TemplateError as error:
            error.details["place"] = f"{within}.{error.details['place']}"
            raise
        if not references or integration is None:
            continue
        if owners is None:
            ids = [each for each in new.integration_ids if each is not None]
            owners = await integrations.owners(transaction, ids)
        known = await secrets.named(transaction, owners[integration], {each.name for each in references})
        for each in references:
            if each.name in known:
                found.add(known[each.name])
            elif each.plain:
                raise unknown_name(each, within)
            else:
                raise UnknownSecretError(
                    f"${{secret.{each.name}}} at {each.place}: the integration's team has no secret {each.name!r}; "
                    "make it first",
                    field="actions",
                    place=f"{within}.{each.place}",
                    missing=[each.name],
                )
    return found
