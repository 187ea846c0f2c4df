"""What ``regista serve`` can run as a process of its own."""

from enum import StrEnum


class Part(StrEnum):
    """A service's name on the command line."""

    API = "api"
    RELAY = "relay"
    WEBHOOKS = "webhooks"
    SLACK = "slack"
    AUDIT = "audit"
    METRICS = "metrics"
    UPKEEP = "upkeep"
