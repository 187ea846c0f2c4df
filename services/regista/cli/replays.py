"""``regista replay``: events of the past to an automation or an endpoint, over REST."""

import json
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

from regista.kit.errors import ConfigurationError

_SECONDS = 60
_LOOK_SECONDS = 0.5

Tell = Callable[[float], None]
"""Is told the share of the log that was looked at."""


class Target(NamedTuple):
    """What events are replayed to: ``automations`` or ``webhooks``, and which."""

    kind: str
    number: int


class Replayer:
    """A client of the server at ``url``. Its methods raise `ConfigurationError` with what the server says."""

    def __init__(self, url: str, key: str, transport: httpx.BaseTransport | None = None) -> None:
        try:
            self._client = httpx.Client(
                base_url=f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1",
                headers={"authorization": f"Bearer {key}"},
                timeout=_SECONDS,
                transport=transport,
            )
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise ConfigurationError(f"the URL or the key cannot be sent: {error}") from None
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def start(self, target: Target, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a replay; return it as it begins."""
        return self._json("POST", f"/{target.kind}/{target.number}/replay", json=wanted)

    def follow(self, replay: dict[str, Any], tell: Tell) -> dict[str, Any]:
        """Wait until a replay has ended, and return it then. It goes on if nobody waits."""
        while True:
            tell(replay["done"])
            if replay["state"] != "running":
                return replay
            time.sleep(_LOOK_SECONDS)
            replay = self._json("GET", f"/replays/{replay['id']}")

    def rehearse(self, target: Target, wanted: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        """Return the summary of what a replay would do."""
        path = f"/{target.kind}/{target.number}/replay"
        line: dict[str, Any] = {}
        try:
            with self._client.stream("POST", path, json={**wanted, "dry_run": True}) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._refused(answer)
                for text in answer.iter_lines():
                    line = json.loads(text)
                    tell(line.get("done", 0.0))
        except httpx.HTTPError as error:
            raise self._silent(error) from None
        if line.get("kind") != "summary":
            raise ConfigurationError(f"{self._url}: {line.get('detail') or 'the answer broke off; ask again'}")
        return line

    def _json(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, **given)
        except httpx.HTTPError as error:
            raise self._silent(error) from None
        if not answer.is_success:
            raise self._refused(answer)
        return answer.json()

    def _silent(self, error: httpx.HTTPError) -> ConfigurationError:
        return ConfigurationError(f"{self._url} does not answer: {error or type(error).__name__}")

    def _refused(self, answer: httpx.Response) -> ConfigurationError:
        try:
            said: Any = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            said = f"it answers {answer.status_code}, and not as Regista does; check the URL"
        return ConfigurationError(f"{self._url}: {said}")
