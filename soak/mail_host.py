"""The mail host of the scenarios with the soak's settings, and one disturbance after another on it."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from soak.disturbances import Disturbance
from soak.progress import Progress
from soak.reckoning import judged_messages, reckon
from soak.row import Row
from soak.smtp_load import RECIPIENT, SmtpLoad
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.delivered_mail import read_maildir
from tests.scenarios.mail_users import MAILBOXES
from tests.scenarios.programs_under_test import SCANNER_HOST, SCANNER_PORT, SCANNER_SETTINGS
from tests.scenarios.waiting import wait_until

_LONGEST_PAUSE_SECONDS = 0.3
_DELIVERY_LIMIT_SECONDS = 300
_LOG_LIMIT_SECONDS = 10

# As long as in production: a start of the service takes its time where others want the processors, too.
SOAK_SHIM_SETTINGS = f"""\
scanners = ["http://{SCANNER_HOST}:{SCANNER_PORT}"]
deadline_seconds = 90
retry_seconds = 60
workers = 4
"""
SOAK_SCANNER_SETTINGS = SCANNER_SETTINGS.replace("engine_wait_seconds = 3", "engine_wait_seconds = 45")


@contextmanager
def mail_host(scratch: Path) -> Iterator[CourierHost]:
    """Turn the namespaces of this process into the mail host, and start it."""
    host = CourierHost()
    host.set_up(scratch)
    with host.running():
        host.use_settings(SOAK_SHIM_SETTINGS, SOAK_SCANNER_SETTINGS)
        yield host


def disturb(host: CourierHost, disturbance: Disturbance, times: int, progress: Progress) -> Row:
    """Let one thing happen so often under load, each time until mail is accepted again, and reckon."""
    host.restore()
    chance = random.Random(times)
    held = 0
    started = time.monotonic()
    with SmtpLoad() as load:
        load.wait_for_progress()
        for number in range(times):
            time.sleep(chance.uniform(0, _LONGEST_PAUSE_SECONDS))
            held += disturbance.happen(host) or 0
            load.wait_for_progress()
            progress.step(disturbance.name, number + 1, times)
    seconds = time.monotonic() - started
    delivered = delivered_by(host)
    if not disturbance.makes_hole:
        _wait_for_log(host, load)
    reckoning = reckon(load.attempts, delivered, host.mail_log.lines())
    return Row(
        disturbance.name,
        {
            "times": times,
            "seconds": round(seconds),
            **reckoning.figures(),
            "may be refused": "any" if disturbance.stops_filter else held,
        },
        reckoning.faults(most_refusals=None if disturbance.stops_filter else held, hole=disturbance.makes_hole),
    )


def delivered_by(host: CourierHost) -> list[bytes]:
    """Return every message that was delivered since the host was restored, once there are no more to come."""
    host.courier.wait_for_empty_queue(_DELIVERY_LIMIT_SECONDS)
    return [mail.content for mail in read_maildir(MAILBOXES[RECIPIENT].maildir)]


def _wait_for_log(host: CourierHost, load: SmtpLoad) -> None:
    """Wait until the log has what it will have: a line comes by way of two more programs."""
    accepted = sum(attempt.code == 250 for attempt in load.attempts)
    with suppress(TimeoutError):  # then lines are missing, and the reckoning says which
        wait_until(
            lambda: len(judged_messages(host.mail_log.lines())) >= accepted, _LOG_LIMIT_SECONDS, "the log to end"
        )
