"""The shim's one settings file, ``/etc/courier/couriergate-shim.toml``: each setting with its unit and default."""

import contextlib
import difflib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from shim.log_line import LogFormat

E = TypeVar("E", bound=StrEnum)

DEFAULT_PATH = Path("/etc/courier/couriergate-shim.toml")


class SettingsError(ValueError):
    """A settings file that must not be used; the message names file, line, what was wanted and what came."""


class TooBig(StrEnum):
    """What becomes of a message that is too big to be looked at."""

    REJECT = "reject"
    TEMPFAIL = "tempfail"
    PASS = "pass"


class WithoutVerdict(StrEnum):
    """What becomes of a message on which no scanner gave a verdict."""

    TEMPFAIL = "tempfail"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class OnFailure:
    """What becomes of messages without a verdict, by the class of their sender."""

    stranger: WithoutVerdict = WithoutVerdict.TEMPFAIL
    authenticated: WithoutVerdict = WithoutVerdict.TEMPFAIL
    local: WithoutVerdict = WithoutVerdict.TEMPFAIL


class Send(StrEnum):
    """How a scanner gets a message: its bytes, or the path of the file that both can read."""

    CONTENT = "content"
    PATH = "path"


class WhenStopped(StrEnum):
    """What a filter that was stopped means for the mail that comes then."""

    TEMPFAIL = "tempfail"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Settings:
    """See docs/reference/shim_settings.md, which has a heading for each of them."""

    scanners: tuple[str, ...] = ("http://127.0.0.1:8025",)
    token_file: Path | None = None
    tls_ca: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    send: Send = Send.CONTENT
    filter_directory: Path = Path("/var/lib/courier/allfilters")
    socket_name: str = "couriergate"
    deadline_seconds: float = 60.0
    retry_seconds: float = 20.0
    on_failure: OnFailure = OnFailure()
    too_big: TooBig = TooBig.REJECT
    observe: bool = False
    max_message_bytes: int = 100 * 2**20
    workers: int = 1
    when_stopped: WhenStopped = WhenStopped.TEMPFAIL
    user: str | None = None
    group: str = "courier"
    log_format: LogFormat = LogFormat.LOGFMT
    metrics_file: Path | None = None

    @property
    def socket_path(self) -> Path:
        """Where the filter socket is."""
        return self.filter_directory / self.socket_name


def load_settings(path: Path | None) -> Settings:
    """Read the settings; without a path the default file, and if that is not there the defaults.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or holds an unknown key or an impossible value.
    """
    return parse_settings(*read_settings_text(path))


def read_settings_text(path: Path | None) -> tuple[str, str]:
    """Return the text of the settings file, and where it stands; no text if the default file is not there.

    Raises:
        SettingsError: the file cannot be read.
    """
    chosen = DEFAULT_PATH if path is None else path
    try:
        return chosen.read_text(encoding="utf-8"), str(chosen)
    except FileNotFoundError as error:
        if path is None:
            return "", str(chosen)
        raise SettingsError(f"{chosen}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen}: cannot be read: {error}") from error


