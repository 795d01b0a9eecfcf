"""Ask SpamAssassin's spamd (spamd(8)) for the score of a message, in its protocol SPAMC/1.5 (spamd/PROTOCOL)."""

import asyncio
import re
from dataclasses import dataclass

from scanner_service.clients.daemon_address import DaemonAddress

ANSWER_LIMIT_BYTES = 256 * 2**10
_STATUS = re.compile(rb"SPAMD/[\d.]+ (\d+) ([^\r\n]*)\r?\n")
_SCORE = re.compile(rb"(?:\A|\n)Spam: *(?:True|False|Yes|No) *; *(-?\d{1,9}(?:\.\d{1,9})?) */", re.IGNORECASE)
_PONG = re.compile(rb"SPAMD/([\d.]{1,20}) 0 PONG")
_TEST = re.compile(r"[A-Za-z0-9_]{1,100}")


class SpamdUnavailableError(Exception):
    """Spamd did not score: not there, silent, busy, or nonsense. It may later."""


@dataclass(frozen=True, slots=True)
class SpamdScore:
    """The points of a message, and the names of the tests that gave them."""

    score: float
    tests: tuple[str, ...]


class SpamdClient:
    """One spamd; ``user`` is whose preferences count, None for those of all."""

    def __init__(self, address: DaemonAddress, user: str | None = None) -> None:
        self.address = address
        self._user = user

    async def score(self, data: bytes) -> SpamdScore:
        """Return the score. Wait limits are the caller's.

        Raises:
            SpamdUnavailableError: see there.
        """
        user = f"User: {self._user}\r\n" if self._user else ""
        head = f"SYMBOLS SPAMC/1.5\r\nContent-length: {len(data)}\r\n{user}\r\n"
        return self._read(await self._ask(head.encode(), data))

    async def version(self) -> str:
        """Return the version of its protocol, all that it tells of itself without a message. As score() otherwise.

        Raises:
            SpamdUnavailableError: see there.
        """
        answer = await self._ask(b"PING SPAMC/1.5\r\n\r\n")
        told = _PONG.match(answer)
        if told is None:
            raise SpamdUnavailableError(f"{self.address}: want PONG, got {answer[:80]!r}")
        return f"spamd, protocol {told[1].decode('ascii')}"

    async def _ask(self, head: bytes, data: bytes = b"") -> bytes:
        try:
            reader, writer = await self.address.open()
        except OSError as error:
            raise SpamdUnavailableError(f"{self.address}: {error.strerror or error}") from error
        try:
            writer.write(head)
            writer.write(data)
            # spamd reads lines: without this it would wait for the end of the last one, and we for its answer.
            writer.write_eof()
            await writer.drain()
            return await _all_of(reader)
        except OSError as error:
            raise SpamdUnavailableError(f"{self.address}: {error.strerror or error}") from error
        finally:
            writer.close()

    def _read(self, answer: bytes) -> SpamdScore:
        status = _STATUS.match(answer)
        head, end, body = answer.partition(b"\r\n\r\n")
        score = _SCORE.search(head)
        if status is None or not end:
            raise SpamdUnavailableError(f"{self.address}: want an answer of SPAMD, got {answer[:80]!r}")
        if int(status[1]) or score is None:
            raise SpamdUnavailableError(f"{self.address}: {status[2].decode('ascii', 'replace')[:80]}")
        return SpamdScore(float(score[1]), tuple(_TEST.findall(body.decode("ascii", "replace"))))


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    while piece := await reader.read(ANSWER_LIMIT_BYTES):
        received += piece
        if len(received) > ANSWER_LIMIT_BYTES:
            break
    return bytes(received[:ANSWER_LIMIT_BYTES])
