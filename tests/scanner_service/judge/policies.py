"""Policies as administrators write them, for the tests of judging."""

import tomllib

from scanner_service.judge.book_reader import PolicySource, read_book
from scanner_service.judge.facts import Facts
from scanner_service.judge.judge_message import judge_message
from scanner_service.judge.policy_bank import PolicyBook, Traffic
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.judgement import Judgement
from scanner_service.policy_choice import built_in_policies
from verdict_api.envelope import Client, Envelope, Recipient

MAIL_ID = "b7kQ2sX9aLmP"
BUILT_IN = built_in_policies()  # read once: each test reads a policy of its own over it

VIRUS = Finding(ContentCategory.VIRUS, "clamd", "Eicar")
BANNED = Finding(ContentCategory.BANNED, "banned", "setup.exe", rule="default: programs")
EIGHT_BIT = Finding(ContentCategory.BAD_HEADER, "bad_header", "8bit", SubCategory.EIGHT_BIT)
ENCRYPTED = Finding(ContentCategory.UNCHECKED, "decode", "encrypted", SubCategory.ENCRYPTED)
NOT_DONE = Finding(ContentCategory.UNCHECKED, "virus", "not done", SubCategory.NOT_DONE, check=ContentCategory.VIRUS)
TOO_BIG = Finding(
    ContentCategory.UNCHECKED,
    "virus",
    "too big for engine",
    SubCategory.TOO_BIG_FOR_ENGINE,
    check=ContentCategory.VIRUS,
)
OVER_LIMITS = Finding(ContentCategory.UNCHECKED, "decode", "over limits", SubCategory.OVER_LIMITS)
AMBIGUOUS = Finding(ContentCategory.UNCHECKED, "decode", "ambiguous", SubCategory.AMBIGUOUS)
HIDING = Finding(ContentCategory.UNCHECKED, "decode", "ambiguous", SubCategory.AMBIGUOUS, hides=True)


def book_of(policy: str = "", **more: object) -> PolicyBook:
    """Return the book of the built-in policies and a table ``[policy]``, given as the text below that line."""
    return read_book(PolicySource(built_in=BUILT_IN, written=tomllib.loads(policy), **more))  # type: ignore[arg-type]


def envelope_to(*recipients: str | Recipient, sender: str = "ann@stranger.example", **more: object) -> Envelope:
    """Return an envelope of a stranger's mail to local recipients."""
    listed = tuple(one if isinstance(one, Recipient) else Recipient(one, local=True) for one in recipients)
    known = {"client": Client("192.0.2.25"), "source": "smtp", **more}
    return Envelope(sender, listed or (Recipient("bob@example.com", local=True),), **known)  # type: ignore[arg-type]


def judged(policy: str | PolicyBook, *findings: Finding, to: Envelope | None = None, **facts: object) -> Judgement:
    """Return what a policy makes of findings."""
    book = policy if isinstance(policy, PolicyBook) else book_of(policy)
    envelope = to or envelope_to()
    case = Facts(MAIL_ID, envelope, findings=findings, **facts)  # type: ignore[arg-type]
    return judge_message(case, book.policy_for(Traffic(envelope, case.listener, case.token, case.authentication)))
