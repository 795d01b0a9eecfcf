"""Which parts are banned, under which name and by which rule, and which never are."""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from scanner_service.decode.file_type import file_types
from scanner_service.decode.kinds import EXECUTABLE_ENDINGS, EXECUTABLE_TYPES
from scanner_service.decode.names import names_of
from scanner_service.inspectors.banned import FINDINGS_OF_A_RULE, BannedInspector
from scanner_service.inspectors.banned_rules import DEFAULT_RULES, BannedRule
from scanner_service.inspectors.inspector import Inspection
from scanner_service.model.finding import DIGEST_INLINE_BELOW_BYTES, Finding
from scanner_service.model.message import DecodedMessage, Message, PartMark, UnpackedPart
from verdict_api.envelope import Envelope, Recipient
from verdict_api.verdict import InspectorStatus

MESSAGE = Message("b7kQ2sX9aLmP", Envelope("a@example.net", (Recipient("b@example.com"),)), b"", "")
PROGRAM = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(20)
ELF = b"\x7fELF" + bytes(60)
EXECUTABLE = "Application/X-Executable"  # in any case of letters


def part(path: str = "1", name: str = "", body: bytes = b"x", content_type: str = "") -> UnpackedPart:
    names = names_of([f'x; name="{name}"']) if name else ()
    return UnpackedPart(path, content_type, names, file_types(body), body, len(body))


def inspect(
    parts: Sequence[UnpackedPart], rules: Sequence[BannedRule] = DEFAULT_RULES, message: Message = MESSAGE
) -> Inspection:
    async def run() -> Inspection:
        inspector = BannedInspector({"default": rules})
        return await inspector.inspect(message, DecodedMessage(None, tuple(parts), None), 0)

    return asyncio.run(run())


def findings(parts: Sequence[UnpackedPart], rules: Sequence[BannedRule] = DEFAULT_RULES) -> list[Finding]:
    return list(inspect(parts, rules).findings)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("setup.exe", "windows program"),
        ("SETUP.EXE", "windows program"),
        ("invoice.pdf.exe", "windows program"),
        ("a.pdf.exe.", "windows program"),
        ("photo.jpg ... .scr", "windows program"),
        ("run.exe ", "windows program"),
        ("cod\u202efdp.exe", "windows program"),
        ("=?utf-8?B?ZmFjdHVyZS5leGU=?=", "windows program"),
        ("run.exe\0.txt", "windows program"),
        ("letter.js", "script of Windows"),
        ("letter.ps1", "script of Windows"),
        ("letter.hta", "HTML application"),
        ("letter.lnk", "shortcut"),
        ("disk.iso", "disk image"),
        ("notes.one", "OneNote notebook"),
        ("manual.chm", "compiled help"),
        ("keys.reg", "setting of Windows"),
        ("sheet.xll", "add-in or database of Office"),
        ("Installer.dmg", "program of Unix or macOS"),
        ("look.inetloc", "shortcut"),
        ("backup.wim", "disk image"),
        ("trouble.diagpkg", "setting of Windows"),
        ("new.ppkg", "setting of Windows"),
        ("report.vsto", "add-in or database of Office"),
        ("update.terminal", "program of Unix or macOS"),
        ("pic.jpg.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}", "class identifier"),
    ],
)
def test_a_name_is_enough(name: str, rule: str) -> None:
    (finding,) = findings([part(name=name)])

    assert finding.rule == f"default: {rule}"
    assert finding.detail.startswith(f"{rule}: ")


