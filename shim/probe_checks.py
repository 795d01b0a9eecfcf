"""Doctor's probes: a clean message and the EICAR test file, down the way that all mail takes.

It speaks SMTP to this host's own esmtpd. Nobody gets a probe: our filter refuses the clean one for now, and the other
for good.
"""

import re
import smtplib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from shim import filter_reply
from shim.diagnosis import Finding, Level

SMTP_SECONDS = 30.0  # beyond the shim's own deadline: Courier's TARPIT holds a refusal back, 8 s by default
# In two pieces: a virus scanner that looks at this program must not find it.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """What a probe was answered; ``after`` is the command that was."""

    text: str
    after: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class ProbeSender:
    """Sends probes to one SMTP server, to its postmaster."""

    address: tuple[str, int]
    host: str
    limit_seconds: float

    def send(self, sender: str, message: bytes) -> ProbeReply:
        """Send one message and return the last reply, be it to the message or to a command before.

        Raises:
            OSError: no connection, or it was lost.
        """
        started = time.monotonic()
        with smtplib.SMTP(*self.address, local_hostname=self.host, timeout=self.limit_seconds) as server:
            after, (code, text) = "EHLO", server.ehlo()
            if code == 250:
                after, (code, text) = "MAIL FROM", server.mail(sender)
            if code == 250:
                after, (code, text) = "RCPT TO", server.rcpt(f"postmaster@{self.host}")
            if code == 250:
                after, (code, text) = "DATA", _data(server, message)
        said = f"{code} " + text.decode("utf-8", "surrogateescape").replace("\n", " / ")
        return ProbeReply(said, after, (time.monotonic() - started) * 1000)


def probe_findings(
    sender: ProbeSender, new_address: Callable[[], str], filters_before: Sequence[str], *, observe: bool
) -> Iterator[Finding]:
    """Send the clean probe, and if that was recognised the infected one.

    ``observe``: the settings say that nothing is to be refused.
    """
    try:
        address = new_address()
        reply = sender.send(address, probe_message(address, sender.host))
        clean = _on_clean(reply, filters_before)
        yield clean
        if clean.level is Level.OK:
            address = new_address()
            yield _on_infected(sender.send(address, probe_message(address, sender.host, EICAR)), observe=observe)
    except OSError as error:  # smtplib's errors are, too
        yield Finding(
            Level.PROBLEM,
            "probe",
            f"{sender.address[0]} port {sender.address[1]}: {error}",
            "look whether esmtpd runs, and at the mail log",
        )


def probe_message(sender: str, host: str, attachment: bytes | None = None) -> bytes:
    """Return a test message, with the attachment if there is one."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = f"postmaster@{host}"
    message["Subject"] = "Couriergate probe"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=host)
    message.set_content("couriergate-shim doctor sends this to see whether mail is filtered. Nobody should get it.\n")
    if attachment is not None:
        message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="eicar.com")
    return message.as_bytes()


def _data(server: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
    try:
        return server.data(message)
    except smtplib.SMTPDataError as error:
        return error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""


def _on_clean(reply: ProbeReply, filters_before: Sequence[str]) -> Finding:
    check = "clean probe"
    if reply.text == str(filter_reply.PROBE_PASSED):
        saw = f"let pass by our filter in {reply.milliseconds:.0f} ms, and then refused, so that nobody gets it"
        return Finding(Level.OK, check, saw, milliseconds=reply.milliseconds)
    if reply.after != "DATA":
        return Finding(
            Level.WARNING,
            check,
            f"could not be sent: {reply.after} is answered `{reply.text}`",
            "have Courier accept mail from this host to postmaster, who may be an alias; or doctor --no-probe",
        )
    if reply.text.startswith("2"):
        before = f"; {', '.join(filters_before)} may have answered 0xx before us" if filters_before else ""
        return Finding(
            Level.PROBLEM,
            check,
            f"accepted unseen by our filter{before}; postmaster gets it",
            "choose a socket_name that sorts first, so that no filter is asked before ours"
            if filters_before
            else "couriergate-shim restart, if the running one is older than this one; or look at the mail log",
        )
    return Finding(
        Level.PROBLEM, check, f"answered `{reply.text}`", "look for the line with probe=yes in the mail log"
    )


def _on_infected(reply: ProbeReply, *, observe: bool) -> Finding:
    check = "EICAR probe"
    found = re.match(rf"{re.escape(str(filter_reply.PROBE_OBSERVED))} (550 .*INFECTED.*)", reply.text)
    if found:
        return Finding(
            Level.OK if observe else Level.WARNING,
            check,
            f"found in {reply.milliseconds:.0f} ms, and let pass in observe mode; it would be: {found[1]}",
            "" if observe else "look at `observe` in the policy of the service, or restart the shim",
        )
    if re.match(r"550 .*INFECTED", reply.text):
        if observe:
            saw = f"refused, although the settings say that nothing is: `{reply.text}`"
            return Finding(Level.WARNING, check, saw, "couriergate-shim restart")
        return Finding(Level.OK, check, f"refused in {reply.milliseconds:.0f} ms: {reply.text}")
    if reply.text == str(filter_reply.PROBE_PASSED) or reply.text.startswith("2"):
        return Finding(
            Level.PROBLEM, check, "let pass: the virus engines do not find it", "look at the scanner's engines"
        )
    if reply.text.startswith("5"):
        return Finding(
            Level.WARNING, check, f"refused, and not by our verdict: `{reply.text}`", "look at the mail log"
        )
    return Finding(
        Level.PROBLEM,
        check,
        f"want a 550, got `{reply.text}`",
        "look for the line with probe=yes in the mail log",
    )
