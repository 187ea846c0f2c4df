"""The guarded client against real servers: sockets, names, TLS and every way a receiver misbehaves."""

import asyncio
import gzip
import socket
from collections.abc import AsyncGenerator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from regista.kit.clock import monotonic
from regista.kit.http import Failure, GuardedClient
from regista.kit.http.answer import CUT, MAX_BODY
from regista.kit.http.failures import of_exception
from tests.support.certificates import Authority
from tests.support.name_server import NameServer
from tests.support.receiver import Receiver, Request, accept, response

LOOPBACK = [ip_network("127.0.0.1/32")]
HEADERS = {"Content-Type": "application/cloudevents+json", "webhook-id": "0190"}


@pytest.fixture
async def client() -> AsyncGenerator[GuardedClient]:
    async with GuardedClient(LOOPBACK) as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


async def test_a_request_carries_the_body_and_headers_and_nothing_of_ours_but_three(
    client: GuardedClient, receiver: Receiver
) -> None:
    answer = await client.post(receiver.url(path="/hook?a=b"), b'{"n":1}', HEADERS, timeout=15)
    assert (answer.status, answer.error, answer.body, answer.truncated) == (200, None, b"", False)
    assert 0 < answer.seconds < 10
    (request,) = receiver.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.body == b'{"n":1}'
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "Regista",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/cloudevents+json",
        "webhook-id": "0190",
        "content-length": "7",
    }


async def test_connections_are_reused(client: GuardedClient, receiver: Receiver) -> None:
    for _ in range(5):
        assert (await client.post(receiver.url(), b"x", HEADERS, timeout=15)).error is None
    assert receiver.connections == 1


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("200 OK", None),
        ("204 No Content", None),
        ("299 Fine", None),
        ("301 Moved", Failure.REDIRECT_ERROR),
        ("304 Not Modified", Failure.REDIRECT_ERROR),
        ("307 Temporary", Failure.REDIRECT_ERROR),
        ("400 Bad", Failure.HTTP_4XX),
        ("410 Gone", Failure.HTTP_4XX),
        ("429 Slow", Failure.HTTP_4XX),
        ("500 Broken", Failure.HTTP_5XX),
        ("599 Broken", Failure.HTTP_5XX),
        ("600 Odd", Failure.NETWORK_ERROR),
    ],
)
async def test_only_2xx_is_a_success_and_no_redirect_is_followed(
    client: GuardedClient, receiver: Receiver, status: str, failure: Failure | None
) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        body = b"" if status[:3] in {"204", "304"} else b"why"
        writer.write(response(status, body, f"Location: {receiver.url(path='/other')}\r\nRetry-After: 7\r\n"))

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert (answer.status, answer.error) == (int(status[:3]), failure)
    assert answer.headers["retry-after"] == "7"
    assert len(receiver.requests) == 1


async def test_cookies_are_neither_kept_nor_returned(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(headers="Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n"))

    receiver.answer = answering
    url = receiver.url()
    assert (await client.post(url, b"x", HEADERS, timeout=15)).headers["set-cookie"] == "a=1; Path=/, b=2"
    await client.post(url, b"x", HEADERS, timeout=15)
    async with client.httpx() as browser:
        await browser.get(url)
        await browser.get(url)
    assert len(receiver.requests) == 4
    assert not any("cookie" in request.headers for request in receiver.requests)


async def test_proxies_of_the_environment_are_ignored(
    client: GuardedClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Receiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        assert (await client.post(receiver.url(), b"x", HEADERS, timeout=15)).error is None
        async with client.httpx() as browser:
            assert (await browser.get(receiver.url())).status_code == 200
        assert proxy.connections == 0


async def test_a_body_of_exactly_the_limit_is_whole_and_one_byte_more_is_cut(
    client: GuardedClient, receiver: Receiver
) -> None:
    async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body=b"z" * int(request.body)))

    receiver.answer = answering
    whole = await client.post(receiver.url(), str(MAX_BODY).encode(), HEADERS, timeout=15)
    assert (whole.error, len(whole.body), whole.truncated) == (None, MAX_BODY, False)
    cut = await client.post(receiver.url(), str(MAX_BODY + 1).encode(), HEADERS, timeout=15)
    assert (cut.error, len(cut.body), cut.truncated) == (None, MAX_BODY, True)
    assert cut.shown().endswith(CUT)
    assert whole.shown() == whole.body


