"""Messages as strangers may send them: any bytes, and fields of ours that they forged."""

from dataclasses import dataclass
from random import Random

_FORGED_NAMES = (b"X-Couriergate-Id", b"x-couriergate-id", b"X-COURIERGATE-ID", b"X-Couriergate-Id \t")
_OTHER_NAMES = (b"Received", b"Subject", b"From", b"X-Couriergate-Ident", b"X", b"DKIM-Signature")
_NO_FIELDS = (
    b"From someone Mon Jan  1 00:00:00 2026",
    b"no field",
    b": no name",
    b"\xc3\xa9: no name",
    b"\rno field",
)


@dataclass(frozen=True, slots=True)
class GeneratedMessage:
    """A message in pieces: each header line (with those that continue it), and whether it is forged; the rest."""

    lines: tuple[tuple[bytes, bool], ...]
    rest: bytes

    @property
    def whole(self) -> bytes:
        return b"".join(line for line, _ in self.lines) + self.rest

    @property
    def honest(self) -> bytes:
        """What is left of it without the forged fields."""
        return b"".join(line for line, is_forged in self.lines if not is_forged) + self.rest


def generate_message(random: Random, longest_value: int = 20_000) -> GeneratedMessage:
    line_end = random.choice((b"\n", b"\r\n"))
    lines = [_line(random, line_end, longest_value) for _ in range(random.randrange(12))]
    body = random.choice((b"", b"\n", b"X-Couriergate-Id: body\n")) + random.randbytes(random.randrange(300))
    body = b"\n".join([body] * random.choice((1, 1, 1, 1000)))
    if not lines or random.randrange(10):
        return GeneratedMessage(tuple(lines), random.choice((b"\n", b"\r\n")) + body)
    last, is_forged = lines.pop()
    return GeneratedMessage((*lines, (random.choice((last, last.removesuffix(line_end))), is_forged)), b"")


def _line(random: Random, line_end: bytes, longest_value: int) -> tuple[bytes, bool]:
    if not random.randrange(6):
        return random.choice(_NO_FIELDS) + line_end, False
    is_forged = not random.randrange(3)
    name = random.choice(_FORGED_NAMES if is_forged else _OTHER_NAMES)
    values = [_value(random, longest_value) for _ in range(random.choice((1, 1, 2, 5)))]
    return name + b":" + (line_end + random.choice((b" ", b"\t"))).join(values) + line_end, is_forged


def _value(random: Random, longest: int) -> bytes:
    value = random.randbytes(random.choice((0, 1, 20, 20, 200, longest)))
    if random.randrange(2):
        value = bytes(0x20 + byte % 0x5F for byte in value)
    return value.replace(b"\n", b"\r").replace(b"h=", b"")
