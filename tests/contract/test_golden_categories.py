"""What amavisd-new 2.13 found in the same messages, and in Debian's test files; where we differ, we are stricter.

``golden_categories.json`` holds the category that it logged for each, observed on the running daemon.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.corpus.evasion.case import message_with
from tests.scanner_service.live_service import live_service, post
from verdict_api.json_codec import decode_verdict

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/reference/compared_with_amavis.md"
CLAMAV_TESTFILES = Path("/usr/share/clamav-testfiles")
GOLDEN: dict[str, str] = json.loads((HERE / "golden_categories.json").read_text())
RISING = ("clean", "oversized", "bad_header", "spammy", "spam", "unchecked", "banned", "virus")
SPAM = "spam-gtube"  # needs a spam engine: tests/scanner_service/test_real_spam_engines.py

# Case: our category, and why.
DIFFERENCES = {
    "virus-zip-nested-20": ("virus", "opened to its end, where amavisd-new stops at depth 14 and scans nothing"),
    "encrypted-7z-hidden-names": ("unchecked", "encrypted with its names: told as such, not taken for clean"),
    "broken-zip": ("unchecked", "a zip that cannot be opened is no clean zip"),
    "mime-two-boundaries": ("banned", "both readings are judged, and one of them shows a program"),
    "badh-mime-missing-colon-in-part": ("bad_header", "the headers of parts are headers, too"),
    "clamtest-clam.exe.mbox.base64": ("banned", "a program in an attached mail"),
    "clamtest-clam.exe.mbox.uu": ("banned", "a program in an attached mail"),
    "clamtest-clam.mail": ("banned", "a program in an attached mail"),
    "clamtest-clam_cache_emax.tgz": ("banned", "opened to its end, where amavisd-new stops at its depth"),
    "clamtest-clam.chm": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.binhex": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.html": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.rtf": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.exe.szdd": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.ole.doc": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.pdf": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.ppt": ("banned", "a format that amavisd-new does not open"),
    "clamtest-clam.tnef": ("banned", "its decoder fails on it, and amavisd-new counts that as clean"),
    "clamtest-clam.sis": ("unchecked", "a container that nothing opens is not clean"),
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with live_service() as service, service.client() as made:
        yield made


def message_of(case: str) -> bytes:
    if case.startswith("clamtest-"):
        return message_with("file.dat", (CLAMAV_TESTFILES / case.removeprefix("clamtest-")).read_bytes())
    return (HERE / "messages" / f"{case}.eml").read_bytes()


@pytest.mark.skipif(not CLAMAV_TESTFILES.is_dir(), reason="needs the Debian package clamav-testfiles")
@pytest.mark.parametrize("case", [case for case in GOLDEN if case != SPAM])
def test_the_category_is_the_one_that_amavis_gave_or_an_argued_one(client: httpx.Client, case: str) -> None:
    wanted, _ = DIFFERENCES.get(case, (GOLDEN[case].partition(".")[0], ""))

    verdict = decode_verdict(post(client, message_of(case)).content)

    found = {finding.category for finding in verdict.findings}
    assert max(found, key=RISING.index, default="clean") == wanted


def test_no_difference_is_laxer() -> None:
    for case, (ours, why) in DIFFERENCES.items():
        assert RISING.index(ours) > RISING.index(GOLDEN[case].partition(".")[0]), case
        assert why


def test_the_page_lists_the_differences() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\S+) \| (\S+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)

    assert [(case, ours, why) for case, _, ours, why in rows] == [
        (case, ours, why) for case, (ours, why) in DIFFERENCES.items()
    ]
    assert [theirs for _, theirs, _, _ in rows] == [GOLDEN[case] for case in DIFFERENCES]
