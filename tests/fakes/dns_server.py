"""A DNS server on loopback, UDP and TCP: it answers out of a zone, or misbehaves over a name as it is told."""

import socket
import threading
import time
from collections.abc import Mapping
from enum import Enum, auto
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL_SECONDS = 60
SLOW_SECONDS = 1.0


class Misconduct(Enum):
    """What a name server may do instead of answering."""

    SILENT = auto()
    SLOW = auto()
    SERVFAIL = auto()
    REFUSED = auto()
    GARBAGE = auto()
    WRONG_ID = auto()
    OTHER_QUESTION = auto()
    TRUNCATED = auto()  # says so over UDP, and answers over TCP
    TRUNCATED_ALWAYS = auto()  # nobody answers over TCP


class DnsServer:
    """``zone`` has a line for each record: ``name type data``, names without a final dot.

    ``misconduct`` is by name. What was asked stands in ``asked``, as ``name type``.
    """

    def __init__(self, zone: str, misconduct: Mapping[str, Misconduct] | None = None, port: int = 0) -> None:
        self.asked: list[str] = []
        self._records = _read_zone(zone)
        self._misconduct = dict(misconduct or {})
        self._is_over = threading.Event()
        self._udp, self._tcp = _bound_pair(port)
        self.port = int(self._udp.getsockname()[1])
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_udp, self._serve_tcp)]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while not self._is_over.is_set():
            try:
                query, client = self._udp.recvfrom(65535)
            except TimeoutError:
                continue
            threading.Thread(target=self._answer_udp, args=(query, client), daemon=True).start()

    def _answer_udp(self, query: bytes, client: tuple[str, int]) -> None:
        for answer in self._answers(query, by_tcp=False):
            self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        while not self._is_over.is_set():
            try:
                connection, _ = self._tcp.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._answer_tcp, args=(connection,), daemon=True).start()

    def _answer_tcp(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream:
            query = stream.read(int.from_bytes(stream.read(2)))
            for answer in self._answers(query, by_tcp=True):
                stream.write(len(answer).to_bytes(2) + answer)
                stream.flush()

    def _answers(self, wire: bytes, *, by_tcp: bool) -> list[bytes]:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(f"{name} {dns.rdatatype.to_text(question.rdtype)}")
        answer = self._honest_answer(query, name)
        match self._misconduct.get(name):
            case Misconduct.SILENT:
                return []
            case Misconduct.SLOW:
                time.sleep(SLOW_SECONDS)
            case Misconduct.SERVFAIL:
                answer.set_rcode(dns.rcode.SERVFAIL)
                answer.answer = []
            case Misconduct.REFUSED:
                answer.set_rcode(dns.rcode.REFUSED)
                answer.answer = []
            case Misconduct.GARBAGE:
                return [wire[:2] + b"\xff" * 40]
            case Misconduct.WRONG_ID:
                answer.id ^= 1
            case Misconduct.OTHER_QUESTION:
                answer.question = [
                    dns.rrset.RRset(dns.name.from_text("else.example"), question.rdclass, question.rdtype)
                ]
            case Misconduct.TRUNCATED_ALWAYS if by_tcp:
                return []
            case Misconduct.TRUNCATED | Misconduct.TRUNCATED_ALWAYS if not by_tcp:
                answer.answer = []
                answer.flags |= dns.flags.TC
        return [_wire_of(answer, by_tcp=by_tcp)]

    def _honest_answer(self, query: dns.message.Message, name: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        if data := self._records.get((name, kind)):
            answer.answer = [dns.rrset.from_text_list(query.question[0].name, TTL_SECONDS, "IN", kind, data)]
        elif not any(known == name or known.endswith(f".{name}") for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


def _wire_of(answer: dns.message.Message, *, by_tcp: bool) -> bytes:
    wire = answer.to_wire(max_size=65535)
    if by_tcp or len(wire) <= 1232:
        return wire
    answer.answer = []
    answer.flags |= dns.flags.TC
    return answer.to_wire()


def _read_zone(zone: str) -> dict[tuple[str, str], list[str]]:
    records: dict[tuple[str, str], list[str]] = {}
    for line in zone.splitlines():
        if line.strip() and not line.startswith(";"):
            name, kind, data = line.split(maxsplit=2)
            records.setdefault((name.lower(), kind), []).append(data)
    return records


def _bound_pair(port: int) -> tuple[socket.socket, socket.socket]:
    """Return sockets of UDP and TCP with the same port."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", port))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            if port:
                raise
            continue
        tcp.listen()
        for one in (udp, tcp):
            one.settimeout(0.05)
        return udp, tcp
