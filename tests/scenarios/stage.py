"""Where one scenario plays: the host, the SMTP session and what the scenario has brought about so far."""

import os
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench import pythonfilter
from tests.fakes.clamd import Behaviour, FakeClamd, answer, scan_slowly, stay_silent
from tests.fakes.dns_server import DnsServer
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.courier_mta import MAIL_DOMAIN
from tests.scenarios.dictated_verdicts import DictatedVerdicts
from tests.scenarios.mail_users import MAILBOXES, plain_login
from tests.scenarios.program import CLEAN_ENVIRONMENT, Program
from tests.scenarios.programs_under_test import (
    CLAMD_ADDRESS,
    ON_UNIX_SOCKET,
    SCANNER_SOCKET,
    SHIM,
    SHIM_SETTINGS,
    scanner_settings,
    shim_settings,
    write_token,
)
from tests.scenarios.smtp_connection import SmtpConnection
from tests.scenarios.steady_clients import SteadyClients
from tests.scenarios.transcript import Transcript
from tests.scenarios.waiting import wait_until

STRANGER = "127.0.0.2"
_SHARED_MESSAGES = Path(__file__).parent / "messages"
_DNS_PORT = 53  # Courier knows no other
_RESOLV_CONF = Path("/etc/resolv.conf")
_LOG_LIMIT_SECONDS = 5
_SENDMAIL_LIMIT_SECONDS = 60
_SHIM_LIMIT_SECONDS = 90
_QUEUE_ID = re.compile(r"\bqueue_id=\"?([0-9A-F.]+)")
_BUG = re.compile(r"\bevent=bug\b|\"bug:|^Traceback")
_SLOW_SCAN_SECONDS = 2.0
_BEHAVIOURS: dict[str, Behaviour] = {
    "talks nonsense": answer(b"stream: forty-two\0"),
    "scans slowly": scan_slowly(_SLOW_SCAN_SECONDS),
    "never answers": stay_silent,
}
_NEW_MESSAGE_ID = re.compile(r"courierd: newmsg,id=([0-9A-F.]+)")


class MismatchError(AssertionError):
    """The host did not do what the dialog says: want ..., got ..."""


