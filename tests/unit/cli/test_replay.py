import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from regista.cli import replays
from regista.cli.commands import app

BEGUN: dict[str, Any] = {"id": "r-1", "state": "running", "done": 0.0, "examined": 0, "fired": 0}
ENDED: dict[str, Any] = BEGUN | {"state": "finished", "done": 1.0, "examined": 5, "fired": 3}


class Server:
    """Answers as Regista does, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        return self.answers.pop(0)


def run(monkeypatch: pytest.MonkeyPatch, server: Server, *arguments: str) -> Any:
    monkeypatch.setattr(replays, "_LOOK_SECONDS", 0.0)
    client: Any = httpx.Client

    def answered(**given: Any) -> Any:
        return client(**{**given, "transport": httpx.MockTransport(server)})

    monkeypatch.setattr(httpx, "Client", answered)
    return CliRunner().invoke(app, ["replay", *arguments], env={"REGISTA_API_KEY": "key"})


def test_a_replay_is_asked_for_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(httpx.Response(202, json=BEGUN), httpx.Response(200, json=BEGUN), httpx.Response(200, json=ENDED))
    result = run(monkeypatch, server, "--automation", "7", "--type", "alias.added", "--from", "2026-01-01T00:00:00Z")
    assert (result.exit_code, result.stdout) == (0, "replay r-1 finished; events examined: 5, fired: 3\n")
    assert server.asked == [
        ("POST", "/api/v1/automations/7/replay", {"types": ["alias.added"], "from": "2026-01-01T00:00:00Z"}),
        ("GET", "/api/v1/replays/r-1", None),
        ("GET", "/api/v1/replays/r-1", None),
    ]


def test_one_that_does_not_finish_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(httpx.Response(202, json=BEGUN | {"state": "canceled"}))
    assert run(monkeypatch, server, "--webhook", "2", "--event", "e-1").exit_code == 1


def test_a_dry_run_tells_the_summary_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"kind": "progress", "done": 0.5}, {"kind": "summary", "examined": 5, "fires": 3}]
    server = Server(httpx.Response(200, text="".join(json.dumps(line) + "\n" for line in lines)))
    result = run(monkeypatch, server, "--webhook", "2", "--subject", "team/", "--dry-run", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, lines[-1])
    assert server.asked == [("POST", "/api/v1/webhooks/2/replay", {"subject": "team/", "dry_run": True})]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(422, json={"detail": "say which events"}), "say which events"),
        (httpx.Response(502, text="<html>"), "check the URL"),
    ],
)
def test_what_the_server_refuses_is_said_in_its_words(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, said: str, dry: tuple[str, ...]
) -> None:
    result = run(monkeypatch, Server(answer), "--automation", "7", "--type", "alias.added", *dry)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_stream_that_breaks_off_is_no_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(httpx.Response(200, text='{"kind":"error","detail":"the server stops; ask again"}\n'))
    result = run(monkeypatch, server, "--automation", "7", "--type", "alias.added", "--dry-run")
    assert (result.exit_code, "the server stops" in result.stderr) == (2, True)


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_replay_of_nothing_in_particular_is_refused_in_the_words_of_the_command(
    monkeypatch: pytest.MonkeyPatch, dry: tuple[str, ...]
) -> None:
    result = run(monkeypatch, Server(), "--automation", "999", *dry)
    assert result.exit_code == 2
    assert "say which events: --event, --type, --subject, --from or --to" in result.stderr


def test_a_replay_goes_to_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, Server()).exit_code == 2
    assert run(monkeypatch, Server(), "--automation", "7", "--webhook", "2").exit_code == 2
