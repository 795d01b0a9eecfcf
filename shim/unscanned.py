"""Mail that passes although no scanner looked at it: only where a setting or the operator says so, and marked."""

from enum import StrEnum

from shim.header_edit import edit_header
from shim.settings import OnFailure, WithoutVerdict
from shim.spool import SpoolFile, replace_header
from verdict_api.envelope import Envelope
from verdict_api.verdict import HeaderAction, HeaderEdit

MARK = "X-Couriergate-Unscanned"
# What a scanner would have said of it; somebody else may have written that.
_CLAIMS = (
    *(MARK, "X-Couriergate-Id", "X-Couriergate-Alert", "X-Virus-Scanned"),
    *("X-Spam-Flag", "X-Spam-Score", "X-Spam-Level", "X-Spam-Status"),
)


class Reason(StrEnum):
    """Why nobody looked."""

    PAUSED = "paused"
    NO_VERDICT = "no verdict"
    TOO_BIG = "too big"


def may_pass_without_verdict(envelope: Envelope, on_failure: OnFailure) -> bool:
    """Say what the setting says for the class of this sender."""
    return _choice_for(envelope, on_failure) is WithoutVerdict.PASS


def _choice_for(envelope: Envelope, on_failure: OnFailure) -> WithoutVerdict:
    if envelope.source.partition("/")[0] == "local":
        return on_failure.local
    if envelope.authenticated_user is not None or envelope.relay_client:
        return on_failure.authenticated
    return on_failure.stranger


def mark_unscanned(message: SpoolFile, reason: Reason) -> None:
    """Write into the header that nobody looked, and take out what claims that somebody did.

    Raises:
        SpoolError: it could not be written and synced.
    """
    header = message.read_header()
    edits = [*(HeaderEdit(HeaderAction.REMOVE, name) for name in _CLAIMS), HeaderEdit(HeaderAction.ADD, MARK, reason)]
    replace_header(message, len(header), edit_header(header, edits))
