"""The service's settings: one TOML file, and environment variables over it. Read by main only.

Every setting is also ``COURIERGATE_SCANNER__SECTION__NAME``; with ``_FILE`` behind it, the value is read from the
file of that name, as container secrets come.
"""

import ipaddress
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentFormatError

from scanner_service.api.access import Scope
from scanner_service.decode.file_type import KNOWN_TYPES
from scanner_service.decode.formats.ooxml import DOCUMENT_TYPES
from scanner_service.judge.own_log_line import read_log_template
from scanner_service.judge.recipient_policy import DEFAULT_RULE_SET
from scanner_service.mail_log import LogFormat
from scanner_service.mail_syslog import DEFAULT_SOCKET
from scanner_service.model.nearest_name import all_known, nearest
from scanner_service.setting_fault import say_fault

DEFAULT_PATH = Path("/etc/couriergate/scanner.toml")
DRAFT = Path("draft")  # what has no file
ENVIRONMENT_PREFIX = "COURIERGATE_SCANNER__"

# pydantic names them in places, the file does not: kinds of engines, and that a table's key is at fault.
_NOT_OF_THE_FILE = frozenset(("clamd", "yara", "spamd", "rspamd", "[key]"))
_NAMESERVER = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::(\d{1,5}))?")
_TABLE = re.compile(r"\s*(\[\[?)([^\]]*)\]")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[^=#\[{"'])+?)\s*=""")
_KEY_PART = re.compile(r"""\s*"[^"]*"|\s*'[^']*'|[^.]+""")


class SettingsError(ValueError):
    """Settings that must not be used; the message has a line for each fault, with its place."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"want an absolute path, got {str(path)!r}")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class State(_Section):
    """Where the service keeps what must outlive it."""

    directory: AbsolutePath = Field(default_factory=lambda: Path.cwd() / "var")


class Listen(_Section):
    """Where it listens, on a unix socket if ``uds`` is set, else on TCP; and whose files may be named there."""

    host: str = "127.0.0.1"
    port: int = Field(8025, ge=1, le=65535)
    uds: AbsolutePath | None = None
    uds_group: str | None = None
    path_roots: tuple[AbsolutePath, ...] = ()


class TokenFile(_Section):
    """A bearer token that lies alone in a file, and what it allows."""

    name: str
    file: AbsolutePath
    scopes: frozenset[Scope] = Field(min_length=1)


class Auth(_Section):
    """Who may ask from elsewhere."""

    tokens: tuple[TokenFile, ...] = ()


def _daemon_address(address: str) -> str:
    if not re.fullmatch(r"unix:/.+|tcp:[^:/]+:\d{1,5}|tcp:\[[0-9A-Fa-f:]+\]:\d{1,5}", address):
        raise ValueError(f"want unix:/PATH or tcp:HOST:PORT, got {address!r}")
    if address.startswith("tcp:"):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        if int(port) > 65535:
            raise ValueError(f"want a port of at most 65535, got {port}")
        host.encode("idna")  # what no name service takes fails here, not at each message
    return address


DaemonAddressText = Annotated[str, AfterValidator(_daemon_address)]


def _rspamd_url(url: str) -> str:
    if not re.fullmatch(r"unix:/.+|https?://[^/?#@\s]+/?", url):
        raise ValueError(f"want http://HOST:PORT or unix:/PATH, got {url!r}")
    return url.rstrip("/")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"want a regular expression, got {text!r}: {error}") from error
    return text


class ClamdSetting(_Section):
    """A virus engine: the ClamAV daemon at an address ``unix:/path`` or ``tcp:host:port``."""

    kind: Literal["clamd"]
    address: DaemonAddressText
    name: str | None = None
    backup: bool = False


class YaraSetting(_Section):
    """A virus engine: YARA-X, with the rules of folders, or without any with the built-in one for EICAR."""

    kind: Literal["yara"]
    name: str | None = None
    rules: tuple[AbsolutePath, ...] = ()
    backup: bool = False


EngineSetting = Annotated[ClamdSetting | YaraSetting, Field(discriminator="kind")]


class SpamScoreSetting(_Section):
    """Virus names that are no infection but points toward spam; without a score: names that stay an infection."""

    names: Annotated[str, AfterValidator(_pattern)]
    score: float | None = Field(None, ge=0, le=1000, allow_inf_nan=False)


class Virus(_Section):
    """The virus engines, asked all at once."""

    engines: tuple[EngineSetting, ...] = Field((YaraSetting(kind="yara"),), min_length=1)
    engine_wait_seconds: float = Field(20.0, ge=0, le=300)
    engine_seconds: float = Field(30.0, gt=0, le=300)
    signature_days: int = Field(3, ge=0)
    spam_scores: tuple[SpamScoreSetting, ...] = ()

    @model_validator(mode="after")
    def _has_a_primary(self) -> Self:
        if all(engine.backup for engine in self.engines):
            raise ValueError("want an engine that is no backup")
        return self


class SpamdSetting(_Section):
    """A spam engine: SpamAssassin's spamd."""

    kind: Literal["spamd"]
    address: DaemonAddressText
    user: str | None = Field(None, pattern=r"^[!-~]+$")
    max_bytes: int = Field(200 * 2**10, ge=1)


class RspamdSetting(_Section):
    """A spam engine: rspamd's normal worker."""

    kind: Literal["rspamd"]
    url: Annotated[str, AfterValidator(_rspamd_url)]
    password_file: AbsolutePath | None = None


class Spam(_Section):
    """Who scores spam; what a score means, the policy says."""

    engine: Annotated[SpamdSetting | RspamdSetting, Field(discriminator="kind")] | None = None
    engine_seconds: float = Field(30.0, gt=0, le=300)


class Headers(_Section):
    """Whether clean mail gets header fields of ours as well."""

    on_clean: bool = False


def _content_type_of_bytes(kind: str) -> str:
    known = sorted(KNOWN_TYPES | DOCUMENT_TYPES)
    if kind.removeprefix(".") not in known:
        raise ValueError(f"there is no type {kind!r} of content{nearest(kind, known)}")
    return kind


ContentTypeOfBytes = Annotated[str, AfterValidator(_content_type_of_bytes)]  # else the rule would never fit


class BannedRuleSetting(_Section):
    """What may not come by mail, or with ``allow`` may whatever later rules say; ``observe``: is only told of."""

    name: str = Field(min_length=1)
    reason: str = ""
    extensions: tuple[str, ...] = ()
    types: tuple[ContentTypeOfBytes, ...] = ()
    content_types: tuple[str, ...] = ()
    names: Annotated[str, AfterValidator(_pattern)] | None = None
    macros: bool = False
    allow: bool = False
    observe: bool = False
    inside: tuple[ContentTypeOfBytes, ...] = ()


class BannedRuleSet(_Section):
    """Rules of the administrator's, tried before the default ones."""

    rules: tuple[BannedRuleSetting, ...] = ()
    default_rules: bool = True


class Banned(BannedRuleSet):
    """The rule set ``default``, and others by their names; the policy says whose is which."""

    rule_sets: dict[str, BannedRuleSet] = {}

    @field_validator("rule_sets")
    @classmethod
    def _leave_the_default(cls, rule_sets: dict[str, BannedRuleSet]) -> dict[str, BannedRuleSet]:
        if DEFAULT_RULE_SET in rule_sets:
            raise ValueError(f"want another name than {DEFAULT_RULE_SET!r}, which is that of [banned] rules")
        return rule_sets

    @property
    def all_rule_sets(self) -> tuple[str, ...]:
        """The names of the rule sets, that of ``rules`` first."""
        return DEFAULT_RULE_SET, *self.rule_sets


def read_nameserver(text: str) -> tuple[str, int]:
    """Return address and port of a name server.

    Raises:
        ValueError: it is no such address.
    """
    found = _NAMESERVER.fullmatch(text)
    host, port = (found[1] or found[2], int(found[3] or 53)) if found else (text, 53)
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise ValueError(f"want IPV4, IPV4:PORT, IPV6 or [IPV6]:PORT, got {text!r}") from error
    if not 1 <= port <= 65535:
        raise ValueError(f"want a port of 1 to 65535, got {port}")
    return host, port


def _nameserver(text: str) -> str:
    read_nameserver(text)
    return text


class MailAuth(_Section):
    """Whether SPF, DKIM, DMARC and ARC are looked at, how long, and whom the DNS is asked of (none: the system's)."""

    enabled: bool = False
    seconds: float = Field(5.0, gt=0, le=60)
    nameservers: tuple[Annotated[str, AfterValidator(_nameserver)], ...] = ()


def _sql_url(url: str) -> str:
    # Its library would look closer, but takes long to load. The text may hold a password, so it is not shown.
    if not re.match(r"sqlite:////.|postgres(?:ql)?://.", url):
        raise ValueError("want sqlite:////PATH or postgresql://USER:PASSWORD@HOST/NAME")
    return url


SqlUrl = Annotated[str, AfterValidator(_sql_url)]


class PolicySql(_Section):
    """A table or view with settings by recipient: columns setting, recipient, sender and value."""

    url: SqlUrl = Field(repr=False)
    table: str = Field("couriergate_policy", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$")
    refresh_seconds: float = Field(30.0, ge=1, le=86400)


class Policy(BaseModel):
    """What judge.policy_reader reads, and where more of it is kept."""

    model_config = ConfigDict(extra="allow", frozen=True)

    sql: PolicySql | None = None

    @property
    def written(self) -> dict[str, Any]:
        """All but that, as it was written."""
        return self.model_extra or {}


class Database(_Section):
    """Where records are kept that outlive the process; without a URL in a file of SQLite in the state directory."""

    url: SqlUrl | None = Field(None, repr=False)


class Records(_Section):
    """Whether each judged message is written down, and for how long."""

    enabled: bool = True
    keep_days: int = Field(30, ge=1, le=3650)


class ThirdPartySetting(_Section):
    """An inspector of others, by the name of its entry point."""

    name: str
    seconds: float = Field(10.0, gt=0, le=300)
    required: bool = False
    options: dict[str, object] = {}


class Inspectors(_Section):
    """Inspectors that are no part of this program."""

    third_party: tuple[ThirdPartySetting, ...] = ()


class Limits(_Section):
    """Bounds of one message."""

    max_message_bytes: int = Field(100 * 2**20, ge=1)
    deadline_seconds: float = Field(60.0, gt=0, le=300)
    depth: int = Field(30, ge=1, le=100)
    parts: int = Field(6000, ge=1)
    unpacked_bytes: int = Field(256 * 2**20, ge=2**20)
    unpack_ratio: int = Field(500, ge=1)
    decode_seconds: float = Field(10.0, gt=0, le=300)


def _log_template(source: str) -> str:
    if source:
        read_log_template(source)
    return source


class Log(_Section):
    """How log lines are written, and whether there are others for programs that read those of amavisd-new."""

    format: LogFormat = LogFormat.LOGFMT
    amavis: bool = False
    template: Annotated[str, AfterValidator(_log_template)] = ""
    syslog_tag: str = Field("amavis", pattern=r"^[A-Za-z0-9_./-]{1,32}$")
    syslog_socket: AbsolutePath = DEFAULT_SOCKET


class Settings(BaseSettings):
    """See docs/reference/scanner_settings.md, which has a heading for each of them."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state: State = State()
    listen: Listen = Listen()
    auth: Auth = Auth()
    virus: Virus = Virus()
    banned: Banned = Banned()
    spam: Spam = Spam()
    headers: Headers = Headers()
    mail_auth: MailAuth = MailAuth()
    inspectors: Inspectors = Inspectors()
    policy: Policy = Policy()
    database: Database = Database()
    records: Records = Records()
    limits: Limits = Limits()
    log: Log = Log()

    _file: tuple[Path, str] | None = PrivateAttr(None)

    def place_of(self, names: Sequence[str]) -> str:
        """Return who sets this: file and line, or the environment."""
        return "settings" if self._file is None else _place_of(list(names), {}, *self._file)

    def take_places_of(self, other: "Settings") -> None:
        """Take what is set to stand where the other settings say it does."""
        self._file = other._file  # noqa: SLF001 (its own class)

    def _was_read_from(self, file: Path, text: str) -> Self:
        self._file = (file, text)
        return self


def load_settings(path: Path | None, listen: Mapping[str, object]) -> Settings:
    """Read the settings: the file, the environment over it, and what the command line says of listening over both.

    Without a path the default file is read if it is there.

    Raises:
        SettingsError: the file cannot be read or is not TOML, or there is an unknown or impossible setting.
    """
    chosen, text = _read(path)
    _read_secret_files()
    table = _toml(chosen, text)
    try:
        read = _settings_class({"listen": dict(listen)} if listen else {}, table)()
    except ValidationError as error:
        faults = (_explain(fault, listen, chosen, text) for fault in error.errors())
        raise SettingsError("\n".join(faults)) from error
    except EnvironmentFormatError as error:
        raise SettingsError(f"environment: want JSON for a list or a whole section: {error}") from error
    return read._was_read_from(chosen, text)  # noqa: SLF001 (its own module)


def draft_settings(text: str, settings: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings with the section ``[policy]`` of a draft, the environment over it; and its other sections.

    Raises:
        SettingsError: it is not TOML, or has no such section.
    """
    table = _toml(DRAFT, text)
    written = table.get("policy")
    if not isinstance(written, dict):
        raise SettingsError(f"{DRAFT}: want a section [policy], got {', '.join(table) or 'nothing'}")
    try:
        merged = _settings_class({}, {"policy": written})().policy
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(fault, {}, DRAFT, text) for fault in error.errors())) from error
    changed = settings.model_copy(update={"policy": merged})
    return changed._was_read_from(DRAFT, text), tuple(name for name in table if name != "policy")  # noqa: SLF001


