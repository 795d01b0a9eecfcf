"""From findings to one destiny: the highest category whose destiny is not pass decides."""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from scanner_service.judge.one_reply import reply_for
from scanner_service.model.finding import Finding
from scanner_service.model.judgement import Judgement
from verdict_api.verdict import Destiny

POLICY = "default"

# A cause that may pass is answered 4xx, one that will not is refused: a 4xx for ever only delays the bad news.
DESTINIES = MappingProxyType(
    {
        "virus": Destiny.REJECT,
        "banned": Destiny.REJECT,
        "spam": Destiny.REJECT,
        "oversized": Destiny.REJECT,
        "unchecked.ambiguous": Destiny.PASS,
        "unchecked.encrypted": Destiny.PASS,
        "unchecked.not_done": Destiny.TEMPFAIL,
        "unchecked.over_limits": Destiny.REJECT,
        "unchecked.too_big_for_engine": Destiny.REJECT,
        "unchecked.undecodable": Destiny.REJECT,
    }
)
POLICY_VERSION = hashlib.sha256(repr(sorted(DESTINIES.items())).encode()).hexdigest()[:16]


def judge(findings: Sequence[Finding], mail_id: str, destinies: Mapping[str, Destiny] = DESTINIES) -> Judgement:
    """Return what becomes of the message; what no rule names passes."""
    for category in sorted({finding.category for finding in findings}, reverse=True):
        seen = [finding for finding in findings if finding.category is category]
        blocking = [finding for finding in seen if _destiny_of(finding, destinies) is not Destiny.PASS]
        if blocking:
            # Within one category the refusal counts: a part that no engine will ever take outweighs a slow one.
            decisive = min(blocking, key=lambda finding: _destiny_of(finding, destinies) is Destiny.TEMPFAIL)
            destiny = _destiny_of(decisive, destinies)
            rule = f"destinies.{decisive.full_category}"
            return Judgement(destiny, reply_for(destiny, decisive, seen, mail_id), decisive, rule)
    return Judgement(Destiny.PASS, reply_for(Destiny.PASS, None, (), mail_id), None, "")


def _destiny_of(finding: Finding, destinies: Mapping[str, Destiny]) -> Destiny:
    if finding.hides:
        return Destiny.REJECT
    return destinies.get(finding.full_category, destinies.get(finding.category.word, Destiny.PASS))
