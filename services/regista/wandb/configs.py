"""Configs as the client has them, ``{"lr": {"value": 0.1, "desc": null}}``, and as runs keep them, ``{"lr": 0.1}``. Pure."""

from collections.abc import Mapping
from typing import Any


def unwrap(config: Any) -> dict[str, Any]:
    """Return the values of a config; what is no object has none."""
    if not isinstance(config, dict):
        return {}
    return {
        name: member["value"]
        if isinstance(member, dict) and "value" in member and member.keys() <= {"value", "desc"}
        else member
        for name, member in config.items()
    }


def wrap(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config as the client reads it."""
    return {name: {"value": value} for name, value in config.items()}
