"""Ask name servers, through dnspython: strangers choose the names, and strangers' servers write the answers."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import dns.exception
import dns.nameserver
import dns.rdata
import dns.resolver

ONE_TRY_SECONDS = 2.0
ANSWER_BYTES = 1232  # over UDP, so that no answer is in fragments (DNS Flag Day 2020); a longer one comes over TCP
LONGEST_TXT_BYTES = 4096  # a key of RSA with 8192 bits has 1400; a hostile one of 100,000 bits costs minutes
MOST_RECORDS = 100


class RecordKind(StrEnum):
    """The records that SPF, DKIM, DMARC and ARC need."""

    TXT = "TXT"
    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"


class DnsUnavailableError(Exception):
    """No answer that can be used, for a reason that may pass; that is not the same as no record."""


class Resolver(Protocol):
    """Looks names up."""

    def look_up(self, name: str, kind: RecordKind, limit_seconds: float) -> tuple[bytes, ...]:
        """Return the data of the records in the form of a zone file, and of TXT the text; none if there are none.

        Raises:
            DnsUnavailableError: see there.
        """
        ...


class DnsResolver:
    """The real one; ``nameservers`` are addresses ``IP:PORT``, none for those of the system."""

    def __init__(self, nameservers: Sequence[tuple[str, int]] = ()) -> None:
        """Read ``/etc/resolv.conf`` where no server is named.

        Raises:
            DnsUnavailableError: it names none either.
        """
        try:
            self._resolver = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            raise DnsUnavailableError(f"DNS: {error}") from error
        if nameservers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in nameservers]
        self._resolver.timeout = ONE_TRY_SECONDS
        self._resolver.use_edns(0, 0, ANSWER_BYTES)

    def look_up(self, name: str, kind: RecordKind, limit_seconds: float) -> tuple[bytes, ...]:
        """See Resolver. It waits, so it runs in a thread."""
        try:
            answer = self._resolver.resolve(
                f"{name}.", kind.value, raise_on_no_answer=False, lifetime=limit_seconds, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return ()
        except dns.exception.Timeout as error:
            raise DnsUnavailableError("no answer in time") from error
        except dns.resolver.NoNameservers as error:
            raise DnsUnavailableError("no server has a usable answer") from error
        except (dns.exception.DNSException, OSError, UnicodeError, ValueError) as error:
            raise DnsUnavailableError(f"no usable answer: {type(error).__name__}") from error
        return tuple(_data_of(record, kind) for record in list(answer)[:MOST_RECORDS])


def _data_of(record: dns.rdata.Rdata, kind: RecordKind) -> bytes:
    if kind is RecordKind.TXT:
        return b"".join(record.strings)  # type: ignore[attr-defined]  # of the kind that was asked for
    return record.to_text().encode("ascii")
