"""The body of a request: its length, its packing, and requests that end in the middle."""

import gzip
import hashlib
import os
import socket
import time
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest
import zstandard

from scanner_service.settings import Records
from tests.fakes.clamd import FakeClamd
from tests.scanner_service.api.conftest import LIMIT_BYTES
from tests.scanner_service.live_service import (
    LiveService,
    asking,
    detail_of_problem,
    live_service,
    post,
    raw_headers,
)
from tests.scanner_service.messages import CLEAN
from verdict_api.http_interface import VERDICTS_PATH
from verdict_api.json_codec import decode_verdict

TOO_LONG = f"want at most {LIMIT_BYTES} bytes"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "zstd": zstd}


@pytest.mark.parametrize("encoding", PACKINGS)
@pytest.mark.parametrize("message", [b"", CLEAN, os.urandom(700_000)], ids=["empty", "clean", "noise"])
def test_a_packed_body_is_unpacked(client: httpx.Client, encoding: str, message: bytes) -> None:
    packed = PACKINGS[encoding](message)

    verdict = decode_verdict(post(client, packed, more={"Content-Encoding": encoding}).content)

    assert verdict.message.sha256 == hashlib.sha256(message).hexdigest()


@pytest.mark.parametrize("encoding", PACKINGS)
def test_a_packed_body_may_come_byte_by_byte(client: httpx.Client, encoding: str) -> None:
    packed = PACKINGS[encoding](CLEAN)

    def bytewise() -> Iterator[bytes]:
        yield from (packed[at : at + 1] for at in range(len(packed)))

    response = client.post(VERDICTS_PATH, content=bytewise(), headers={**raw_headers(), "Content-Encoding": encoding})

    assert decode_verdict(response.content).message.size == len(CLEAN)


