"""Which differences between readings count, which hide something, and what is a defect."""

import base64
from pathlib import Path

import pytest

from scanner_service.decode.budget import HELD_BYTES, Budget, DecodeLimits
from scanner_service.decode.witness import decode_with_witness
from scanner_service.model.message import DecodedMessage

LIMITS = DecodeLimits()
MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"
TEXT = b"--b\n\nhello\n"
END = b"--b--\n"
PROGRAM = b"--b\nContent-Disposition: attachment; filename=run.exe\n\nx\n"
ARCHIVE = b"--b\nContent-Type: application/x\n\nPK\x03\x04\n"
IMAGE = b"--b\nContent-Type: image/png\n\nx\n"


def decode(raw: bytes, limits: DecodeLimits = LIMITS) -> DecodedMessage:
    return decode_with_witness(raw, Budget.of_message(limits, len(raw)))


def told(decoded: DecodedMessage) -> list[tuple[str, str, bool]]:
    return [(one.part.path, one.detail, one.hides) for one in decoded.ambiguities]


@pytest.mark.parametrize(
    ("part", "hides"), [(IMAGE, False), (PROGRAM, True), (ARCHIVE, True)], ids=["image", "program", "archive"]
)
def test_a_difference_hides_if_one_reading_lacks_an_executable_or_an_archive(part: bytes, hides: bool) -> None:
    raw = MIXED + TEXT + END + part + END

    decoded = decode(raw)

    assert told(decoded) == [("2", "a delimiter after the last one", hides)]
    assert [one.path for one in decoded.parts] == ["1", "~2"]


def test_what_takes_two_forks_at_once_is_found_too() -> None:
    inner = b"--b\nX: a\rContent-Disposition: attachment; filename=run.exe\n\nx\n"
    raw = MIXED + TEXT + END + inner + END

    decoded = decode(raw)

    assert [part.path for part in decoded.parts if "run.exe" in part.names] == ["~~2"]
    assert any(ambiguity.hides for ambiguity in decoded.ambiguities)


def test_parts_of_two_readings_with_one_path_stay_apart() -> None:
    raw = MIXED + b"--b\nContent-Disposition : attachment; filename=run.exe\n\nx\n" + END

    decoded = decode(raw)

    assert [part.path for part in decoded.parts] == ["1", "~1", "~~1"]


