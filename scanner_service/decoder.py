"""DECODE, the whole of it: the MIME tree here in the service, containers in caged child processes, one budget.

It also says what of the message could not be seen, as the inspectors do of what they saw.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from scanner_service.clients.decoder_process import DecoderUnavailableError
from scanner_service.decode.budget import Budget, DecodeLimits
from scanner_service.decode.container_signs import may_hold_parts
from scanner_service.decode.witness import decode_with_witness
from scanner_service.inspectors.inspector import Inspection, status_of
from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, OpenedPart, Part, PartMark
from verdict_api.verdict import InspectorReport

# Below all of these, a thread costs more than it spares the others: it and the event loop wait for each other at each
# step. A part, a field or an encoded word takes as long as many kilobytes, and a stranger may send thousands of them
# in few.
INLINE_BELOW_BYTES = 128 * 2**10
INLINE_BELOW_DELIMITERS = 100
INLINE_BELOW_LINES = 4000
INLINE_BELOW_ENCODED_WORDS = 200
INLINE_BELOW_MIME_FIELDS = 400
SURELY_INLINE_BELOW_BYTES = 8 * 2**10
FINDINGS_OF_A_KIND = 20  # a thousand encrypted files in one archive are one thing to say

_NAME = "decode"
_SUB_CATEGORIES = {PartMark.ENCRYPTED: SubCategory.ENCRYPTED, PartMark.UNDECODABLE: SubCategory.UNDECODABLE}


class ContainerOpener(Protocol):
    """Opens containers somewhere else, so that what goes wrong there stays there."""

    async def unpack(self, container: Container, remainder: Remainder, until: float) -> Unpacked:
        """Return what is in the container.

        Raises:
            DecoderUnavailableError: nobody could try before ``until``, a time of the event loop.
        """
        ...


@dataclass(frozen=True, slots=True)
class Decoder:
    """What it takes to decode a message: the limits, and who opens containers."""

    limits: DecodeLimits
    opener: ContainerOpener

    async def decode(self, raw: bytes, until: float) -> DecodedMessage:
        """Return all parts of the message; never raises for what is in it."""
        budget = Budget.of_message(self.limits, len(raw))
        if is_quickly_read(raw):
            first, containers = _first_look(raw, budget)
        else:
            first, containers = await asyncio.to_thread(_first_look, raw, budget)
        if not containers or first.over_limits is not None:
            return first
        return await self._open(first, containers, budget, until)

    async def _open(
        self, first: DecodedMessage, containers: frozenset[Part], budget: Budget, until: float
    ) -> DecodedMessage:
        parts: list[Part] = []
        remainder = budget.remainder
        over_limits = not_done = None
        for part in first.parts:
            if part not in containers or over_limits or not_done:
                parts.append(part)
                continue
            try:
                unpacked = await self.opener.unpack(_as_container(part), remainder, until)
            except DecoderUnavailableError as error:
                not_done = str(error)
                parts.append(part)
                continue
            remainder, over_limits = unpacked.remainder, unpacked.over_limits
            parts += (_opened(part, unpacked), *unpacked.parts)
        return replace(first, parts=tuple(parts), over_limits=over_limits, not_done=not_done)


def is_quickly_read(raw: bytes) -> bool:
    """Tell whether reading it holds up nobody: a few milliseconds at the most."""
    if len(raw) < SURELY_INLINE_BELOW_BYTES:
        return True
    return (
        len(raw) < INLINE_BELOW_BYTES
        and raw.count(b"\n--") < INLINE_BELOW_DELIMITERS
        and raw.count(b"\n") < INLINE_BELOW_LINES
        and raw.count(b"=?") < INLINE_BELOW_ENCODED_WORDS
        and raw.lower().count(b"\ncontent-") < INLINE_BELOW_MIME_FIELDS
    )


def inspection_of(decoded: DecodedMessage, milliseconds: float) -> Inspection:
    """Return what decoding found, and how it fared, in the words of the inspectors."""
    findings = tuple(_findings(decoded))
    report = InspectorReport(
        name=_NAME,
        required=True,
        status=status_of(findings, decoded.not_done),
        reason=decoded.not_done,
        version=None,
        milliseconds=milliseconds,
    )
    return Inspection(findings, (report,))


def _first_look(raw: bytes, budget: Budget) -> tuple[DecodedMessage, frozenset[Part]]:
    """Return the MIME tree, and those of its parts that another process has to open."""
    decoded = decode_with_witness(raw, budget)
    return decoded, frozenset(part for part in decoded.parts if may_hold_parts(part))


def _as_container(part: Part) -> Container:
    depth = part.path.count(".") + 1  # as deep as decode.mime went for it
    return Container(part.path, depth, part.content_type, part.names, part.body)


def _opened(part: Part, unpacked: Unpacked) -> Part:
    return OpenedPart(part, part.types + unpacked.types, part.marks | unpacked.marks)


def _findings(decoded: DecodedMessage) -> Iterator[Finding]:
    if decoded.not_done is not None:
        yield _unchecked(SubCategory.NOT_DONE, decoded.not_done)
    if decoded.over_limits is not None:
        yield _unchecked(SubCategory.OVER_LIMITS, decoded.over_limits)
    for mark, sub_category in _SUB_CATEGORIES.items():
        marked = [part for part in decoded.parts if mark in part.marks]
        for part, detail in _first_of([(one, _shown_name(one)) for one in marked]):
            yield _unchecked_part(sub_category, part, detail)
    # What hides something decides, so it must not be among those that are left out.
    ambiguities = sorted(decoded.ambiguities, key=lambda one: not one.hides)
    for ambiguity in islice(ambiguities, FINDINGS_OF_A_KIND):
        finding = _unchecked_part(SubCategory.AMBIGUOUS, ambiguity.part, ambiguity.detail)
        yield replace(finding, hides=ambiguity.hides)
    for defect in islice(decoded.defects, FINDINGS_OF_A_KIND):
        yield Finding(ContentCategory.BAD_HEADER, _NAME, "bad header: mime", SubCategory.MIME, detail=defect)


def _first_of(found: Sequence[tuple[Part, str]]) -> Iterable[tuple[Part, str]]:
    if len(found) <= FINDINGS_OF_A_KIND:
        return found
    part, name = found[FINDINGS_OF_A_KIND - 1]
    left_out = len(found) - FINDINGS_OF_A_KIND
    return (*found[: FINDINGS_OF_A_KIND - 1], (part, f"{name} and {left_out} more"))


def _unchecked(sub_category: SubCategory, detail: str) -> Finding:
    return Finding(ContentCategory.UNCHECKED, _NAME, _words(sub_category), sub_category, detail=detail)


def _unchecked_part(sub_category: SubCategory, part: Part, detail: str) -> Finding:
    name = _words(sub_category)
    return Finding.of_part(part, ContentCategory.UNCHECKED, _NAME, name, sub_category, detail=detail)


def _words(sub_category: SubCategory) -> str:
    return sub_category.replace("_", " ")


def _shown_name(part: Part) -> str:
    return part.names[0] if part.names else part.content_type