def read_token(file: Path) -> str:
    """Read a token.

    Raises:
        SettingsError: the file cannot be read, or holds no single word of printable ASCII.
    """
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: the token cannot be read: {error}") from error
    if not re.fullmatch(r"[!-~]{16,}", token):
        raise SettingsError(f"{file}: want one token of at least 16 printable ASCII characters")
    return token


def _toml(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not TOML: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{file}: not TOML that anybody writes: nested too deeply") from error


def _read(path: Path | None) -> tuple[Path, str]:
    chosen = DEFAULT_PATH if path is None else path
    try:
        return chosen, chosen.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if path is None:
            return chosen, ""
        raise SettingsError(f"{chosen}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{chosen}: cannot be read: {error}") from error


def _read_secret_files() -> None:
    """Replace each ``COURIERGATE_SCANNER__…_FILE`` of the environment by what is in the file."""
    for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        plain = name.removesuffix("_FILE")
        if plain != name and not plain.endswith("_"):
            try:
                os.environ[plain] = Path(os.environ.pop(name)).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"environment variable {name}: the file cannot be read: {error}") from error
        if plain.removeprefix(ENVIRONMENT_PREFIX).partition("__")[0].lower() not in Settings.model_fields:
            raise SettingsError(f"environment variable {name}: unknown section{all_known(Settings.model_fields)}")


