"""Inspectors of others are found by their entry points, and their failures stay theirs."""

import asyncio
import re
import sys
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner_service.inspectors.inspector import Inspection
from scanner_service.inspectors.third_party import ThirdPartyError, ThirdPartyInspector, load_inspector
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message, UnpackedPart
from scanner_service.settings import Settings
from tests.scanner_service.messages import CLEAN, message_of
from verdict_api.verdict import InspectorStatus

FOUND = Finding(ContentCategory.BANNED, "theirs", "a word")
MODULE = """
class Words:
    needs_parts = False

    def __init__(self, options):
        self.word = options["word"]

    async def inspect(self, message, decoded, until):
        raise NotImplementedError

def not_an_inspector(options):
    return 7
"""
ENTRY_POINTS = """[couriergate.inspectors]
words = their_words_of_a_test:Words
seven = their_words_of_a_test:not_an_inspector
gone = their_words_of_a_test:Gone
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution with three entry points, as pip leaves one."""
    (tmp_path / "their_words_of_a_test.py").write_text(MODULE)
    folder = tmp_path / "their_words-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: their-words\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_words_of_a_test", raising=False)


@pytest.mark.usefixtures("installed")
def test_an_entry_point_becomes_an_inspector_with_its_options() -> None:
    inspector = load_inspector("words", {"word": "abracadabra"})

    assert inspector.needs_parts is False
    assert vars(inspector) == {"word": "abracadabra"}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("wrods", "no inspector 'wrods' is installed .*gone, seven, words"),
        ("words", "'words': KeyError: 'word'"),
        ("seven", "'seven': want an object with needs_parts and inspect"),
        ("gone", "'gone': AttributeError"),
    ],
)
def test_what_is_no_inspector_is_told_by_name(name: str, problem: str) -> None:
    with pytest.raises(ThirdPartyError, match=problem):
        load_inspector(name, {})


@dataclass(frozen=True)
class Theirs:
    answer: Callable[[], Awaitable[Inspection]]
    needs_parts: bool = False

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        return await self.answer()


async def find() -> Inspection:
    return Inspection((FOUND,))


async def hang() -> Inspection:
    await asyncio.sleep(60)
    raise AssertionError


async def fail() -> Inspection:
    raise ZeroDivisionError("oh")


async def nonsense() -> Inspection:
    return [1, 2, 3]  # type: ignore[return-value]


def inspect(answer: Callable[[], Awaitable[Inspection]], *, required: bool) -> Inspection:
    async def run() -> Inspection:
        inspector = ThirdPartyInspector("theirs", Theirs(answer), 0.1, required=required)
        return await inspector.inspect(message_of(CLEAN), None, asyncio.get_running_loop().time() + 5)

    return asyncio.run(run())


def test_what_another_finds_counts() -> None:
    inspection = inspect(find, required=False)

    assert inspection.findings == (FOUND,)
    assert inspection.reports[0].status is InspectorStatus.HIT


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (hang, "theirs: no answer in 0.1 s"),
        (fail, "theirs: ZeroDivisionError: oh"),
        (nonsense, "theirs: TypeError: want an Inspection of Findings, got [1, 2, 3]"),
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_a_failure_of_another_is_not_done(
    answer: Callable[[], Awaitable[Inspection]], reason: str, required: bool
) -> None:
    inspection = inspect(answer, required=required)

    (report,) = inspection.reports
    assert (report.status, report.required, report.reason) == (InspectorStatus.NOT_DONE, required, reason)
    assert [one.full_category for one in inspection.findings] == ["unchecked.not_done"] * required


def test_the_example_of_the_documentation_finds_its_word_in_a_member_of_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs/how_to/write_an_inspector.md").read_text()
    code, entry_points, settings = re.findall(r"^```(?:python|toml)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "our_words.py").write_text(code)
    folder = tmp_path / "our_words-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: our-words\nVersion: 1.0\n")
    declared = tomllib.loads(entry_points)["project"]["entry-points"]["couriergate.inspectors"]
    lines = "".join(f"{name} = {place}\n" for name, place in declared.items())
    (folder / "entry_points.txt").write_text(f"[couriergate.inspectors]\n{lines}")
    monkeypatch.syspath_prepend(tmp_path)
    (chosen,) = Settings.model_validate(tomllib.loads(settings)).inspectors.third_party
    text = UnpackedPart("1/a.zip/notes.txt", "", ("notes.txt",), (), b"Under the Heliotrope.", 21)

    found = asyncio.run(
        load_inspector(chosen.name, chosen.options).inspect(
            message_of(CLEAN), DecodedMessage(None, (text,), None), until=0
        )
    )

    assert [(one.name, one.part) for one in found.findings] == [("the word heliotrope", "1/a.zip/notes.txt")]
