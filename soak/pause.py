"""The pause outlives every process, marks all that passes, and ends by the clock."""

import time
from collections.abc import Iterator

from shim.pause import pause_in_force, pause_path
from soak.mail_host import delivered_by
from soak.plan import Plan
from soak.progress import Progress
from soak.reckoning import number_of, reckon
from soak.row import Row
from soak.smtp_load import SmtpLoad
from tests.scenarios.courier_host import CourierHost
from tests.scenarios.courier_mta import FILTER_SOCKET

_PAUSE_SECONDS = 20
_MARK = b"X-Couriergate-Unscanned: paused\n"


def prove_pause(host: CourierHost, plan: Plan, progress: Progress) -> Iterator[Row]:
    del plan, progress
    yield pause_outlives_kill(host)


def pause_outlives_kill(host: CourierHost) -> Row:
    """Pause, kill every process of the shim, start it again; send until shortly before the end, and after it."""
    host.restore()
    host.courier.pause_shim(f"{_PAUSE_SECONDS}s")
    pause = pause_in_force(pause_path(FILTER_SOCKET))
    assert pause is not None
    host.courier.kill_filter()
    host.courier.restart_filter()
    with SmtpLoad() as during:
        during.wait_for_progress()
        time.sleep(max(0.0, pause.until - 2 - time.time()))
    time.sleep(max(0.0, pause.until + 1 - time.time()))
    with SmtpLoad() as after:
        after.wait_for_progress(50)
    delivered = delivered_by(host)
    marked = {number_of(message) for message in delivered if message.startswith(_MARK)}
    sent = {attempt.number for attempt in during.attempts}
    reckoning = reckon(
        after.attempts, [one for one in delivered if number_of(one) not in sent], host.mail_log.lines()
    )
    faults = reckoning.faults(most_refusals=0, hole=False)
    if marked != sent:
        faults.append(f"paused: sent {len(sent)}, marked {len(marked)}")
    return Row(
        "paused, killed, started again",
        {"paused: sent": len(sent), "paused: marked": len(marked), **reckoning.figures()},
        faults,
    )
