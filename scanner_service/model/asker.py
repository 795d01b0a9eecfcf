"""How a question came to the service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asker:
    """The listener, as ``unix:/path`` or ``127.0.0.1:8025``, and the name of the token, None without one."""

    listener: str = ""
    token: str | None = None
