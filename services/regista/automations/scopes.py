"""Which kinds of scopes the events of a type can lie in: in any other, an automation would wait for ever. Pure."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel

from regista.automations.matching import scope_keys
from regista.kit.errors import InvalidError
from regista.registry.scopes import WRITTEN
from regista_events import sample

_PLACE: Final[dict[str, Any]] = {"id": 1, "entity_id": 1, "entity": "x", "project_id": 1, "registry_id": 1}


def check_scope(kind: str, events: Sequence[str]) -> None:
    """Return if an event of one of the types can lie in a scope of the kind. Raises `InvalidError`: it says what fits."""
    fitting = frozenset[str]().union(*map(kinds_of, events))
    if kind in fitting:
        return
    written = [WRITTEN[each] for each in WRITTEN if each in fitting]
    raise InvalidError(
        f"no {' and no '.join(map(repr, events))} ever lies in a scope {WRITTEN[kind]}, so the automation would never fire; "
        f"use the scope {' or '.join(written)}",
        field="scope",
    )


@cache
def kinds_of(event_type: str) -> frozenset[str]:
    """Return the kinds of scopes that an event of the type, by its short name, may lie in."""
    event = sample(event_type)
    fields = type(event.data).model_fields.items()
    everything = {name: value for name, field in fields if (value := _placed(field.annotation)) is not None}
    whole = event.model_copy(update={"data": event.data.model_copy(update=everything)})
    return frozenset(kind for kind, _ in scope_keys(whole))


def _placed(annotation: Any) -> Any:
    """Return a value of a field that lies in every kind of scope that it can say; None where it says none."""
    for each in (annotation, *get_args(annotation)):
        if each is str:
            return "x"
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each.model_construct(**{name: value for name, value in _PLACE.items() if name in each.model_fields})
    return None
