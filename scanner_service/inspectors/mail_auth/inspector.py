"""Say who sent a message, as far as SPF, DKIM, DMARC and ARC can tell. Nobody's mail waits long for it.

The DNS is asked in threads of its own: where it hangs, decoding and everything else go on.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from scanner_service.clients.dns_resolver import Resolver
from scanner_service.inspectors.inspector import Inspection, milliseconds_since, status_of
from scanner_service.inspectors.mail_auth.arc import check_arc
from scanner_service.inspectors.mail_auth.courier_changes import take_off_top
from scanner_service.inspectors.mail_auth.dkim import check_dkim
from scanner_service.inspectors.mail_auth.dmarc import check_dmarc
from scanner_service.inspectors.mail_auth.fields import read_message
from scanner_service.inspectors.mail_auth.lookups import Lookups
from scanner_service.inspectors.mail_auth.spf import check_spf
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import AuthenticationResult, InspectorReport

NAME = "mail_auth"
THREADS = 16  # each stands still for `seconds` at most, where the DNS hangs
MOST_BYTES = 10 * 2**20  # hashing more holds up the other messages; signed mail is smaller
LAST_STEPS_SECONDS = 0.5  # what is left to tell what was found out, once the DNS may be asked no more


class MailAuthInspector:
    """See Inspector; it needs no parts, so it runs beside decoding."""

    needs_parts = False
    checks = None

    def __init__(self, resolver: Resolver, limit_seconds: float) -> None:
        self._resolver = resolver
        self._limit_seconds = limit_seconds
        self._threads = ThreadPoolExecutor(THREADS, "mail_auth")

    async def aclose(self) -> None:
        """Take no more; what is under way ends within its limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        del decoded
        started = time.perf_counter()
        results, failures = await self._checked(message, until)
        reason = f"{NAME}: {failures[0]}" if failures else None
        report = InspectorReport(NAME, False, status_of((), reason), reason, None, milliseconds_since(started))
        return Inspection(reports=(report,), authentication=results)

    async def _checked(self, message: Message, until: float) -> tuple[tuple[AuthenticationResult, ...], list[str]]:
        """Return the results, and what kept some of them from being final."""
        if len(message.raw) > MOST_BYTES:
            return (), [f"more than {MOST_BYTES} bytes"]
        loop = asyncio.get_running_loop()
        left_seconds = min(self._limit_seconds, until - loop.time() - LAST_STEPS_SECONDS)
        lookups = Lookups(self._resolver, time.monotonic() + left_seconds)
        try:
            async with asyncio.timeout(left_seconds + LAST_STEPS_SECONDS):
                return await loop.run_in_executor(self._threads, authenticate, message, lookups), lookups.failures
        except TimeoutError:
            return (), [f"no result in {self._limit_seconds:g} s"]


def authenticate(message: Message, lookups: Lookups) -> tuple[AuthenticationResult, ...]:
    """Return what all methods say; it waits for the DNS."""
    mail = take_off_top(read_message(message.raw), message.envelope)
    spf = check_spf(message.envelope, mail.spf, lookups)
    dkim = check_dkim(mail.message, lookups)
    return (spf, *dkim, check_dmarc(mail.message, (spf, *dkim), lookups), *check_arc(mail.message, lookups))
