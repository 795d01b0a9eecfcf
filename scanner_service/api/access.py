"""Who may ask what. Trust belongs to the listener, not to an address that a client claims."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from fastapi import Request

from scanner_service.api.problem import ProblemError

_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Scope(StrEnum):
    """What a token allows. ``admin`` allows everything."""

    SCAN = "scan"
    PATH = "path"
    READ = "read"
    RELEASE = "release"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token by its SHA-256: the service needs to know it, not to hold it."""

    name: str
    digest: bytes
    scopes: frozenset[Scope]


def digest_of(secret: str) -> bytes:
    """Return the digest under which a token is known."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one listener.

    ``local_hosts`` are the Host names by which local clients call it; empty where the listener can be reached
    from elsewhere, and nobody is trusted. ``is_unix_socket``: the rights of its file say who comes.
    """

    tokens: Sequence[Token]
    local_hosts: frozenset[str]
    is_unix_socket: bool = False

    def require(self, request: Request, scope: Scope, *, free_for_local: bool = False) -> str | None:
        """Let the request pass, or not; return the name of its token, None if it needs none.

        Raises:
            ProblemError: 401 without a token or with an unknown one, 403 with one of another scope.
        """
        given = request.headers.get("authorization")
        if given is None and free_for_local and self._is_local(request):
            return None
        token = self._find(given)
        if scope not in token.scopes and Scope.ADMIN not in token.scopes:
            raise ProblemError(HTTPStatus.FORBIDDEN, f"the token {token.name!r} has not the scope {scope}")
        return token.name

    def require_path(self, request: Request) -> str | None:
        """Let the request name a file, or not; return the name of its token, None if it needs none.

        Any user of this host can reach a loopback address, so that is not enough.

        Raises:
            ProblemError: see require.
        """
        if request.headers.get("authorization") is None and self._is_local(request):
            if self.is_unix_socket:
                return None
            wanted = f"message_path: want a unix socket, or a token with the scope {Scope.PATH}"
            raise ProblemError(HTTPStatus.FORBIDDEN, wanted)
        return self.require(request, Scope.PATH)

    def _find(self, given: str | None) -> Token:
        kind, _, secret = (given or "").partition(" ")
        if kind.lower() == "bearer":
            digest = digest_of(secret.strip())
            # Comparing digests tells a guesser nothing about the token, however long the comparison takes.
            for token in self.tokens:
                if token.digest == digest:
                    return token
        wanted = "want Authorization: Bearer with a known token"
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            wanted if given is None else f"{wanted}, got another",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _is_local(self, request: Request) -> bool:
        # A proxy on this host makes strangers look local; a page in a browser here may call by another name.
        if any(name in request.headers for name in _PROXY_HEADERS):
            return False
        return _host_name(request.headers.get("host", "")) in self.local_hosts


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.rpartition(":")[0] or host
