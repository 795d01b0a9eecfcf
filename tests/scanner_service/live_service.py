"""The application behind a real uvicorn in a thread: on a TCP port of the loopback and on a unix socket at once."""

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from scanner_service.main import build_app
from scanner_service.settings import ClamdSetting, Settings, State, Virus
from tests.fakes.clamd import FakeClamd
from tests.scanner_service.messages import ENVELOPE
from tests.scanner_service.scanner_program import NO_TLS
from verdict_api.envelope import Envelope
from verdict_api.http_interface import ENVELOPE_HEADER, MESSAGE_TYPE, PROBLEM_TYPE, VERDICTS_PATH
from verdict_api.json_codec import encode_envelope, encode_envelope_header

LIMIT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class LiveService:
    """Where it listens; ``state`` is its state directory."""

    port: int
    path: Path
    state: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, *, by_unix_socket: bool = False) -> httpx.Client:
        transport = httpx.HTTPTransport(verify=NO_TLS, uds=str(self.path) if by_unix_socket else None)
        return httpx.Client(transport=transport, base_url=self.url, timeout=LIMIT_SECONDS)

    def connect(self) -> socket.socket:
        """Return a connection for whoever breaks the rules of HTTP."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_SECONDS)

    def admin_token(self) -> str:
        return (self.state / "admin.token").read_text().strip()


@contextlib.contextmanager
def live_service(**sections: object) -> Iterator[LiveService]:
    """Serve with these sections of the settings, the rest as embedded."""
    with tempfile.TemporaryDirectory(prefix="service.") as folder:
        state = Path(folder) / "state"
        settings = Settings.model_validate({"state": State(directory=state), **sections})
        with live_app(build_app(settings), Path(folder)) as service:
            yield service


@contextlib.contextmanager
def live_app(app: FastAPI, folder: Path) -> Iterator[LiveService]:
    """Serve an application."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, proxy_headers=False, server_header=False, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    path = folder / "scanner.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        thread = threading.Thread(target=server.run, args=([tcp, unix],), name="service")
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield LiveService(tcp.getsockname()[1], path, folder / "state")
        finally:
            server.should_exit = True
            thread.join()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not server.started:
        assert thread.is_alive(), "the service ended at once"
        assert time.monotonic() < deadline, "the service did not come up"
        time.sleep(0.005)


def asking(*clamds: FakeClamd, engine_wait_seconds: float = 0) -> dict[str, object]:
    """Return the settings that make these the virus engines."""
    engines = tuple(ClamdSetting(kind="clamd", address=clamd.address) for clamd in clamds)
    return {"virus": Virus(engines=engines, engine_wait_seconds=engine_wait_seconds)}


def raw_headers(envelope: Envelope = ENVELOPE) -> dict[str, str]:
    return {"Content-Type": MESSAGE_TYPE, ENVELOPE_HEADER: encode_envelope_header(envelope)}


def post(
    client: httpx.Client, message: bytes, envelope: Envelope = ENVELOPE, more: Mapping[str, str] | None = None
) -> httpx.Response:
    """Ask for a verdict in the shim's form."""
    return client.post(VERDICTS_PATH, content=message, headers={**raw_headers(envelope), **(more or {})})


def post_form(client: httpx.Client, message: bytes, envelope: Envelope) -> httpx.Response:
    """Ask for a verdict in the form that takes an envelope of any length."""
    files = {
        "envelope": (None, encode_envelope(envelope), "application/json"),
        "message": (None, message, MESSAGE_TYPE),
    }
    return client.post(VERDICTS_PATH, files=files)


def as_bytes(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    """Return headers that httpx sends as they stand."""
    return {name.encode("latin-1"): value.encode("utf-8", "surrogateescape") for name, value in headers.items()}


def detail_of_problem(response: httpx.Response, status: int) -> str:
    """Return what a problem says, once it is sure to be one (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM_TYPE
    problem = response.json()
    assert problem["type"] == "about:blank"
    assert problem["status"] == status
    assert problem["title"]
    assert "Traceback" not in response.text
    return str(problem["detail"])
