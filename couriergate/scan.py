"""Have files judged, each as if it were a mail from one stranger to one recipient."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from couriergate.connection import ServiceUnavailableError
from verdict_api.envelope import Envelope
from verdict_api.http_interface import ENVELOPE_HEADER, MESSAGE_TYPE, PARTS_QUERY, VERDICTS_PATH
from verdict_api.json_codec import decode_verdict, encode_envelope_header
from verdict_api.json_fields import CodecError
from verdict_api.printable import printable
from verdict_api.verdict import Destiny, Verdict


class FileUnreadableError(Exception):
    """A file that was to be judged cannot be read."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """One judged file: its verdict, and the JSON that said so."""

    file: str
    verdict: Verdict
    json: bytes

    @property
    def is_refused(self) -> bool:
        """Whether some recipient would not get the message, now or ever."""
        return any(one.destiny is not Destiny.PASS for one in self.verdict.recipients)


def scan_file(client: httpx.Client, file: Path, envelope: Envelope, *, with_parts: bool = False) -> Scanned:
    """Have one file judged; with its part tree, if wanted.

    Raises:
        FileUnreadableError: see above.
        ServiceUnavailableError: no service, or no verdict from it.
    """
    try:
        message = file.read_bytes()
    except OSError as error:
        raise FileUnreadableError(f"{file}: {error.strerror}") from error
    headers = {"Content-Type": MESSAGE_TYPE, ENVELOPE_HEADER: encode_envelope_header(envelope)}
    try:
        wanted = {PARTS_QUERY: "1"} if with_parts else {}
        response = client.post(VERDICTS_PATH, content=message, headers=headers, params=wanted)
    except httpx.HTTPError as error:
        raise ServiceUnavailableError(
            f"no answer from the service at {client.base_url}: {error}; is it running (couriergate-scanner serve)?"
        ) from error
    if response.status_code != 200:
        raise ServiceUnavailableError(f"{file}: the service answered {_problem(response)}")
    try:
        return Scanned(str(file), decode_verdict(response.content), response.content)
    except CodecError as error:
        raise ServiceUnavailableError(f"{file}: the service's answer cannot be read: {error}") from error


def _problem(response: httpx.Response) -> str:
    """Return the status and what the problem details (RFC 9457) say, or of another answer its beginning."""
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = response.content[:300].decode("utf-8", "surrogateescape")
    return f"{response.status_code}: {printable(detail)}"
