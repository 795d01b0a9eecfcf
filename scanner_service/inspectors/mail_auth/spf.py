"""SPF: whether the client may send for the sender's domain (RFC 7208); Courier's own answer counts, if it has one."""

import spf

from scanner_service.clients.dns_resolver import DnsUnavailableError, RecordKind
from scanner_service.inspectors.mail_auth.courier_changes import CouriersSpf
from scanner_service.inspectors.mail_auth.lookups import Lookups
from verdict_api.envelope import Envelope
from verdict_api.printable import printable
from verdict_api.verdict import AuthenticationResult

METHOD = "spf"
MOST_VOID_LOOKUPS = 2  # RFC 7208 §4.6.4; pyspf itself counts the ten that may find something
LONGEST_IDENTITY_CHARACTERS = 320
LONGEST_TERM_BYTES = 512  # a name has 253; pyspf's pattern for its end takes 0.2 s for 4000, and nothing else runs
_RESULTS = frozenset(("none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"))


def check_spf(envelope: Envelope, told: tuple[CouriersSpf, ...], lookups: Lookups) -> AuthenticationResult:
    """Return the result for MAIL FROM, or for HELO where the sender is null."""
    identity = "mailfrom" if envelope.sender else "helo"
    subject = envelope.sender or envelope.client.helo or ""
    domain = printable(subject.rpartition("@")[2].lower())
    for one in told:
        if one.identity.lower() == identity and one.sender == subject:
            return AuthenticationResult(METHOD, one.result, domain, f"smtp.{identity}, by Courier")
    if envelope.client.ip is None or not subject or len(subject) > LONGEST_IDENTITY_CHARACTERS:
        return AuthenticationResult(METHOD, "none", "", "no client, or no name of it")
    if envelope.authenticated_user is not None or envelope.relay_client:
        return AuthenticationResult(METHOD, "none", domain, "from a user of this host's")
    result, detail = _ask(envelope.client.ip, envelope, lookups)
    return AuthenticationResult(METHOD, result, domain, "; ".join(filter(None, (f"smtp.{identity}", detail))))


def _ask(client: str, envelope: Envelope, lookups: Lookups) -> tuple[str, str]:
    try:
        question = _Question(client, envelope.sender, envelope.client.helo or "", lookups)
        result, _, explanation = question.check()
    except (
        spf.PermError,
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        return "permerror", f"the record cannot be evaluated: {type(error).__name__}"  # pyspf trips over some records
    if result not in _RESULTS:
        return "permerror", "the record cannot be evaluated"
    return result, printable(explanation)[:200] if result in ("temperror", "permerror") else ""


class _Question(spf.query):  # type: ignore[misc]  # pyspf has no types
    """The library's evaluation of records, over look-ups of ours."""

    def __init__(self, client: str, sender: str, helo: str, lookups: Lookups) -> None:
        self._lookups = lookups
        super().__init__(i=client, s=sender, h=helo)

    def dns(
        self, name: object, qtype: str, cnames: object = None, ignore_void: bool = False
    ) -> list[str | tuple[bytes] | tuple[int, str]]:
        """Answer the library; it counts names that have nothing, and gives up at the third."""
        del cnames
        try:
            found = self._lookups.look_up(str(name), RecordKind(qtype))
        except DnsUnavailableError as error:
            raise spf.TempError(str(error)) from error
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > MOST_VOID_LOOKUPS:
                raise spf.PermError("more than two names without records")
        if qtype == RecordKind.TXT and any(_has_long_term(one) for one in found):
            raise spf.PermError("a term that is too long")
        return [_as_pyspf_has_it(one, qtype) for one in found]

    def get_explanation(self, spec: object) -> None:
        """Ask for none: it is the sender's text, for a reply that nobody sends."""
        del spec


def _has_long_term(record: bytes) -> bool:
    """Tell whether pyspf is better not asked; other texts of the name are none of its business."""
    return record[:6].lower() == b"v=spf1" and any(len(term) > LONGEST_TERM_BYTES for term in record.split())


def _as_pyspf_has_it(data: bytes, kind: str) -> str | tuple[bytes] | tuple[int, str]:
    if kind == "TXT":
        return (data,)
    text = data.decode("ascii", "replace")
    if kind == "MX":
        preference, _, exchange = text.partition(" ")
        return int(preference), exchange
    return text.removesuffix(".")
