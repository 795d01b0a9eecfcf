"""What became of every message: the client's record, the Maildir and the shim's log against each other."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soak.row import Figure
from soak.smtp_load import NUMBER_FIELD, Attempt

_NUMBER = re.compile(rf"^{NUMBER_FIELD}: (\d+)$".encode(), re.MULTILINE)
_VERDICT_LINE = re.compile(
    r"\bqueue_id=(?P<queue_id>[0-9A-F.]+) .*\bsender=<n(?P<number>\d+)@.*\bdestiny=pass .*\breply=\"2\d\d "
)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Numbers of messages; each attempt is in one of the first four."""

    accepted: frozenset[int]
    refused_for_now: frozenset[int]
    refused: frozenset[int]
    unclear: frozenset[int]
    infected: frozenset[int]
    lost: frozenset[int]
    twice: frozenset[int]
    unfiltered: frozenset[int]

    def figures(self) -> dict[str, Figure]:
        """Return the numbers of the table."""
        return {
            "sent": sum(map(len, (self.accepted, self.refused_for_now, self.refused, self.unclear))),
            "accepted": len(self.accepted),
            "refused 4xx": len(self.refused_for_now),
            "refused 5xx": len(self.refused),
            "infected": len(self.infected & (self.accepted | self.refused)),
            "unclear": len(self.unclear),
            "lost": len(self.lost),
            "twice": len(self.twice),
            "unfiltered": len(self.unfiltered),
        }

    def faults(self, *, most_refusals: int | None, hole: bool) -> list[str]:
        """Say what must not be: more refusals than allowed (None: any number), or what never may.

        With a hole, where Courier takes the filter's socket away by itself, unfiltered messages are no fault.
        """
        found = {
            "lost": self.lost,
            "delivered twice": self.twice,
            "refused though clean": self.refused - self.infected,
        }
        if not hole:
            found["unfiltered"] = self.unfiltered
        faults = [f"{what}: {sorted(numbers)[:10]}" for what, numbers in found.items() if numbers]
        if most_refusals is not None and len(self.refused_for_now) > most_refusals:
            faults.append(f"refused for now: {len(self.refused_for_now)}, want at most {most_refusals}")
        return faults


def reckon(attempts: Sequence[Attempt], delivered: Iterable[bytes], shim_log: Iterable[str]) -> Reckoning:
    """Compare what the clients were told with what was delivered, and with what the shim says it judged.

    A message that arrived counts as unfiltered if it is infected, or if no line of the shim says that it may pass
    under the queue id that Courier told the client.
    """
    arrived = Counter(number_of(message) for message in delivered)
    accepted = {attempt.number for attempt in attempts if attempt.code == 250}
    infected = {attempt.number for attempt in attempts if attempt.infected}
    return Reckoning(
        accepted=frozenset(accepted),
        refused_for_now=_answered(attempts, 4),
        refused=_answered(attempts, 5),
        unclear=frozenset(attempt.number for attempt in attempts if attempt.code is None),
        infected=frozenset(infected),
        lost=frozenset(accepted - set(arrived)),
        twice=frozenset(number for number, count in arrived.items() if count > 1),
        unfiltered=frozenset(
            (accepted | set(arrived)) & (infected | _not_judged(attempts, judged_messages(shim_log)))
        ),
    )


def judged_messages(shim_log: Iterable[str]) -> dict[int, str]:
    """Return number and queue id of each message that the shim let pass with a verdict."""
    return {int(found["number"]): found["queue_id"] for line in shim_log if (found := _VERDICT_LINE.search(line))}


def number_of(message: bytes) -> int:
    """Return the number of a message of the load, 0 for any other."""
    found = _NUMBER.search(message)
    return int(found[1]) if found else 0


def _answered(attempts: Sequence[Attempt], kind: int) -> frozenset[int]:
    return frozenset(
        attempt.number for attempt in attempts if attempt.code is not None and attempt.code // 100 == kind
    )


def _not_judged(attempts: Sequence[Attempt], judged: dict[int, str]) -> set[int]:
    # "250 Ok. " and the last two thirds of the queue id are Courier's answer (courier/submit2.C, MessageEnd).
    return {
        attempt.number
        for attempt in attempts
        if attempt.number not in judged
        or (attempt.code == 250 and not judged[attempt.number].endswith(attempt.text.split()[-1]))
    }