@pytest.mark.parametrize("encoding", PACKINGS)
@pytest.mark.parametrize("chunked", [False, True], ids=["Content-Length", "chunked"])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
@pytest.mark.parametrize("content", [os.urandom, bytes], ids=["incompressible", "compressible"])
def test_the_size_limit_is_that_of_the_message(
    client: httpx.Client, encoding: str, chunked: bool, beyond: int, content: Callable[[int], bytes]
) -> None:
    packed = PACKINGS[encoding](content(LIMIT_BYTES + beyond))
    body = iter([packed[: len(packed) // 2], packed[len(packed) // 2 :]]) if chunked else packed

    response = client.post(VERDICTS_PATH, content=body, headers={**raw_headers(), "Content-Encoding": encoding})

    if beyond > 0:
        assert detail_of_problem(response, 413) == TOO_LONG
        assert response.json()["limit_bytes"] == LIMIT_BYTES
    else:
        assert decode_verdict(response.content).message.size == LIMIT_BYTES + beyond


def test_a_length_beyond_the_limit_is_refused_before_the_body_comes(service: LiveService) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in raw_headers().items())

    with service.connect() as connection:
        connection.sendall(
            f"POST /v1/verdicts HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 99999999999\r\n\r\n".encode()
        )
        answered = connection.recv(65536)

    assert answered.startswith(b"HTTP/1.1 413 ")
    assert TOO_LONG.encode() in answered


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_a_packed_body_that_is_cut_is_refused(client: httpx.Client, encoding: str, kept: int) -> None:
    packed = PACKINGS[encoding](os.urandom(10_000))[:kept]

    response = post(client, packed, more={"Content-Encoding": encoding})

    assert detail_of_problem(response, 400) == "the packed body ends too early"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("behind", [b"x", b"x" * 1000, None], ids=["a byte", "a thousand", "the same again"])
def test_bytes_behind_the_end_are_refused(client: httpx.Client, encoding: str, behind: bytes | None) -> None:
    packed = PACKINGS[encoding](CLEAN)

    response = post(client, packed + (packed if behind is None else behind), more={"Content-Encoding": encoding})

    assert detail_of_problem(response, 400).startswith("the body cannot be unpacked: ")


def test_a_frame_hidden_behind_a_skippable_one_is_refused(client: httpx.Client) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"  # RFC 8878 §3.1.2

    response = post(client, skippable + zstd(CLEAN), more={"Content-Encoding": "zstd"})

    assert detail_of_problem(response, 400) == "the body cannot be unpacked: bytes after the end"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("junk", [b"x" * 100, b"\x1f\x8b" * 50, b"\x28\xb5\x2f\xfd" * 25, bytes(100)])
def test_junk_is_not_unpacked(client: httpx.Client, encoding: str, junk: bytes) -> None:
    response = post(client, junk, more={"Content-Encoding": encoding})

    assert detail_of_problem(response, 400).startswith("the ")


def test_a_zstd_window_beyond_eight_megabytes_is_refused(client: httpx.Client) -> None:
    header = zstandard.FRAME_HEADER + bytes([0, (27 - 10) << 3])  # RFC 8878 §3.1.1.1.2: a window of 2**27 bytes
    one_raw_block = ((len(CLEAN) << 3) | 1).to_bytes(3, "little") + CLEAN

    response = post(client, header + one_raw_block, more={"Content-Encoding": "zstd"})

    assert detail_of_problem(response, 400).startswith("the body cannot be unpacked: ")


@pytest.mark.parametrize("encoding", ["br", "deflate", "x-gzip2", "gzip, zstd", "gzip, gzip", "", "x" * 1000])
def test_another_packing_is_refused_with_those_that_are_known(client: httpx.Client, encoding: str) -> None:
    response = post(client, CLEAN, more={"Content-Encoding": encoding})

    assert detail_of_problem(response, 415).startswith("Content-Encoding: want gzip, zstd or none, got ")
    assert response.headers["accept-encoding"] == "gzip, zstd"


def test_packings_are_named_in_any_case(client: httpx.Client) -> None:
    assert post(client, gzip.compress(CLEAN), more={"Content-Encoding": "GZIP"}).status_code == 200


def deflate_bomb(megabytes: int) -> bytes:
    """Return gzip of so many megabytes of zeros: one in a thousand."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def zstd_bomb(megabytes: int) -> bytes:
    """Return zstd of so many megabytes of zeros: one in thirty thousand."""
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


@pytest.mark.parametrize(("encoding", "bomb"), [("gzip", deflate_bomb(200)), ("zstd", zstd_bomb(1000))])
def test_a_bomb_is_met_before_it_goes_off(client: httpx.Client, encoding: str, bomb: bytes) -> None:
    assert len(bomb) < LIMIT_BYTES

    response = post(client, bomb, more={"Content-Encoding": encoding})

    assert detail_of_problem(response, 413) == TOO_LONG
    assert response.elapsed.total_seconds() < 2  # the whole of it takes longer


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing() -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in raw_headers().items())
    request = f"POST /v1/verdicts HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 1000\r\n\r\nhalf".encode()

    with (
        FakeClamd() as clamd,
        live_service(records=Records(enabled=False), **asking(clamd)) as service,
        service.client() as client,
    ):
        before = post(client, CLEAN).status_code
        descriptors = open_descriptors()
        for _ in range(20):
            with service.connect() as connection:
                connection.sendall(request)
        left = descriptors_left(descriptors)
        after = post(client, CLEAN).status_code

    assert (before, after) == (200, 200)
    assert left == 0
    assert clamd.streams == [CLEAN, CLEAN]


def test_a_client_that_hangs_up_while_it_is_scanned_for_leaves_nothing() -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in raw_headers().items())
    request = f"POST /v1/verdicts HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 4\r\n\r\nbody".encode()

    with (
        FakeClamd() as clamd,
        live_service(records=Records(enabled=False), **asking(clamd)) as service,
        service.client() as client,
    ):
        post(client, CLEAN)
        descriptors = open_descriptors()
        for _ in range(20):
            with service.connect() as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_RDWR)
        left = descriptors_left(descriptors)
        nobody = clamd.has_nobody()

    assert left == 0
    assert nobody


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as the kernel lists them


def descriptors_left(before: int) -> int:
    """Wait until there are no more descriptors than before; return how many are left over."""
    deadline = time.monotonic() + 20  # a busy machine takes its time
    while open_descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    return max(0, open_descriptors() - before)
