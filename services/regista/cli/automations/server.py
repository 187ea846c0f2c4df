"""The server that automations are applied to, over REST."""

from collections.abc import Mapping
from typing import Any

from regista.cli.automations.changes import AUTHOR, Alteration, Change, Creation, Deletion, Step
from regista.cli.automations.declared import Declared
from regista.cli.automations.faults import Fault
from regista.cli.rest import RefusedError, Rest, ServerError

_PATH = "/automations"
_PAGE = 500
_GONE = 404
"""What is to be deleted and is not there any more: somebody else was quicker."""


def faults_of(refused: RefusedError, declared: Declared) -> list[Fault]:
    """Return what the server says of one automation, each at its place in the file."""
    errors: list[dict[str, Any]] = refused.problem.get("errors") or []
    if errors:
        return [declared.fault(each, f"{each.get('field')}: {each.get('message')}") for each in errors]
    # Who may not see or change something there is told so without a field: it is the scope that decides.
    return [declared.fault({"field": "scope", **refused.problem}, refused.sentence)]


class Server(Rest):
    """The automations of a server."""

    def automations(self) -> list[dict[str, Any]]:
        """Return every automation that the key may see."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            try:
                page = self.ask("GET", _PATH, params=query)
            except RefusedError as error:
                raise ServerError(f"{self.url}: {error.sentence}") from None
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def check(self, declared: Declared) -> int | None:
        """Return the id of the automation that this is, None for a new one. Raises `RefusedError`."""
        return self.ask("POST", f"{_PATH}/check", json=declared.body)["id"]

    def take(self, step: Step) -> None:
        """Do one step. Raises `RefusedError`."""
        match step:
            case Creation(declared):
                self.ask("POST", _PATH, json=declared.body)
            case Alteration(_, number, changes):
                self.ask("PATCH", f"{_PATH}/{number}", json=_sent(changes))
            case Deletion(number):
                try:
                    self.ask("DELETE", f"{_PATH}/{number}")
                except RefusedError as error:
                    if error.status != _GONE:
                        raise


def _sent(changes: Mapping[str, Change]) -> dict[str, Any]:
    return {name: change.after for name, change in changes.items() if name != AUTHOR}
