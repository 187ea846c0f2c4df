"""``regista replay``: events of the past to an automation or an endpoint, over REST."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from regista.cli.rest import RefusedError, Rest, ServerError

_LOOK_SECONDS = 0.5

Tell = Callable[[float], None]
"""Is told the share of the log that was looked at."""


class Target(NamedTuple):
    """What events are replayed to: ``automations`` or ``webhooks``, and which."""

    kind: str
    number: int


class Replayer(Rest):
    """Replays of a server. Its methods raise `ServerError` with what the server says."""

    def start(self, target: Target, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a replay; return it as it begins."""
        return self._asked("POST", f"/{target.kind}/{target.number}/replay", json=wanted)

    def follow(self, replay: dict[str, Any], tell: Tell) -> dict[str, Any]:
        """Wait until a replay has ended, and return it then. It goes on if nobody waits."""
        while True:
            tell(replay["done"])
            if replay["state"] != "running":
                return replay
            time.sleep(_LOOK_SECONDS)
            replay = self._asked("GET", f"/replays/{replay['id']}")

    def rehearse(self, target: Target, wanted: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        """Return the summary of what a replay would do."""
        path = f"/{target.kind}/{target.number}/replay"
        line: dict[str, Any] = {}
        try:
            with self._client.stream("POST", path, json={**wanted, "dry_run": True}) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self.refused(answer)
                for text in answer.iter_lines():
                    line = json.loads(text)
                    tell(line.get("done", 0.0))
        except httpx.HTTPError as error:
            raise self.silent(error) from None
        except RefusedError as error:
            raise ServerError(f"{self.url}: {error.sentence}") from None
        if line.get("kind") != "summary":
            raise ServerError(f"{self.url}: {line.get('detail') or 'the answer broke off; ask again'}")
        return line

    def _asked(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        try:
            return self.ask(method, path, **given)
        except RefusedError as error:
            raise ServerError(f"{self.url}: {error.sentence}") from None
