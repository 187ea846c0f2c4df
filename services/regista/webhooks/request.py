"""The request that an endpoint is sent: a pure function of the endpoint, the message and the time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from regista.effects.masking import hidden, spellings
from regista.kit.signing import WANDB_HEADER, SigningKey, signature_headers, wandb_signature

CONTENT_TYPE: Final = "application/cloudevents+json"
"""CloudEvents, JSON format, structured mode."""
PAYLOAD_TYPE: Final = "application/json"
"""Of a body that is an automation's own payload."""
AGENT: Final = "Regista-Webhooks"
REPLAYED_HEADER: Final = "Regista-Replayed"
TEST_HEADER: Final = "Regista-Test"
TRACE_HEADER: Final = "traceparent"
STATE_HEADER: Final = "tracestate"
STATE_KEY: Final = "regista"
"""Our member of W3C's ``tracestate``: the delivery, by which what is called tells the API why it calls back."""


class Route:
    """Where the messages of one endpoint go; made once, used for every message.

    ``keys`` are all live ones, the newest first; ``wandb_secret`` makes W&B's signature: the newest key as written,
    or the value of a named secret; None where the endpoint does not ask for it. ``timeout`` in seconds. ``extra`` headers
    replace ours of the same name, but for the signature's. ``secrets`` are the values of secrets that the URL and the
    headers hold.
    """

    __slots__ = ("_hidden", "_keys", "_of_payloads", "_template", "_wandb_secret", "access_token", "timeout", "url")

    def __init__(
        self,
        url: str,
        timeout: float,
        keys: Sequence[SigningKey],
        *,
        extra: Mapping[str, str],
        access_token: str | None = None,
        wandb_secret: str | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.access_token = access_token
        self._keys = tuple(keys)
        self._wandb_secret = wandb_secret
        ours = {"Content-Type": CONTENT_TYPE, "User-Agent": AGENT}
        if access_token is not None:
            ours["Authorization"] = f"Bearer {access_token}"
        given = {name.lower() for name in extra}
        self._template = {name: value for name, value in ours.items() if name.lower() not in given} | dict(extra)
        self._of_payloads = self._template
        if "content-type" not in given:
            self._of_payloads = self._template | {"Content-Type": PAYLOAD_TYPE}
        self._hidden = spellings({*secrets, access_token or ""})

    def headers(
        self,
        message_id: str,
        timestamp: int,
        body: bytes,
        *,
        replayed: bool = False,
        payload: bool = False,
        traceparent: str | None = None,
    ) -> dict[str, str]:
        """Return the headers of one attempt at ``timestamp`` (Unix seconds).

        ``payload``: the body is an automation's own, not an event. ``traceparent`` is that of the event.
        """
        headers = (self._of_payloads if payload else self._template) | signature_headers(
            self._keys, message_id, timestamp, body
        )
        headers[STATE_HEADER] = f"{STATE_KEY}={message_id}"
        if traceparent is not None:
            headers[TRACE_HEADER] = traceparent
        if self._wandb_secret is not None:
            headers[WANDB_HEADER] = wandb_signature(self._wandb_secret, body)
        if replayed:
            headers[REPLAYED_HEADER] = "true"
        return headers

    def without_secrets(self, text: bytes, more: Iterable[str] = ()) -> bytes:
        """Return what came back with ``***`` for every secret that was sent, and ``more``."""
        return hidden(text, (*self._hidden, *spellings(more))) if text else text
