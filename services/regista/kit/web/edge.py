"""The outermost ASGI layer: request ids, limits on what is read, unreadable paths, and the request metrics."""

import re
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regista.kit import clock, ids
from regista.kit.web.problems import problem

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a JSON body. Uploads stream and have a limit of their own."""

_TOO_LARGE = f"the body is larger than {MAX_BODY} bytes; upload files by the signed upload URLs instead"
_REQUEST_ID = re.compile(rb"[\w.:-]{1,100}\Z")


class Edge:
    """Wraps the application. ``streamed`` are path prefixes whose bodies the routes bound themselves."""

    def __init__(self, app: ASGIApp, *, metrics: CollectorRegistry, streamed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._streamed = streamed
        self._requests = Counter("regista_http_requests", "Answers by status", ["status"], registry=metrics)
        self._seconds = Histogram(
            "regista_http_request_seconds",
            "Time to the start of the answer",
            ["method"],
            buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
            registry=metrics,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's message exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = clock.monotonic()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.match(given) else str(ids.uuid7())
        scope.setdefault("state", {})["request_id"] = request_id

        answered = False

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                self._requests.labels(message["status"]).inc()
                self._seconds.labels(scope["method"]).observe(clock.monotonic() - began)
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        refused = self._refusal(scope, headers)
        if refused is not None:
            await refused(scope, receive, answer)
            return
        try:
            await self._app(scope, self._bounded(scope, receive), answer)
        except Exception:
            # Starlette raises again what the catch-all has logged and answered; the server would log it once more.
            if not answered:
                raise

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> Any:
        path: str = scope["path"]
        query: bytes = scope["query_string"]
        if "\x00" in path or "\ufffd" in path or not _is_utf8(path) or b"%00" in query or b"\x00" in query:
            return problem(400, "the path or query is not UTF-8 text without U+0000", "malformed_path")
        length = headers.get(b"content-length", b"0")
        if not path.startswith(self._streamed) and length.isdigit() and int(length) > MAX_BODY:
            return problem(413, _TOO_LARGE)
        return None

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        if scope["path"].startswith(self._streamed):
            return receive
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(413, _TOO_LARGE)
            return message

        return bounded


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