class Stage:
    """One scenario's hands and eyes; the sentences of a dialog move them."""

    def __init__(self, host: CourierHost, folder: Path) -> None:
        self.host = host
        self.transcript = Transcript()
        self._resources = ExitStack()
        self._verdicts: DictatedVerdicts | None = None
        self._dns: DnsServer | None = None
        self._sendmail: subprocess.CompletedProcess[bytes] | None = None
        self._shim: subprocess.CompletedProcess[str] | None = None
        self._folder = folder
        self._connection: SmtpConnection | None = None
        self._restarts: RepeatedRestarts | None = None
        self._clients: SteadyClients | None = None

    def close(self) -> None:
        """Let nothing go on that the scenario began."""
        self.disconnect()
        self.end_sending()
        self.end_restarts()
        self._resources.close()

    def verdicts(self) -> DictatedVerdicts:
        """Return what is dictated to the scanner; the first time, have the shim ask it instead of our service."""
        if self._verdicts is None:
            self._verdicts = DictatedVerdicts()
            self._resources.enter_context(self._verdicts.scanner)
            self.host.courier.set_filter_settings(shim_settings(self._verdicts.scanner.endpoint))
        return self._verdicts

    def ask_dns(self, file: str) -> None:
        """Give the host a name server that knows what is in a file, and have the service ask it of each mail."""
        self._dns = self._resources.enter_context(DnsServer(self.message(file).decode(), port=_DNS_PORT))
        _RESOLV_CONF.write_text("nameserver 127.0.0.1\n")
        self.host.add_service_settings(f'[mail_auth]\nenabled = true\nnameservers = ["{self._dns.address}"]\n')

    def dns_questions(self) -> list[str]:
        if self._dns is None:
            raise MismatchError("want a `! the service asks the DNS of` line before this one, got none")
        return self._dns.asked

    def connect(self, source: str) -> None:
        self.disconnect()
        self._connection = SmtpConnection(source, self.transcript)

    def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connection(self) -> SmtpConnection:
        """Return the open session, or a new one from a stranger's address."""
        if self._connection is None:
            self._connection = SmtpConnection(STRANGER, self.transcript)
        return self._connection

    def message(self, file: str) -> bytes:
        """Read a message of the scenario's own folder, or one that several scenarios share."""
        own = self._folder / file
        return (own if own.exists() else _SHARED_MESSAGES / file).read_bytes()

    def submit(
        self,
        recipients: Sequence[str],
        message: bytes,
        client: str = STRANGER,
        user: str | None = None,
        transcript: Transcript | None = None,
    ) -> str:
        """Send one message in a session of its own, and return the reply to it; a user logs in before."""
        sender = f"{user}@{MAIL_DOMAIN}" if user else "sender@remote.example"
        session = SmtpConnection(client, transcript or self.transcript)
        try:
            session.read_reply()
            for command in (
                "EHLO client.example",
                *([f"AUTH PLAIN {plain_login(user)}"] if user else []),
                f"MAIL FROM:<{sender}>",
                *(f"RCPT TO:<{recipient}>" for recipient in recipients),
                "DATA",
            ):
                session.send_commands((command.encode(),))
                session.read_reply()
            session.send_message(message)
            return session.read_reply()
        finally:
            session.close()

    def keep_sending(self, count: str, file: str, recipient: str) -> None:
        message = self.message(file)
        self._clients = SteadyClients(int(count), lambda: self.submit([recipient], message, transcript=Transcript()))

    def end_sending(self) -> list[str]:
        """Return what the clients were answered."""
        if self._clients is None:
            return []
        clients, self._clients = self._clients, None
        replies = clients.end()
        self.transcript.add("!", f"{len(replies)} mails were answered: {Counter(reply[:3] for reply in replies)}")
        return replies

    def listen_on_unix_socket(self) -> None:
        """Have the service listen there alone, and the shim ask it there."""
        self.host.set_service_settings(scanner_settings(CLAMD_ADDRESS, listen=ON_UNIX_SOCKET))
        self.host.courier.set_filter_settings(shim_settings(f"unix:{SCANNER_SOCKET}"))

    def show_token(self, name: str) -> None:
        """Give the service a token of this name, and have the shim show it."""
        file = write_token(name)
        self.host.add_service_settings(
            f'[auth]\ntokens = [{{name = "{name}", file = "{file}", scopes = ["scan"]}}]\n'
        )
        self.host.courier.set_filter_settings(f'{SHIM_SETTINGS}token_file = "{file}"\n')

    def program(self, name: str) -> Program:
        programs = {"service": self.host.service, "clamd": self.host.clamd, **self.host.spam_engines}
        if name not in programs:
            raise MismatchError(f"want {name} running before this line, got none")
        return programs[name]

    def ask_fake_clamd(self, behaviour: str) -> None:
        """Have the service ask a clamd that fails in one way, and no other."""
        self.host.set_service_settings(scanner_settings(self._start_fake_clamd(behaviour)))

    def ask_fake_clamd_too(self, behaviour: str, limit_seconds: str) -> None:
        """Have the service ask the real clamd and one that fails in one way, so long each."""
        settings = scanner_settings(CLAMD_ADDRESS, self._start_fake_clamd(behaviour))
        self.host.set_service_settings(f"{settings}engine_seconds = {limit_seconds}\n")

    def _start_fake_clamd(self, behaviour: str) -> str:
        return self._resources.enter_context(FakeClamd(_BEHAVIOURS[behaviour])).address

    def send_locally(self, user: str, arguments: Sequence[str], message: bytes) -> None:
        mailbox = MAILBOXES[user]
        self._sendmail = subprocess.run(
            ["/usr/sbin/sendmail", *arguments],
            input=message,
            capture_output=True,
            cwd=mailbox.home,
            env=CLEAN_ENVIRONMENT,
            user=mailbox.uid,
            group=mailbox.uid,
            extra_groups=[],
            timeout=_SENDMAIL_LIMIT_SECONDS,
            check=False,
        )
        self.transcript.add("!", f"sendmail: {self._sendmail}")

    def start_pythonfilter(self) -> None:
        if not pythonfilter.is_installed():
            reason = "courier-pythonfilter is not there; `make test` installs it from PyPI"
            (pytest.fail if os.environ.get("COURIERGATE_REQUIRE_ALL") == "1" else pytest.skip)(reason)
        self.host.courier.add_pythonfilter(pythonfilter.ENVIRONMENT)

    def sendmail_result(self) -> subprocess.CompletedProcess[bytes]:
        if self._sendmail is None:
            raise MismatchError("want a `! sendmail` line before this one, got none")
        return self._sendmail

    def run_shim(self, arguments: str) -> None:
        """Run the program as an administrator would: not the installed one, which may not be there."""
        self._shim = subprocess.run(
            [SHIM, *arguments.split()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            env=CLEAN_ENVIRONMENT,
            timeout=_SHIM_LIMIT_SECONDS,
            check=False,
        )
        self.transcript.add("!", f"couriergate-shim: exit status {self._shim.returncode}\n{self._shim.stdout}")
        if self._shim.stderr:
            raise MismatchError(f"want nothing on standard error, got {self._shim.stderr!r}")

    def shim_result(self) -> "subprocess.CompletedProcess[str]":
        if self._shim is None:
            raise MismatchError("want a `! run couriergate-shim` line before this one, got none")
        return self._shim

    def keep_restarting_service(self) -> None:
        self._restarts = RepeatedRestarts(self.host)

    def end_restarts(self) -> int:
        """Return how many there were, once the service runs again."""
        if self._restarts is None:
            return 0
        restarts, self._restarts = self._restarts, None
        restarts.end()
        self.transcript.add("!", f"the service was restarted {restarts.count} times")
        return restarts.count

    def log_lines(self, log: str) -> list[str]:
        """Return what one program has logged since the scenario began."""
        match log:
            case "service":
                return self.host.service.log.lines()
            case "shim":
                by_courier = [line for line in self.host.mail_log.lines() if " courierfilter: " in line]
                return by_courier + self.host.standalone_shim.log.lines()
        return self.host.mail_log.lines()

    def wait_for_log(self, log: str, text: str) -> None:
        wait_until(
            lambda: any(text in line for line in self.log_lines(log)),
            _LOG_LIMIT_SECONDS,
            f"{text!r} in the {log} log",
        )

    def wait_for_equal_queue_ids(self) -> set[str]:
        """Wait until shim and service have logged the same messages, and return their queue ids."""
        late = set(_QUEUE_ID.findall(self.host.service.log.earlier()))  # the shim's line is written after its reply
        wait_until(
            lambda: self._queue_ids("shim") - late == self._queue_ids("service") != set(),
            _LOG_LIMIT_SECONDS,
            "the same queue ids in the lines of shim and service",
        )
        return self._queue_ids("service")

    def accepted_queue_ids(self) -> set[str]:
        return set(_NEW_MESSAGE_ID.findall("\n".join(self.log_lines("mail"))))

    def bug_reports(self) -> list[str]:
        """Return what our programs say of their own failures; a retry may have hidden them from the client."""
        return [line for log in ("shim", "service") for line in self.log_lines(log) if _BUG.search(line)]

    def _queue_ids(self, log: str) -> set[str]:
        return set(_QUEUE_ID.findall("\n".join(self.log_lines(log))))


class RepeatedRestarts:
    """Restarts the service again and again in the background, until told to end."""

    # Not shorter: the shim's tries lie up to a second apart, and all could fall between two short lives.
    _PAUSE_SECONDS = 1.0

    def __init__(self, host: CourierHost) -> None:
        self.count = 0
        self._host = host
        self._error: Exception | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._restart_often, name="restarts")
        self._thread.start()

    def end(self) -> None:
        """Return when the service runs again; raise what went wrong meanwhile."""
        self._is_over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _restart_often(self) -> None:
        try:
            while not self._is_over.wait(self._PAUSE_SECONDS):
                self._host.service.restart()
                self.count += 1
        except Exception as e:  # noqa: BLE001 - raised again in `end`, where the scenario can fail
            self._error = e
