"""A Slack of our own, over HTTP on loopback, which demands what Slack's documentation demands and says what Slack says.

Sources: Slack, "Using the Slack Web API" (content types, evaluating responses), "chat.postMessage" (arguments, errors),
"auth.test", "Block Kit reference" (header, section, context and their limits), "Message metadata", "Rate limits" (one
message a second for a channel, 429 with Retry-After), "Incoming webhooks" (handling errors) and the change log of
2016-05-17 for their status codes. ``msg_blocks_too_long`` at 13,200 characters is what people have measured.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import unquote

from regista.kit import clock
from tests.support.receiver import Receiver, Request, response

TOKEN = "xoxb-1111111111-2222222222-abcdefghijklmnopqrstuvwx"
HOOK = "/services/T0000001/B0000001/abcdefghijklmnopqrstuvwx"
LONGEST_TEXT = 40_000
MOST_BLOCKS = 50
LONGEST_BLOCKS = 13_200
BURST = 3
"""Messages that a channel takes at once before its limit of one a second is felt."""
_EVENT_TYPE = set("abcdefghijklmnopqrstuvwxyz0123456789_")


class Posted(NamedTuple):
    """A message that Slack took: where, what, when by the monotonic clock."""

    channel: str
    message: dict[str, Any]
    at: float

    @property
    def title(self) -> str:
        """The text of its header, ``""`` without one."""
        return next((block["text"]["text"] for block in self.message["blocks"] if block["type"] == "header"), "")

    @property
    def body(self) -> str:
        """The text of its sections."""
        return "\n".join(block["text"]["text"] for block in self.message["blocks"] if block["type"] == "section")

    @property
    def context(self) -> str:
        """The text below."""
        return next(block["elements"][0]["text"] for block in self.message["blocks"] if block["type"] == "context")


class _RefusedError(Exception):
    def __init__(self, word: str, status: str = "200 OK", told: str | None = None, headers: str = "") -> None:
        super().__init__(word)
        self.word, self.status, self.told, self.headers = word, status, told, headers


class FakeSlack:
    """A workspace with a bot and channels; whatever stands in ``outage`` is answered in place of everything else."""

    def __init__(self) -> None:
        self.tokens = {TOKEN: "Acme"}
        """The names of workspaces by the tokens of bots that Slack knows."""
        self.dead: dict[str, str] = {}
        """Words for tokens that are no more: ``token_revoked``, ``account_inactive``."""
        self.channels = {"C0000000001": "ml-ops", "C0000000002": "deploys", "C0000000003": "quiet"}
        self.outside = {"C0000000003"}
        """Channels that the bot is no member of."""
        self.archived: set[str] = set()
        self.hooks = {HOOK: "C0000000001"}
        self.outage: bytes | None = None
        """The bytes of a response, such as ``response("503 Service Unavailable")``; empty ones hang up."""
        self.words: list[str] = []
        """What is said to the next messages, whatever they are."""
        self.posted: list[Posted] = []
        self.refused: list[str] = []
        self.limit = 1.0
        """Messages a second that a channel takes, 0 for as many as come."""
        self._allowance: dict[str, tuple[float, float]] = {}
        self._receiver = Receiver(answer=self._answer)

    async def __aenter__(self) -> Self:
        await self._receiver.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._receiver.__aexit__(*error)

    @property
    def api(self) -> str:
        """The base URL of the Web API."""
        return self._receiver.url(path="/api/")

    @property
    def hook(self) -> str:
        """The URL of the incoming webhook."""
        return self._receiver.url(path=HOOK)

    @property
    def requests(self) -> list[Request]:
        """Every request that came."""
        return self._receiver.requests

    def of(self, channel: str) -> list[Posted]:
        """Return what was posted to a channel, by its name, in order."""
        return [each for each in self.posted if self.channels[each.channel] == channel]

    async def _answer(self, request: Request, writer: Any) -> None:
        if self.outage is not None:
            if self.outage:
                writer.write(self.outage)
            else:
                writer.close()
            return
        path = unquote(request.line.split(" ")[1])
        try:
            _demand(request.line.startswith("POST "), "invalid_post_type")
            writer.write(self._method(path, request) if path.startswith("/api/") else self._hook(path, request))
        except _RefusedError as error:
            self.refused.append(error.word)
            if path.startswith("/api/"):
                document: dict[str, Any] = {"ok": False, "error": error.word}
                if error.told is not None:
                    document["response_metadata"] = {"messages": [f"[ERROR] {error.told}"]}
                writer.write(_said(document, error.status, error.headers))
            else:
                writer.write(response(error.status, error.word.encode(), f"Content-Type: text/html\r\n{error.headers}"))

    def _method(self, path: str, request: Request) -> bytes:
        workspace = self._workspace(request)
        document = _document(request)
        match path.removeprefix("/api/"):
            case "auth.test":
                about = {"url": "https://acme.slack.com/", "team": workspace, "user": "regista", "team_id": "T0000001"}
                return _said({"ok": True, **about, "user_id": "U0000001", "bot_id": "B0000001"})
            case "chat.postMessage":
                channel = self._channel(document.pop("channel", None))
                self._take(channel, document)
                stamp = f"{1_700_000_000 + len(self.posted)}.000100"
                return _said({"ok": True, "channel": channel, "ts": stamp, "message": {"type": "message"}})
            case _:
                raise _RefusedError("unknown_method")

    def _workspace(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        _demand(scheme == "Bearer" and token, "not_authed")
        if token in self.dead:
            raise _RefusedError(self.dead[token])
        _demand(token in self.tokens, "invalid_auth")
        return self.tokens[token]

    def _channel(self, given: Any) -> str:
        _demand(isinstance(given, str), "channel_not_found")
        named = {f"#{name}": channel for channel, name in self.channels.items()}
        channel = named.get(str(given), str(given))
        _demand(channel in self.channels, "channel_not_found")
        _demand(channel not in self.outside, "not_in_channel")
        _demand(channel not in self.archived, "is_archived")
        return channel

    def _hook(self, path: str, request: Request) -> bytes:
        if path not in self.hooks:
            raise _RefusedError("no_service", "404 Not Found")
        channel = self.hooks[path]
        if channel in self.archived:
            raise _RefusedError("channel_is_archived", "410 Gone")
        try:
            document = _document(request)
            known = {"text", "blocks", "attachments", "unfurl_links", "unfurl_media"}
            _demand(not document.keys() - known, "invalid_payload")
            self._take(channel, document)
        except _RefusedError as error:
            error.status = "400 Bad Request" if error.status == "200 OK" else error.status
            if error.word.startswith(("invalid_json", "json_")):
                error.word = "invalid_payload"
            raise
        return response(body=b"ok", headers="Content-Type: text/html\r\n")

    def _take(self, channel: str, message: dict[str, Any]) -> None:
        if self.words:
            raise _RefusedError(self.words.pop(0))
        check_message(message)
        now = clock.monotonic()
        if self.limit:
            left, since = self._allowance.get(channel, (float(BURST), now))
            left = min(BURST, left + (now - since) * self.limit)
            self._allowance[channel] = left, now
            if left < 1:
                raise _RefusedError("ratelimited", "429 Too Many Requests", headers="Retry-After: 2\r\n")
            self._allowance[channel] = left - 1, now
        self.posted.append(Posted(channel, message, now))


def check_message(message: Mapping[str, Any]) -> None:
    """Raise what Slack would say of a message."""
    known = {"text", "blocks", "unfurl_links", "unfurl_media", "metadata", "attachments", "thread_ts", "mrkdwn"}
    _demand(not message.keys() - known, "invalid_arguments", f"no such arguments: {message.keys() - known}")
    text: Any = message.get("text")
    blocks: Any = message.get("blocks")
    _demand(text or blocks, "no_text")
    _demand(text is None or isinstance(text, str), "invalid_arguments")
    _demand(len(text or "") <= LONGEST_TEXT, "msg_too_long")
    if blocks is not None:
        _demand(isinstance(blocks, list), "invalid_blocks_format")
        _demand(len(blocks) <= MOST_BLOCKS, "invalid_blocks", "no more than 50 items allowed [json-pointer:/blocks]")
        for number, block in enumerate(blocks):
            _block(block, f"/blocks/{number}")
        _demand(len(json.dumps(blocks, ensure_ascii=False)) <= LONGEST_BLOCKS, "msg_blocks_too_long")
    metadata: Any = message.get("metadata")
    if metadata is not None:
        _demand(
            isinstance(metadata, dict) and metadata.keys() == {"event_type", "event_payload"}, "invalid_metadata_format"
        )
        _demand(set(metadata["event_type"]) <= _EVENT_TYPE, "invalid_metadata_schema")
        _demand(isinstance(metadata["event_payload"], dict), "invalid_metadata_format")


def _block(block: Any, place: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    match kind:
        case "header":
            _members(block, {"type", "text"}, place)
            _text(block.get("text"), {"plain_text"}, 150, f"{place}/text")
        case "section":
            _members(block, {"type", "text"}, place)
            _text(block.get("text"), {"plain_text", "mrkdwn"}, 3000, f"{place}/text")
        case "context":
            _members(block, {"type", "elements"}, place)
            elements: Any = block.get("elements")
            _blocks_demand(isinstance(elements, list) and 1 <= len(elements) <= 10, f"1 to 10 elements at {place}")
            for number, element in enumerate(elements):
                _text(element, {"plain_text", "mrkdwn"}, 3000, f"{place}/elements/{number}")
        case _:
            raise _RefusedError("invalid_blocks", told=f"unsupported type: {kind} [json-pointer:{place}/type]")


def _text(text: Any, kinds: set[str], longest: int, place: str) -> None:
    _blocks_demand(
        isinstance(text, dict) and text.get("type") in kinds, f"must be a text object [json-pointer:{place}]"
    )
    _members(text, {"type", "text", "emoji", "verbatim"}, place)
    _blocks_demand(isinstance(text["text"], str) and text["text"], f"must be more than 0 characters at {place}")
    _blocks_demand(len(text["text"]) <= longest, f"must be less than {longest + 1} characters at {place}")
    _blocks_demand("emoji" not in text or text["type"] == "plain_text", f"emoji is for plain_text at {place}")


def _members(value: Mapping[str, Any], known: set[str], place: str) -> None:
    _blocks_demand(not value.keys() - known - {"block_id"}, f"no more than {sorted(known)} at {place}")


def _blocks_demand(holds: object, told: str) -> None:
    _demand(holds, "invalid_blocks", told)


def _demand(holds: object, word: str, told: str | None = None) -> None:
    if not holds:
        raise _RefusedError(word, told=told)


def _document(request: Request) -> dict[str, Any]:
    kind, _, charset = request.headers.get("content-type", "").partition(";")
    _demand(kind.strip() == "application/json", "invalid_form_data")
    _demand(charset.strip().lower() in {"", "charset=utf-8"}, "invalid_charset")
    try:
        document = json.loads(request.body.decode())
    except ValueError:
        raise _RefusedError("invalid_json") from None
    _demand(isinstance(document, dict), "json_not_object")
    return document


def _said(document: Mapping[str, Any], status: str = "200 OK", headers: str = "") -> bytes:
    return response(
        status, json.dumps(document).encode(), f"Content-Type: application/json; charset=utf-8\r\n{headers}"
    )
