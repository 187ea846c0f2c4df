"""A DNS server for tests (RFC 1035, A and AAAA over UDP), so that names resolve by the real resolver to chosen addresses."""

import asyncio
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Self

import aiohttp

_A, _AAAA = 1, 28
_REFUSES_NOTHING, _NO_SUCH_NAME = 0x8180, 0x8183


class NameServer(asyncio.DatagramProtocol):
    """Answers from ``names``: for each a sequence of answers, each a list of addresses; the last one is repeated.

    A name whose answer is None is never answered; an unknown one does not exist. ``asked`` counts A questions.
    """

    def __init__(self, names: Mapping[str, Sequence[Sequence[str] | None]]) -> None:
        self.names = dict(names)
        self.asked: dict[str, int] = {}
        self._answered: dict[tuple[str, int], int] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._transport is not None
        self._transport.close()

    def resolver(self) -> aiohttp.AsyncResolver:
        """Return c-ares asking this server and nothing else, as the product's resolver asks the system's."""
        return aiohttp.AsyncResolver(
            nameservers=[f"127.0.0.1:{self.port}"], lookups="b", domains=[], timeout=1.0, tries=2
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        labels, at = [], 12
        while size := data[at]:
            labels.append(data[at + 1 : at + 1 + size].decode())
            at += 1 + size
        name, kind = ".".join(labels).lower(), int.from_bytes(data[at + 1 : at + 3])
        if kind == _A:
            self.asked[name] = self.asked.get(name, 0) + 1
        question = data[12 : at + 5]
        answers = self.names.get(name)
        addresses: list[str] = []
        if answers is not None:
            turn = self._answered.get((name, kind), 0)
            self._answered[name, kind] = turn + 1
            chosen = answers[min(turn, len(answers) - 1)]
            if chosen is None:
                return
            version = 4 if kind == _A else 6
            addresses = [text for text in chosen if kind in {_A, _AAAA} and ip_address(text).version == version]
        flags = _NO_SUCH_NAME if answers is None else _REFUSES_NOTHING
        head = data[:2] + b"".join(number.to_bytes(2) for number in (flags, 1, len(addresses), 0, 0))
        records = b"".join(
            b"\xc0\x0c" + kind.to_bytes(2) + b"\x00\x01\x00\x00\x00\x00" + len(packed).to_bytes(2) + packed
            for packed in (ip_address(text).packed for text in addresses)
        )
        assert self._transport is not None
        self._transport.sendto(head + question + records, addr)
