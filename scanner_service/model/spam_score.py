"""What a spam engine says of a message, and the scale that its score is read on."""

from dataclasses import dataclass

from scanner_service.model.finding import ContentCategory


@dataclass(frozen=True, slots=True)
class SpamLevels:
    """From which score on a message is spammy (tagged), and from which it is spam; ``math.inf`` for never."""

    tag2: float = 5.0
    kill: float = 12.0

    def category_of(self, score: float) -> ContentCategory | None:
        """Return what a score means, None if nothing."""
        if score >= self.kill:
            return ContentCategory.SPAM
        return ContentCategory.SPAMMY if score >= self.tag2 else None


@dataclass(frozen=True, slots=True)
class SpamScore:
    """The score of one engine, the tests that made it, and what the engine makes of it, None if it is no spam.

    ``levels`` is the engine's scale for this message. ``required`` is what the engine holds the score against in
    public. ``fields`` are header fields that it offers, as it wrote them: names and values are strangers' text.
    """

    engine: str
    score: float
    tests: tuple[str, ...]
    category: ContentCategory | None
    levels: SpamLevels
    required: float
    fields: tuple[tuple[str, str], ...] = ()
