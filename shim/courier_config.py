"""What the shim reads of Courier's own configuration (courier(8), makehosteddomains(8)). It writes none of it."""

import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SYSCONFDIR = Path("/etc/courier")
DEFAULT_SIZE_LIMIT_BYTES = 10485760  # courier(8), sizelimit
_FIRST_LINE_BYTES = 255  # submit.C reads no more of enablefiltering


@dataclass(frozen=True, slots=True)
class LocalDomains:
    """The domains whose mailboxes are here: exact names, and names that stand for all below them."""

    names: frozenset[str]
    parents: frozenset[str] = frozenset()
    exceptions: frozenset[str] = frozenset()

    def holds(self, address: str) -> bool:
        """Whether an address, as Courier rewrote it, is delivered here; one without a domain is."""
        _, at, domain = address.rpartition("@")
        domain = domain.lower()
        if not at or domain in self.names:
            return True
        if domain in self.exceptions:
            return False
        labels = domain.split(".")
        return any(".".join(labels[start:]) in self.parents for start in range(1, len(labels)))


def sysconfdir() -> Path:
    """Return Courier's configuration directory; courierfilter names it in the environment."""
    return Path(os.environ.get("sysconfdir", SYSCONFDIR))  # noqa: SIM112


def courier_me(directory: Path) -> str:
    """Return the name of this mail host: the first line of the file ``me``, else the host's name."""
    return next(iter(_lines(directory / "me") or []), "") or socket.gethostname()


def local_domains(directory: Path) -> LocalDomains:
    """Read ``locals`` (without it ``me`` is the one local domain; an empty one has none) and ``hosteddomains``.

    A line ``.example.com`` stands for all domains below, ``!www.example.com`` takes one of them out again.
    """
    listed = _lines(directory / "locals")
    if listed is None:
        listed = [courier_me(directory)]
    # An alias of a hosted domain stands before a tab, and is rewritten before we see it.
    hosted = (line for file in _files(directory / "hosteddomains") for line in _lines(file) or [])
    return _sort_out(line.lower() for line in (*listed, *(line.partition("\t")[0] for line in hosted)))


def filtered_sources(directory: Path) -> tuple[str, ...]:
    """Return what is filtered: the first line of ``enablefiltering``; nothing if that is empty, or a comment."""
    try:
        with (directory / "enablefiltering").open("rb") as file:
            words = file.readline(_FIRST_LINE_BYTES).decode("ascii", "replace").split()
    except FileNotFoundError:
        return ()
    return () if words and words[0].startswith("#") else tuple(words)


def size_limit(directory: Path) -> int:
    """Return the size in bytes that a message may have, 0 for any; for single clients SIZELIMIT may say otherwise."""
    text = next(iter(_lines(directory / "sizelimit") or []), "")
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else DEFAULT_SIZE_LIMIT_BYTES


def shell_value(file: Path, name: str, default: str = "") -> str:
    """Return the last value that a file of shell assignments gives a name; nothing in it is executed."""
    values = [line.partition("=")[2] for line in _lines(file) or [] if line.startswith(f"{name}=")]
    return values[-1].strip("\"'") if values else default


def smtp_address(directory: Path) -> tuple[str, int]:
    """Return where esmtpd listens; where it does on all addresses, the loopback's."""
    esmtpd = directory / "esmtpd"
    address, _, port = shell_value(esmtpd, "PORT", "smtp").partition(",")[0].rpartition(".")
    address = address or shell_value(esmtpd, "ADDRESS")
    return ("127.0.0.1" if address in ("", "0", "0.0.0.0") else address, int(port) if port.isdigit() else 25)


def _sort_out(lines: Iterable[str]) -> LocalDomains:
    names, parents, exceptions = set(), set(), set()
    for line in lines:
        if line.startswith("."):
            parents.add(line[1:])
        elif line.startswith("!"):
            exceptions.add(line[1:])
        else:
            names.add(line)
    return LocalDomains(frozenset(names), frozenset(parents), frozenset(exceptions))


def _files(path: Path) -> list[Path]:
    """Return the files of a folder, or the one file that stands in its place."""
    try:
        return sorted(path.iterdir())
    except NotADirectoryError:
        return [path]
    except OSError:
        return []


def _lines(file: Path) -> list[str] | None:
    """Return the lines that say something; None if the file cannot be read."""
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
