"""Eight SMTP clients who never rest; every message of theirs is unique, numbered, and tried once."""

import itertools
import random
import smtplib
import threading
import time
from dataclasses import dataclass
from typing import Self

from tests.scenarios.courier_mta import MAIL_DOMAIN, SMTP_PORT

CLIENTS = 8
RECIPIENT = "alice"
NUMBER_FIELD = "X-Soak-Number"
_STRANGER = "127.0.0.2"  # Courier takes 127.0.0.1 for a relay client
_REPLY_LIMIT_SECONDS = 120
_PROGRESS_LIMIT_SECONDS = 120.0
_INFECTED_SHARE = 0.25
_LONGEST_PAUSE_SECONDS = 0.1
_MOST_NOT_BEGUN = 20
_EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

_numbers = itertools.count(1)  # no number twice in one run, whatever a late delivery may bring


class StandstillError(Exception):
    """Nothing was accepted for two minutes: the mail host does not recover."""


class NotBegunError(Exception):
    """Courier refused a command before the message."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message and its answer; no code if the connection broke after the final dot."""

    number: int
    infected: bool
    code: int | None
    text: str


class SmtpLoad:
    """Sends from the beginning to the end of a ``with`` block; then ``attempts`` is complete."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self._errors: list[Exception] = []
        self._not_begun = 0
        self._is_over = threading.Event()
        self._clients = [threading.Thread(target=self._send_until_over, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for client in self._clients:
            client.join()
        if self._errors:
            raise self._errors[0]

    def wait_for_progress(self, count: int = CLIENTS) -> None:
        """Return when so many more messages were accepted.

        Raises:
            StandstillError: see above.
        """
        enough = self._accepted() + count
        end = time.monotonic() + _PROGRESS_LIMIT_SECONDS
        while self._accepted() < enough:
            if self._errors:
                raise self._errors[0]
            if time.monotonic() > end:
                raise StandstillError(f"want {count} messages accepted in {_PROGRESS_LIMIT_SECONDS:g} s")
            time.sleep(0.02)

    def _accepted(self) -> int:
        return sum(attempt.code == 250 for attempt in self.attempts)

    def _send_until_over(self, client: int) -> None:
        chance = random.Random(client)
        try:
            while not self._is_over.is_set():
                self._hold_session(chance)
        except Exception as error:  # noqa: BLE001 - raised again at the end, where somebody sees it
            self._errors.append(error)

    def _hold_session(self, chance: random.Random) -> None:
        with smtplib.SMTP(
            "127.0.0.1", SMTP_PORT, timeout=_REPLY_LIMIT_SECONDS, source_address=(_STRANGER, 0)
        ) as session:
            session.ehlo("client.example")
            for _ in range(chance.randint(1, 6)):
                try:
                    attempt = _send(session, next(_numbers), infected=chance.random() < _INFECTED_SHARE)
                except NotBegunError as error:
                    self._count_not_begun(error)
                    return
                self.attempts.append(attempt)
                if attempt.code is None or self._is_over.wait(chance.uniform(0, _LONGEST_PAUSE_SECONDS)):
                    return

    def _count_not_begun(self, error: "NotBegunError") -> None:
        """A busy machine has Courier refuse a command now and then; no filter knows of such a message."""
        self._not_begun += 1
        if self._not_begun > _MOST_NOT_BEGUN:
            raise error


def sender_of(number: int) -> str:
    """Return the sender of one message; the shim logs it."""
    return f"n{number}@remote.example"


def _send(session: smtplib.SMTP, number: int, *, infected: bool) -> Attempt:
    for code, text in (session.mail(sender_of(number)), session.rcpt(f"{RECIPIENT}@{MAIL_DOMAIN}")):
        if code != 250:
            raise NotBegunError(f"{code} {text.decode(errors='backslashreplace')}")
    try:
        code, said = session.data(_message(number, infected=infected))
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        return Attempt(number, infected, None, str(error))
    return Attempt(number, infected, code, said.decode(errors="backslashreplace"))


def _message(number: int, *, infected: bool) -> str:
    return (
        f"From: {sender_of(number)}\nTo: {RECIPIENT}@{MAIL_DOMAIN}\nSubject: message {number}\n"
        f"{NUMBER_FIELD}: {number}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n"
        f"Content-Transfer-Encoding: 7bit\n\n{_EICAR if infected else f'Nothing but the number {number}.'}\n"
    )
