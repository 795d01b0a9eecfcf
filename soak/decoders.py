"""What must hold for any bytes, for each step of decoding; coverage-guided fuzzing tries to find some for which not.

A check returns, or raises whatever is wrong.
"""

from scanner_service.decode.budget import HELD_BYTES, Budget, DecodeLimits
from scanner_service.decode.names import CANDIDATES_LIMIT, names_of
from scanner_service.decode.unpack import unpack
from scanner_service.decode.witness import decode_with_witness
from scanner_service.model.container import Container
from scanner_service.model.message import Part
from verdict_api.printable import printable

# Less than what a message may have, so that inputs that a fuzzer can make reach the limits.
LIMITS = DecodeLimits(depth=10, parts=30, unpacked_bytes=2**20, seconds=5)


def check_decode_message(data: bytes) -> None:
    decoded = decode_with_witness(data, Budget.of_message(LIMITS, len(data)))

    assert decoded.parts or decoded.over_limits
    _check_parts(decoded.parts)
    assert decoded.message_id is None or isinstance(decoded.message_id, str)


def check_names_of(data: bytes) -> None:
    names = names_of(data.decode("utf-8", "surrogateescape").split("\n"))

    assert len(set(names)) == len(names) <= CANDIDATES_LIMIT
    assert all(names)
    assert all(printable(name).isascii() or printable(name) for name in names)


def check_unpack(data: bytes) -> None:
    """The first byte chooses what the container says of itself, the rest is its bytes."""
    content_type, name = _CALLED[data[0] % len(_CALLED)] if data else _CALLED[0]
    budget = Budget.of_message(LIMITS, len(data))

    unpacked = unpack(Container("1", 1, content_type, (name,), data[1:]), budget, lambda _arguments, _data: b"")

    _check_parts(unpacked.parts)
    assert sum(len(part.body) for part in unpacked.parts) <= HELD_BYTES
    assert all(part.path.startswith("1/") for part in unpacked.parts)
    assert unpacked.remainder.parts <= LIMITS.parts
    assert len(unpacked.parts) <= LIMITS.parts


_CALLED = (
    ("application/octet-stream", "data"),
    ("application/zip", "a.zip"),
    ("application/pdf", "a.pdf"),
    ("application/rtf", "a.rtf"),
    ("application/ms-tnef", "winmail.dat"),
    ("application/msword", "a.doc"),
    ("message/rfc822", "a.eml"),
    ("text/plain", "a.txt"),
)


def _check_parts(parts: tuple[Part, ...]) -> None:
    for part in parts:
        assert part.path
        assert all(part.names)
        assert all(part.types)
        assert len(part.body) <= part.size
        assert isinstance(part.content_type, str)
