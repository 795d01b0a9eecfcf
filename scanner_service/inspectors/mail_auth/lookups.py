"""What one message may ask of the DNS: a stranger chooses the names, so number, size and time have an end."""

import re
import time

from scanner_service.clients.dns_resolver import LONGEST_TXT_BYTES, DnsUnavailableError, RecordKind, Resolver

MOST_LOOKUPS = 100  # SPF alone may take 10 names with 10 addresses each (RFC 7208 §4.6.4)
ONE_LOOKUP_SECONDS = 3.0

_NO_TIME = "no time left"
# A blank may be in one: SPF has %_ for it (RFC 7208 §7.1).
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[ -\-/-~]{1,63}\.)*[ -\-/-~]{1,63}")


class Lookups:
    """A resolver for one message, until ``until`` of ``time.monotonic``; nothing is asked twice.

    ``failures`` tells which look-ups failed, and why.
    """

    def __init__(self, resolver: Resolver, until: float) -> None:
        self._resolver = resolver
        self._until = until
        self._answers: dict[tuple[str, RecordKind], tuple[bytes, ...] | DnsUnavailableError] = {}
        self.failures: list[str] = []

    def look_up(self, name: str, kind: RecordKind) -> tuple[bytes, ...]:
        """Return the data of the records; none for what is no name.

        Raises:
            DnsUnavailableError: no answer in time, too many questions, or an answer that is too long.
        """
        name = name.lower().removesuffix(".")
        if not _NAME.fullmatch(name):
            return ()
        if (name, kind) not in self._answers:
            self._answers[name, kind] = self._ask(name, kind)
        answer = self._answers[name, kind]
        if isinstance(answer, DnsUnavailableError):
            raise answer
        return answer

    def check_time(self) -> None:
        """Look whether there is time left for what needs no question: a stranger chooses how much is to be hashed.

        Raises:
            DnsUnavailableError: there is none.
        """
        if time.monotonic() >= self._until:
            error = DnsUnavailableError(_NO_TIME)
            self.failures.append(str(error))
            raise error

    def _ask(self, name: str, kind: RecordKind) -> tuple[bytes, ...] | DnsUnavailableError:
        try:
            return self._answer(name, kind)
        except DnsUnavailableError as error:
            failure = DnsUnavailableError(f"DNS, {kind} of {name}: {error}")
            self.failures.append(str(failure))
            return failure

    def _answer(self, name: str, kind: RecordKind) -> tuple[bytes, ...]:
        left_seconds = self._until - time.monotonic()
        if len(self._answers) >= MOST_LOOKUPS:
            raise DnsUnavailableError(f"more than {MOST_LOOKUPS} questions")
        if left_seconds <= 0:
            raise DnsUnavailableError(_NO_TIME)
        answer = self._resolver.look_up(name, kind, min(left_seconds, ONE_LOOKUP_SECONDS))
        if kind is RecordKind.TXT and any(len(text) > LONGEST_TXT_BYTES for text in answer):
            raise DnsUnavailableError(f"a TXT record of more than {LONGEST_TXT_BYTES} bytes")
        return answer
