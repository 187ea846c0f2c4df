"""Errors as problem documents (RFC 9457) with a stable ``code`` and a sentence."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from regista.kit.complaints import said
from regista.kit.db.faults import cause_of, is_outage
from regista.kit.errors import RegistaError

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_SECRET = {"value", "token", "access_token", "wandb_secret", "url", "headers"}
"""Members whose values are nobody's to repeat, not even to who has sent them: answers are logged on the way."""
_TITLES = {
    400: ("malformed", "The request cannot be read"),
    401: ("unauthenticated", "Who is asking is not known"),
    403: ("forbidden", "Not allowed"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "This resource does not know that method"),
    409: ("conflict", "The present state does not allow it"),
    413: ("too_large", "More than the limit"),
    422: ("invalid", "A value cannot be accepted"),
    429: ("too_many_requests", "Too many requests"),
    500: ("internal", "A fault of the server"),
    503: ("unavailable", "A dependency does not answer"),
}


class Problem(BaseModel):
    """The body of every answer that is not a success."""

    model_config = ConfigDict(extra="allow")

    status: int
    code: str
    title: str
    detail: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": _TITLES[status][1]} for status in (400, 401, 403, 404, 409, 413, 422, 503)
}
"""What routes declare as their unhappy answers."""


def problem(
    status: int, detail: str, code: str | None = None, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """Return the answer for an error."""
    known, title = _TITLES.get(status, ("error", "The request failed"))
    document = {"status": status, "code": code or known, "title": title, "detail": detail, **more}
    return JSONResponse(document, status, dict(headers or {}), MEDIA_TYPE)


def install_problems(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(RegistaError, _regista)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    # Exceptions of the driver would reach the catch-all, which Starlette also re-raises into the server's log.
    for kind in (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        app.add_exception_handler(kind, _database)


async def _regista(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RegistaError)  # noqa: S101 - registered for this class
    headers = {"retry-after": "1"} if error.status == 503 else {}  # noqa: PLR2004
    if error.status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = 'Basic realm="regista"'
    return problem(error.status, error.message, error.code, headers, **error.details)


async def _validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    found = [
        {
            "field": ".".join(map(str, one["loc"][1:])) or str(one["loc"][0]),
            "message": said(one, repeat=one["loc"][-1] not in _SECRET),
        }
        for one in error.errors()[:20]
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(
            400, f"the body is not JSON: {error.errors()[0].get('ctx', {}).get('error', 'it cannot be parsed')}"
        )
    sentence = "; ".join(f"{one['field']}: {one['message']}" for one in found)
    return problem(422, _printable(sentence), errors=[{k: _printable(v) for k, v in one.items()} for one in found])


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    detail = str(error.detail)
    if error.status_code == 404 and detail == "Not Found":  # noqa: PLR2004
        detail = "no such path; /docs lists what there is"
    elif detail == "There was an error parsing the body":
        detail = "the body cannot be read: it must be JSON in UTF-8, with reasonable nesting"
    return problem(error.status_code, detail, headers=error.headers)


async def _database(request: Request, error: Exception) -> Response:
    if is_outage(error):
        log.warning("request.unavailable", path=request.url.path, error=str(error))
        return problem(503, "the database does not answer; try again", headers={"retry-after": "1"})
    if isinstance(cause_of(error), asyncpg.DataError):
        # Boundaries check what they take; this is the net below them.
        log.warning("request.data_error", path=request.url.path, error=str(error))
        return problem(422, f"a value cannot be stored: {_printable(str(error))}")
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    if is_outage(error) or isinstance(cause_of(error), asyncpg.DataError):
        return await _database(request, error)
    log.error("request.failed", path=request.url.path, method=request.method, exc_info=error)
    return problem(500, "the server failed on this request; its log has the reason under the request id")


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
