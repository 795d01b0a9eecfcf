"""The soak's reckoning finds what it is there to find."""

import pytest

from soak.reckoning import reckon
from soak.smtp_load import Attempt

QUEUE_ID = "000000000016652A.000000006B0305D3.00004F36"
ACCEPTED = Attempt(7, infected=False, code=250, text="Ok. 000000006B0305D3.00004F36")
DELIVERED = b"From: n7@remote.example\nX-Soak-Number: 7\n\nNothing.\n"
JUDGED = (
    f"courierfilter: couriergate: queue_id={QUEUE_ID} mail_id=QI6e9VCdyq86 sender=<n7@remote.example> "
    'recipients=<alice@test.example> size=606 destiny=pass category=clean reply="200 2.0.0 Ok" ms=6.3'
)


def test_a_message_that_was_judged_and_delivered_is_as_it_should_be() -> None:
    reckoning = reckon([ACCEPTED], [DELIVERED], [JUDGED])

    assert reckoning.faults(most_refusals=0, hole=False) == []
    assert reckoning.figures()["accepted"] == 1


@pytest.mark.parametrize(
    ("attempt", "delivered", "log", "fault"),
    [
        (ACCEPTED, [], [JUDGED], "lost: [7]"),
        (ACCEPTED, [DELIVERED] * 2, [JUDGED], "delivered twice: [7]"),
        (ACCEPTED, [DELIVERED], [], "unfiltered: [7]"),
        (ACCEPTED, [DELIVERED], [JUDGED.replace("<n7@", "<n8@")], "unfiltered: [7]"),
        (ACCEPTED, [DELIVERED], [JUDGED.replace("destiny=pass", "")], "unfiltered: [7]"),
        (ACCEPTED, [DELIVERED], [JUDGED.replace("00004F36", "00004F37")], "unfiltered: [7]"),
        (Attempt(7, True, 250, ACCEPTED.text), [DELIVERED], [JUDGED], "unfiltered: [7]"),
        (Attempt(7, True, None, "closed"), [DELIVERED], [JUDGED], "unfiltered: [7]"),
        (Attempt(7, False, 550, "no"), [], [], "refused though clean: [7]"),
        (Attempt(7, False, 432, "later"), [], [], "refused for now: 1, want at most 0"),
    ],
)
def test_what_must_not_be_is_a_fault(attempt: Attempt, delivered: list[bytes], log: list[str], fault: str) -> None:
    reckoning = reckon([attempt], delivered, log)

    assert reckoning.faults(most_refusals=0, hole=False) == [fault]


def test_what_passes_where_courier_has_no_socket_is_counted_and_no_fault() -> None:
    reckoning = reckon([ACCEPTED], [DELIVERED], [])

    assert reckoning.faults(most_refusals=None, hole=True) == []
    assert reckoning.figures()["unfiltered"] == 1
