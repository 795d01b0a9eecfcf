"""Where the service is, and the token that it wants."""

import os
from pathlib import Path

import httpx

DEFAULT_URL = "http://127.0.0.1:8025"
TOKEN_PLACES = (Path("/var/lib/couriergate/admin.token"), Path("var/admin.token"))
SCHEMES = ("http://", "https://", "unix:/")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
TIMEOUT_SECONDS = 120.0


class ServiceUnavailableError(Exception):
    """The service gave no answer that can be used; the message says what to do."""


def connect(url: str, token_file: Path | None) -> httpx.Client:
    """Return a client for the service at ``http://…``, ``https://…`` or ``unix:/path``.

    Raises:
        ServiceUnavailableError: it is no such address, or the token file cannot be read.
    """
    _want_url(url)
    token = _find_token(token_file, on_this_host=url.startswith("unix:") or httpx.URL(url).host in LOCAL_HOSTS)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if url.startswith("unix:"):
        transport = httpx.HTTPTransport(uds=url.removeprefix("unix:"))
        return httpx.Client(
            base_url="http://localhost", transport=transport, headers=headers, timeout=TIMEOUT_SECONDS
        )
    return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS)


def _want_url(url: str) -> None:
    try:
        is_one = url.startswith(SCHEMES) and bool(url.startswith("unix:") or httpx.URL(url).host)
    except httpx.InvalidURL:
        is_one = False
    if not is_one:
        raise ServiceUnavailableError(f"want http://HOST:PORT, https://HOST:PORT or unix:/PATH, got {url!r}")


def _find_token(token_file: Path | None, *, on_this_host: bool) -> str | None:
    """Return the token of the file, of ``COURIERGATE_TOKEN``, or of a service here, for its eyes only."""
    if token_file is not None:
        try:
            return token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ServiceUnavailableError(f"{token_file}: the token cannot be read: {error}") from error
    if "COURIERGATE_TOKEN" in os.environ:
        return os.environ["COURIERGATE_TOKEN"]
    for place in TOKEN_PLACES if on_this_host else ():
        if os.access(place, os.R_OK):
            return place.read_text(encoding="ascii").strip()
    return None
