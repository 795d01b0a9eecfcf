"""What the service and a decoder's child process say to each other, over one socket.

A frame is the lengths of its header and its body, the header in JSON, the body as it is. They speak in turns: the
child says hello; then the service asks, the child may ask for 7-Zip any number of times, and answers.

The child reads what strangers wrote, and a stranger may have taken it over. So the service believes nothing: each
field has a type and a bound, each count is checked against what was granted, and any deviation is a ProtocolError,
after which the child is to be killed. JSON and not pickle, which would run what the child wishes.
"""

import json
import math
import os
import re
import struct
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from scanner_service.model.container import Container, Remainder, Unpacked
from scanner_service.model.message import PartMark, UnpackedPart

HEADER_LIMIT_BYTES = 8 * 2**20  # 5,000 parts with long names take 4
TEXT_LIMIT_CHARACTERS = 2000  # of what is said for people
TYPES_LIMIT = 8  # of one part
ARGUMENTS_LIMIT = 100
ARGUMENT_LIMIT_CHARACTERS = 4096
ARCHIVE_ARGUMENT = "{archive}"  # stands for the data in the arguments of 7-Zip

_LENGTHS = struct.Struct("!IQ")
_SEVEN_ZIP_COMMANDS = ("l", "t", "x", "e")  # those that read
_SIZE_LIMIT = 2**63
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")


class ProtocolError(Exception):
    """The other side says what it may not say: where, what was wanted, what came."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing said: the header in JSON, which is not yet read, and the bytes that belong to it."""

    header: bytes
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Hello:
    """The child is in its cage; ``landlock`` is the version in force, 0 if there is none."""

    landlock: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The child could not build its cage, and will open nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class SevenZipRequest:
    """Run 7-Zip with these arguments over the data, of which ARCHIVE_ARGUMENT is the place among them."""

    arguments: tuple[str, ...]
    data: bytes
    output_limit_bytes: int


@dataclass(frozen=True, slots=True)
class SevenZipAnswer:
    """What it printed; or why there is nothing, and whether that is because of a limit."""

    output: bytes
    failure: str | None = None
    is_over_limits: bool = False


class FrameParser:
    """Takes bytes as they come and gives one frame. Nothing may follow it: the other side has to wait its turn."""

    def __init__(self, body_limit_bytes: int) -> None:
        self._body_limit_bytes = body_limit_bytes
        self._lengths = _Section(_LENGTHS.size)
        self._header: _Section | None = None
        self._body: _Section | None = None

    @property
    def wanted(self) -> int:
        """How many bytes of the section at hand are missing; never 0 before the frame is there."""
        if self._header is None or self._body is None:
            return self._lengths.missing
        return self._header.missing or self._body.missing

    def receive(self, data: bytes) -> Frame | None:
        """Return the frame if it is complete.

        Raises:
            ProtocolError: too large, or more bytes than the frame's.
        """
        data = self._lengths.take(data)
        if self._lengths.missing:
            return None
        if self._header is None or self._body is None:
            header_bytes, body_bytes = _LENGTHS.unpack(self._lengths.content)
            if header_bytes > HEADER_LIMIT_BYTES or body_bytes > self._body_limit_bytes:
                raise ProtocolError(
                    f"frame: want at most {HEADER_LIMIT_BYTES} and {self._body_limit_bytes} bytes, "
                    f"got {header_bytes} and {body_bytes}"
                )
            self._header, self._body = _Section(header_bytes), _Section(body_bytes)
        data = self._body.take(self._header.take(data))
        if data:
            raise ProtocolError(f"frame: want nothing after it, got {len(data)} bytes or more")
        if self._header.missing or self._body.missing:
            return None
        return Frame(self._header.content, self._body.content)


