"""What judges mail behind a filter, well or ill: a scanning service for the shim, a clamd for pythonfilter."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import stage
from tests.fakes import clamd as fake_clamd
from tests.fakes.certificates import Authority, server_context
from tests.fakes.clamd import EICAR, FakeClamd
from tests.fakes.scanner import (
    Act,
    FakeScanner,
    Talk,
    answer,
    babble,
    be_silent,
    give_verdict,
    hang_up_amid_the_body,
    http_answer,
    nobody_listening,
)
from tests.fakes.verdicts import VIRUS_REPLY, verdict_on
from verdict_api.json_codec import encode_verdict
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit, Verdict

TEN_MEGABYTES = 10 * 2**20

StartScanner = Callable[[Path], AbstractContextManager[str]]
StartClamd = Callable[[Path, Sequence[str]], AbstractContextManager[Path]]


@dataclass(frozen=True, slots=True)
class Engine:
    """How to start it for the shim, whose endpoint comes back, and for pythonfilter, whose socket does."""

    scanner: StartScanner
    clamd: StartClamd


async def judge(talk: Talk) -> None:
    """Reject a message that holds the EICAR test file, let pass any other."""
    request = await talk.hear()
    verdict = verdict_on(request.envelope())
    if EICAR in request.message():
        verdict = verdict_on(request.envelope(), Destiny.REJECT, VIRUS_REPLY)
    await talk.say(http_answer(200, encode_verdict(verdict)))


async def judge_slowly(talk: Talk) -> None:
    await talk.hear_head()
    await asyncio.sleep(0.5)
    await judge(talk)


async def speak_plain_http(talk: Talk) -> None:
    """Take the first bytes of a TLS handshake for a bad request, as a web server does."""
    await talk.hear_some(5)
    await talk.say(http_answer(400, b"", Connection="close"))
    talk.hang_up()


def add_header(verdict: Verdict) -> Verdict:
    return replace(verdict, header_edits=(HeaderEdit(HeaderAction.ADD, "X-Spam-Flag", "NO"),))


def spare_the_first(verdict: Verdict) -> Verdict:
    """Keep the message from the first of its recipients, which takes a record in the control file."""
    first, *others = verdict.recipients
    discarded = replace(first, destiny=Destiny.DISCARD, reply=SmtpReply(250, "2.7.0", "Ok, discarded"))
    return replace(verdict, recipients=(discarded, *others))


def scanner(act: Act) -> StartScanner:
    @contextmanager
    def start(_: Path) -> Iterator[str]:
        with FakeScanner(usual=act) as started:
            yield started.endpoint

    return start


@contextmanager
def no_scanner(_: Path) -> Iterator[str]:
    with nobody_listening() as endpoint:
        yield endpoint


@contextmanager
def silent_once(_: Path) -> Iterator[str]:
    with FakeScanner([be_silent], usual=judge) as started:
        yield started.endpoint


@contextmanager
def untrusted_scanner(folder: Path) -> Iterator[str]:
    own = Authority(folder / "untrusted").issue("IP:127.0.0.1")
    with FakeScanner(usual=judge, tls=server_context(own)) as started:
        yield started.endpoint


@contextmanager
def plain_scanner_on_the_tls_port(_: Path) -> Iterator[str]:
    with FakeScanner(*[[speak_plain_http]] * 50) as started:
        yield started.endpoint.replace("http:", "https:")


@contextmanager
def real_clamd(folder: Path, prefix: Sequence[str]) -> Iterator[Path]:
    with stage.clamd(folder, prefix) as (_, socket_path):
        yield socket_path


@contextmanager
def no_clamd(folder: Path, _: Sequence[str]) -> Iterator[Path]:
    yield folder / "clamd.sock"


def clamd(behaviour: fake_clamd.Behaviour) -> StartClamd:
    @contextmanager
    def start(*_: object) -> Iterator[Path]:
        with FakeClamd(behaviour) as started:
            assert started.path is not None
            yield started.path

    return start


def clamd_says(said: bytes) -> StartClamd:
    """Return a clamd that answers with these bytes, in which PATH stands for the path that it is to scan."""

    def behave(conversation: fake_clamd.Conversation) -> None:
        path = conversation.read_command().removeprefix("SCAN ")
        conversation.say(said.replace(b"PATH", path.encode("ascii")))

    return clamd(behave)


def find_slowly(conversation: fake_clamd.Conversation) -> None:
    path = conversation.read_command().removeprefix("SCAN ")
    time.sleep(0.5)
    conversation.say(f"{path}: Eicar-Test-Signature FOUND\n".encode())


HEALTHY = Engine(scanner(judge), real_clamd)
SLOW = Engine(scanner(judge_slowly), clamd(find_slowly))
DOWN = Engine(no_scanner, no_clamd)
SILENT_ONCE = Engine(silent_once, clamd(fake_clamd.stay_silent))
SILENT = Engine(scanner(be_silent), clamd(fake_clamd.stay_silent))
GARBAGE = Engine(scanner(babble(b"garbage\r\n\r\n")), clamd_says(b"garbage\r\n\r\n"))
HEAD_CUT = Engine(scanner(babble(b"HTTP/1.1 200 OK\r\nContent-Le")), clamd_says(b"/var/spo"))
BODY_CUT = Engine(
    scanner(babble(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"mail_id":')), clamd_says(b"PATH: Eicar-Te")
)
ENDLESS = Engine(scanner(answer(200, bytes(TEN_MEGABYTES))), clamd_says(b"x" * TEN_MEGABYTES))
BROKEN = Engine(scanner(answer(500)), clamd_says(b"PATH: Can't allocate memory ERROR\n"))
HANGS_UP = Engine(scanner(hang_up_amid_the_body), clamd_says(b""))
UNEXPECTED = Engine(scanner(judge), clamd_says(b"PATH: caf\xe9 FOUND\n"))
UNTRUSTED = Engine(untrusted_scanner, no_clamd)
PLAIN = Engine(plain_scanner_on_the_tls_port, no_clamd)
BUSY = Engine(scanner(answer(503, Retry_After="1")), no_clamd)
TAGGING = Engine(scanner(give_verdict(add_header)), no_clamd)
SPARING = Engine(scanner(give_verdict(spare_the_first)), no_clamd)


def answering(status: int) -> Engine:
    """An engine that clamd has no likeness of."""
    return Engine(scanner(answer(status)), no_clamd)
