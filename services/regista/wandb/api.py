"""The routes of the client: GraphQL, and what goes beside it."""

import asyncio
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic_core import from_json, to_json

from regista.access.actions import Action
from regista.access.boundary import caller
from regista.access.errors import UnauthenticatedError
from regista.kit.errors import RegistaError
from regista.kit.web import ActionRouter
from regista.kit.web.reading import read_body

MAX_BYTES = 32 << 20
"""Bytes of a request: a run's config and summary have up to 10 MB each, and stand in it escaped."""

router = ActionRouter(tags=["wandb"], include_in_schema=False)


@router.create("/graphql", action=Action.SELF_READ)
async def graphql(request: Request) -> Response:
    """Answer a GraphQL request: ``{query, variables, operationName}``. Every root field names its own action."""
    # Imported by the first request, or by `warm` before it: a process is ready without.
    from regista.wandb.engine import Asked, engine  # noqa: PLC0415
    from regista.wandb.exchange import Exchange  # noqa: PLC0415

    try:
        call = await caller(request)
    except UnauthenticatedError as error:
        headers = {"www-authenticate": 'Basic realm="regista"'}
        return _json(401, {"errors": [{"message": error.message}]}, headers)
    try:
        body = await read_body(request, MAX_BYTES)
    except RegistaError as error:
        return _json(400, {"errors": [{"message": error.message}]})
    asked = _asked(body)
    if isinstance(asked, str):
        return _json(400, {"errors": [{"message": asked}]})
    answer = await engine().answer(Exchange(call), Asked(*asked))
    headers = {"retry-after": "1"} if answer.status >= 500 else {}  # noqa: PLR2004
    return _json(answer.status, answer.body, headers)


async def warm() -> None:
    """Make the engine before the first request needs it, beside the requests that need none."""
    await asyncio.to_thread(_make)


def _make() -> None:
    from regista.wandb.engine import engine  # noqa: PLC0415

    engine()


def _asked(body: bytes) -> tuple[str, dict[str, Any], str | None] | str:
    """Return query, variables and operation name, or the sentence that says what the body lacks."""
    try:
        given = from_json(body)
    except ValueError as error:
        return f"the body is no JSON: {error}"
    if not isinstance(given, dict) or not isinstance(given.get("query"), str):
        return 'the body is no GraphQL request; send {"query": "…", "variables": {…}}'
    variables, operation = given.get("variables"), given.get("operationName") or None
    variables = {} if variables is None else variables
    if not isinstance(variables, dict) or not (operation is None or isinstance(operation, str)):
        return "variables is an object and operationName is text"
    return given["query"], variables, operation


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(body, inf_nan_mode="strings"), status, headers, "application/json")
