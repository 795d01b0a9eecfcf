"""Look for parts that may not come by mail: by name, by declared type, and by what their bytes are.

Every part is tested, members of archives and attached messages too, under each name that a mail program might read.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from scanner_service.inspectors.banned_rules import BannedRule
from scanner_service.inspectors.inspector import Inspection
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.message import DecodedMessage, Message, Part
from verdict_api.verdict import InspectorReport, InspectorStatus

NAME = "banned"
FINDINGS_OF_A_RULE = 5  # a thousand programs in one archive are one thing to say
# What lies in these is never an attachment to anybody: a program opens the whole, and the names are its own.
_ONE_DOCUMENT = frozenset({"ooxml", "jar", "odf", "epub"})


class BannedInspector:
    """Tests the parts by sets of rules, each by its name; see Inspector."""

    needs_parts = True

    def __init__(self, rule_sets: Mapping[str, Sequence[BannedRule]]) -> None:
        self._rule_sets = dict(rule_sets)

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector; it waits for nothing."""
        del message, until
        assert decoded is not None
        started = time.perf_counter()
        findings = tuple(
            finding
            for set_name, rules in self._rule_sets.items()
            for finding in _findings(decoded.parts, set_name, rules)
        )
        status = InspectorStatus.HIT if findings else InspectorStatus.CLEAN
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        return Inspection(findings, (InspectorReport(NAME, True, status, None, None, milliseconds),))


def _findings(parts: Sequence[Part], set_name: str, rules: Sequence[BannedRule]) -> Iterator[Finding]:
    told: dict[str, int] = {}
    for part, by_name in _with_containers(parts):
        rule, what = _first_fitting(part, rules, by_name=by_name)
        if rule is None or rule.allow:
            continue
        told[rule.name] = told.get(rule.name, 0) + 1
        if told[rule.name] <= FINDINGS_OF_A_RULE:
            yield Finding(
                ContentCategory.BANNED,
                NAME,
                what,
                part=part.path,
                rule=f"{set_name}: {rule.name}",
                detail=f"{rule.name}: {rule.reason}",
            )


def _first_fitting(part: Part, rules: Sequence[BannedRule], *, by_name: bool) -> tuple[BannedRule | None, str]:
    for rule in rules:
        what = rule.fits(part, by_name=by_name)
        if what is not None:
            return rule, what
    return None, ""


def _with_containers(parts: Sequence[Part]) -> Iterator[tuple[Part, bool]]:
    """Yield each part, and whether its names count: not those of the pieces of one document."""
    around: list[Part] = []  # the containers that the part is in, the innermost last
    for part in parts:
        while around and not part.path.startswith(around[-1].path + "/"):
            around.pop()
        yield part, not (around and _ONE_DOCUMENT & set(around[-1].types))
        around.append(part)
