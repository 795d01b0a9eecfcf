"""Debian's logwatch reads our lines as those of amavisd-new."""

import re
import shutil
import subprocess
import time
from pathlib import Path

from scanner_service.judge.amavis_log import amavis_lines
from tests.scanner_service.real_spam_engines import skip_without
from tests.scanner_service.verdicts_of_all_kinds import verdicts_of_all_kinds

LOGWATCH = shutil.which("logwatch", path="/usr/sbin:/usr/bin")


def report_on(folder: Path, lines: list[str]) -> str:
    """Return what logwatch says of a mail log with these lines."""
    stamp = time.strftime("%b %e %H:%M:%S")
    (folder / "mail.log").write_text("".join(f"{stamp} mail amavis[123]: {line}\n" for line in lines))
    assert LOGWATCH is not None
    options = ("--range", "all", "--detail", "high", "--output", "stdout", "--format", "text")
    done = subprocess.run(
        [LOGWATCH, "--logdir", folder, "--service", "amavis", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def count_of(what: str, report: str) -> int:
    found = re.search(rf"^ *(\d+)   {what} ", report, re.MULTILINE)
    return int(found[1]) if found else 0


def test_logwatch_counts_every_line_of_a_thousand_messages(tmp_path: Path) -> None:
    skip_without(LOGWATCH, "logwatch")
    judged = [(amavis_lines(message, verdict), verdict) for message, verdict in verdicts_of_all_kinds(1000)]
    lines = [line for of_one, _ in judged for line in of_one]

    report = report_on(tmp_path, lines)

    assert "nmatched" not in report
    assert count_of("Total messages scanned", report) == len(lines)
    assert count_of("Blocked", report) == sum(line.startswith("Blocked") for line in lines)
    assert count_of("Passed", report) == sum(line.startswith("Passed") for line in lines)
    assert count_of("Malware blocked", report) == sum(line.startswith("Blocked INFECTED") for line in lines)
    assert count_of("Banned name passed", report) == sum(line.startswith("Passed BANNED") for line in lines)
    assert count_of("Unchecked blocked", report) == sum(line.startswith("Blocked UNCHECKED") for line in lines)
    assert f"{sum(len(of_one) * verdict.message.size for of_one, verdict in judged):,}" in report


def test_logwatch_tells_of_lines_that_it_does_not_know(tmp_path: Path) -> None:
    skip_without(LOGWATCH, "logwatch")

    report = report_on(tmp_path, ["Blocked NONSENSE {RejectedInbound}, default <a@b> -> <c@d>, mail_id: x, 1 ms"])

    assert "nmatched" in report
