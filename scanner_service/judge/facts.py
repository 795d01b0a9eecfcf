"""What judging looks at: what inspectors said of a message and who sent it, and nothing of the message itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner_service.model.finding import Finding
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamScore
from verdict_api.envelope import Envelope
from verdict_api.verdict import AuthenticationResult


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it can be kept, and judged again under another policy.

    ``findings`` are all but those of score and size, which each recipient's policy makes. ``size`` is in bytes.
    ``authors`` are the addresses that the header shows as the sender. ``bulk`` says why nobody waits for an answer,
    empty if somebody may. ``listener`` and ``token`` are how the question came. ``values``
    are for the texts of administrators alone (judge.text_variables), and nothing is decided by them.
    """

    mail_id: str
    envelope: Envelope
    size: int = 0
    findings: tuple[Finding, ...] = ()
    spam: SpamScore | None = None
    spam_points: tuple[SpamPoints, ...] = ()
    authors: tuple[str, ...] = ()
    bulk: str = ""
    authentication: tuple[AuthenticationResult, ...] = ()
    listener: str = ""
    token: str | None = None
    values: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
