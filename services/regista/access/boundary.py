"""The boundary of every HTTP edge: who calls, one transaction per mutation, idempotent answers, recorded refusals.

Who writes: a mutation commits its state, its events and (for a POST with an Idempotency-Key) its answer in one
transaction; a refusal commits its event in a transaction of its own. A crash before the commit leaves nothing; after
it, a repeat with the same key gets the same answer.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from regista.access.errors import AccessDeniedError, UnauthenticatedError
from regista.access.keys import KeyCache, RefusedKeyError
from regista.access.snapshots import member_snapshot
from regista.access.verdict import Actor
from regista.kit import aggregate, idempotency
from regista.kit.db import Cause, Context, Database, Origin, Transaction
from regista.kit.errors import InvalidError
from regista.kit.outbox import Draft, append
from regista.kit.runtime import Runtime
from regista_events import AccessDenied, AccessDeniedData, SessionDenied, SessionDeniedData

T = TypeVar("T")
Command = Callable[[Transaction], Awaitable[T]]
FindCause = Callable[[Database, int, UUID], Awaitable[Cause | None]]
"""Returns what an organization's delivery is the cause of, None for no such delivery; ``app.state.find_cause``."""

CAUSE_HEADER = "regista-cause"

_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")
"""W3C Trace Context, section 3.2: whatever else a client sends does not become part of its events."""
_TRACE_STATE = re.compile(r"(?:^|,)[ \t]*regista=([0-9A-Fa-f-]{36})[ \t]*(?:,|$)")
"""Our member of a W3C ``tracestate``, section 3.3: the webhook-id of the delivery that a trace came through."""
_CLIENT_VERSION = re.compile(
    r"(?:wandb|mlflow|regista)[\w-]*/[\w.+-]{1,40}|W&B (?:Public|Internal) Client [\w.+-]{1,40}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, how, and because of which delivery: what a route hands to commands and queries."""

    actor: Actor
    runtime: Runtime
    request: Request
    context: Context
    cause: Cause | None = None

    @property
    def base_url(self) -> str:
        """The URL that this caller reaches the server under, without a trailing slash."""
        return (self.runtime.settings.public_url or str(self.request.base_url)).rstrip("/")

    def origin(self, status: int = 200) -> Origin:
        """Return the origin of what this call changes, answered with ``status``."""
        return Origin(
            actor=str(self.actor.id),
            actor_type=self.actor.kind,
            organization_id=self.actor.organization_id,
            organization=self.actor.organization,
            context=self.context,
            cause=self.cause,
            traceparent=given if (given := self.request.headers.get("traceparent")) and _TRACE.match(given) else None,
            public_url=self.runtime.public_url,
        ).answering(status)

    async def read(self, query: Command[T]) -> T:
        """Run a query in a transaction of its own; a refusal is recorded."""
        try:
            async with self.runtime.database.transaction() as transaction:
                return await query(transaction)
        except AccessDeniedError as error:
            await self.record_denial(error)
            raise

    async def answer(self, query: Command[BaseModel]) -> Response:
        """Run a query as `read` does and return its answer."""
        return _response(await self.read(query), 200)

    async def change(self, command: Command[T], *, status: int = 200) -> T:
        """Run a command in one transaction, again when it loses a race, and commit; a refusal is recorded."""
        try:
            return await self.runtime.database.run(command, self.origin(status))
        except AccessDeniedError as error:
            await self.record_denial(error)
            raise

    async def mutate(
        self, command: Command[BaseModel | None], *, status: int = 200, secrets: frozenset[str] = frozenset()
    ) -> Response:
        """Run a command as `change` does and return its answer.

        A POST with an Idempotency-Key is answered once: repeats within 24 h get the stored answer, with the members
        named in ``secrets`` nulled, and the header ``Idempotency-Replayed: true``.
        """
        place = self._place()
        if place is None:
            return _response(await self.change(command, status=status), status)
        request = await self._fingerprint()

        async def once(transaction: Transaction) -> Response:
            stored = await idempotency.begin(transaction, place, request)
            if stored is not None:
                return _repeated(stored)
            answer = await command(transaction)
            kept = answer.model_copy(update=dict.fromkeys(secrets)) if answer is not None and secrets else answer
            await idempotency.finish(transaction, place, request, status, _encode(kept))
            return _response(answer, status)

        return await self.change(once, status=status)

    async def answered(self) -> Response | None:
        """Return what `mutate` answered a request with this Idempotency-Key before, None where it has not.

        A route that asks somebody else before it mutates looks here first: what they say today changes no old answer.
        """
        place = self._place()
        if place is None:
            return None
        request = await self._fingerprint()
        stored = await self.read(lambda transaction: idempotency.begin(transaction, place, request))
        return None if stored is None else _repeated(stored)

    async def record_denial(self, error: AccessDeniedError) -> None:
        """Commit the `access.denied` event of a refusal."""
        data = AccessDeniedData(
            action=str(error.details.get("action", "")),
            resource=str(error.details.get("resource", "")),
            reason=error.message,
            role_needed=error.details.get("needed_role"),
            member=member_snapshot(self.actor),
        )

        async def deny(transaction: Transaction) -> None:
            seen = await aggregate.observe(transaction, self.actor.organization_id)
            await append(transaction, [Draft(AccessDenied, seen, data.resource or data.action, data)])

        await self.runtime.database.run(deny, self.origin(error.status))

    def _place(self) -> idempotency.Place | None:
        key = self.request.headers.get("idempotency-key") if self.request.method == "POST" else None
        return None if key is None else idempotency.Place(self.actor.organization_id, str(self.actor.id), key)

    async def _fingerprint(self) -> bytes:
        digest = hashlib.sha256(f"{self.request.method} {self.request.url.path}?{self.request.url.query}\n".encode())
        digest.update(await self.request.body())
        return digest.digest()


async def caller(request: Request) -> Caller:
    """Authenticate the request: ``Bearer KEY``, or HTTP Basic with any user and the key as password.

    What reacts to a webhook says so with its webhook-id, as ``Regista-Cause`` or in ``tracestate``: what the call
    changes is then a consequence of that delivery. Raises `UnauthenticatedError`, and `InvalidError` for a
    ``Regista-Cause`` that is no delivery of the caller's organization.
    """
    runtime: Runtime = request.app.state.runtime
    keys: KeyCache = request.app.state.keys
    headers = request.headers
    agent = headers.get("user-agent")
    version = _CLIENT_VERSION.search(agent) if agent else None
    context = Context(
        request_id=request.state.request_id,
        ip=request.client.host if request.client else None,
        user_agent=agent[:500] if agent else None,
        client_version=version[0] if version else None,
    )
    try:
        actor = await keys.actor(_presented(headers.get("authorization")))
    except RefusedKeyError as error:
        await _record_refused_key(runtime, error, context)
        raise
    return Caller(actor, runtime, request, context, await _cause(request, runtime.database, actor))


Call = Annotated[Caller, Depends(caller)]
"""What every route that needs a key takes as its first parameter."""


async def _cause(request: Request, database: Database, actor: Actor) -> Cause | None:
    find: FindCause = request.app.state.find_cause
    given = request.headers.get(CAUSE_HEADER)
    if given is not None:
        delivery = _uuid(given.strip())
        cause = None if delivery is None else await find(database, actor.organization_id, delivery)
        if cause is None:
            raise InvalidError(
                f"Regista-Cause is {given[:100]!r}, which is no delivery of organization {actor.organization}; give the "
                "webhook-id of the request that this one answers, or leave the header out",
                field="Regista-Cause",
            )
        return cause
    # Others hand a tracestate on without looking at it: what it says of us may be anything.
    found = _TRACE_STATE.search(",".join(request.headers.getlist("tracestate")))
    delivery = None if found is None else _uuid(found[1])
    return None if delivery is None else await find(database, actor.organization_id, delivery)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _presented(header: str | None) -> str:
    scheme, _, rest = (header or "").partition(" ")
    match scheme.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                raise UnauthenticatedError("the Authorization header is not Basic base64(api:KEY)") from None
        case _:
            raise UnauthenticatedError("an API key is needed: `Authorization: Bearer KEY`, or Basic with `api:KEY`")


async def _record_refused_key(runtime: Runtime, error: RefusedKeyError, context: Context) -> None:
    actor = error.actor
    origin = Origin(
        str(actor.id), actor.kind, actor.organization_id, actor.organization, context, public_url=runtime.public_url
    )
    data = SessionDeniedData(
        action="session.login", resource=f"users/{actor.name}", reason=error.message, login=actor.name, method="api_key"
    )

    async def deny(transaction: Transaction) -> None:
        seen = await aggregate.observe(transaction, actor.organization_id)
        await append(transaction, [Draft(SessionDenied, seen, data.resource, data)])

    await runtime.database.run(deny, origin.answering(error.status))


def _encode(answer: BaseModel | None) -> bytes:
    return b"" if answer is None else answer.model_dump_json(by_alias=True).encode()


def _response(answer: BaseModel | Response | None, status: int) -> Response:
    if isinstance(answer, Response):
        return answer
    return _json(_encode(answer), status)


def _repeated(stored: idempotency.Stored) -> Response:
    return _json(stored.body, stored.status, {"idempotency-replayed": "true"})


def _json(body: bytes, status: int, headers: dict[str, Any] | None = None) -> Response:
    return Response(body, status, headers, "application/json" if body else None)
