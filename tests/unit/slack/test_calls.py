import json
from collections.abc import Mapping
from typing import Any

import pytest

from regista.kit.http import Answer, Failure
from regista.slack import calls
from regista.slack.calls import UNREADABLE, Said
from regista.slack.faults import OF_ACCESS, OF_MESSAGE, explained
from regista.slack.routes import ChannelRoute
from regista.slack.sender import outcome_of


class Client:
    """Answers one thing, and remembers what it was given."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.given: list[tuple[str, Any, Mapping[str, str]]] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:  # noqa: ASYNC109 - the client's own
        assert timeout <= 30
        self.given.append((url, json.loads(body), headers))
        return self.answer


def answer(
    status: int | None, body: bytes = b"", error: Failure | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    if error is None and status is not None and status >= 300:
        error = Failure.HTTP_4XX if status < 500 else Failure.HTTP_5XX
    return Answer(status, error, dict(headers or {}), body, truncated=False, seconds=0.1)


async def called(given: Answer) -> Said:
    client: Any = Client(given)
    said = await calls.call(client, "https://slack.test/api", "auth.test", "xoxb-1", {})
    ((url, _, headers),) = client.given
    assert (url, headers["Authorization"]) == ("https://slack.test/api/auth.test", "Bearer xoxb-1")
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    return said


async def hooked(given: Answer) -> Said:
    client: Any = Client(given)
    return await calls.post(client, "https://slack.test/services/T/B/x", {"text": "x"})


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        (answer(200, b'{"ok":true,"team":"Acme"}'), None, None),
        (answer(200, b'{"ok":false,"error":"invalid_auth"}'), "slack_invalid_auth", "invalid_auth"),
        (answer(429, b'{"ok":false,"error":"ratelimited"}'), "slack_ratelimited", "ratelimited"),
        (answer(503, b"<html>upstream</html>"), "http_5xx", None),
        (answer(503, b'{"ok":true}'), "http_5xx", None),
        (answer(200, b"<html>a captive portal</html>"), UNREADABLE, None),
        (answer(200, b'["ok"]'), UNREADABLE, None),
        (answer(200, b'{"ok":"yes"}'), UNREADABLE, None),
        (answer(200, b'{"ok":false}'), UNREADABLE, None),
        (answer(200, b'{"ok":false,"error":"Bad thing: <x>"}'), UNREADABLE, None),
        (answer(200, b'{"ok":false,"error":{"a":1}}'), UNREADABLE, None),
        (answer(200, b"[" * 10_000), UNREADABLE, None),
        (answer(None, error=Failure.TIMEOUT), "timeout", None),
        (answer(200, error=Failure.CONNECTION_RESET), "connection_reset", None),
    ],
)
async def test_a_method_has_done_what_was_asked_or_says_in_a_word_why_not(
    given: Answer, error: str | None, word: str | None
) -> None:
    said = await called(given)
    assert (said.error, said.word) == (error, word)


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        (answer(200, b"ok"), None, None),
        (answer(200, b"<html>a captive portal</html>"), UNREADABLE, None),
        (answer(400, b"invalid_payload"), "slack_invalid_payload", "invalid_payload"),
        (answer(404, b"no_service"), "slack_no_service", "no_service"),
        (answer(410, b"channel_is_archived"), "slack_channel_is_archived", "channel_is_archived"),
        (answer(429, b'{"ok":false,"error":"ratelimited"}'), "slack_ratelimited", "ratelimited"),
        (answer(500, b"rollup error: <x>"), "http_5xx", None),
        (answer(None, error=Failure.DNS_ERROR), "dns_error", None),
    ],
)
async def test_an_incoming_webhook_says_ok_or_a_word(given: Answer, error: str | None, word: str | None) -> None:
    said = await hooked(given)
    assert (said.error, said.word) == (error, word)


async def test_an_answer_is_what_delivery_needs_to_judge_it_and_holds_no_secret() -> None:
    route = ChannelRoute("C1", "xoxb-secret", None)

    async def outcome(given: Answer) -> Any:
        return outcome_of(await called(given), route)

    done = await outcome(answer(200, b'{"ok":true,"token":"xoxb-secret"}'))
    assert (done.error, done.gone, done.final, done.body) == (None, False, False, b'{"ok":true,"token":"***"}')
    busy = await outcome(answer(429, b'{"ok":false,"error":"ratelimited"}', headers={"retry-after": "30"}))
    assert (busy.status, busy.retry_after, busy.pause, busy.final, busy.gone) == (429, "30", 30.0, False, False)
    for word in OF_MESSAGE:
        judged = await outcome(answer(200, json.dumps({"ok": False, "error": word}).encode()))
        assert (judged.final, judged.gone, judged.pause) == (True, False, 0.0)
    for word in OF_ACCESS:
        judged = await outcome(answer(200, json.dumps({"ok": False, "error": word}).encode()))
        assert (judged.final, judged.gone) == (False, True)
    for word in ("channel_not_found", "not_in_channel", "is_archived", "internal_error", "a_word_of_tomorrow"):
        judged = await outcome(answer(200, json.dumps({"ok": False, "error": word}).encode()))
        assert (judged.error, judged.final, judged.gone) == (f"slack_{word}", False, False)


def test_a_word_is_explained_where_its_meaning_is_known() -> None:
    assert explained("not_in_channel") == "not_in_channel (the bot is no member of the channel; invite it there)"
    assert explained("a_word_of_tomorrow") == "a_word_of_tomorrow"
