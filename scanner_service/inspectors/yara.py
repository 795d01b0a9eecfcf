"""The virus engine YARA-X over the message and its decoded parts; so far with the built-in EICAR rule only."""

from importlib import resources

import yara_x

from scanner_service.inspectors.engine import EngineUnavailableError
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message

SCAN_SECONDS = 10


class YaraEngine:
    """Rules compiled once; a scanner is made for each message, for it is not to be shared."""

    is_demo = True
    needs_parts = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.version: str | None = f"YARA-X, built-in rule of {__package__.split('.')[0]}"
        source = resources.files(__package__).joinpath("eicar.yar").read_text(encoding="ascii")
        self._rules = yara_x.compile(source)

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        """See VirusEngine."""
        assert decoded is not None
        scanner = yara_x.Scanner(self._rules)
        scanner.set_timeout(SCAN_SECONDS)
        found: dict[str, str | None] = {}
        try:
            for part in decoded.parts:
                for rule in scanner.scan(part.body).matching_rules:
                    found.setdefault(rule.identifier, part.path)
            for rule in scanner.scan(message.raw).matching_rules:
                found.setdefault(rule.identifier, None)
        except (yara_x.TimeoutError, yara_x.ScanError) as error:
            raise EngineUnavailableError(f"{self.name}: {error}") from error
        return tuple(
            Finding(ContentCategory.VIRUS, self.name, name.replace("_", "-"), part=part)
            for name, part in found.items()
        )

    async def refresh(self) -> None:
        """See VirusEngine; the rules do not change."""