@pytest.mark.parametrize(
    "raw",
    [
        b"From alice Sat Jun  8 10:00:00 2024\nContent-Type: text/plain\n\nhello\n",
        b"Subject: a\rb\n\nhello\n",
        b"no field\nSubject: x\n\nhello\n",
        b"Content-Type: text/plain (a comment); charset=utf-8\n\nhello\n",
        b"Content-Type: text/plain\nContent-Type: TEXT/plain\n\nhello\n",
        b"Content-Type: text\n\nhello\n",
        MIXED + TEXT + END + b"text after the end\n",
        b"text before\n" + MIXED + TEXT + END,
        MIXED + b"--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\nx\n--bb--\n--b--\n",
        b"Content-Transfer-Encoding: base64\n\nSGVsbG8=\n_____\nA list, with its footer\nhttps://list.example/\n",
        b"Content-Transfer-Encoding: base64\n\nSGVsbG8h\n_____\nA list, with its footer\nhttps://list.example/\n",
        b"Content-Transfer-Encoding: quoted-printable\nContent-Type: multipart/mixed; boundary=b\n\n" + TEXT + END,
        b"Content-Type: application/pdf; name=Invoice 1.pdf\nContent-Disposition: inline; filename=i_1.pdf\n\n%PDF-",
        b"Content-Type: application/zip; name=Invoices May.zip\n\nPK\x03\x04",
        b"Content-Disposition: attachment; filename=\"a\xe9.pdf\"; filename*=utf-8''a%C3%A9.pdf\n\n%PDF-",
        b"Content-Type: message/rfc822\n\nContent-Type: message/global\n\nSubject: x\n\nhello\n",
        b"Content-Type: multipart/related; name=page.mht\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(b"Content-Type: text/html\n\n<p>hello\n"),
    ],
    ids=range(17),
)
def test_what_clean_mail_does_every_day_is_not_ambiguous(raw: bytes) -> None:
    decoded = decode(raw)

    assert decoded.ambiguities == ()
    assert decoded.defects == ()
    assert not any(part.path.startswith("~") for part in decoded.parts)


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (MIXED + TEXT, "no end boundary (0)"),
        (MIXED + b"nothing\n", "multipart without a part (0)"),
        (b"Content-Type: multipart/mixed\n\nx", "no boundary that can be read (0)"),
        (b"Content-Type: multipart/mixed; boundary*=idna''%ff\n\nx", "no boundary that can be read (0)"),
        (MIXED + TEXT + b"--b\nContent-Type text/plain\n\nx\n" + END, "a header line that is no field (2)"),
        (MIXED + b"--b\nX: a\0b\n\nx\n" + END, "NUL in a header (1)"),
        (b"Content-Transfer-Encoding: x-none\n\nx", "unknown transfer encoding (0)"),
        (b"Content-Transfer-Encoding: base64\n\nSGVsbG8hS\n", "base64 cut short (0)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_program_can_show_as_meant_is_a_defect(raw: bytes, defect: str) -> None:
    assert decode(raw).defects == (defect,)


def test_each_kind_of_defect_is_said_once() -> None:
    raw = MIXED + b"--b\nContent-Transfer-Encoding: x-none\n\nx\n" * 50 + END

    assert decode(raw).defects == ("unknown transfer encoding (1)",)


def test_an_inner_multipart_that_the_outer_one_ends_is_shown_as_meant() -> None:
    raw = MIXED + b"--b\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n" + TEXT + END

    assert decode(raw).defects == ()


def test_a_tree_that_was_cut_short_is_not_compared() -> None:
    raw = MIXED + TEXT * 20 + END + PROGRAM + END

    decoded = decode(raw, DecodeLimits(parts=10))

    assert decoded.over_limits == "more parts than [limits] parts"
    assert decoded.ambiguities == ()


def test_the_other_readings_have_no_budget_of_their_own() -> None:
    raw = MIXED + TEXT * 20 + END + PROGRAM + END

    decoded = decode(raw, DecodeLimits(parts=30))

    assert decoded.over_limits == "more parts than [limits] parts"
    assert len(decoded.parts) >= 20


def test_a_message_in_a_container_keeps_its_place_in_every_reading() -> None:
    raw = MIXED + TEXT + END + PROGRAM + END

    decoded = decode_with_witness(raw, Budget.of_message(LIMITS, len(raw)), "2/mails.zip/one.eml", 3)

    assert [part.path for part in decoded.parts] == ["2/mails.zip/one.eml.1", "~2/mails.zip/one.eml.2"]


def test_what_the_second_parser_does_not_show_is_hidden_from_some() -> None:
    raw = MIXED.replace(b"=b", b'="b "') + TEXT + PROGRAM + END

    decoded = decode(raw)

    assert [part.path for part in decoded.parts] == ["1", "2"]
    assert told(decoded) == [("1", "another parser shows other parts", True)]


def test_a_second_parser_that_refuses_makes_no_mail_ambiguous() -> None:
    raw = (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"\n\nx") + b"!\n"
    )

    decoded = decode(raw)

    assert decoded.ambiguities == ()
    assert [part.path for part in decoded.parts] == ["1"]


GOLDEN_MESSAGES = sorted((Path(__file__).parents[2] / "contract/messages").glob("*.eml"))
GOLDEN_DEFECTS = {
    "badh-mime-missing-colon-in-part": ("a header line that is no field (1)",),
    "mime-no-end-boundary": ("no end boundary (0)",),
}
GOLDEN_AMBIGUITIES = {"mime-two-boundaries": [("2", "two boundaries", True)]}


@pytest.mark.parametrize("path", GOLDEN_MESSAGES, ids=lambda path: path.stem)
def test_of_the_golden_messages_only_those_about_mime_stand_out(path: Path) -> None:
    decoded = decode(path.read_bytes())

    assert decoded.defects == GOLDEN_DEFECTS.get(path.stem, ())
    assert told(decoded) == GOLDEN_AMBIGUITIES.get(path.stem, [])


def test_the_same_megabytes_in_many_readings_are_held_within_the_budget() -> None:
    large = b"--b\n\n" + b"x\n" * 10_000_000
    raw = (
        b"Content-Type: multipart/mixed; boundary=a; boundary=b\nX: 1\r2\nX : 3\n \n\n--a\n\nx\n--a--\n" + large + END
    )

    decoded = decode(raw)

    assert sum(len(part.body) for part in decoded.parts if part.path.startswith("~")) <= HELD_BYTES
    assert any(part.size > 19_000_000 for part in decoded.parts if part.path.startswith("~"))
