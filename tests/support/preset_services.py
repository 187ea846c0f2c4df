"""What the services of the presets demand of a request, as their documentation has it: each says what it would answer.

GitHub  REST API 2022-11-28, "Create a repository dispatch event", "Create a workflow dispatch event"
GitLab  REST API v4, "Pipeline trigger tokens: trigger a pipeline with a token"
Jenkins Generic Webhook Trigger plugin, README
Argo    Argo Workflows, "Events", "API: EventService_ReceiveEvent"
Teams   "Create incoming webhooks with Workflows", Adaptive Cards schema 1.4
Discord "Execute webhook", "Allowed mentions object"
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.receiver import Request

Answer = tuple[int, str]
"""Status and body."""


class RefusalError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.answer = (status, json.dumps({"message": reason}))


def demand(holds: object, status: int, reason: str) -> None:
    if not holds:
        raise RefusalError(status, reason)


def answer(service: Callable[[Request, Any], Answer], request: Request) -> Answer:
    """Return what a service answers to a request."""
    try:
        demand(request.line.startswith("POST "), 405, "POST only")
        demand(request.headers.get("content-type", "").startswith("application/json"), 415, "JSON only")
        demand(request.headers.get("user-agent"), 403, "a User-Agent is required")
        try:
            body = json.loads(request.body)
        except ValueError:
            raise RefusalError(400, "problems parsing JSON") from None
        return service(request, body)
    except RefusalError as refused:
        return refused.answer


def path(request: Request) -> str:
    return request.line.split(" ")[1]


def members(value: Any, required: Mapping[str, type], optional: Mapping[str, type] | None = None) -> None:
    demand(isinstance(value, dict), 422, "an object is required")
    for name, kind in required.items():
        demand(isinstance(value.get(name), kind), 422, f"{name!r} is required, of type {kind.__name__}")
    for name in value.keys() - required.keys():
        demand(name in (optional or {}), 422, f"{name!r} is not a permitted key")
        demand(isinstance(value[name], (optional or {})[name]), 422, f"{name!r} is of another type")


def texts(value: Mapping[str, Any]) -> None:
    for name, each in value.items():
        demand(isinstance(each, str), 422, f"for {name!r}, {each!r} is not a string")


def _github(request: Request) -> None:
    demand(request.headers.get("authorization") == "Bearer ghp-t0ken", 401, "Bad credentials")
    demand(request.headers.get("accept") == "application/vnd.github+json", 415, "Accept")
    demand(request.headers.get("x-github-api-version") == "2022-11-28", 400, "API version")


def github_repository(request: Request, body: Any) -> Answer:
    _github(request)
    demand(path(request) == "/api/v3/repos/acme/models/dispatches", 404, "Not Found")
    members(body, {"event_type": str}, {"client_payload": dict})
    demand(1 <= len(body["event_type"]) <= 100, 422, "event_type is too long")
    demand(len(body.get("client_payload", {})) <= 10, 422, "No more than 10 properties are allowed")
    return 204, ""


def github_workflow(request: Request, body: Any) -> Answer:
    _github(request)
    demand(path(request) == "/api/v3/repos/acme/models/actions/workflows/deploy.yml/dispatches", 404, "Not Found")
    members(body, {"ref": str}, {"inputs": dict})
    inputs = body.get("inputs", {})
    demand(body["ref"] in {"main", "v1"}, 422, f"No ref found for: {body['ref']}")
    demand(inputs.keys() <= {"version", "index"}, 422, "Unexpected inputs provided")
    demand("version" in inputs, 422, "Required input 'version' not provided")
    texts(inputs)
    return 204, ""


def gitlab(request: Request, body: Any) -> Answer:
    demand(unquote(path(request)) == "/api/v4/projects/acme/models/trigger/pipeline", 404, "404 Not Found")
    demand("/projects/acme%2Fmodels/" in path(request), 404, "404 Project Not Found")
    members(body, {"token": str, "ref": str}, {"variables": dict, "inputs": dict})
    demand(body["token"] == "glptt-t0ken", 404, "404 Not Found")
    demand(body["ref"] == "main", 400, "Reference not found")
    texts(body.get("variables", {}))
    return 201, json.dumps({"id": 257, "status": "pending"})


def jenkins(request: Request, body: Any) -> Answer:
    split = urlsplit(path(request))
    demand(split.path == "/jenkins/generic-webhook-trigger/invoke", 404, "Not Found")
    supplied = [
        request.headers.get("token"),
        *parse_qs(split.query).get("token", []),
        request.headers.get("authorization", "").removeprefix("Bearer "),
    ]
    demand("jenk-t0ken" in supplied, 404, "Did not find any jobs with GenericTrigger configured! A token was supplied.")
    demand(isinstance(body, dict) and isinstance(body.get("version"), str), 404, "no job triggered: $.version")
    return 200, json.dumps({"jobs": {"deploy": {"triggered": True}}, "message": "Triggered jobs."})


def argo(request: Request, body: Any) -> Answer:
    demand(path(request) == "/api/v1/events/ml/regista", 404, "Not Found")
    demand(request.headers.get("authorization") == "Bearer arg-t0ken", 401, "token not valid")
    demand(isinstance(body, dict), 400, "an event is an object")
    return 200, "{}"


def teams(request: Request, body: Any) -> Answer:
    split = urlsplit(path(request))
    demand(split.path == "/workflows/abc/triggers/manual/paths/invoke", 404, "WorkflowNotFound")
    query = parse_qs(split.query)
    demand(query.get("sig") == ["s1g-nature_"] and query.get("api-version"), 401, "DirectApiAuthorizationRequired")
    demand(len(request.body) <= 28 * 1024, 413, "RequestEntityTooLarge")
    members(body, {"type": str, "attachments": list})
    demand(body["type"] == "message" and len(body["attachments"]) == 1, 400, "TriggerInputSchemaMismatch")
    (attachment,) = body["attachments"]
    members(attachment, {"contentType": str, "content": dict}, {"contentUrl": type(None)})
    demand(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", 400, "contentType")
    card = attachment["content"]
    members(card, {"type": str, "version": str, "body": list}, {"$schema": str})
    demand(card["type"] == "AdaptiveCard" and card["version"] in {"1.0", "1.2", "1.3", "1.4", "1.5"}, 400, "card")
    for element in card["body"]:
        match element.get("type"):
            case "TextBlock":
                members(element, {"type": str, "text": str}, {"size": str, "weight": str, "wrap": bool})
            case "FactSet":
                members(element, {"type": str, "facts": list})
                for fact in element["facts"]:
                    members(fact, {"title": str, "value": str})
            case other:
                demand(False, 400, f"unknown element {other}")
    return 202, ""


def discord(request: Request, body: Any) -> Answer:
    demand(path(request) == "/api/webhooks/1234567890/d1s-cord_token", 401, "Invalid Webhook Token")
    members(
        body,
        {"content": str},
        {"username": str, "avatar_url": str, "tts": bool, "embeds": list, "allowed_mentions": dict},
    )
    demand(body["content"].strip(), 400, "Cannot send an empty message")
    demand(len(body["content"]) <= 2000, 400, "Must be 2000 or fewer in length.")
    allowed = body.get("allowed_mentions", {})
    members(allowed, {}, {"parse": list, "roles": list, "users": list, "replied_user": bool})
    demand(set(allowed.get("parse", [])) <= {"roles", "users", "everyone"}, 400, "allowed_mentions")
    return 204, ""
