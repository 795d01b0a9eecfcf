"""The virus engine ClamAV, asked through its daemon over the whole message, which clamd unpacks by itself."""

from scanner_service.clients.clamd import ClamdClient, ClamdSizeLimitError, ClamdUnavailableError
from scanner_service.inspectors.engine import EngineUnavailableError
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message


class ClamdEngine:
    """One clamd as an engine."""

    is_demo = False
    needs_parts = False

    def __init__(self, name: str, client: ClamdClient) -> None:
        self.name = name
        self.version: str | None = None
        self._client = client

    async def scan(self, message: Message, decoded: DecodedMessage | None) -> tuple[Finding, ...]:
        """See VirusEngine. A message beyond clamd's limit is a finding: it will not be looked at later either."""
        del decoded
        try:
            names = await self._client.scan(message.raw)
        except ClamdUnavailableError as error:
            raise EngineUnavailableError(str(error)) from error
        except ClamdSizeLimitError as error:
            return (
                Finding(
                    ContentCategory.UNCHECKED,
                    self.name,
                    "too big for engine",
                    SubCategory.TOO_BIG_FOR_ENGINE,
                    detail=str(error),
                ),
            )
        return tuple(Finding(ContentCategory.VIRUS, self.name, name) for name in names)

    async def refresh(self) -> None:
        """See VirusEngine."""
        try:
            self.version = await self._client.version()
        except ClamdUnavailableError:
            self.version = None