def _settings_class(above: dict[str, object], below: dict[str, object]) -> type[Settings]:
    """Return the settings class with the command line's table above the environment and the file's below."""

    class LayeredSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del init_settings, dotenv_settings, file_secret_settings
            environment = env_settings()
            if "policy" in environment:  # pydantic knows what its other sections are made of
                environment["policy"] = _value_of(environment["policy"])
            return (
                InitSettingsSource(settings_cls, above),
                InitSettingsSource(settings_cls, environment),
                InitSettingsSource(settings_cls, below),
            )

    return LayeredSettings


def _value_of(came: object) -> object:
    """Return what a text of the environment stands for in JSON, as a number or a list; or else that text."""
    if isinstance(came, dict):
        return {name: _value_of(one) for name, one in came.items()}
    if not isinstance(came, str):
        return came
    try:
        value: object = json.loads(came, parse_constant=str)
    except (ValueError, RecursionError):
        return came
    return came if value is None else value


def _explain(fault: Mapping[str, object], listen: Mapping[str, object], file: Path, text: str) -> str:
    location = fault["loc"]
    assert isinstance(location, tuple)
    names = [str(one) for one in location if not (isinstance(one, str) and one in _NOT_OF_THE_FILE)]
    said = "unknown setting" + _nearest_setting(location) if fault["type"] == "extra_forbidden" else say_fault(fault)
    return f"{_place_of(names, listen, file, text)}: {'.'.join(names)}: {said}"


