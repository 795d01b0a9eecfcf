"""The whole of decoding: which parts are opened elsewhere, what becomes of the answers, what is said of them."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from scanner_service.clients.decoder_process import DecoderUnavailableError
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import FINDINGS_OF_A_KIND, Decoder, inspection_of, is_quickly_read
from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.finding import Finding
from scanner_service.model.message import Ambiguity, DecodedMessage, PartMark, UnpackedPart
from verdict_api.verdict import InspectorStatus

ZIP_START = b"PK\x03\x04" + bytes(26)


def attachment(name: str, content: bytes) -> bytes:
    head = f'--b\nContent-Type: application/octet-stream; name="{name}"\nContent-Transfer-Encoding: base64\n\n'
    return head.encode() + base64.b64encode(content) + b"\n"


def message(*entities: bytes) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + b"".join(entities) + b"--b--\n"


TEXT = b"--b\nContent-Type: text/plain\n\nGood morning\n"
ONE_ZIP = message(TEXT, attachment("a.zip", ZIP_START))
TWO_ZIPS = message(attachment("a.zip", ZIP_START), TEXT, attachment("b.zip", ZIP_START))


def member(path: str, *marks: PartMark) -> UnpackedPart:
    return UnpackedPart(path, "", (path.rpartition("/")[2],), (), b"x", 1, frozenset(marks))


def one_member(container: Container, remainder: Remainder) -> Unpacked:
    left = replace(remainder, parts=remainder.parts - 1)
    return Unpacked((member(f"{container.path}/{container.names[0]}/x"),), frozenset(), None, left)


@dataclass
class Opener:
    """Answers as it is told, and remembers what it was asked."""

    answer: Callable[[Container, Remainder], Unpacked] = one_member
    asked: list[tuple[Container, Remainder]] = field(default_factory=list)

    async def unpack(self, container: Container, remainder: Remainder, until: float) -> Unpacked:
        self.asked.append((container, remainder))
        return self.answer(container, remainder)


def decode(raw: bytes, opener: Opener) -> DecodedMessage:
    async def run() -> DecodedMessage:
        return await Decoder(DecodeLimits(), opener).decode(raw, asyncio.get_running_loop().time() + 10)

    return asyncio.run(run())


def findings_of(decoded: DecodedMessage) -> list[tuple[str, str | None, str]]:
    return [(one.full_category, one.part, one.detail) for one in inspection_of(decoded, 1.0).findings]


@pytest.mark.parametrize(
    "raw",
    [message(TEXT, attachment("a.bin", bytes(500_000))), message(*[TEXT] * 1500)],
    ids=["many bytes", "many parts in few bytes"],
)
def test_what_takes_long_to_decode_holds_nobody_up(raw: bytes) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def run() -> int:
        others = asyncio.create_task(take_turns())
        await asyncio.sleep(0)
        before = turns
        await Decoder(DecodeLimits(), Opener()).decode(raw, asyncio.get_running_loop().time() + 10)
        others.cancel()
        return turns - before

    assert asyncio.run(run()) > 0


def test_a_message_of_text_is_asked_of_nobody() -> None:
    opener = Opener()

    decoded = decode(message(TEXT), opener)

    assert opener.asked == []
    assert [part.path for part in decoded.parts] == ["1"]
    assert inspection_of(decoded, 1.0).findings == ()
    assert inspection_of(decoded, 1.0).reports[0].status is InspectorStatus.CLEAN


def test_what_is_in_a_container_follows_it_and_the_rest_stays_in_its_place() -> None:
    decoded = decode(TWO_ZIPS, Opener())

    assert [part.path for part in decoded.parts] == ["1", "1/a.zip/x", "2", "3", "3/b.zip/x"]


@pytest.mark.parametrize("padding", [0, 200_000], ids=["small", "large"])
def test_one_budget_goes_from_container_to_container(padding: int) -> None:
    opener = Opener()

    decode(TWO_ZIPS + b" " * padding, opener)

    (first, at_first), (second, at_second) = opener.asked
    assert (first.body, second.path, second.depth, second.names[0]) == (ZIP_START, "3", 1, "b.zip")
    assert at_second.parts == at_first.parts - 1


def test_a_container_bears_the_marks_that_were_found() -> None:
    marks = frozenset({PartMark.ENCRYPTED})
    opener = Opener(lambda _, remainder: Unpacked((), marks, None, remainder))

    decoded = decode(ONE_ZIP, opener)

    assert [part.marks for part in decoded.parts] == [frozenset(), marks]
    assert decoded.parts[1].body == ZIP_START
    assert findings_of(decoded) == [("unchecked.encrypted", "2", "a.zip")]


def test_beyond_the_budget_no_container_is_opened_any_more() -> None:
    opener = Opener(lambda _, remainder: Unpacked((), frozenset(), "too much", remainder))

    decoded = decode(TWO_ZIPS, opener)

    assert len(opener.asked) == 1
    assert [part.path for part in decoded.parts] == ["1", "2", "3"]
    assert findings_of(decoded) == [("unchecked.over_limits", None, "too much")]


def test_nobody_there_to_open_is_not_done_and_never_clean() -> None:
    def unavailable(container: Container, remainder: Remainder) -> Unpacked:
        raise DecoderUnavailableError("no child could be started")

    decoded = decode(TWO_ZIPS, Opener(unavailable))

    report = inspection_of(decoded, 1.0).reports[0]
    assert (report.status, report.required) == (InspectorStatus.NOT_DONE, True)
    assert report.reason == "no child could be started"
    assert findings_of(decoded) == [("unchecked.not_done", None, "no child could be started")]


def test_a_thousand_encrypted_members_are_told_in_few_findings() -> None:
    parts = tuple(member(f"1/a.zip/{number}", PartMark.ENCRYPTED) for number in range(1000))

    findings = findings_of(DecodedMessage(None, parts, None))

    assert len(findings) == FINDINGS_OF_A_KIND
    assert findings[-1] == ("unchecked.encrypted", "1/a.zip/19", "19 and 980 more")


def test_an_ambiguity_that_hides_something_is_never_the_one_left_out() -> None:
    plain = tuple(Ambiguity(member(str(number)), "names differ") for number in range(1000))
    hiding = Ambiguity(member("7"), "a part differs", hides=True)
    decoded = DecodedMessage(None, (), None, ambiguities=(*plain, hiding))

    findings: tuple[Finding, ...] = inspection_of(decoded, 1.0).findings

    assert len(findings) == FINDINGS_OF_A_KIND
    assert [one.part for one in findings if one.hides] == ["7"]


def test_a_finding_about_a_part_has_its_digest_also_where_the_part_was_opened() -> None:
    opener = Opener(lambda _, remainder: Unpacked((), frozenset({PartMark.ENCRYPTED}), None, remainder))

    findings = inspection_of(decode(ONE_ZIP, opener), 1.0).findings

    assert [one.sha256 for one in findings] == [hashlib.sha256(ZIP_START).hexdigest()]


def test_a_finding_about_no_part_has_none() -> None:
    findings = inspection_of(
        DecodedMessage(None, (member("1"),), "too much", defects=("no end boundary",)), 1.0
    ).findings

    assert [one.sha256 for one in findings] == ["", ""]


def test_a_defect_is_a_bad_header() -> None:
    decoded = DecodedMessage(None, (), None, defects=("no boundary in part 1",))

    assert findings_of(decoded) == [("bad_header.mime", None, "no boundary in part 1")]


@pytest.mark.parametrize(
    ("raw", "quickly"),
    [
        (ONE_ZIP, True),
        (message(TEXT) + b"A line of a letter of sixty characters, as people write.\n" * 2000, True),
        (b"Subject: x\n\n" + b"x" * 128 * 2**10, False),
        (message(*[b"--b\n\n" + b"x" * 100 + b"\n"] * 150), False),
        (b"A:\n" * 20_000 + b"\nx", False),
        (b"Subject: " + b"=?utf-8?q?a?=\n " * 1000 + b"\n\nx", False),
        (b"CONTENT-TYPE: text/x\n" * 1000 + b"\nx", False),
    ],
    ids=["small", "a long letter", "large", "parts", "fields", "encoded words", "types"],
)
def test_what_takes_long_to_read_holds_up_nobody(raw: bytes, *, quickly: bool) -> None:
    assert is_quickly_read(raw) is quickly
