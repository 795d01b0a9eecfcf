"""A whole mail host in the namespaces of this process: Courier with our filter, clamd, the scanning service."""

import http.client
import socket
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.scenarios.clamd_program import Clamd
from tests.scenarios.courier_mta import FILTERED_SOURCES, STANDALONE_PROGRAM, CourierMta
from tests.scenarios.host_mounts import mount_host
from tests.scenarios.log_file import LogFile
from tests.scenarios.mail_users import add_mail_users, empty_homes
from tests.scenarios.program import CLEAN_ENVIRONMENT, Program
from tests.scenarios.programs_under_test import (
    SCANNER,
    SCANNER_HOST,
    SCANNER_PORT,
    SCANNER_SETTINGS,
    SCANNER_SOCKET,
    SCANNER_STATE,
    SHIM,
    SHIM_SETTINGS,
)
from tests.scenarios.quarantine import empty_quarantine, free_disk
from tests.scenarios.service_manager import ServiceManager
from tests.scenarios.spam_engines import SPAM_ENGINES, spam_settings
from tests.scenarios.syslog_collector import SyslogCollector
from tests.scenarios.waiting import wait_until

_LOGS = Path("/var/log")
_SCANNER_CONFIG = Path("/etc/couriergate/scanner.toml")
_RELOAD_LIMIT_SECONDS = 10

# As the unit file of the shim has it, and its drop-in for another account.
_SETPRIV = ("setpriv", "--no-new-privs", "--bounding-set")
_AS_COURIER = (*_SETPRIV, "-all", "--reuid=courier", "--regid=courier", "--clear-groups")
_AS_ROOT = (*_SETPRIV, "-all,+chown,+dac_override,+kill,+setgid,+setuid", "--inh-caps=-all")


