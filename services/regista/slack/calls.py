"""Calls to Slack, and what it says to them.

They go through the guarded client of the process, not through Slack's own: that one reads answers of any size and takes
proxies from the environment.

Sources: Slack, "Using the Slack Web API", "Evaluating responses" and "Rate limits"; "Incoming webhooks".
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from regista.kit.http import Answer, GuardedClient

TIMEOUT: Final = 15.0
"""Seconds of one call."""
UNREADABLE: Final = "slack_unreadable"
"""What came back is no answer of Slack's."""
_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Regista-Slack"}
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")


class Said(NamedTuple):
    """What came of a call: ``error`` is None where Slack did what was asked.

    Otherwise it is ``slack_WORD`` with Slack's own ``word``, `UNREADABLE`, or the code of what went wrong on the way, and
    ``word`` is None. ``document`` is what a method answered.
    """

    answer: Answer
    error: str | None
    word: str | None
    document: Mapping[str, Any]


async def call(client: GuardedClient, api: str, method: str, token: str, document: Mapping[str, Any]) -> Said:
    """Call a method of Slack's Web API, whose base URL is ``api``; what goes wrong is said, never raised."""
    headers = _JSON | {"Authorization": f"Bearer {token}"}
    return _read(await client.post(f"{api.rstrip('/')}/{method}", _body(document), headers, timeout=TIMEOUT))


async def post(client: GuardedClient, url: str, document: Mapping[str, Any]) -> Said:
    """Give a message to an incoming webhook; what goes wrong is said, never raised."""
    answer = await client.post(url, _body(document), _JSON, timeout=TIMEOUT)
    text = answer.body.decode(errors="replace").strip()
    if answer.error is None and text == "ok":
        return Said(answer, None, None, {})
    # Some answer as a method does: a limit, and what stands before Slack.
    return _read(answer) if text.startswith("{") else _refused(answer, text, {})


def _read(answer: Answer) -> Said:
    try:
        document: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return _refused(answer, None, {})
    if document.get("ok") is True and answer.error is None:  # pyright: ignore[reportUnknownMemberType] - checked here
        return Said(answer, None, None, document)
    return _refused(answer, document.get("error"), document)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - of any kind


def _refused(answer: Answer, word: Any, document: Mapping[str, Any]) -> Said:
    if answer.status is not None and isinstance(word, str) and _WORD.match(word):
        return Said(answer, f"slack_{word}", word, document)
    return Said(answer, answer.error or UNREADABLE, None, document)


def _body(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
