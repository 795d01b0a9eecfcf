"""The built-in EICAR rule over a message and its parts."""

import asyncio
import os

import pytest

from scanner_service.inspectors.yara import YaraEngine
from scanner_service.model.finding import ContentCategory, Finding
from tests.fakes.clamd import EICAR
from tests.scanner_service.messages import (
    CLEAN,
    EICAR_IN_ATTACHMENT,
    EICAR_IN_BODY,
    EICAR_IN_NESTED_MESSAGE,
    decoded,
    message_of,
)


def scan(raw: bytes) -> tuple[Finding, ...]:
    return asyncio.run(YaraEngine("yara").scan(message_of(raw), decoded(raw)))


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (EICAR_IN_BODY, "1"),
        (EICAR_IN_ATTACHMENT, "2"),
        (EICAR_IN_NESTED_MESSAGE, "2.1.2"),
        (b"Subject: " + EICAR + b"\n\nbody", None),
        (b"Content-Type: multipart/mixed; boundary=b\n\n" + EICAR + b"\n--b\n\nx\n--b--\n", None),
        (b"\n" + os.urandom(10_000) + b"\0" + EICAR + b"\0" * 10_000, "1"),
        (b"\n" + EICAR[:28] * 3 + EICAR, "1"),
    ],
    ids=["body", "attachment", "nested message", "header", "preamble", "binary", "broken ones before it"],
)
def test_eicar_is_found_with_its_part(raw: bytes, part: str | None) -> None:
    findings = scan(raw)

    assert findings == (Finding(ContentCategory.VIRUS, "yara", "Eicar-Test-File", part=part),)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        CLEAN,
        b"\n" + EICAR[:28] + b" " + EICAR[28:],
        b"\n" + EICAR[28:] + EICAR[:28],
        b"\n" + EICAR.lower(),
        b"\n" + os.urandom(100_000),
    ],
    ids=["empty", "clean", "cut apart", "halves swapped", "lower case", "noise"],
)
def test_what_is_not_eicar_is_clean(raw: bytes) -> None:
    findings = scan(raw)

    assert findings == ()


def test_it_owns_up_to_being_a_demo() -> None:
    engine = YaraEngine("yara")

    asyncio.run(engine.refresh())

    assert engine.is_demo
    assert engine.version == "YARA-X, built-in rule of scanner_service"
