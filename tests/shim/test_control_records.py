"""The bytes that Courier reads as done, failed and added recipients, and nothing that it reads as more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.control_file import parse_control_file
from shim.control_records import ControlRecordError, added_recipient_record, bounce_record, discard_record
from tests.fakes.courier_queue import control_file

NOW = 1795374611


@pytest.mark.parametrize("index", [0, 1, 99])
def test_a_discarded_recipient_is_done_without_a_letter_that_makes_a_dsn(index: int) -> None:
    expected = f"I{index} R 250 Ok - kept back by the mail filter.\nS{index} {NOW}\n".encode()

    assert discard_record(index, NOW) == expected


def test_a_bounced_recipient_has_failed_with_the_text() -> None:
    assert bounce_record(3, NOW, "550 5.7.1 No thanks") == b"I3 R 550 5.7.1 No thanks\nF3 1795374611\n"


def test_an_added_recipient_comes_with_its_original_and_never_a_dsn() -> None:
    assert added_recipient_record("bob@test.example") == b"rbob@test.example\nR\nNN\n"


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("szażółć@test.example", "szażółć@test.example".encode()),
        ("\udcfcnder@test.example", b"\xfcnder@test.example"),
        ('"a b"@test.example', b'"a b"@test.example'),
        ("postmaster", b"postmaster"),
        ("NN@test.example", b"NN@test.example"),
    ],
)
def test_an_address_keeps_its_bytes(address: str, stored: bytes) -> None:
    assert added_recipient_record(address) == b"r" + stored + b"\nR\nNN\n"


@pytest.mark.parametrize(
    "text", ["550 a\nrmallory@x", "550 a\r", "550 ünder", "550 \0", "550 \u2028", "\x7f", "\ud800"]
)
def test_a_text_that_is_not_one_line_of_ascii_is_refused(text: str) -> None:
    with pytest.raises(ControlRecordError, match="want one line of printable ASCII"):
        bounce_record(0, NOW, text)


@pytest.mark.parametrize(
    "address", ["", "a@x\n", "a@x\nS0", "\na@x", "a@x\r", "a\0@x", "a\t@x", "a\x7f@x", "\ud800@x", "\udc0a"]
)
def test_an_address_that_would_be_another_record_is_refused(address: str) -> None:
    with pytest.raises(ControlRecordError, match="want an address"):
        added_recipient_record(address)


@given(st.text(st.characters()))
def test_any_address_is_refused_or_is_one_recipient(address: str) -> None:
    try:
        record = added_recipient_record(address)
    except ControlRecordError:
        return

    parsed = parse_control_file(control_file(recipients=[b"alice@test.example"]) + record, "C1")

    assert [one.recipient.address for one in parsed.recipients] == ["alice@test.example", address]
    assert parsed.recipients[1].recipient.notify == "N"
    assert record.count(b"\n") == 3


@given(st.text(), st.integers(0, 2))
def test_any_text_is_refused_or_ends_one_recipient(text: str, index: int) -> None:
    try:
        record = bounce_record(index, NOW, text)
    except ControlRecordError:
        return

    parsed = parse_control_file(control_file(recipients=[b"a@x", b"b@x", b"c@x"]) + record, "C1")

    assert [one.index for one in parsed.recipients if one.done] == [index]
