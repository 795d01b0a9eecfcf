"""Whatever bytes come, an opener raises nothing but what it declares, and its cost grows as the bytes do."""

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner_service.decode.budget import DecodeLimits
from scanner_service.decode.formats.binhex import open_binhex
from scanner_service.decode.formats.compound_file import SIGNATURE
from scanner_service.decode.formats.content import Opener
from scanner_service.decode.formats.html import open_html
from scanner_service.decode.formats.mail import open_mail
from scanner_service.decode.formats.ole import open_ole
from scanner_service.decode.formats.pdf import open_pdf
from scanner_service.decode.formats.rtf import open_rtf
from scanner_service.decode.formats.tnef import open_tnef
from scanner_service.decode.formats.uuencode import open_uuencode
from tests.scanner_service.decode.formats.compound_file import compound_file
from tests.scanner_service.decode.formats.reading import CLAMAV_TESTFILES, PROGRAM, read
from tests.scanner_service.decode.formats.test_binhex import ANNOUNCEMENT, binhexed
from tests.scanner_service.decode.formats.test_mail import POSTMARK
from tests.scanner_service.decode.formats.test_ole import package
from tests.scanner_service.decode.formats.test_rtf import PACKAGE, rtf
from tests.scanner_service.decode.formats.test_tnef import SIGNATURE as TNEF_SIGNATURE
from tests.scanner_service.decode.formats.test_tnef import attached, winmail
from tests.scanner_service.decode.formats.test_uuencode import uuencoded

LIMITS = DecodeLimits(unpacked_bytes=2**20, seconds=2)
BEGINNINGS: dict[Opener, bytes] = {
    open_binhex: ANNOUNCEMENT + b":",
    open_html: b'<a href="data:a/b;base64,',
    open_mail: b"From: a\nTo: b\nContent-Type: multipart/mixed; boundary=a\n",
    open_ole: SIGNATURE,
    open_pdf: b"%PDF-1.5\n<</EF<</F 1 0 R>>/Encrypt 2 0 R>>",
    open_rtf: b"{\\rtf1{\\object\\objdata ",
    open_tnef: TNEF_SIGNATURE,
    open_uuencode: b"begin 644 a\n",
}
WHOLE = [
    (open_binhex, "clam.exe.binhex"),
    (open_html, "clam.exe.html"),
    (open_mail, "clam.mail"),
    (open_mail, "clam.exe.mbox.base64"),
    (open_ole, "clam.ole.doc"),
    (open_ole, "clam.ppt"),
    (open_pdf, "clam.pdf"),
    (open_rtf, "clam.exe.rtf"),
    (open_tnef, "clam.tnef"),
    (open_uuencode, "clam.exe.mbox.uu"),
]


@pytest.mark.parametrize("opener", BEGINNINGS)
@given(st.binary(max_size=3000))
def test_any_bytes_behind_the_sign_of_a_format_raise_only_what_is_declared(opener: Opener, data: bytes) -> None:
    read(opener, data, LIMITS)
    read(opener, BEGINNINGS[opener] + data, LIMITS)


@pytest.mark.parametrize(("opener", "name"), WHOLE)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 40))
def test_real_files_with_bytes_changed_and_cut_raise_only_what_is_declared(
    opener: Opener, name: str, seed: int, changes: int
) -> None:
    chance = random.Random(seed)
    data = bytearray((CLAMAV_TESTFILES / name).read_bytes())
    for _ in range(changes):
        data[chance.randrange(len(data))] = chance.choice((0, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]

    read(opener, bytes(data), LIMITS)


@pytest.mark.parametrize(
    ("opener", "data"),
    [
        pytest.param(
            open_mail, POSTMARK + b"a: b\n\n\nFrom " + b"11:11 " * 300_000 + b"\nc", id="times in a postmark"
        ),
        pytest.param(open_mail, b"To: a\nDate: b\n\n" + b"\nFrom 11:11\n" * 100_000, id="postmarks"),
        pytest.param(open_uuencode, b"begin 644 " + b" " * 2_000_000 + b"\0\n", id="blanks before a name"),
        pytest.param(open_uuencode, b"begin 644 a\n" + b"begin" * 400_000, id="begin"),
        pytest.param(open_binhex, ANNOUNCEMENT + b"\r\n" * 1_000_000, id="empty lines"),
        pytest.param(open_binhex, ANNOUNCEMENT * 40_000, id="announcements"),
        pytest.param(open_html, b"data:" * 400_000, id="addresses"),
        pytest.param(open_html, b"<p download" + b" " * 2_000_000, id="blanks in a page"),
        pytest.param(open_html, (b'"' + b"A" * 120) * 20_000, id="texts that do not end"),
        pytest.param(open_pdf, b"%PDF-1.4 " + b"/EF 1 " * 300_000, id="keys without a file"),
        pytest.param(open_pdf, b"%PDF-1.4 " + b"/First " * 300_000 + b"stream\n", id="keys without an object stream"),
        pytest.param(open_rtf, b"{\\rtf1" + b"\\objdata" * 200_000, id="objects without digits"),
        pytest.param(open_tnef, TNEF_SIGNATURE + bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) * 180_000, id="nothing"),
    ],
)
def test_two_megabytes_written_to_be_read_again_and_again_are_read_once(opener: Opener, data: bytes) -> None:
    started = time.monotonic()
    read(opener, data)

    assert time.monotonic() - started < 1.5


def many_attachments(size: int) -> bytes:
    return winmail(*(piece for _ in range(size // 1000) for piece in attached(bytes(940), b"a.txt")))


@pytest.mark.parametrize(
    ("opener", "of_size"),
    [
        pytest.param(open_uuencode, lambda size: uuencoded(bytes(size * 3 // 4)), id="uuencode"),
        pytest.param(open_binhex, lambda size: binhexed(PROGRAM * (size // 150)), id="BinHex"),
        pytest.param(open_tnef, many_attachments, id="TNEF"),
        pytest.param(
            open_ole, lambda size: compound_file({"\x01Ole10Native": package(bytes(size), "a", "a")}), id="one stream"
        ),
        pytest.param(
            open_ole,
            lambda size: compound_file({f"s{number}": PROGRAM for number in range(size // 700)}),
            id="streams",
        ),
        pytest.param(open_rtf, lambda size: rtf((PACKAGE + bytes(size // 2)).hex().encode()), id="RTF"),
        pytest.param(
            open_pdf, lambda size: b"%PDF-1.5\n" + b"1 0 obj <</First 2 0 R>> endobj\n" * (size // 33), id="PDF"
        ),
        pytest.param(open_html, lambda size: b'<img src="data:image/png;base64,' + b"A" * size + b'">', id="HTML"),
        pytest.param(
            open_mail,
            lambda size: (POSTMARK + b"Subject: a\r\nTo: b\r\n\r\n" + b"text\r\n" * 300 + b"\r\n") * (size // 1900),
            id="mbox",
        ),
    ],
)
def test_four_times_the_bytes_cost_at_most_eight_times_as_much(
    opener: Opener, of_size: Callable[[int], bytes]
) -> None:
    few, many = of_size(2**19), of_size(2**21)

    assert cost(opener, many) < 8 * cost(opener, few) + 0.02


def cost(opener: Opener, data: bytes) -> float:
    """Return the seconds of the fastest of three times: what the machine does beside it is no matter of size."""
    limits = DecodeLimits(parts=10**6)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        assert read(opener, data, limits).error is None or opener in (open_html, open_mail)
        seconds.append(time.process_time() - started)
    return min(seconds)
