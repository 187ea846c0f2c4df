"""The server that automations are applied to, over REST."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from regista.cli.automations.changes import AUTHOR, Alteration, Change, Creation, Deletion, Step
from regista.cli.automations.declared import Declared
from regista.cli.automations.faults import Fault, ServerError

_PATH = "/automations"
_SECONDS = 60
_PAGE = 500
_UNAUTHENTICATED = 401
_GONE = 404
"""What is to be deleted and is not there any more: somebody else was quicker."""
_BROKEN = 500


class RefusedError(Exception):
    """The server does not take one automation; ``problem`` is the document (RFC 9457) that it answers."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail"))
        self.status = status
        self.problem = problem

    @property
    def sentence(self) -> str:
        """What the server says."""
        return str(self.problem.get("detail") or f"the server answers {self.status}")

    def faults(self, declared: Declared) -> list[Fault]:
        """Return what it says, each at its place in the file."""
        errors: list[dict[str, Any]] = self.problem.get("errors") or []
        if errors:
            return [declared.fault(each, f"{each.get('field')}: {each.get('message')}") for each in errors]
        # Who may not see or change something there is told so without a field: it is the scope that decides.
        return [declared.fault({"field": "scope", **self.problem}, self.sentence)]


class Server:
    """A client of ``url``; one that cannot be reached, or refuses the key, raises `ServerError`."""

    def __init__(self, url: str, key: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/").removesuffix("/api/v1")
        if not self.url.startswith(("http://", "https://")):
            raise ServerError(f"{url!r} is no URL of a server; write http://… or https://…")
        try:
            self._client = httpx.Client(
                base_url=f"{self.url}/api/v1",
                headers={"authorization": f"Bearer {key}"},
                timeout=_SECONDS,
                transport=transport,
            )
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise ServerError(f"the URL or the key cannot be sent: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def automations(self) -> list[dict[str, Any]]:
        """Return every automation that the key may see."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            try:
                page = self._ask("GET", _PATH, params=query)
            except RefusedError as error:
                raise ServerError(f"{self.url}: {error.sentence}") from None
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def check(self, declared: Declared) -> int | None:
        """Return the id of the automation that this is, None for a new one. Raises `RefusedError`."""
        return self._ask("POST", f"{_PATH}/check", json=declared.body)["id"]

    def take(self, step: Step) -> None:
        """Do one step. Raises `RefusedError`."""
        match step:
            case Creation(declared):
                self._ask("POST", _PATH, json=declared.body)
            case Alteration(_, number, changes):
                self._ask("PATCH", f"{_PATH}/{number}", json=_sent(changes))
            case Deletion(number):
                try:
                    self._ask("DELETE", f"{_PATH}/{number}")
                except RefusedError as error:
                    if error.status != _GONE:
                        raise

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        try:
            answer = self._client.request(method, path, **given)
        except httpx.HTTPError as error:
            raise ServerError(f"{self.url} does not answer: {error or type(error).__name__}") from None
        if answer.is_success:
            return self._json(answer) if answer.content else None
        problem = self._json(answer)
        if answer.status_code == _UNAUTHENTICATED or answer.status_code >= _BROKEN:
            raise ServerError(f"{self.url} answers {answer.status_code}: {problem.get('detail')}")
        raise RefusedError(answer.status_code, problem)

    def _json(self, answer: httpx.Response) -> Any:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ServerError(f"{self.url} answers {answer.status_code}, and not as Regista does; check the URL")
        return found


def _sent(changes: Mapping[str, Change]) -> dict[str, Any]:
    return {name: change.after for name, change in changes.items() if name != AUTHOR}