async def test_an_endless_body_is_left_after_the_limit_and_the_status_counts(
    client: GuardedClient, receiver: Receiver
) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"y" * 0x400 + b"\r\n")
            await writer.drain()

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=30)
    assert (answer.status, answer.error, len(answer.body), answer.truncated) == (200, None, MAX_BODY, True)
    assert answer.seconds < 20
    await asyncio.wait_for(receiver.closed.wait(), 10)


async def test_a_compressed_body_is_kept_as_it_came_and_never_inflated(
    client: GuardedClient, receiver: Receiver
) -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)

    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body=bomb, headers="Content-Encoding: gzip\r\n"))

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert (answer.error, answer.body) == (None, bomb)


async def test_headers_are_kept_as_valid_text_and_within_bounds(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        many = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 1000) for number in range(60))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Odd: \xff\xfe\r\n" + many + b"\r\n")

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert answer.error is None
    assert answer.headers["x-odd"] == "\ufffd\ufffd"
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) <= 20_000


async def test_a_header_line_without_end_is_too_large(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"v" * 100_000 + b"\r\n\r\n")

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert answer.error is Failure.RESPONSE_TOO_LARGE


@pytest.mark.parametrize(
    ("sent", "status"), [(b"", None), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", 200)], ids=["silent", "stuck"]
)
async def test_the_total_timeout_covers_waiting_and_reading(
    client: GuardedClient, receiver: Receiver, sent: bytes, status: int | None
) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await asyncio.sleep(60)

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=0.5)
    assert (answer.status, answer.error) == (status, Failure.TIMEOUT)
    assert 0.4 < answer.seconds < 20


async def test_a_body_that_drips_for_ever_ends_with_the_total_timeout(
    client: GuardedClient, receiver: Receiver
) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        while True:
            writer.write(b".")
            await asyncio.sleep(0.05)

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=0.6)
    assert (answer.status, answer.error) == (200, Failure.TIMEOUT)


async def test_a_body_that_breaks_off_is_a_reset_although_the_status_was_fine(
    client: GuardedClient, receiver: Receiver
) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab")
        await writer.drain()
        writer.close()

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert (answer.status, answer.error) == (200, Failure.CONNECTION_RESET)


