"""Read a message and its envelope out of a request, in the forms that the interface has."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

from fastapi import Request
from python_multipart.multipart import parse_options_header

from scanner_service.api.access import Access, Scope
from scanner_service.api.body import read_body, too_long
from scanner_service.api.form import read_form
from scanner_service.api.message_file import read_message_file
from scanner_service.api.problem import ProblemError
from verdict_api.envelope import Envelope
from verdict_api.http_interface import (
    ENVELOPE_HEADER,
    ENVELOPE_HEADER_LIMIT_BYTES,
    MESSAGE_TYPE,
    MULTIPART_TYPE,
    PATH_TYPE,
)
from verdict_api.json_codec import decode_envelope, decode_envelope_header, decode_path_form
from verdict_api.json_fields import CodecError

FORM_LIMIT_BYTES = 8 * 2**20  # beside the message: the envelope of some 80,000 recipients


@dataclass(frozen=True, slots=True)
class Submission:
    """One message to be judged; ``token`` is the name of the one that was shown, None if there was none."""

    envelope: Envelope
    message: bytes
    token: str | None = None


async def read_submission(
    request: Request, access: Access, max_message_bytes: int, path_roots: Sequence[Path]
) -> Submission:
    """Read the request by its content type, if the client may ask in this form.

    Raises:
        ProblemError: 400 broken framing, envelope or path, 401 and 403 not allowed, 404 no such file, 413 too long,
            415 another type or encoding, 431 an envelope too long for a header.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    form = content_type.decode("latin-1").lower()
    if form == PATH_TYPE:
        token = access.require_path(request)
        return replace(await _read_by_path(request, max_message_bytes, path_roots), token=token)
    token = access.require(request, Scope.SCAN, free_for_local=True)
    match form:
        case "message/rfc822":
            return replace(await _read_raw(request, max_message_bytes), token=token)
        case "multipart/form-data":
            boundary = options.get(b"boundary", b"")
            return replace(await _read_multipart(request, boundary, max_message_bytes), token=token)
        case other:
            wanted = f"want {MESSAGE_TYPE}, {MULTIPART_TYPE} or {PATH_TYPE}, got {other[:100]!r}"
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, wanted)


async def _read_raw(request: Request, max_message_bytes: int) -> Submission:
    header = request.headers.get(ENVELOPE_HEADER)
    if header is None:
        raise _bad(f"want the header {ENVELOPE_HEADER}; or send {MULTIPART_TYPE} with a part 'envelope'")
    if len(header) > ENVELOPE_HEADER_LIMIT_BYTES:
        raise ProblemError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"{ENVELOPE_HEADER}: want at most {ENVELOPE_HEADER_LIMIT_BYTES} bytes; send {MULTIPART_TYPE} instead",
        )
    try:
        envelope = decode_envelope_header(header)
    except CodecError as error:
        raise _bad(str(error)) from error
    pieces = [piece async for piece in read_body(request, max_message_bytes)]
    return Submission(envelope, pieces[0] if len(pieces) == 1 else b"".join(pieces))


async def _read_multipart(request: Request, boundary: bytes, max_message_bytes: int) -> Submission:
    if not boundary:
        raise _bad(f"{MULTIPART_TYPE}: want a boundary")
    body = read_body(request, max_message_bytes + FORM_LIMIT_BYTES)
    parts = await read_form(body, boundary, ("envelope", "message"))
    if len(parts["message"]) > max_message_bytes:
        raise too_long(max_message_bytes)
    try:
        return Submission(decode_envelope(parts["envelope"]), parts["message"])
    except CodecError as error:
        raise _bad(str(error)) from error


async def _read_by_path(request: Request, max_message_bytes: int, roots: Sequence[Path]) -> Submission:
    if not roots:
        raise ProblemError(HTTPStatus.FORBIDDEN, "message_path: [listen] path_roots allows none")
    body = b"".join([piece async for piece in read_body(request, FORM_LIMIT_BYTES)])
    try:
        path, envelope = decode_path_form(body)
    except CodecError as error:
        raise _bad(str(error)) from error
    return Submission(envelope, await asyncio.to_thread(read_message_file, path, roots, max_message_bytes))


def _bad(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, detail)
