"""What `/openapi.json` says of every route alike: which key it needs, which headers it reads, what its errors look like."""

from typing import Any, Final

from fastapi import FastAPI

from regista.kit.web.problems import MEDIA_TYPE
from regista.kit.web.routing import ATTRIBUTE

_SCHEMES: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Any user, `api` for one, with an API key as password.",
    },
}
_CAUSE: Final = {
    "name": "Regista-Cause",
    "in": "header",
    "description": "The `webhook-id` of the delivery that this call reacts to: its changes carry on that chain of causes.",
    "schema": {"type": "string", "format": "uuid"},
}
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeats with the same key within 24 hours change nothing and get the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_HEADERS: Final = {"get": (), "post": (_IDEMPOTENCY, _CAUSE)}


def describe_alike(app: FastAPI) -> None:
    """Let the application's OpenAPI document say, when it is first asked for, what no route has to declare."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            document["components"]["securitySchemes"] = _SCHEMES
            for path in document["paths"].values():
                for method, operation in path.items():
                    _complete(method, operation)
        return generate()

    app.openapi = openapi


def _complete(method: str, operation: dict[str, Any]) -> None:
    if operation.get(ATTRIBUTE) is not None:
        operation["security"] = [{scheme: []} for scheme in _SCHEMES]
        operation.setdefault("parameters", []).extend(_HEADERS.get(method, (_CAUSE,)))
    for status, response in operation["responses"].items():
        if int(status) >= 400 and "content" in response:  # noqa: PLR2004
            response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
