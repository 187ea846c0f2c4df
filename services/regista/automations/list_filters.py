"""Which automations a reader of the list asks for."""

from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

from regista.automations.triggers import parse_events
from regista.kit.db.conditions import All, Condition, Test
from regista.registry.scopes import parse_scope

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


def asked(
    name: Annotated[Text | None, Query(description="the whole name")] = None,
    scope: Annotated[Text | None, Query(description="as automations show it, such as `project/team/mnist`")] = None,
    on: Annotated[Text | None, Query(description="an event type that it waits for, such as `alias.added`")] = None,
    integration: Annotated[
        Text | None, Query(description="what one of its actions sends to: `NAME` or `ENTITY/NAME`")
    ] = None,
    enabled: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Condition:
    """Return the condition of a list's query; all that is given must hold.

    Raises `UnknownEventTypeError` for a type that there is not, `InvalidError` for a scope that is none.
    """
    if scope is not None:
        parse_scope(scope)
    tests = {
        "name": name,
        "scope": scope,
        "events": on and parse_events([on])[0],
        "integration" if integration is None or "/" not in integration else "integration_path": integration,
        "enabled": enabled,
    }
    return All(tuple(Test(field, "=", value) for field, value in tests.items() if value is not None))
