"""Calls to the outside world: one guarded client for webhooks, Slack, token URLs and test sends."""

from regista.kit.http.addresses import Network, is_forbidden
from regista.kit.http.answer import Answer
from regista.kit.http.client import GuardedClient
from regista.kit.http.failures import Failure, of_exception
from regista.kit.http.urls import UrlRefusedError, accept

__all__ = [
    "Answer",
    "Failure",
    "GuardedClient",
    "Network",
    "UrlRefusedError",
    "accept",
    "is_forbidden",
    "of_exception",
]
