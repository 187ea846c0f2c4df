"""A server's REST, as commands ask it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from regista.kit.errors import RegistaError

_SECONDS = 60
_UNAUTHENTICATED = 401
_BROKEN = 500


class ServerError(RegistaError):
    """The server cannot be reached, or refuses what is needed for anything at all."""

    code = "server"


class RefusedError(Exception):
    """The server does not take what was asked; ``problem`` is the document (RFC 9457) that it answers."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail"))
        self.status = status
        self.problem = problem

    @property
    def sentence(self) -> str:
        """What the server says."""
        return str(self.problem.get("detail") or f"the server answers {self.status}")


class Rest:
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

    def ask(self, method: str, path: str, **given: Any) -> Any:
        """Return the JSON of an answer, None where it has none. Raises `RefusedError`."""
        try:
            answer = self._client.request(method, path, **given)
        except httpx.HTTPError as error:
            raise self.silent(error) from None
        if not answer.is_success:
            raise self.refused(answer)
        return self._json(answer) if answer.content else None

    def silent(self, error: httpx.HTTPError) -> ServerError:
        """Return what is said of a server that does not answer."""
        return ServerError(f"{self.url} does not answer: {error or type(error).__name__}")

    def refused(self, answer: httpx.Response) -> ServerError | RefusedError:
        """Return what an answer that is no success comes to."""
        problem = self._json(answer)
        if answer.status_code == _UNAUTHENTICATED or answer.status_code >= _BROKEN:
            return ServerError(f"{self.url} answers {answer.status_code}: {problem.get('detail')}")
        return RefusedError(answer.status_code, problem)

    def _json(self, answer: httpx.Response) -> Any:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ServerError(f"{self.url} answers {answer.status_code}, and not as Regista does; check the URL")
        return found
