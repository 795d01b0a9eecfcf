"""Who wrote a mail, and whether a person waits for an answer to it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.mail_kind import MOST_AUTHOR_FIELDS, MOST_AUTHORS, author_addresses, is_bulk

PLAIN = b"From: Ann <ann@example.net>\nSubject: List-Id: x\n\nList-Id: x\n"
ANN = "ann@example.net"


@pytest.mark.parametrize(
    ("header", "authors"),
    [
        (PLAIN, (ANN,)),
        (b"Sender: s@x\nFrom: a@x, b@x\n\n", ("a@x", "b@x", "s@x")),
        (b"From: a@x\nFrom: b@x\nFrom: a@x\n\n", ("a@x", "b@x")),
        (b"From: a@x\nSender: a@x\n\n", ("a@x",)),
        (b"From: Ann\n <a@x>\n\n", ("a@x",)),
        (b"From: nobody\nReply-To: a@x\n\n", ()),
        (b"Subject: x\n\nFrom: a@x\n", ()),
        (b"", ()),
    ],
)
def test_authors_are_those_of_from_and_sender(header: bytes, authors: tuple[str, ...]) -> None:
    assert author_addresses(header) == authors


def test_authors_and_their_fields_are_not_too_many() -> None:
    in_one = b"From: " + b", ".join(b"a%d@x" % number for number in range(100)) + b"\n\n"
    in_many = b"".join(b"From: a%d@x\n" % number for number in range(9)) + b"Sender: s@x\n\n"

    assert author_addresses(in_one) == tuple(f"a{number}@x" for number in range(MOST_AUTHORS))
    assert author_addresses(in_many) == tuple(f"a{number}@x" for number in range(MOST_AUTHOR_FIELDS))


def test_mail_of_a_person_is_no_bulk() -> None:
    assert is_bulk(PLAIN, ANN) == ""


@pytest.mark.parametrize(
    ("field", "why"),
    [
        (b"List-Id: <a.example.net>", "List-Id"),
        (b"LIST-POST: NO", "List-Post"),
        (b"List-Unsubscribe: <mailto:a@x>", "List-Unsubscribe"),
        (b"Mailing-list: contact x", "Mailing-List"),
        (b"List-Id:", "List-Id"),
        (b"List-Help: x", ""),
        (b"Precedence: bulk", "Precedence bulk"),
        (b"Precedence: LIST (of ours)", "Precedence list"),
        (b"Precedence:junk;x", "Precedence junk"),
        (b"Precedence: auto-reply", "Precedence auto-reply"),
        (b"Precedence: auto_reply", "Precedence auto_reply"),
        (b"Precedence: normal\nPrecedence: bulk", "Precedence bulk"),
        (b"Precedence: first-class", ""),
        (b"Precedence: bulky", ""),
        (b"Precedence:", ""),
        (b"Auto-Submitted: auto-generated", "Auto-Submitted"),
        (b"Auto-Submitted: auto-replied; x=y", "Auto-Submitted"),
        (b"Auto-Submitted: \xff", "Auto-Submitted"),
        (b"Auto-Submitted:", "Auto-Submitted"),
        (b"Auto-Submitted: none", "Auto-Submitted"),
        (b"Auto-Submitted: no\nAuto-Submitted: auto-notified", "Auto-Submitted"),
        (b"Auto-Submitted: No", ""),
        (b"Auto-Submitted: no (a person)", ""),
        (b"Auto-Submitted: no;x", ""),
        (b"From: MAILER-DAEMON@x", "From mailer-daemon"),
        (b"From: Post <Postmaster@x>", "From postmaster"),
        (b"From: a@x, postmaster@x", "From postmaster"),
        (b"From: postmaster <a@x>", ""),
        (b"From: postmaster-a@x", ""),
        (b"Sender: postmaster@x", ""),
    ],
)
def test_the_header_says_why_nobody_waits(field: bytes, why: str) -> None:
    assert is_bulk(field + b"\nSubject: x\n\n", ANN) == why


@pytest.mark.parametrize(
    "sender",
    [
        "owner-list@x",
        "list-owner@x",
        "List-Request@x",
        "list-bounces@x",
        "list-bounce@x",
        "list-bounces+ann=example.net@x",
        "list-bounces-ann@x",
        "list-bounces=ann@x",
        "bounce@x",
        "bounces+1@x",
        "bounce-1@x",
        "listserv@x",
        "Majordomo@x",
        "MAILER-DAEMON",
        "mailer-daemon@x",
        "postmaster@x",
    ],
)
def test_the_sender_says_that_nobody_waits(sender: str) -> None:
    assert is_bulk(PLAIN, sender) == "sender of a list or mail system"


@pytest.mark.parametrize(
    "sender",
    [
        "owner@x",
        "owner-@x",
        "-owner@x",
        "request@x",
        "-request@x",
        "ann-requests@x",
        "ann-requestor@x",
        "bouncer@x",
        "ann-bouncer@x",
        "annbounces@x",
        "my-postmaster@x",
        "postmasters@x",
        "ann@owner-list",
        "listserver@x",
    ],
)
def test_a_person_may_have_a_name_like_that(sender: str) -> None:
    assert is_bulk(PLAIN, sender) == ""


def test_nobody_waits_where_there_is_no_sender() -> None:
    assert is_bulk(PLAIN, "") == "null sender"


@pytest.mark.parametrize(
    ("header", "sender", "why"),
    [
        (b"List-Id: x\nPrecedence: bulk\n", "", "null sender"),
        (b"List-Id: x\nPrecedence: bulk\n", "owner-a@x", "sender of a list or mail system"),
        (b"Precedence: bulk\nList-Post: x\nList-Id: x\nAuto-Submitted: auto\n", ANN, "List-Id"),
        (b"From: postmaster@x\nAuto-Submitted: auto\nPrecedence: bulk\n", ANN, "Precedence bulk"),
        (b"From: postmaster@x\nAuto-Submitted: auto\n", ANN, "Auto-Submitted"),
    ],
)
def test_of_several_reasons_the_plainest_is_told(header: bytes, sender: str, why: str) -> None:
    assert is_bulk(header, sender) == why


pieces = st.sampled_from(
    [
        b"From",
        b"List-Id",
        b"Precedence",
        b"Auto-Submitted",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\xff",
        b"a@b",
        b"<",
        b'"',
        b"(",
    ]
)


@given(header=st.lists(pieces).map(b"".join) | st.binary(max_size=200), sender=st.text(max_size=30))
def test_no_header_and_no_sender_is_an_error(header: bytes, sender: str) -> None:
    assert is_bulk(header, sender).isascii()
    assert len(author_addresses(header)) == len(set(author_addresses(header)))


@pytest.mark.parametrize(
    "field", [b"<" * 2000, b"(" * 2000, b"<>" * 1000, b'"' * 2000, b'"\\' * 1000, b"<" * 2**20, b"\n " * 2**19]
)
def test_a_hostile_from_is_looked_at_in_milliseconds(field: bytes) -> None:
    rounds = []
    for _ in range(10):
        started = time.process_time()
        author_addresses(b"From: " + field + b"\nSubject: x\n\n")
        rounds.append(time.process_time() - started)

    assert min(rounds) < 0.02  # 1 to 4 ms on a busy machine


def test_ordinary_mail_is_looked_at_in_microseconds() -> None:
    header = b"".join(b"X-Header-%d: a value of some sixty characters as they come by mail\n" % n for n in range(20))
    raw = header + PLAIN + b"y" * 4000
    rounds = []
    for _ in range(20):
        started = time.process_time()
        for _ in range(10):
            is_bulk(raw, ANN)
            author_addresses(raw)
        rounds.append((time.process_time() - started) / 10)

    assert min(rounds) < 200e-6  # 40 on a machine with nothing else to do
