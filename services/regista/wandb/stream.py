"""The file stream: what a running client sends every few seconds, and what it hears back.

The client gives up on 400, 403, 404 and 409 and then loses what it has, so a run that exists is never answered so; it
sends again for minutes on anything else that is not a success, which is right for a body that was damaged on its way.
"""

import asyncio

from fastapi import Request

from regista.access.actions import Action
from regista.access.boundary import Call
from regista.kit.db import Transaction
from regista.kit.web import ActionRouter
from regista.kit.web.reading import read_body
from regista.tracking.streaming import receive
from regista.tracking.subjects import Run
from regista.wandb.stream_body import parse_stream

router = ActionRouter(tags=["wandb"], include_in_schema=False)

MAX_BYTES = 128 << 20
"""Bytes of a request, inflated. The client cuts what it has into requests of some 10 MB; one line may be as long."""
_LARGE = 1 << 20


@router.create("/files/{entity}/{project}/{run}/file_stream", action=Action.RUN_WRITE)
async def file_stream(call: Call, request: Request, entity: str, project: str, run: str) -> dict[str, bool]:
    """Take lines, summary and state of a run; `stopped` asks its program to end."""
    body = await read_body(request, MAX_BYTES)
    # Clients that share a run count their lines each for themselves.
    writer = request.headers.get("x-wandb-async-client-id") if shares_run(request) else None
    sent = await asyncio.to_thread(parse_stream, body, writer) if len(body) > _LARGE else parse_stream(body, writer)

    async def command(transaction: Transaction) -> Run:
        return await receive(transaction, call.actor, (entity, project, run), sent)

    found = await call.change(command)
    return {"stopped": True} if found.stop_requested_at is not None else {}


def shares_run(request: Request) -> bool:
    """Return whether the client is one of several that write to one run side by side (mode "shared")."""
    return request.headers.get("x-wandb-use-async-filestream", "").lower() == "true"