@pytest.mark.parametrize(
    ("body", "content_type", "what"),
    [
        (PROGRAM, "text/plain", "readme.txt .exe-ms"),
        (ELF, "text/plain", "readme.txt .exe-unix"),
        (b"L\0\0\0\x01\x14\x02\0" + bytes(60), "", "readme.txt .lnk"),
        (b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(60), "", "readme.txt .exe-unix"),
        (b"vhdxfile" + bytes(60), "", "readme.txt .vhd"),
        (b"MSWIM\0\0\0" + bytes(60), "", "readme.txt .wim"),
        (bytes(32769) + b"BEA01" + bytes(2000), "", "readme.txt .iso"),
        (b"x", "application/X-MSDownload", "readme.txt application/x-msdownload"),
        (b"x", "application/hta", "readme.txt application/hta"),
    ],
)
def test_what_it_is_counts_whatever_it_is_called(body: bytes, content_type: str, what: str) -> None:
    (finding,) = findings([part(name="readme.txt", body=body, content_type=content_type)])

    assert finding.name == what


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "report.docx",
        "page.html",
        "pier.svg",
        "ca.crt",
        "game.apk",
        "office.mobileconfig",
        "stock.mdb",
        "build.sh",
        "code.py",
        "lib.jar",
        "exe",
        "an exe",
        ".exe.txt",
        "a.executive",
        "v1.2",
        "",
    ],
)
def test_what_people_send_each_other_is_not_banned(name: str) -> None:
    inspection = inspect([part(name=name, content_type="application/octet-stream")])

    assert inspection.findings == ()
    assert [(one.status, one.required) for one in inspection.reports] == [(InspectorStatus.CLEAN, True)]


def test_bytes_of_chance_are_not_banned() -> None:
    assert findings([part(str(number), "data.bin", os.urandom(5_000)) for number in range(200)]) == []


def test_a_document_with_macros_is_banned_by_its_content() -> None:
    document = replace(part(name="letter.doc"), marks=frozenset({PartMark.MACROS}))

    (finding,) = findings([document])

    assert (finding.name, finding.rule) == ("letter.doc macros", "default: macro document")


def test_a_member_is_told_with_its_place() -> None:
    parts = [part("1", "a.zip"), part("1/a.zip/b.zip", "b.zip"), part("1/a.zip/b.zip/run.exe", "run.exe")]

    (finding,) = findings(parts)

    assert (finding.part, finding.name) == ("1/a.zip/b.zip/run.exe", "run.exe")


def test_a_finding_has_the_digest_of_its_part_whatever_the_size_of_the_message() -> None:
    large = replace(MESSAGE, raw=bytes(DIGEST_INLINE_BELOW_BYTES))
    program = replace(part(name="run.exe"), sha256="a1" * 32)

    digests = [finding.sha256 for one in (MESSAGE, large) for finding in inspect([program], message=one).findings]

    assert digests == ["a1" * 32] * 2


@pytest.mark.parametrize(
    ("rule", "banned"),
    [
        (BannedRule("r", "", extensions=frozenset({"js"}), inside=frozenset({"zip"})), ["2/a.zip/x.js"]),
        (BannedRule("r", "", inside=frozenset({"zip"})), ["2/a.zip/b.7z", "2/a.zip/b.7z/y.txt", "2/a.zip/x.js"]),
        (BannedRule("r", "", inside=frozenset({"7z"})), ["2/a.zip/b.7z/y.txt"]),
        (BannedRule("r", "", inside=frozenset({"rar"})), []),
        (BannedRule("r", ""), []),
    ],
)
def test_a_rule_may_be_for_what_is_inside_a_container_alone(rule: BannedRule, banned: list[str]) -> None:
    parts = [
        part("1", "x.js"),
        UnpackedPart("2", "", ("a.zip",), ("zip",), b"", 0),
        UnpackedPart("2/a.zip/b.7z", "", ("b.7z",), ("7z",), b"", 0),
        part("2/a.zip/b.7z/y.txt", "y.txt"),
        part("2/a.zip/x.js", "x.js"),
        part("3", "y.txt"),
    ]

    assert [finding.part for finding in findings(parts, (rule,))] == banned


def test_what_is_let_go_inside_a_container_is_banned_elsewhere() -> None:
    allow = BannedRule("archives pass", "", inside=frozenset({"zip"}), allow=True)
    zipped = UnpackedPart("1", "", ("a.zip",), ("zip",), b"", 0)

    found = findings([zipped, part("1/a.zip/run.exe", "run.exe"), part("2", "run.exe")], (allow, *DEFAULT_RULES))

    assert [one.part for one in found] == ["2"]