def _place_of(names: list[str], listen: Mapping[str, object], file: Path, text: str) -> str:
    """Return who says so: what comes first decides, so the line of the file may not be the one at fault."""
    if len(names) == 2 and names[0] == "listen" and names[1] in listen:
        return "command line"
    for variable in os.environ:
        above = variable.upper().removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if variable.upper().startswith(ENVIRONMENT_PREFIX) and above == [one.lower() for one in names[: len(above)]]:
            return f"environment variable {variable}"
    line = _line_of(names, text)
    return f"{file}, line {line}" if line else "environment or command line"


def _nearest_setting(location: tuple[str | int, ...]) -> str:
    """Return what the unknown last name may have been meant for, among those of the section that it stands in."""
    sections: list[type[BaseModel]] = [Settings]
    for step in location[:-1]:
        sections = _sections_below(sections, step)
    return nearest(str(location[-1]), sections[0].model_fields) if sections else ""


def _sections_below(sections: list[type[BaseModel]], step: str | int) -> list[type[BaseModel]]:
    """Return the sections that a step of pydantic's leads to; an index or a key of a table stays among them."""
    for section in sections:
        if step in section.model_fields:
            return _sections_in(section.model_fields[str(step)].annotation)
    of_kind = [one for one in sections if step in get_args(getattr(one.model_fields.get("kind"), "annotation", None))]
    return of_kind or sections


def _sections_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for inner in get_args(annotation) for section in _sections_in(inner)]


def _line_of(names: list[str], text: str) -> int | None:
    """Return the line of a setting by its names from the top, or of the deepest table above it; None if not there."""
    found, depth = None, 0
    table: list[str] = []
    tables_seen: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            table = _parts_of(header[2])
            if header[1] == "[[":
                table.append(str(tables_seen[header[2]]))
                tables_seen[header[2]] += 1
            path = table
        elif key := _KEY.match(line):
            path = table + _parts_of(key[1])
        else:
            continue
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(names, path, strict=False)))
        if shared > depth:
            found, depth = number, shared
    return found


def _parts_of(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in _KEY_PART.findall(dotted)]