class _Section:
    """So many bytes of a frame. In pieces until all are there: a piece that is all of it is never copied."""

    def __init__(self, length: int) -> None:
        self.missing = length
        self._pieces: list[bytes] = []

    def take(self, data: bytes) -> bytes:
        """Take what belongs here, and return the rest."""
        if not data or not self.missing:
            return data
        piece = data[: self.missing]
        self._pieces.append(piece)
        self.missing -= len(piece)
        return data[len(piece) :]

    @property
    def content(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


# What the service says: to be written piece after piece, for one piece may be large.


def encode_request(container: Container, remainder: Remainder) -> tuple[bytes, ...]:
    """Ask to open a container with what is left of the budget."""
    header = {
        "kind": "open",
        "path": container.path,
        "depth": container.depth,
        "content_type": container.content_type,
        "names": container.names,
        "remainder": asdict(remainder),
    }
    return _frame(header, container.body)


def encode_seven_zip_answer(answer: SevenZipAnswer) -> tuple[bytes, ...]:
    """Answer a SevenZipRequest."""
    header = {"kind": "seven_zip_answer", "failure": answer.failure, "is_over_limits": answer.is_over_limits}
    return _frame(header, answer.output)


def decode_first_words(frame: Frame) -> Hello | Refusal:
    """Read what a child says when it has started."""
    header = _read_header(frame, "hello", "refusal")
    if header["kind"] == "refusal":
        return Refusal(_text(header, "reason", TEXT_LIMIT_CHARACTERS))
    return Hello(_count(header, "landlock", 10**6))


def decode_answer(frame: Frame, container: Container, granted: Remainder) -> Unpacked | SevenZipRequest:
    """Read what a child says to a request to open this container with this budget.

    Raises:
        ProtocolError: see the module.
    """
    header = _read_header(frame, "unpacked", "run_seven_zip")
    if header["kind"] == "run_seven_zip":
        return _seven_zip_request(header, frame.body, granted)
    over_limits = header.get("over_limits")
    return Unpacked(
        _parts(_list(header, "parts", granted.parts), frame.body, container, granted),
        _marks(header),
        None if over_limits is None else _text(header, "over_limits", TEXT_LIMIT_CHARACTERS),
        _remainder_within(_object(header, "remainder"), granted),
        _texts(header, "types", TYPES_LIMIT),
    )


# What the child says.


def encode_hello(landlock: int) -> tuple[bytes, ...]:
    """Say that the cage is built."""
    return _frame({"kind": "hello", "landlock": landlock})


def encode_refusal(reason: str) -> tuple[bytes, ...]:
    """Say that there is no cage, and so no decoding."""
    return _frame({"kind": "refusal", "reason": reason[:TEXT_LIMIT_CHARACTERS]})


def encode_unpacked(unpacked: Unpacked) -> tuple[bytes, ...]:
    """Answer a request."""
    parts = [
        {
            "path": part.path,
            "content_type": part.content_type,
            "names": part.names,
            "types": part.types,
            "size": part.size,
            "held": len(part.body),
            "marks": sorted(part.marks),
            "sha256": part.sha256,
        }
        for part in unpacked.parts
    ]
    over_limits = unpacked.over_limits
    header = {
        "kind": "unpacked",
        "parts": parts,
        "marks": sorted(unpacked.marks),
        "over_limits": None if over_limits is None else over_limits[:TEXT_LIMIT_CHARACTERS],
        "remainder": asdict(unpacked.remainder),
        "types": unpacked.types,
    }
    return _frame(header, *(part.body for part in unpacked.parts))


def encode_seven_zip_request(request: SevenZipRequest) -> tuple[bytes, ...]:
    """Ask for a run of 7-Zip."""
    header = {
        "kind": "run_seven_zip",
        "arguments": request.arguments,
        "output_limit_bytes": request.output_limit_bytes,
    }
    return _frame(header, request.data)


def decode_request(frame: Frame) -> tuple[Container, Remainder]:
    """Read what encode_request wrote; the service is believed, and only its types are checked."""
    header = _read_header(frame, "open")
    container = Container(
        _text(header, "path"),
        _count(header, "depth"),
        _text(header, "content_type"),
        _texts(header, "names"),
        frame.body,
    )
    return container, _remainder(_object(header, "remainder"))


def decode_seven_zip_answer(frame: Frame) -> SevenZipAnswer:
    """Read what encode_seven_zip_answer wrote."""
    header = _read_header(frame, "seven_zip_answer")
    failure = None if header.get("failure") is None else _text(header, "failure")
    return SevenZipAnswer(frame.body, failure, header.get("is_over_limits") is True)


def _seven_zip_request(header: dict[str, Any], data: bytes, granted: Remainder) -> SevenZipRequest:
    arguments = _texts(header, "arguments", ARGUMENTS_LIMIT, ARGUMENT_LIMIT_CHARACTERS)
    if not arguments or arguments[0] not in _SEVEN_ZIP_COMMANDS:
        _refuse("arguments", f"one of {_SEVEN_ZIP_COMMANDS} first", arguments[:1])
    for argument in arguments:
        try:
            encoded = os.fsencode(argument)
        except UnicodeEncodeError:
            _refuse("arguments", "what a command line can hold", argument)
        if b"\0" in encoded:
            _refuse("arguments", "what a command line can hold", argument)
    return SevenZipRequest(arguments, data, _count(header, "output_limit_bytes", granted.unpacked_bytes))


def _parts(fields: list[object], body: bytes, container: Container, granted: Remainder) -> tuple[UnpackedPart, ...]:
    if len(body) > granted.held_bytes:
        _refuse("body", f"at most the {granted.held_bytes} bytes that may be held", len(body))
    parts = []
    rest = memoryview(body)
    for one in fields:
        part = _part(one, container, rest)
        rest = rest[len(part.body) :]
        parts.append(part)
    if rest:
        _refuse("body", "all of it in the parts", f"{len(rest)} bytes more")
    return tuple(parts)


def _part(fields: object, container: Container, rest: memoryview) -> UnpackedPart:
    if not isinstance(fields, dict):
        _refuse("parts", "objects", fields)
    path = _text(fields, "path")
    if not path.startswith(container.path + "/"):
        _refuse("path", f"one below {container.path!r}", path)
    held = _count(fields, "held", len(rest))
    size = _count(fields, "size")
    if size < held:
        _refuse("size", f"at least the {held} bytes held", size)
    return UnpackedPart(
        path,
        _text(fields, "content_type"),
        _texts(fields, "names"),
        _texts(fields, "types", TYPES_LIMIT),
        bytes(rest[:held]),
        size,
        _marks(fields),
        _digest(fields),
    )


def _marks(fields: dict[str, Any]) -> frozenset[PartMark]:
    try:
        return frozenset(PartMark(word) for word in _texts(fields, "marks", len(PartMark)))
    except ValueError as error:
        raise ProtocolError(f"marks: {error}") from error


def _digest(fields: dict[str, Any]) -> str:
    digest = _text(fields, "sha256")
    if not _DIGEST.fullmatch(digest):
        _refuse("sha256", "64 hexadecimal digits or none", digest)
    return digest


def _remainder(fields: dict[str, Any]) -> Remainder:
    seconds = fields.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
        _refuse("seconds", "a number from 0", seconds)
    return Remainder(
        depth=_count(fields, "depth"),
        parts=_count(fields, "parts"),
        unpacked_bytes=_count(fields, "unpacked_bytes"),
        held_bytes=_count(fields, "held_bytes"),
        seconds=float(seconds),
        header_bytes=_count(fields, "header_bytes"),
    )


def _remainder_within(fields: dict[str, Any], granted: Remainder) -> Remainder:
    """Read what is left; nothing may have become more, or a stranger could lift the limits of the next container."""
    left = _remainder(fields)
    before = asdict(granted)
    for name, value in asdict(left).items():
        if value > before[name]:
            _refuse(f"remainder.{name}", f"at most {before[name]}", value)
    if (left.depth, left.header_bytes) != (granted.depth, granted.header_bytes):
        _refuse("remainder", "the same depth and header_bytes", left)
    return left


def _frame(header: dict[str, Any], *bodies: bytes) -> tuple[bytes, ...]:
    encoded = json.dumps(header, separators=(",", ":")).encode("ascii")
    return _LENGTHS.pack(len(encoded), sum(map(len, bodies))) + encoded, *bodies


def _read_header(frame: Frame, *kinds: str) -> dict[str, Any]:
    try:
        header = json.loads(frame.header)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"header: want JSON, got {frame.header[:80]!r}") from error
    if not isinstance(header, dict):
        _refuse("header", "an object", header)
    if header.get("kind") not in kinds:
        _refuse("kind", f"one of {kinds}", header.get("kind"))
    return header


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if not isinstance(value, dict):
        _refuse(name, "an object", value)
    return value


def _list(fields: dict[str, Any], name: str, limit: int) -> list[object]:
    value = fields.get(name)
    if not isinstance(value, list):
        _refuse(name, "a list", value)
    if len(value) > limit:
        _refuse(name, f"at most {limit}", len(value))
    return value


def _count(fields: dict[str, Any], name: str, limit: int = _SIZE_LIMIT) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
        _refuse(name, f"a whole number from 0 to {limit}", value)
    return value


def _text(fields: dict[str, Any], name: str, limit: int = HEADER_LIMIT_BYTES) -> str:
    return _checked_text(name, fields.get(name), limit)


def _texts(
    fields: dict[str, Any], name: str, limit: int = HEADER_LIMIT_BYTES, length_limit: int = HEADER_LIMIT_BYTES
) -> tuple[str, ...]:
    return tuple(_checked_text(name, value, length_limit) for value in _list(fields, name, limit))


def _checked_text(name: str, value: object, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        _refuse(name, f"a text of at most {limit} characters", value)
    return value


def _refuse(name: str, want: str, got: object) -> NoReturn:
    raise ProtocolError(f"{name}: want {want}, got {str(got)[:80]!r}")
