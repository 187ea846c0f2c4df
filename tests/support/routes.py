"""The routes of an application as they are reached, through every router that includes another."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from starlette.routing import BaseRoute


class Declared(NamedTuple):
    """A method of a path template, and the route that serves it."""

    method: str
    path: str
    route: BaseRoute


def declared(routes: Sequence[Any], prefix: str = "") -> Iterator[Declared]:
    """Yield every route below ``routes``. Raises `TypeError` for what might serve requests past the routers."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from declared(included.routes, prefix + route.include_context.prefix)
        elif getattr(route, "methods", None):
            for method in sorted(route.methods - {"HEAD"} if "GET" in route.methods else route.methods):
                yield Declared(method, prefix + route.path, route)
        else:
            raise TypeError(f"{route!r} is neither a route nor a router")
