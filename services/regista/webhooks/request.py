"""The request that an endpoint is sent: a pure function of the endpoint, the message and the time."""

from collections.abc import Mapping, Sequence
from typing import Final

from regista.kit.signing import WANDB_HEADER, SigningKey, signature_headers, wandb_signature

CONTENT_TYPE: Final = "application/cloudevents+json"
"""CloudEvents, JSON format, structured mode."""
AGENT: Final = "Regista-Webhooks"
REPLAYED_HEADER: Final = "Regista-Replayed"
TEST_HEADER: Final = "Regista-Test"


class Route:
    """Where the messages of one endpoint go; made once, used for every message.

    ``keys`` are all live ones, the newest first; ``wandb_secret`` makes W&B's signature: the newest key as written,
    or the value of a named secret; None where the endpoint does not ask for it. ``timeout`` in seconds. ``extra`` headers replace ours of the same name, but for
    the signature's.
    """

    __slots__ = ("_keys", "_template", "_wandb_secret", "timeout", "url")

    def __init__(
        self,
        url: str,
        timeout: float,
        keys: Sequence[SigningKey],
        *,
        extra: Mapping[str, str],
        access_token: str | None = None,
        wandb_secret: str | None = None,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self._keys = tuple(keys)
        self._wandb_secret = wandb_secret
        ours = {"Content-Type": CONTENT_TYPE, "User-Agent": AGENT}
        if access_token is not None:
            ours["Authorization"] = f"Bearer {access_token}"
        given = {name.lower() for name in extra}
        self._template = {name: value for name, value in ours.items() if name.lower() not in given} | dict(extra)

    def headers(self, message_id: str, timestamp: int, body: bytes, *, replayed: bool = False) -> dict[str, str]:
        """Return the headers of one attempt at ``timestamp`` (Unix seconds)."""
        headers = self._template | signature_headers(self._keys, message_id, timestamp, body)
        if self._wandb_secret is not None:
            headers[WANDB_HEADER] = wandb_signature(self._wandb_secret, body)
        if replayed:
            headers[REPLAYED_HEADER] = "true"
        return headers
