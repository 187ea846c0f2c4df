"""Routes that name their action; a test enumerates all routes and fails on one that does not."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from fastapi import APIRouter
from starlette.routing import BaseRoute

ATTRIBUTE = "x-action"
"""Member of an operation in OpenAPI that names its action, null for a public one."""


class ActionRouter(APIRouter):
    """A router on which every route must say what it does, in access control's terms.

    ``action=None`` is for routes that need no key at all, such as health.
    """

    def route_for(self, method: str, path: str, action: StrEnum | None, **options: Any) -> Callable[[Any], Any]:
        """Declare a route; the decorated function handles it."""
        extra = {**options.pop("openapi_extra", {}), ATTRIBUTE: action.value if action else None}
        return self.api_route(path, methods=[method], openapi_extra=extra, **options)

    def read(self, path: str, *, action: StrEnum | None, **options: Any) -> Callable[[Any], Any]:
        """Declare a GET."""
        return self.route_for("GET", path, action, **options)

    def create(self, path: str, *, action: StrEnum | None, **options: Any) -> Callable[[Any], Any]:
        """Declare a POST."""
        return self.route_for("POST", path, action, **options)

    def replace(self, path: str, *, action: StrEnum | None, **options: Any) -> Callable[[Any], Any]:
        """Declare a PUT."""
        return self.route_for("PUT", path, action, **options)

    def change(self, path: str, *, action: StrEnum | None, **options: Any) -> Callable[[Any], Any]:
        """Declare a PATCH."""
        return self.route_for("PATCH", path, action, **options)

    def remove(self, path: str, *, action: StrEnum | None, **options: Any) -> Callable[[Any], Any]:
        """Declare a DELETE."""
        return self.route_for("DELETE", path, action, **options)


def action_of(route: BaseRoute) -> str | None:
    """Return the action that a route names, None for a public one. Raises `LookupError` for a route that names none."""
    extra: dict[str, Any] | None = getattr(route, "openapi_extra", None)
    if extra is None or ATTRIBUTE not in extra:
        raise LookupError(f"route {getattr(route, 'path', route)!r} names no action")
    return extra[ATTRIBUTE]
