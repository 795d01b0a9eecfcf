"""Ask rspamd for the score of a message, by ``POST /checkv2`` (rspamd's protocol page, normal worker)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, FiniteFloat, ValidationError

from verdict_api.envelope import Envelope

ANSWER_LIMIT_BYTES = 2**20
_HIGHEST_LEVEL = 10**6
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_TEST = re.compile(r"[A-Za-z0-9_]{1,100}")
_PONG = b"pong"
_SERVER = re.compile(r"rspamd[!-~]{0,40}")
_TAGS = ("add header", "rewrite subject")


class RspamdUnavailableError(Exception):
    """Rspamd did not score: not there, silent, busy, or nonsense. It may later."""


class RspamdTooBigError(Exception):
    """Rspamd takes no message of this size (``max_message``); it scores others."""


@dataclass(frozen=True, slots=True)
class RspamdScore:
    """The points of a message, the names of the tests that gave them, and rspamd's own action (``add header``).

    ``tag_level`` and ``reject_level``: from which score on it tags and rejects this message; None where it does not
    say, as before its release 3.5. ``fields`` are the header fields that it would add, with any text in them.
    """

    score: float
    tests: tuple[str, ...]
    action: str
    tag_level: float | None = None
    reject_level: float | None = None
    fields: tuple[tuple[str, str], ...] = ()


class _Symbol(BaseModel):
    score: FiniteFloat = 0.0


class _Answer(BaseModel):
    score: FiniteFloat
    action: str
    symbols: dict[str, _Symbol] = {}
    # Only told, so nothing in them makes the score useless.
    required_score: object = None
    thresholds: object = None
    milter: object = None


class RspamdClient:
    """One rspamd at ``http://host:port``, or at a unix socket's path."""

    def __init__(self, url: str, password: str | None = None) -> None:
        self.url = url
        path = url.removeprefix("unix:")
        is_socket = path != url
        self._client = httpx.AsyncClient(
            base_url="http://rspamd" if is_socket else url,
            transport=httpx.AsyncHTTPTransport(uds=path if is_socket else None),
            headers={"Password": password} if password else {},
            timeout=None,  # noqa: S113  wait limits are the caller's
            trust_env=False,
        )

    async def score(self, data: bytes, envelope: Envelope) -> RspamdScore:
        """Return the score. Wait limits are the caller's.

        Raises:
            RspamdUnavailableError, RspamdTooBigError: see there.
        """
        try:
            async with self._client.stream(
                "POST", "/checkv2", content=data, headers=_headers_of(envelope)
            ) as response:
                answer = b""
                async for piece in response.aiter_bytes():
                    answer += piece
                    if len(answer) > ANSWER_LIMIT_BYTES:
                        raise RspamdUnavailableError(f"{self.url}: an answer of more than {ANSWER_LIMIT_BYTES} bytes")
        except httpx.HTTPError as error:
            raise RspamdUnavailableError(f"{self.url}: {type(error).__name__}: {error}") from error
        if response.status_code == 413:
            raise RspamdTooBigError(f"{self.url}: answered 413 to {len(data)} bytes")
        if response.status_code != 200:
            raise RspamdUnavailableError(f"{self.url}: answered {response.status_code}")
        return self._read(answer)

    async def version(self) -> str:
        """Return what it calls itself. Wait limits are the caller's.

        Raises:
            RspamdUnavailableError: see there.
        """
        try:
            async with self._client.stream("GET", "/ping") as response:
                answer = b""
                async for piece in response.aiter_bytes():
                    answer += piece
                    if len(answer) >= len(_PONG):
                        break
        except httpx.HTTPError as error:
            raise RspamdUnavailableError(f"{self.url}: {type(error).__name__}: {error}") from error
        if response.status_code != 200 or not answer.startswith(_PONG):
            raise RspamdUnavailableError(f"{self.url}: want pong, got {response.status_code} {answer[:40]!r}")
        server = str(response.headers.get("server", ""))
        return server if _SERVER.fullmatch(server) else "rspamd"  # a proxy puts its own name there

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    def _read(self, answer: bytes) -> RspamdScore:
        try:
            told = _Answer.model_validate_json(answer)
        except ValidationError as error:
            raise RspamdUnavailableError(f"{self.url}: want score and action, got {answer[:80]!r}") from error
        # Most symbols only note something: tests are those that gave points.
        tests = tuple(name for name, symbol in told.symbols.items() if symbol.score and _TEST.fullmatch(name))
        tag_level, reject_level = _levels(told)
        return RspamdScore(told.score, tests, told.action, tag_level, reject_level, tuple(_fields(told.milter)))


def _levels(told: _Answer) -> tuple[float | None, float | None]:
    """Return from where on it tags and rejects. ``required_score`` is where it rejects; 0 is written for never."""
    thresholds = told.thresholds if isinstance(told.thresholds, dict) else {}
    tags = [level for level in (_level(thresholds.get(action)) for action in _TAGS) if level is not None]
    rejects = _level(thresholds.get("reject"))
    if rejects is None and not thresholds:
        rejects = _level(told.required_score)
    return min(tags, default=None), rejects


def _level(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < _HIGHEST_LEVEL else None


def _fields(milter: object) -> Iterator[tuple[str, str]]:
    """Yield the fields that it would have a milter add; a value is a text, an object with one, or a list of those."""
    added = milter.get("add_headers") if isinstance(milter, dict) else None
    for name, values in added.items() if isinstance(added, dict) else ():
        for value in values if isinstance(values, list) else [values]:
            text = value.get("value") if isinstance(value, dict) else value
            if isinstance(name, str) and isinstance(text, str):
                yield name, text


def _headers_of(envelope: Envelope) -> list[tuple[bytes, bytes]]:
    client = envelope.client
    fields = [
        ("From", envelope.sender),
        *(("Rcpt", one.address) for one in envelope.recipients),
        ("IP", client.ip),
        ("Helo", client.helo),
        ("Hostname", client.name),
        ("User", envelope.authenticated_user),
        ("Queue-Id", envelope.queue_id),
        ("MTA-Name", envelope.host),
    ]
    return [(name.encode(), _header_value(value)) for name, value in fields if value]


def _header_value(text: str) -> bytes:
    """An address may hold any byte; a line break in a header would begin another one.

    Blanks around a value are none of it (RFC 9110 §5.5), and h11 refuses to send them.
    """
    return _CONTROL.sub(b"?", text.encode("utf-8", "surrogateescape").strip(b" \t"))
