"""Certificates as an operator makes them, with the ``openssl`` command."""

import itertools
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates; keeps everything in its directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._numbers = itertools.count()
        self._own = self._new_files()
        _openssl("req", "-x509", *_NEW_KEY, "-subj", "/CN=authority", "-days", "1", *_out(self._own))

    @property
    def certificate(self) -> Path:
        return self._own.certificate

    def issue(self, name: str, *, days: int = 1) -> Certificate:
        """Make a key and sign a certificate for ``IP:…`` or ``DNS:…``; with ``days`` below 0 it has expired."""
        made = self._new_files()
        request = made.key.with_suffix(".csr")
        _openssl(
            *("req", *_NEW_KEY, "-subj", "/CN=issued", "-addext", f"subjectAltName={name}"),
            *("-keyout", str(made.key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-copy_extensions", "copy", "-days", str(days)),
            *("-CA", str(self._own.certificate), "-CAkey", str(self._own.key), "-out", str(made.certificate)),
        )
        return made

    def _new_files(self) -> Certificate:
        number = next(self._numbers)
        return Certificate(self._directory / f"{number}.pem", self._directory / f"{number}.key")


def server_context(own: Certificate, clients: Authority | None = None) -> ssl.SSLContext:
    """Return what a server needs for TLS; with ``clients``, only those with a certificate of theirs may come in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate, own.key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.certificate)
    return context


def _out(made: Certificate) -> tuple[str, ...]:
    return "-keyout", str(made.key), "-out", str(made.certificate)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
