"""What the demo shows, in its order."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from regista.cli.demo.receiver import ARRIVAL_SECONDS, Receiver, listening
from regista.cli.demo.server import serving
from regista.cli.demo.training import EPOCHS, PROJECT, REGISTERED, SCRIPT, interpreter, train
from regista.kit import clock, ids
from regista.kit.errors import UnavailableError

Say = Callable[[str], None]


async def demo(say: Say, keep: Path | None, client: Path | None = None) -> bool:
    """Run the demo; return whether all of it happened.

    ``keep`` is a directory for the data, None a temporary one; ``client`` a Python that has the W&B client, None this
    one. Raises `regista.cli.demo.training.ClientMissingError` where there is none.
    """
    python = interpreter(client)
    with tempfile.TemporaryDirectory(prefix="regista-demo-") as temporary:
        folder = Path(temporary)
        key = ids.api_key()
        receiver = Receiver()
        async with listening(receiver) as (hook_url, slack_api):
            say("Starting a server: PostgreSQL, API, relay, webhooks, Slack, audit, upkeep ...")
            began = clock.monotonic()
            async with serving(keep or folder / "data", key, slack_api) as url:
                say(f"  ready at {url} after {clock.monotonic() - began:.1f} s")
                model = await _train(say, python, url, key, folder / "training")
                headers = {"authorization": f"Bearer {key}"}
                async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=30) as api:
                    entity = (await _call(api, "GET", "/me"))["entity"]
                    trained = await _look(say, api, entity, model)
                    good = await _promote(say, api, entity, receiver, hook_url) and trained
    say("All of it happened." if good else "Something is missing: see above.")
    return good


async def _train(say: Say, python: str, url: str, key: str, folder: Path) -> bytes:
    say(f"Training, with the W&B client and WANDB_BASE_URL={url}:")
    for line in SCRIPT.splitlines():
        say(f"  | {line}".rstrip())
    return await train(python, url, key, folder, lambda line: say(f"  {line}"))


async def _look(say: Say, api: httpx.AsyncClient, entity: str, model: bytes) -> bool:
    """Look at what the client left on the server; return whether it is all there."""
    say("Looking at what is there now ...")
    (run,) = (await _call(api, "GET", f"/projects/{entity}/{PROJECT}/runs"))["items"]
    say(f"  run {run['name']} ({run['display_name']}) is {run['state']}, its last loss {run['summary']['loss']:.2g}")
    version = await _call(api, "GET", f"{_collection(entity)}/versions/latest")
    say(f"  {REGISTERED}:{version['version']}, {version['size']} bytes, is {version['source']}")
    answer = await api.get(
        f"{_collection(entity)}/versions/latest/files/model.json?redirect=true", follow_redirects=True
    )
    same = answer.content == model
    say(f"  its file is {'byte for byte' if same else 'NOT'} the one that was trained")
    return run["state"] == "finished" and run["summary"].get("_step") == EPOCHS - 1 and same


async def _promote(say: Say, api: httpx.AsyncClient, entity: str, receiver: Receiver, hook_url: str) -> bool:
    """Move the alias; return whether all that has to follow did."""
    say(
        "Registering a webhook and a channel (of a local stand-in for Slack), and an automation that sends to both when"
    )
    say(f"an alias of {REGISTERED} moves ...")
    hook = await _call(api, "POST", "/webhooks", {"name": "deploy", "url": hook_url})
    receiver.secret = hook["secret"]
    scope = f"collection/{entity}/model-registry/{REGISTERED}"
    await _call(api, "POST", "/slack-channels", {"name": "ml-ops", "channel": "#ml-ops", "token": "xoxb-of-the-demo"})
    message = {"integration": "ml-ops", "title": "${alias}: ${artifact_version_string}", "text": "by *${event_author}*"}
    actions = [{"webhook": {"integration": "deploy"}}, {"slack": message}]
    await _call(
        api, "POST", "/automations", {"name": "deploy", "scope": scope, "on": ["alias.added"], "actions": actions}
    )

    say("Moving alias production to it ...")
    sent = clock.monotonic()
    moved = await _call(api, "PUT", f"{_collection(entity)}/aliases/production", {"version": "v0"})
    arrival = await receiver.next()
    signed = "right" if arrival.verified else "WRONG"
    took = (arrival.at - sent) * 1000
    say(f"  webhook {arrival.webhook_id} arrived {took:.0f} ms after the request was sent; its signature is {signed}")
    say(f"  {arrival.event['type']}  {arrival.event['subject']}  alias {arrival.event['data']['alias']}")
    same = arrival.event["id"] == moved["event_id"]
    posted = await receiver.next_message()
    header, section = (block["text"]["text"] for block in posted["blocks"][:2])
    say(f"  message in {posted['channel']}: {header} | {section}")
    told = header == f"production: {entity}/model-registry/{REGISTERED}:v0"

    say("Reading the audit log ...")
    rows = await _audit(api, moved["event_id"])
    for row in rows:
        say(f"  {row['time']}  {row['action']}  {row.get('resource', '')}")
    delivered = await _delivered(api, arrival.webhook_id)
    say(f"  delivery {arrival.webhook_id}: {delivered['state']} after {delivered['attempts']} attempt(s)")
    return arrival.verified and same and told and bool(rows) and delivered["state"] == "succeeded"


def _collection(entity: str) -> str:
    return f"/collections/{entity}/model-registry/{REGISTERED}"


async def _audit(api: httpx.AsyncClient, event_id: str) -> list[dict[str, Any]]:
    deadline = clock.monotonic() + ARRIVAL_SECONDS
    while True:
        rows: list[dict[str, Any]] = (await _call(api, "GET", "/audit?limit=100"))["items"]
        # The audit is a consumer like the webhooks: it may be some milliseconds behind them.
        if any(row["event_id"] == event_id for row in rows) or clock.monotonic() > deadline:
            return list(reversed(rows))
        await asyncio.sleep(0.05)


async def _delivered(api: httpx.AsyncClient, delivery: str) -> dict[str, Any]:
    deadline = clock.monotonic() + ARRIVAL_SECONDS
    while True:
        found = await _call(api, "GET", f"/deliveries/{delivery}")
        if found["state"] != "pending" or clock.monotonic() > deadline:
            return found
        await asyncio.sleep(0.05)


async def _call(api: httpx.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await api.request(method, path, json=body)
    if answer.is_error:
        raise UnavailableError(f"{method} {path} was answered {answer.status_code}: {answer.text}")
    return answer.json()