class CourierHost:
    """Starts everything in the order that a mail host does, and puts it right again between scenarios."""

    def __init__(self) -> None:
        self.mail_log = LogFile(_LOGS / "mail.log")
        self.courier = CourierMta(self.mail_log)
        self._is_standalone = False
        self.clamd = Clamd(_LOGS / "clamd.log")
        self.spam_engines: dict[str, Program] = {}
        self._usual_service_settings = SCANNER_SETTINGS
        self.service = Program(
            "service",
            [str(SCANNER), "serve", "--config", str(_SCANNER_CONFIG)],
            _LOGS / "scanner.log",
            _scanner_is_ready,
        )
        self._service_manager = ServiceManager(Path("/run/shim-notify"))
        self.standalone_shim = self._standalone_shim(_AS_COURIER)
        self._syslog = SyslogCollector(self.mail_log.path)

    def set_up(self, scratch: Path) -> None:
        """Turn the namespaces into a mail host."""
        mount_host(scratch)
        add_mail_users()
        self.clamd.configure()
        self._configure_scanner()
        self.courier.configure(SHIM, SHIM_SETTINGS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start one part after the other, and stop those that came up in reverse."""
        with ExitStack() as started:
            for part in (self._syslog, self.clamd, self.service, self._service_manager, self.courier):
                part.start()
                started.callback(part.stop)
            started.callback(self._stop_spam_engines)
            started.callback(self._restore_filter)
            yield

    def use_settings(self, shim: str, scanner: str) -> None:
        """Give both programs of ours other settings, and start them anew."""
        self._usual_service_settings = scanner
        self.set_service_settings(scanner)
        self.courier.write_filter_settings(shim)
        self.courier.restart_filter()

    def set_service_settings(self, settings: str) -> None:
        """Give the service other settings until the host is restored, and start it anew."""
        _SCANNER_CONFIG.write_text(settings)
        self.service.restart()

    def add_service_settings(self, lines: str) -> None:
        """Give the service more settings until the host is restored, and start it anew."""
        self.set_service_settings(_SCANNER_CONFIG.read_text() + lines)

    def set_policy(self, policy: str) -> None:
        """Give the service this policy, its last section, until the host is restored, and start it anew."""
        self.set_service_settings(_without_policy(_SCANNER_CONFIG.read_text()) + policy)

    def reload_policy(self, policy: str) -> None:
        """Give the running service another policy; return when it has said what it makes of it."""
        _SCANNER_CONFIG.write_text(_without_policy(_SCANNER_CONFIG.read_text()) + policy)
        self.reload_service()

    def reload_service(self) -> None:
        """Have the running service read its settings anew; return when it has said what it makes of them."""
        said = _reloads(self.service)
        self.service.hang_up()
        wait_until(lambda: _reloads(self.service) > said, _RELOAD_LIMIT_SECONDS, "a line about a reload")

    def ask_spam_engine(self, name: str, limit_seconds: float) -> None:
        """Have the service ask it until the host is restored."""
        self.start_spam_engine(name)
        self.add_service_settings(spam_settings(name, limit_seconds))

    def start_spam_engine(self, name: str) -> None:
        """Start it if no scenario before did."""
        if name not in self.spam_engines:
            self.spam_engines[name] = SPAM_ENGINES[name].install(name)
        self.spam_engines[name].ensure_running()

    def run_shim_standalone(self, user: str | None = None) -> None:
        """Let courierfilter keep the name of the socket only, and start the shim beside it."""
        self.courier.install_stub()
        if user is not None:
            self.courier.add_filter_setting(f'user = "{user}"')
            self.standalone_shim = self._standalone_shim(_AS_ROOT)
        self.start_standalone_shim()
        self.courier.start_filter()
        self._is_standalone = True

    def start_standalone_shim(self) -> None:
        self._service_manager.expect_start()
        self.standalone_shim.start()

    def restore(self) -> None:
        """Undo what a scenario left behind, also one that failed half-way."""
        self.clamd.restore()
        for engine in self.spam_engines.values():
            engine.ensure_running()
        self._restore_service()
        self.courier.restore_delivery()
        self.courier.check_spf(yes=False)
        self.courier.set_filtered_sources(FILTERED_SOURCES)
        self.courier.set_batch_size(None)
        self.courier.remove_other_filters()
        self.courier.set_recipient_filters(None)
        self._restore_filter()
        self.courier.wait_for_empty_queue()
        self.courier.forget_bounces()
        empty_homes()
        free_disk()
        empty_quarantine()
        for log in (self.mail_log, self.service.log, self.standalone_shim.log):
            log.begin_here()

    def _standalone_shim(self, starter: Sequence[str]) -> Program:
        return Program(
            "shim",
            [*starter, str(STANDALONE_PROGRAM), "run", "--mode", "standalone"],
            _LOGS / "shim.log",
            self._service_manager.is_told_ready,
            CLEAN_ENVIRONMENT | {"NOTIFY_SOCKET": str(self._service_manager.path)},
        )

    def _restore_service(self) -> None:
        if _SCANNER_CONFIG.read_text() == self._usual_service_settings:
            self.service.ensure_running()
        else:
            self.set_service_settings(self._usual_service_settings)

    def _stop_spam_engines(self) -> None:
        for engine in self.spam_engines.values():
            if engine.is_running:
                engine.stop()

    def _restore_filter(self) -> None:
        self.courier.put_filter_back()
        changed = self.courier.restore_filter_settings()
        if self._is_standalone:
            if self.standalone_shim.is_running:
                self.standalone_shim.stop()
            self.standalone_shim = self._standalone_shim(_AS_COURIER)
            self.courier.uninstall_stub()
            self.courier.start_filter()
            self._is_standalone = False
        elif changed:
            self.courier.restart_filter()
        self.courier.ensure_filter_runs()

    def _configure_scanner(self) -> None:
        SCANNER_STATE.mkdir()
        _SCANNER_CONFIG.parent.mkdir(exist_ok=True)
        _SCANNER_CONFIG.write_text(SCANNER_SETTINGS)


def _without_policy(settings: str) -> str:
    return settings.partition("[policy")[0]


def _reloads(service: Program) -> int:
    return sum(" event=reload policy_version=" in line for line in service.log.lines())


def _scanner_is_ready() -> bool:
    connection = _connection_to_scanner()
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _connection_to_scanner() -> http.client.HTTPConnection:
    """Return one, not yet open, to where the settings have it listen."""
    if "uds" in tomllib.loads(_SCANNER_CONFIG.read_text())["listen"]:
        return _UnixConnection(SCANNER_HOST, timeout=5)
    return http.client.HTTPConnection(SCANNER_HOST, SCANNER_PORT, timeout=5)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP by the service's unix socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(SCANNER_SOCKET))
