"""The virus engine YARA-X over the message and its decoded parts: with the rules of a folder, or one of EICAR.

Rust over hostile bytes, with a time limit: it may run in the service. Of a large unpacked part it sees the beginning.
"""

import asyncio
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

import structlog
import yara_x

from scanner_service.inspectors.engine import EngineUnavailableError
from scanner_service.inspectors.yara_rules import YaraRules, YaraRulesError, compile_rules, state_of
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message, Part

SCAN_SECONDS = 10
INLINE_BELOW_BYTES = 256 * 2**10  # below, a hop to a thread costs more than the scan


class YaraEngine:
    """Rules compiled once; a scanner is made for each message, for it is not to be shared.

    Raises:
        YaraRulesError: the rules cannot be used.
    """

    needs_parts = True

    def __init__(self, name: str, folders: Sequence[Path] = ()) -> None:
        self.name = name
        self.is_demo = not folders
        self._folders = tuple(folders)
        self._chosen = compile_rules(folders) if folders else _built_in()
        self._refused: tuple[tuple[str, int, int], ...] | None = None
        self._refusal: str | None = None

    @property
    def version(self) -> str | None:
        """See VirusEngine."""
        if self.is_demo:
            return f"YARA-X, built-in rule of {__package__.split('.')[0]}"
        return f"YARA-X, {self._chosen.number} rules of {self._chosen.files} files"

    @property
    def protects(self) -> bool:
        """See VirusEngine. Rules that stay although new ones were refused still do."""
        return not self.is_demo and self._chosen.number > 0

    @property
    def problem(self) -> str | None:
        """See VirusEngine."""
        if self._refusal is not None:
            return f"{self._refusal}; the {self._chosen.number} rules of before stay"
        return None if self._chosen.number else f"no rules in {', '.join(map(str, self._folders))}"

    @property
    def signature_days(self) -> int | None:
        """See VirusEngine. Rules do not come daily: old ones say nothing."""
        return None

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        """See VirusEngine."""
        assert decoded is not None
        if not self._chosen.number:
            raise EngineUnavailableError(f"{self.name}: {self.problem}")
        if len(message.raw) < INLINE_BELOW_BYTES and sum(part.size for part in decoded.parts) < INLINE_BELOW_BYTES:
            return self._scan(message, decoded)
        return await asyncio.to_thread(self._scan, message, decoded)

    async def refresh(self) -> None:
        """Take changed rule files; a set that cannot be used is told once, and the old one stays."""
        if self.is_demo:
            return
        try:
            state = await asyncio.to_thread(state_of, self._folders)
            if state != self._refused:
                await self._take(state)
        except YaraRulesError as error:
            self._refuse(str(error))

    async def _take(self, state: tuple[tuple[str, int, int], ...]) -> None:
        """Compile the rules of a state that is not the present one.

        Raises:
            YaraRulesError: they cannot be used.
        """
        if state != self._chosen.state:
            self._refused = state
            self._chosen = await asyncio.to_thread(compile_rules, self._folders)
            structlog.get_logger().info("rules", engine=self.name, now=self.version)
        self._refused = self._refusal = None

    def _refuse(self, why: str) -> None:
        if why != self._refusal:
            structlog.get_logger().error("rules", engine=self.name, problem=why, kept=self.version)
        self._refusal = why

    def _scan(self, message: Message, decoded: DecodedMessage) -> tuple[Finding, ...]:
        scanner = yara_x.Scanner(self._chosen.rules)
        scanner.set_timeout(SCAN_SECONDS)
        found: dict[str, Part | None] = {}
        try:
            for part, data in _all_bytes(message, decoded):
                for rule in scanner.scan(data).matching_rules:
                    found.setdefault(rule.identifier, part)
        except (yara_x.TimeoutError, yara_x.ScanError) as error:
            raise EngineUnavailableError(f"{self.name}: {error}") from error
        return tuple(self._finding(rule, part) for rule, part in found.items())

    def _finding(self, rule: str, part: Part | None) -> Finding:
        name = rule.replace("_", "-")
        if part is None:
            return Finding(ContentCategory.VIRUS, self.name, name)
        return Finding.of_part(part, ContentCategory.VIRUS, self.name, name)


def _all_bytes(message: Message, decoded: DecodedMessage) -> Iterable[tuple[Part | None, bytes]]:
    """Yield the parts before the whole, so that a finding names the part."""
    for part in decoded.parts:
        yield part, part.body
    yield None, message.raw


def _built_in() -> YaraRules:
    source = resources.files(__package__).joinpath("eicar.yar").read_text(encoding="ascii")
    return YaraRules(yara_x.compile(source), 1, 0, ())
