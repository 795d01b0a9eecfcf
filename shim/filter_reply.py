r"""The line that a filter answers, as Courier relays it to the SMTP client.

No I/O. Source: ``courier/cdfilters.C``, ``dofilter``. What goes wrong there: CRLF doubles the CR; a code without
a blank after it turns a 550 into a 432; a lone ``0`` accepts the mail and tells the client 432; any digit but
0, 4 and 5 accepts. Hence one renderer, fed with checked replies only.
"""

from verdict_api.smtp_reply import SmtpReply

LINE_LIMIT_BYTES = 500  # RFC 5321 §4.5.3.1.5 has 512 with CRLF

OK = SmtpReply(200, "2.0.0", "Ok")
STOPPING = SmtpReply(432, "4.3.2", "Mail filter is stopping, try again later")
BUSY = SmtpReply(432, "4.3.2", "Mail filter is busy, try again later")
NOT_CHECKED = SmtpReply(451, "4.3.0", "Message could not be checked, try again later")
TOO_BIG = SmtpReply(552, "5.3.4", "Message too big for the mail filter")
TOO_BIG_FOR_NOW = SmtpReply(451, "4.3.4", "Message too big for the mail filter")
PROBE_PASSED = SmtpReply(450, "4.7.0", "Couriergate probe passed, nobody gets it")
PROBE_OBSERVED = SmtpReply(450, "4.7.0", "Couriergate probe passed in observe mode, nobody gets it; it would be:")


def render_reply(reply: SmtpReply) -> bytes:
    """Return the reply as bytes: LF line ends, long texts wrapped, the same codes on each line."""
    room = LINE_LIMIT_BYTES - len(f"{reply.code} {reply.enhanced} ")
    pieces = _wrap(reply.text, room)
    lines = [f"{reply.code}-{reply.enhanced} {piece}\n" for piece in pieces[:-1]]
    lines.append(f"{reply.code} {reply.enhanced} {pieces[-1]}\n")
    return "".join(lines).encode("ascii")


def _wrap(text: str, room: int) -> list[str]:
    pieces = []
    while len(text) > room:
        # At a blank if there is one in the second half; a text without blanks is cut where the room ends.
        at = text.rfind(" ", room // 2, room + 1)
        at = room if at < 0 else at
        pieces.append(text[:at])
        text = text[at:].removeprefix(" ")
    return [*pieces, text]
