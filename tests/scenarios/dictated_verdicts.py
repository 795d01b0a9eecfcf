"""A scanning service whose verdicts the dialog dictates: our own does not give all kinds of them yet."""

import asyncio
from dataclasses import dataclass, field, replace

from tests.fakes.scanner import FakeScanner, Talk, http_answer
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from verdict_api.json_codec import encode_verdict
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit, RecipientVerdict, Verdict


@dataclass(slots=True)
class DictatedVerdicts:
    """Every message passes as it is, but for what is said here."""

    destinies: dict[str, Destiny] = field(default_factory=dict)
    replacements: dict[str, str] = field(default_factory=dict)
    added_recipients: list[str] = field(default_factory=list)
    header_edits: list[HeaderEdit] = field(default_factory=list)
    refuses: bool = False
    next_waits: bool = False
    scanner: FakeScanner = field(init=False)
    _another: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.scanner = FakeScanner(usual=self._answer)

    @property
    def tag(self) -> bytes:
        """What stands on top of a message that got these verdicts."""
        added = (edit for edit in self.header_edits if edit.action is HeaderAction.ADD)
        return "".join(f"{edit.name}: {edit.value}\n" for edit in added).encode("ascii")

    async def _answer(self, talk: Talk) -> None:
        waits, self.next_waits = self.next_waits, False
        request = await talk.hear()
        if waits:
            await self._another.wait()
        envelope = request.envelope()
        verdict = self._dictate(verdict_on(envelope))
        if self.refuses:
            refusal = verdict_on(envelope, Destiny.REJECT, VIRUS_REPLY)
            verdict = replace(verdict, would_be=refusal) if envelope.observe else refusal
        await talk.say(http_answer(200, encode_verdict(verdict)))
        self._another.set()

    def _dictate(self, verdict: Verdict) -> Verdict:
        recipients = tuple(self._dictate_for(one) for one in verdict.recipients)
        destinies = {one.destiny for one in recipients}
        return replace(
            verdict,
            destiny=Destiny.PASS if Destiny.PASS in destinies else min(destinies),
            recipients=recipients,
            added_recipients=tuple(self.added_recipients),
            header_edits=tuple(self.header_edits),
        )

    def _dictate_for(self, one: RecipientVerdict) -> RecipientVerdict:
        destiny = self.destinies.get(one.address, Destiny.PASS)
        return replace(
            one,
            destiny=destiny,
            reply=VIRUS_REPLY if destiny is Destiny.BOUNCE else one.reply,
            replaced_by=self.replacements.get(one.address),
        )
