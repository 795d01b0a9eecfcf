"""A reply that exists can go out as it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verdict_api.wire_values import smtp_replies
from verdict_api.smtp_reply import SmtpReply


@given(smtp_replies())
def test_a_reply_reads_code_enhanced_code_text(reply: SmtpReply) -> None:
    said = str(reply)

    assert re.fullmatch(r"[245][0-9]{2} [245]\.[0-9]{1,3}\.[0-9]{1,3} [ -~]*", said)
    assert said == f"{reply.code} {reply.enhanced} {reply.text}"


@pytest.mark.parametrize("code", [-550, 0, 50, 99, 100, 199, 300, 354, 399, 600, 999, 5500])
def test_a_code_that_is_no_final_answer_is_refused(code: int) -> None:
    with pytest.raises(ValueError, match="want a code 2xx, 4xx or 5xx"):
        SmtpReply(code, f"{str(code)[0]}.0.0", "text")


@pytest.mark.parametrize(
    ("code", "enhanced"),
    [
        (250, "5.7.1"),
        (250, "4.0.0"),
        (451, "5.3.0"),
        (550, "4.7.1"),
        (550, ""),
        (550, "5"),
        (550, "5.7"),
        (550, "5.7.1.1"),
        (550, "5.7.1000"),
        (550, "5..1"),
        (550, "5.7.1 "),
        (550, "5.7.1\n"),
        (550, "5,7,1"),
        (550, "5.7.x"),
        pytest.param(550, "5.\u0967.1", id="a digit of another script"),
    ],
)
def test_an_enhanced_code_that_does_not_belong_to_the_code_is_refused(code: int, enhanced: str) -> None:
    with pytest.raises(ValueError, match="want an enhanced code"):
        SmtpReply(code, enhanced, "text")


@pytest.mark.parametrize(
    "character", ["\r", "\n", "\r\n", "\0", "\t", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\xa0", "\u2028", "\udc80"]
)
def test_a_text_that_is_not_one_line_of_printable_ascii_is_refused(character: str) -> None:
    for text in (character, f"before{character}after", f"after{character}", f"{character}before"):
        with pytest.raises(ValueError, match="want one line of printable ASCII"):
            SmtpReply(550, "5.7.1", text)


@given(st.integers(), st.text(), st.text())
def test_whatever_is_accepted_can_go_out(code: int, enhanced: str, text: str) -> None:
    try:
        said = str(SmtpReply(code, enhanced, text))
    except ValueError:
        return

    assert re.fullmatch(r"[ -~]+", said)


def test_an_empty_text_can_be_said() -> None:
    assert str(SmtpReply(250, "2.0.0", "")) == "250 2.0.0 "
