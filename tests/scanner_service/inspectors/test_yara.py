"""The built-in EICAR rule over a message and its parts."""

import asyncio
import os
from pathlib import Path

import pytest
import structlog.testing

from scanner_service.inspectors.engine import EngineUnavailableError
from scanner_service.inspectors.yara import YaraEngine
from scanner_service.inspectors.yara_rules import YaraRulesError
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

    digests = {one.path: one.sha256 for one in decoded(raw).parts}
    digest = digests[part] if part else ""
    assert findings == (Finding(ContentCategory.VIRUS, "yara", "Eicar-Test-File", part=part, sha256=digest),)


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


RULE = 'rule {name} {{ strings: $a = "{text}" condition: $a }}\n'
HIDDEN = b"Subject: x\n\nthe word is abracadabra\n"


def names(engine: YaraEngine, raw: bytes) -> set[str]:
    return {finding.name for finding in asyncio.run(engine.scan(message_of(raw), decoded(raw)))}


def test_the_rules_of_a_folder_are_real_protection(tmp_path: Path) -> None:
    (tmp_path / "one.yar").write_text(RULE.format(name="Magic_Word", text="abracadabra"))
    (tmp_path / "two.yara").write_text(RULE.format(name="Other", text="open sesame"))
    (tmp_path / "notes.txt").write_text("no rules here")

    engine = YaraEngine("yara", [tmp_path])

    assert not engine.is_demo
    assert engine.version == "YARA-X, 2 rules of 2 files"
    assert names(engine, HIDDEN) == {"Magic-Word"}
    assert names(engine, HIDDEN + b"x" * 300_000) == {"Magic-Word"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rule x { strings:", "one.yar.*expecting"),
        ('include "/etc/passwd"\n', "one.yar.*include"),
        (None, "no rule file"),
    ],
)
def test_rules_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / "one.yar").write_text(text)

    with pytest.raises(YaraRulesError, match=f"(?s){problem}"):
        YaraEngine("yara", [tmp_path])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(YaraRulesError, match="nowhere: No such file"):
        YaraEngine("yara", [tmp_path / "nowhere"])


def test_files_without_a_rule_protect_nobody_and_are_not_clean(tmp_path: Path) -> None:
    (tmp_path / "one.yar").write_text("// nothing yet\n")
    engine = YaraEngine("yara", [tmp_path])

    with pytest.raises(EngineUnavailableError, match=f"yara: no rules in {tmp_path}"):
        names(engine, HIDDEN)

    assert (engine.is_demo, engine.protects, engine.problem) == (False, False, f"no rules in {tmp_path}")


def test_a_demo_has_no_problem_and_protects_nobody() -> None:
    engine = YaraEngine("yara")

    assert (engine.protects, engine.problem, engine.signature_days) == (False, None, None)


def test_rules_that_were_refused_are_a_problem_until_they_are_right_or_as_before(tmp_path: Path) -> None:
    file = tmp_path / "one.yar"
    file.write_text(RULE.format(name="Old", text="abracadabra"))
    before = file.stat()
    engine = YaraEngine("yara", [tmp_path])
    seen = [(engine.protects, engine.problem)]

    file.write_text("rule broken {")
    asyncio.run(engine.refresh())
    seen.append((engine.protects, (engine.problem or "").rpartition("; ")[2]))
    file.write_text(RULE.format(name="Old", text="abracadabra"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    asyncio.run(engine.refresh())
    seen.append((engine.protects, engine.problem))

    assert seen == [(True, None), (True, "the 1 rules of before stay"), (True, None)]


def test_a_folder_that_vanishes_keeps_the_old_set_and_is_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "one.yar").write_text(RULE.format(name="Old", text="abracadabra"))
    engine = YaraEngine("yara", [folder])
    folder.rename(tmp_path / "elsewhere")

    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            asyncio.run(engine.refresh())

    assert engine.problem == f"{folder}: No such file or directory; the 1 rules of before stay"
    assert names(engine, HIDDEN) == {"Old"}
    assert len(lines) == 1


def test_changed_rules_are_taken_and_a_bad_file_keeps_the_old_set(tmp_path: Path) -> None:
    file = tmp_path / "one.yar"
    file.write_text(RULE.format(name="Old", text="abracadabra"))
    engine = YaraEngine("yara", [tmp_path])

    file.write_text("rule broken {")
    asyncio.run(engine.refresh())
    with_broken = names(engine, HIDDEN)
    file.write_text(RULE.format(name="Renewed", text="abracadabra"))
    asyncio.run(engine.refresh())

    assert with_broken == {"Old"}
    assert names(engine, HIDDEN) == {"Renewed"}


def test_a_bad_file_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "one.yar"
    file.write_text(RULE.format(name="Old", text="abracadabra"))
    engine = YaraEngine("yara", [tmp_path])
    file.write_text("rule broken {")

    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            asyncio.run(engine.refresh())

    assert [(line["event"], line["log_level"]) for line in lines] == [("rules", "error")]
    assert "one.yar" in lines[0]["problem"]