@pytest.mark.parametrize("names", [("a.zip",), ("a.docx", "a.zip"), ()], ids=["zip", "document or zip", "no name"])
def test_a_member_that_makes_a_document_of_an_archive_hides_no_names(names: tuple[str, ...]) -> None:
    archive = UnpackedPart("1", "", names, ("zip", "jar"), b"", 0)

    (finding,) = findings([archive, part("1/META-INF/MANIFEST.MF", "MANIFEST.MF"), part("1/run.js", "run.js")])

    assert (finding.name, finding.rule) == ("run.js", "default: script of Windows")


def test_the_pieces_of_one_document_are_no_attachments_but_what_they_are_counts() -> None:
    document = UnpackedPart("1", "", ("a.docx",), ("zip", "ooxml"), b"", 0)
    parts = [
        document,
        part("1/a.docx/word/theme.theme", "theme.theme"),
        part("1/a.docx/word/embedded.bin", "embedded.bin", PROGRAM),
        part("2", "other.theme"),
    ]

    found = findings(parts)

    assert [(one.part, one.name) for one in found] == [
        ("1/a.docx/word/embedded.bin", "embedded.bin .exe-ms"),
        ("2", "other.theme"),
    ]


def test_a_thousand_programs_are_told_in_few_findings() -> None:
    assert len(findings([part(str(number), "run.exe") for number in range(1000)])) == FINDINGS_OF_A_RULE


def test_the_first_rule_that_fits_decides() -> None:
    allow = BannedRule("our installer", "we sent for it", names=re.compile(r"^ours\.exe$"), allow=True)

    found = findings([part("1", "ours.exe"), part("2", "other.exe")], (allow, *DEFAULT_RULES))

    assert [one.part for one in found] == ["2"]


def test_each_set_of_rules_is_tried_by_itself() -> None:
    async def run() -> Inspection:
        strict = BannedRule("no pictures", "bandwidth", extensions=frozenset({"jpg"}))
        inspector = BannedInspector({"default": DEFAULT_RULES, "strict": (strict,)})
        decoded = DecodedMessage(None, (part("1", "a.exe"), part("2", "a.jpg")), None)
        return await inspector.inspect(MESSAGE, decoded, 0)

    found = asyncio.run(run()).findings

    assert [(one.part, one.rule) for one in found] == [
        ("1", "default: windows program"),
        ("2", "strict: no pictures"),
    ]


# Decoding calls them executable, for it has to see what one reading shows and another does not.
NOT_BANNED = {
    "jar": "developers send Java archives, and nothing runs them where there is no Java",
    "sh": "a script of Unix does not run before its owner says that it may",
    "run": "as a script of Unix",
    "script": "as a script of Unix",
    "java": "a class does nothing without the program that loads it",
    "exe": "each has a second type: exe-ms, dll or exe-unix",
}


def test_all_that_decoding_calls_executable_is_banned_or_argued() -> None:
    endings = set(EXECUTABLE_ENDINGS).difference(*(rule.extensions for rule in DEFAULT_RULES))
    types = EXECUTABLE_TYPES.difference(*(rule.types for rule in DEFAULT_RULES))

    assert endings | types == set(NOT_BANNED)


def test_each_default_rule_has_a_name_of_its_own_and_a_reason() -> None:
    assert len({rule.name for rule in DEFAULT_RULES}) == len(DEFAULT_RULES)
    assert all(rule.reason for rule in DEFAULT_RULES)


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        (BannedRule("", "", types=frozenset({"exe"})), [part(body=PROGRAM)]),
        (BannedRule("", "", content_types=frozenset({"application/x-executable"})), [part(content_type=EXECUTABLE)]),
        (
            BannedRule("", "", marks=frozenset({PartMark.MACROS})),
            [replace(part(), marks=frozenset({PartMark.MACROS}))],
        ),
        (BannedRule("", "", inside=frozenset({"zip"})), [part(body=b"PK\x03\x04"), part("1/x")]),
    ],
    ids=["type", "content type", "mark", "inside"],
)
def test_a_rule_finds_a_part_that_has_no_name(rule: BannedRule, parts: Sequence[UnpackedPart]) -> None:
    found = findings(parts, [rule])

    assert [finding.part for finding in found] == [parts[-1].path]
