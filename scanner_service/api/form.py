"""multipart/form-data (RFC 7578), byte for byte: the framework's own reader would decode a part without file name."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from scanner_service.api.problem import ProblemError


async def read_form(body: AsyncIterator[bytes], boundary: bytes, wanted: tuple[str, ...]) -> dict[str, bytes]:
    """Return the wanted parts by name; other parts are passed over.

    Raises:
        ProblemError: 400 if it is no form, ends too early, or has a wanted part not once.
    """
    form = _Form(wanted)
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for piece in body:
            parser.write(piece)
    except FormParserError as error:
        raise _bad(str(error)) from error
    if not form.ended:
        raise _bad("ends before its last boundary")
    for name in wanted:
        if form.seen.count(name) != 1:
            raise _bad(f"want one part {name!r}, found {form.seen.count(name)}")
    return {name: bytes(content) for name, content in form.parts.items()}


class _Form:
    """What the parser has met so far."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.parts: dict[str, bytearray] = {name: bytearray() for name in wanted}
        self.seen: list[str] = []
        self.ended = False
        self._field = b""
        self._value = b""
        self._into: bytearray | None = None

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_part_data": self._on_part_data,
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        self._into = None
        self._field = self._value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            name = parse_options_header(self._value)[1].get(b"name", b"").decode("latin-1")
            if name in self.parts:
                self.seen.append(name)
                self._into = self.parts[name]
        self._field = self._value = b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._into is not None:
            self._into += data[start:end]

    def _on_end(self) -> None:
        self.ended = True


def _bad(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, f"multipart/form-data: {detail}")
