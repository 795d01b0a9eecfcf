"""The transport under httpx: which failure is which, and when a connection is given up."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shim.http_transport import CONTINUE_ABOVE_BYTES, HttpQuestion, LeanTransport
from tests.fakes.descriptors import open_descriptors
from tests.fakes.scanner import (
    Act,
    FakeScanner,
    Talk,
    answer,
    answer_amid_the_body,
    babble,
    be_silent,
    hang_up_after_the_request,
    hang_up_amid_the_body,
    hang_up_at_once,
    http_answer,
    nobody_listening,
)

LIMIT_BYTES = 1000


class CountedBody:
    """A body of many pieces that knows how many of them were taken."""

    def __init__(self, pieces: int) -> None:
        self.size = pieces * 2**17
        self.taken = 0
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._pieces):
            self.taken += 1
            yield bytes(2**17)


async def _post(transport: LeanTransport, content: bytes | CountedBody = b"mail") -> httpx.Response:
    size = content.size if isinstance(content, CountedBody) else len(content)
    request = httpx.Request(
        "POST", "http://localhost/v1/verdicts", content=content, headers={"Content-Length": str(size)}
    )
    return await transport.handle_async_request(request)


def _post_once(endpoint: str, content: bytes | CountedBody = b"mail") -> httpx.Response:
    async def run() -> httpx.Response:
        async with LeanTransport(endpoint, LIMIT_BYTES) as transport, asyncio.timeout(10):
            return await _post(transport, content)

    return asyncio.run(run())


def test_the_whole_answer_comes_back() -> None:
    with FakeScanner(usual=answer(503, b"busy", Retry_After="7")) as scanner:
        response = _post_once(scanner.endpoint)

    assert (response.status_code, response.content, response.headers["Retry-After"]) == (503, b"busy", "7")


def test_a_scanner_that_hangs_up_amid_the_body_is_written_to_no_more(caplog: pytest.LogCaptureFixture) -> None:
    body = CountedBody(200)

    with FakeScanner(usual=hang_up_amid_the_body) as scanner, pytest.raises(httpx.ReadError):
        _post_once(scanner.endpoint, body)

    assert body.taken < 200
    assert caplog.messages == []  # asyncio complains of who writes on


def test_nobody_there_is_a_connect_error(tmp_path: Path) -> None:
    with nobody_listening() as down:
        for endpoint in (down, f"unix:{tmp_path}/none", f"unix:{tmp_path}"):
            with pytest.raises(httpx.ConnectError):
                _post_once(endpoint)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (hang_up_after_the_request, httpx.ReadError),
        (hang_up_at_once, httpx.ReadError),
        (babble(b"garbage\r\n\r\n"), httpx.RemoteProtocolError),
        (babble(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf"), httpx.RemoteProtocolError),
        (answer(200, bytes(LIMIT_BYTES + 1)), httpx.RemoteProtocolError),
    ],
)
def test_no_proper_answer_is_an_error_of_its_kind(act: Act, kind: type[Exception]) -> None:
    with FakeScanner([act]) as scanner, pytest.raises(kind):
        _post_once(scanner.endpoint)


def test_an_answer_amid_the_body_ends_the_upload() -> None:
    body = CountedBody(pieces=500)

    with FakeScanner(usual=answer_amid_the_body(413)) as scanner:
        response = _post_once(scanner.endpoint, body)

    assert response.status_code == 413
    assert body.taken < 400


def test_a_body_shorter_than_announced_is_an_error_and_no_mail() -> None:
    async def run(endpoint: str) -> None:
        async with LeanTransport(endpoint, LIMIT_BYTES) as transport:
            request = httpx.Request("POST", "http://localhost/", content=b"half", headers={"Content-Length": "8"})
            await transport.handle_async_request(request)

    with FakeScanner() as scanner, pytest.raises(httpx.RemoteProtocolError, match="could not be sent whole"):
        asyncio.run(run(scanner.endpoint))

    assert scanner.heard == []


def test_a_connection_on_which_unasked_bytes_come_is_not_used_again() -> None:
    async def babble_on(talk: Talk) -> None:
        await talk.hear()
        await talk.say(http_answer(200, b"one"))
        await asyncio.sleep(0.05)
        await talk.say(http_answer(200, b"unasked"))
        await talk.until_gone()

    async def run(endpoint: str) -> list[bytes]:
        async with LeanTransport(endpoint, LIMIT_BYTES) as transport:
            first = await _post(transport)
            await asyncio.sleep(0.15)
            return [first.content, (await _post(transport)).content]

    with FakeScanner([babble_on], usual=answer(200, b"another")) as scanner:
        assert asyncio.run(run(scanner.endpoint)) == [b"one", b"another"]


def test_a_connection_that_waits_for_a_body_carries_no_other_request() -> None:
    async def refuse_and_wait(talk: Talk) -> None:
        await talk.hear_head()
        await talk.say(http_answer(403, b"no"))
        await talk.hear_some(10)
        await talk.say(http_answer(200, b"the next request was taken for the body"))

    async def run(endpoint: str) -> list[bytes]:
        large = bytes(CONTINUE_ABOVE_BYTES + 1)
        headers = [(b"Host", b"localhost"), (b"Content-Length", b"%d" % len(large))]
        async with LeanTransport(endpoint, LIMIT_BYTES) as transport, asyncio.timeout(10):
            first = await transport.ask(HttpQuestion(b"POST", b"/v1/verdicts", headers, large))
            return [first.body, (await _post(transport)).content]

    with FakeScanner([refuse_and_wait], usual=answer(200, b"another")) as scanner:
        assert asyncio.run(run(scanner.endpoint)) == [b"no", b"another"]


def test_a_request_that_is_given_up_closes_its_connection() -> None:
    async def run(endpoint: str) -> tuple[int, int]:
        async with LeanTransport(endpoint, LIMIT_BYTES) as transport:
            before = len(open_descriptors())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await _post(transport)
            await asyncio.sleep(0.05)
            return before, len(open_descriptors())

    with FakeScanner(usual=be_silent) as scanner:
        before, after = asyncio.run(run(scanner.endpoint))

    assert after == before


def test_closing_it_closes_the_kept_connections() -> None:
    async def run(endpoint: str) -> tuple[int, int]:
        transport = LeanTransport(endpoint, LIMIT_BYTES)
        before = len(open_descriptors())
        await asyncio.gather(*[_post(transport) for _ in range(5)])
        await transport.aclose()
        await asyncio.sleep(0.1)
        return before, len(open_descriptors())

    with FakeScanner(usual=answer(200)) as scanner:
        before, after = asyncio.run(run(scanner.endpoint))

    assert scanner.connections == 5
    assert after == before
