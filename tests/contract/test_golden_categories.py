"""What amavisd-new 2.13 found in the same messages, and in Debian's test files; where we differ, we are stricter.

``golden_categories.json`` holds the category that it logged for each, observed on the running daemon: of the message,
the highest one where it logged one for each recipient. A case is a message, alone or with ``-> recipients`` or with
``from <>``.
"""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.corpus.evasion.case import message_with
from tests.scanner_service.live_service import post
from verdict_api.envelope import Client, Envelope, Recipient
from verdict_api.json_codec import decode_verdict

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reference/compared_with_amavis.md"
CLAMAV_TESTFILES = Path("/usr/share/clamav-testfiles")
GOLDEN: dict[str, str] = json.loads((HERE / "golden_categories.json").read_text())
RISING = ("clean", "oversized", "bad_header", "spammy", "spam", "unchecked", "banned", "virus")
SPAM = "spam-gtube"  # and what it is called with other envelopes

# Case: our category, and why. First those that are a rule of ours.
ON_PURPOSE = {
    "virus-zip-nested-20": ("virus", "opened to its end, where amavisd-new stops at depth 14 and scans nothing"),
    "encrypted-7z-hidden-names": ("unchecked", "encrypted with its names: told as such, not taken for clean"),
    "broken-zip": ("unchecked", "a zip that cannot be opened is no clean zip"),
    "mime-two-boundaries": ("banned", "both readings are judged, and one of them shows a program"),
    "clamtest-clam.exe.mbox.base64": ("banned", "a program in an attached mail"),
    "clamtest-clam.exe.mbox.uu": ("banned", "a program in an attached mail"),
    "clamtest-clam.mail": ("banned", "a program in an attached mail"),
    "clamtest-clam_cache_emax.tgz": ("banned", "opened to its end, where amavisd-new stops at its depth"),
    "clamtest-clam.sis": ("unchecked", "a container that nothing opens is not clean"),
}
OTHERS = {
    "badh-mime-missing-colon-in-part": ("bad_header", "the headers of parts are headers, too"),
    "clamtest-clam.chm": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.binhex": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.html": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.rtf": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.szdd": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.ole.doc": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.pdf": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.ppt": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.tnef": ("banned", "its decoder fails on it, and amavisd-new counts that as clean"),
}
DIFFERENCES = ON_PURPOSE | OTHERS
MOST_OTHERS = 10

RECIPIENTS = {
    "": ("bob@example.com",),
    "two-local": ("bob@example.com", "carol@example.com"),
    "lover": ("lover@example.com",),
    "bob+lover": ("bob@example.com", "lover@example.com"),
    "bypass": ("bypass@example.com",),
    "bob+bypass": ("bob@example.com", "bypass@example.com"),
    "remote": ("x@remote.test",),
    "small": ("small@example.com",),
    "bob+small": ("bob@example.com", "small@example.com"),
}


def message_of(case: str) -> bytes:
    name = re.split(" -> | from ", case)[0]
    if name.startswith("clamtest-"):
        return message_with("file.dat", (CLAMAV_TESTFILES / name.removeprefix("clamtest-")).read_bytes())
    return (HERE / "messages" / f"{name}.eml").read_bytes()


def envelope_of(case: str) -> Envelope:
    sender = "" if case.endswith(" from <>") else "alice@example.net"
    recipients = RECIPIENTS[case.partition(" -> ")[2]]
    return Envelope(sender, tuple(map(Recipient, recipients)), client=Client("192.0.2.25"), source="smtp")


def category_of(client: httpx.Client, case: str) -> str:
    verdict = decode_verdict(post(client, message_of(case), envelope_of(case)).content)
    return max((finding.category for finding in verdict.findings), key=RISING.index, default="clean")


def judged(*, spam: bool) -> list[str]:
    return [case for case in GOLDEN if case.startswith(SPAM) is spam]


@pytest.mark.skipif(not CLAMAV_TESTFILES.is_dir(), reason="needs the Debian package clamav-testfiles")
@pytest.mark.parametrize("case", judged(spam=False))
def test_the_category_is_the_one_that_amavis_gave_or_an_argued_one(golden_client: httpx.Client, case: str) -> None:
    wanted, _ = DIFFERENCES.get(case, (GOLDEN[case].partition(".")[0], ""))

    assert category_of(golden_client, case) == wanted


@pytest.mark.parametrize("case", judged(spam=True))
def test_spam_is_told_by_spamd(golden_client_with_spamd: httpx.Client, case: str) -> None:
    assert category_of(golden_client_with_spamd, case) == GOLDEN[case]


def test_no_difference_is_laxer() -> None:
    for case, (ours, why) in DIFFERENCES.items():
        assert RISING.index(ours) > RISING.index(GOLDEN[case].partition(".")[0]), case
        assert why


def test_there_are_few_that_are_no_rule_of_ours() -> None:
    assert len(OTHERS) <= MOST_OTHERS


def test_every_observed_case_is_judged() -> None:
    assert set(GOLDEN) == {*judged(spam=False), *judged(spam=True)}


def test_the_page_lists_the_differences_those_on_purpose_first() -> None:
    tables = PAGE.read_text().partition("## Others")
    for table, differences in ((tables[0], ON_PURPOSE), (tables[2], OTHERS)):
        rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\S+) \| ([^|]+) \|$", table, re.MULTILINE)

        assert [(case, ours, why) for case, _, ours, why in rows] == [
            (case, ours, why) for case, (ours, why) in differences.items()
        ]
        assert [theirs for _, theirs, _, _ in rows] == [GOLDEN[case] for case in differences]