async def test_what_is_no_http_is_a_network_error(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert (answer.status, answer.error) == (None, Failure.NETWORK_ERROR)


async def test_a_header_that_cannot_be_sent_is_an_answer_not_an_exception(
    client: GuardedClient, receiver: Receiver
) -> None:
    answer = await client.post(receiver.url(), b"x", {"X-Key": "a\r\nHost: b"}, timeout=15)
    assert answer.error is Failure.NETWORK_ERROR
    assert receiver.requests == []
    assert (await client.post(receiver.url(), b"x", HEADERS, timeout=15)).error is None


async def test_a_closed_client_raises_because_that_is_no_attempt(receiver: Receiver) -> None:
    client = GuardedClient(LOOPBACK)
    await client.close()
    with pytest.raises(RuntimeError):
        await client.post(receiver.url(), b"x", HEADERS, timeout=15)


async def test_a_closed_port_is_refused(client: GuardedClient) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        answer = await client.post(f"http://127.0.0.1:{reserved.getsockname()[1]}/", b"x", HEADERS, timeout=15)
    assert answer.error is Failure.CONNECTION_REFUSED


async def test_a_fresh_connection_that_is_dropped_is_not_retried(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    receiver.answer = answering
    answer = await client.post(receiver.url(), b"x", HEADERS, timeout=15)
    assert answer.error is Failure.CONNECTION_RESET
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_pooled_connection_that_fails_is_replaced_once_at_once(
    client: GuardedClient, receiver: Receiver, ending: str
) -> None:
    async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.connection == 1 and request.turn == 2:
            writer.close() if ending == "close" else writer.transport.abort()
        else:
            writer.write(response())

    receiver.answer = answering
    await client.post(receiver.url(), b"1", HEADERS, timeout=15)
    answer = await client.post(receiver.url(), b"2", HEADERS, timeout=15)
    assert (answer.status, answer.error) == (200, None)
    assert [(request.body, request.connection) for request in receiver.requests] == [(b"1", 1), (b"2", 1), (b"2", 2)]


async def test_the_replacement_is_not_replaced_again(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.body == b"1":
            writer.write(response())
        else:
            writer.close()

    receiver.answer = answering
    await client.post(receiver.url(), b"1", HEADERS, timeout=15)
    answer = await client.post(receiver.url(), b"2", HEADERS, timeout=15)
    assert answer.error is Failure.CONNECTION_RESET
    assert [request.body for request in receiver.requests] == [b"1", b"2", b"2"]


async def test_a_response_that_has_begun_is_not_asked_for_again(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.turn == 1:
            writer.write(response())
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-")
            await writer.drain()
            writer.close()

    receiver.answer = answering
    await client.post(receiver.url(), b"1", HEADERS, timeout=15)
    answer = await client.post(receiver.url(), b"2", HEADERS, timeout=15)
    assert answer.error is Failure.CONNECTION_RESET
    assert len(receiver.requests) == 2


async def test_a_pooled_connection_that_fails_late_is_not_retried(client: GuardedClient, receiver: Receiver) -> None:
    async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.turn == 1:
            writer.write(response())
        else:
            await asyncio.sleep(1.2)
            writer.close()

    receiver.answer = answering
    await client.post(receiver.url(), b"1", HEADERS, timeout=15)
    answer = await client.post(receiver.url(), b"2", HEADERS, timeout=15)
    assert answer.error is Failure.CONNECTION_RESET
    assert len(receiver.requests) == 2


async def test_a_cancelled_request_is_cancelled_and_its_connection_closed(
    client: GuardedClient, receiver: Receiver
) -> None:
    arrived = asyncio.Event()

    async def answering(_request: Request, _writer: asyncio.StreamWriter) -> None:
        arrived.set()

    receiver.answer = answering
    task = asyncio.create_task(client.post(receiver.url(), b"x", HEADERS, timeout=15))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(receiver.closed.wait(), 10)


async def test_tls_keeps_the_name_for_sni_and_host_and_checks_the_certificate(tmp_path: Path) -> None:
    authority, names = Authority(), {"hooks.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
    seen: list[str | None] = []
    context = authority.server("hooks.example", tmp_path)
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    async with (
        NameServer(names) as server,
        Receiver(tls=context) as receiver,
        GuardedClient(LOOPBACK, tls=authority.trust, resolver=server.resolver()) as client,
    ):
        answer = await client.post(receiver.url("hooks.example", "https"), b"x", HEADERS, timeout=15)
        assert (answer.error, answer.detail) == (None, "")
        assert seen == ["hooks.example"]
        assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"
        wrong = await client.post(receiver.url("other.example", "https"), b"x", HEADERS, timeout=15)
        assert wrong.error is Failure.TLS_ERROR
        assert "hooks.example" in wrong.detail or "mismatch" in wrong.detail.lower()
        assert len(receiver.requests) == 1


async def test_an_unknown_authority_is_a_tls_error(tmp_path: Path) -> None:
    context = Authority().server("hooks.example", tmp_path)
    async with (
        NameServer({"hooks.example": [["127.0.0.1"]]}) as server,
        Receiver(tls=context) as stranger,
        GuardedClient(LOOPBACK, tls=Authority().trust, resolver=server.resolver()) as client,
    ):
        answer = await client.post(stranger.url("hooks.example", "https"), b"x", HEADERS, timeout=15)
        assert answer.error is Failure.TLS_ERROR
        assert stranger.requests == []


async def test_a_server_without_tls_is_a_tls_error(client: GuardedClient) -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await client.post(f"https://127.0.0.1:{port}/", b"x", HEADERS, timeout=15)
    assert answer.error is Failure.TLS_ERROR


async def test_a_name_that_does_not_exist_is_a_dns_error() -> None:
    async with NameServer({}) as server, GuardedClient(LOOPBACK, resolver=server.resolver()) as client:
        answer = await client.post("http://nowhere.example/", b"x", HEADERS, timeout=15)
        assert answer.error is Failure.DNS_ERROR
        assert server.asked["nowhere.example"] >= 1


async def test_hung_names_end_in_a_dns_error_and_stop_nobody() -> None:
    names = {"healthy.example": [["127.0.0.1"]], **{f"hung{number}.example": [None] for number in range(200)}}
    async with (
        NameServer(names) as server,
        Receiver() as receiver,
        GuardedClient(LOOPBACK, resolver=server.resolver()) as client,
    ):
        hung = [
            asyncio.create_task(client.post(f"http://hung{number}.example/", b"x", HEADERS, timeout=20))
            for number in range(200)
        ]
        await asyncio.sleep(0.2)
        started = monotonic()
        assert (await client.post(receiver.url("healthy.example"), b"x", HEADERS, timeout=20)).error is None
        assert not any(task.done() for task in hung), "the healthy one waited for the hung names"
        assert monotonic() - started < 5
        assert {answer.error for answer in await asyncio.gather(*hung)} == {Failure.DNS_ERROR}


class TestHttpx:
    async def test_it_speaks_over_the_same_guarded_connections(self, client: GuardedClient, receiver: Receiver) -> None:
        await client.post(receiver.url(), b"x", HEADERS, timeout=15)
        async with client.httpx() as browser:
            answer = await browser.post(receiver.url(), json={"a": 1})
            assert answer.status_code == 200
            with pytest.raises(httpx.ConnectError) as refusal:
                await browser.get(receiver.url("127.0.0.2"))
            assert of_exception(refusal.value) is Failure.ADDRESS_FORBIDDEN
            with pytest.raises(httpx.UnsupportedProtocol):
                await browser.get(receiver.url("127.1"))
        assert receiver.connections == 1
        assert receiver.requests[-1].body == b'{"a":1}'
        assert (await client.post(receiver.url(), b"x", HEADERS, timeout=15)).error is None, "closed with its borrower"

    async def test_it_follows_no_redirect(self, client: GuardedClient, receiver: Receiver) -> None:
        async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(response("302 Found", headers="Location: /other\r\n"))

        receiver.answer = answering
        async with client.httpx() as browser:
            assert (await browser.get(receiver.url())).status_code == 302
        assert len(receiver.requests) == 1

    async def test_it_reads_no_more_than_its_bound(self, client: GuardedClient, receiver: Receiver) -> None:
        async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(response(body=b"z" * 50_001))

        receiver.answer = answering
        async with client.httpx(max_body=50_001) as browser:
            assert len((await browser.get(receiver.url())).content) == 50_001
        async with client.httpx(max_body=50_000) as browser:
            with pytest.raises(httpx.ReadError) as refusal:
                await browser.get(receiver.url())
        assert of_exception(refusal.value) is Failure.RESPONSE_TOO_LARGE

    async def test_it_inflates_nothing(self, client: GuardedClient, receiver: Receiver) -> None:
        async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(response(body=gzip.compress(b"\0" * 100_000), headers="Content-Encoding: gzip\r\n"))

        receiver.answer = answering
        async with client.httpx() as browser:
            with pytest.raises(httpx.ReadError, match="compressed"):
                await browser.get(receiver.url())
        assert receiver.requests[0].headers["accept-encoding"] == "identity"

    @pytest.mark.parametrize("begun", [False, True])
    async def test_it_ends_within_its_total_time(
        self, client: GuardedClient, receiver: Receiver, *, begun: bool
    ) -> None:
        async def answering(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" if begun else b"")
            while begun:
                writer.write(b".")
                await asyncio.sleep(0.05)
            await asyncio.sleep(60)

        receiver.answer = answering
        async with client.httpx(timeout=0.5) as browser:
            with pytest.raises(httpx.TimeoutException) as slow:
                await browser.get(receiver.url())
        assert of_exception(slow.value) is Failure.TIMEOUT

    async def test_a_closed_port_has_the_code_that_post_gives_it(self, client: GuardedClient) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            async with client.httpx() as browser:
                with pytest.raises(httpx.ConnectError) as refusal:
                    await browser.get(f"http://127.0.0.1:{reserved.getsockname()[1]}/")
        assert of_exception(refusal.value) is Failure.CONNECTION_REFUSED

    async def test_a_server_that_hangs_up_or_talks_nonsense_raises_httpx_errors(
        self, client: GuardedClient, receiver: Receiver
    ) -> None:
        async def answering(request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n" if "nonsense" in request.line else b"")
            await writer.drain()
            writer.close()

        receiver.answer = answering
        async with client.httpx() as browser:
            with pytest.raises(httpx.ReadError) as hung_up:
                await browser.post(receiver.url())
            with pytest.raises(httpx.RemoteProtocolError) as nonsense:
                await browser.post(receiver.url(path="/nonsense"))
        assert of_exception(hung_up.value) is Failure.CONNECTION_RESET
        assert of_exception(nonsense.value) is Failure.NETWORK_ERROR


async def test_the_default_receiver_answers_nothing_but_yes(client: GuardedClient, receiver: Receiver) -> None:
    receiver.answer = accept
    answers = await asyncio.gather(*(client.post(receiver.url(), b"x", HEADERS, timeout=30) for _ in range(300)))
    assert {answer.error for answer in answers} == {None}
    assert len(receiver.requests) == 300