def parse_settings(text: str, where: str) -> Settings:
    """Read the settings from TOML text.

    Raises:
        SettingsError: as load_settings.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where}: not TOML: {error}") from error
    known = {one.name: one for one in fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in table.items():
        place = f"{where}, line {_line_of(name, text)}"
        if name not in known:
            raise SettingsError(f"{place}: unknown setting {name!r}{_nearest(name, list(known))}")
        values[name] = _READERS[name](value, f"{place}: {name}")
    if ("tls_certificate" in values) != ("tls_key" in values):
        raise SettingsError(f"{where}: want tls_certificate and tls_key together, got one of them")
    return Settings(**values)


def salvage_settings(text: str) -> Settings:
    """Return what a broken settings file still says of the filter socket's place and of observe mode, and defaults.

    The socket must be where it was meant to be: without it, Courier passes all mail unfiltered. And a host that only
    observes must not begin to refuse mail because of a slip in its settings.
    """
    values: dict[str, Any] = {}
    for name in ("filter_directory", "socket_name"):
        match = re.search(rf"^\s*{name}\s*=\s*[\"']([^\"'\n]*)[\"']", text, re.MULTILINE)
        if match:
            with contextlib.suppress(SettingsError):
                values[name] = _READERS[name](match[1], name)
    if re.search(r"^[ \t]*observe[ \t]*=[ \t]*true[ \t\r]*(#.*)?$", text, re.MULTILINE):
        values["observe"] = True
    return Settings(**values)


def read_token(settings: Settings) -> str | None:
    """Read the bearer token, if one is set.

    Raises:
        SettingsError: the file cannot be read, or holds no single word of printable ASCII.
    """
    if settings.token_file is None:
        return None
    try:
        token = settings.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{settings.token_file}: the token cannot be read: {error}") from error
    if not re.fullmatch(r"[!-~]+", token):
        raise SettingsError(f"{settings.token_file}: want one token of printable ASCII")
    return token


def _scanners(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise SettingsError(f'{place}: want a list such as ["http://127.0.0.1:8025"], got {value!r}')
    return tuple(_scanner(one, place) for one in value)


def _scanner(value: object, place: str) -> str:
    if isinstance(value, str):
        if value.startswith("unix:/"):
            return value
        if _is_http_endpoint(value):
            return value.removesuffix("/")
    raise SettingsError(f"{place}: want http://HOST:PORT, https://HOST:PORT or unix:/PATH, got {value!r}")


def _is_http_endpoint(value: str) -> bool:
    """Say whether it is scheme, host and port and nothing else: no user, no path, no blank."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.:_%\[\]-]+/?", value):
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken IPv6 address, or a port that is none
        return False


def _absolute_path(value: object, place: str) -> Path:
    # The shim's working directory is Courier's prefix: a relative path would mean something else there.
    if not isinstance(value, str) or not value.startswith("/"):
        raise SettingsError(f"{place}: want an absolute path, got {value!r}")
    return Path(value)


def _socket_name(value: object, place: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise SettingsError(f"{place}: want a file name that begins with no dot, got {value!r}")
    return value


def _seconds(value: object, place: str) -> float:
    # SMTP clients give up after ten minutes (RFC 5321 §4.5.3.2.6) and would send the mail twice.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 300:
        raise SettingsError(f"{place}: want seconds, above 0 and at most 300, got {value!r}")
    return float(value)


def _bytes(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise SettingsError(f"{place}: want a number of bytes, got {value!r}")
    return value


def _flag(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{place}: want true or false, got {value!r}")
    return value


def _on_failure(value: object, place: str) -> OnFailure:
    known = [one.name for one in fields(OnFailure)]
    if not isinstance(value, dict):
        raise SettingsError(f'{place}: want a table such as {{local = "pass"}}, got {value!r}')
    for name in value:
        if name not in known:
            raise SettingsError(f"{place}: unknown class of senders {name!r}{_nearest(name, known)}")
    return OnFailure(**{name: _choice(WithoutVerdict, one, f"{place}.{name}") for name, one in value.items()})


def _workers(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 64:
        raise SettingsError(f"{place}: want a number of processes, 1 to 64, got {value!r}")
    return value


def _account(value: object, place: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z_][a-z0-9_-]*", value):
        raise SettingsError(f"{place}: want the name of an account, got {value!r}")
    return value


def _choice(kind: type[E], value: object, place: str) -> E:
    try:
        return kind(str(value))
    except ValueError as error:
        raise SettingsError(f"{place}: want one of {', '.join(kind)}, got {value!r}") from error


_READERS: dict[str, Callable[[object, str], Any]] = {
    "scanners": _scanners,
    "token_file": _absolute_path,
    "tls_ca": _absolute_path,
    "tls_certificate": _absolute_path,
    "tls_key": _absolute_path,
    "send": partial(_choice, Send),
    "filter_directory": _absolute_path,
    "socket_name": _socket_name,
    "deadline_seconds": _seconds,
    "retry_seconds": _seconds,
    "on_failure": _on_failure,
    "too_big": partial(_choice, TooBig),
    "observe": _flag,
    "max_message_bytes": _bytes,
    "workers": _workers,
    "when_stopped": partial(_choice, WhenStopped),
    "user": _account,
    "group": _account,
    "log_format": partial(_choice, LogFormat),
    "metrics_file": _absolute_path,
}


def _line_of(name: str, text: str) -> int:
    """Return the line of a top-level key; tomllib does not tell."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*(\[+\s*)?[\"']?{re.escape(name)}[\"']?\s*[=.\]]", line):
            return number
    return 1


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
