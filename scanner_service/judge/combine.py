"""Many recipients, one answer: SMTP has a single reply after DATA, so what they want is brought together.

Pure, and total: whatever the destinies are, there is exactly one reply, and the recipients' fates agree with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scanner_service.judge.policy import Mixed
from verdict_api.verdict import Destiny

GRAVITY = (Destiny.PASS, Destiny.DISCARD, Destiny.BOUNCE, Destiny.REJECT, Destiny.TEMPFAIL)  # the gravest last


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of the mail of one recipient if it were alone.

    ``mixed`` says what a rejection becomes when others get the mail. ``no_bounce`` says why the sender may not be
    told by mail, empty if it may. ``may_refuse``: somebody reads the answer to a refusal. ``changed`` says why the
    destiny is not the one that the policy named, empty if it is.
    """

    destiny: Destiny
    mixed: Mixed = Mixed.SOFTEST
    no_bounce: str = "the sender is a stranger"
    may_refuse: bool = True
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Combined:
    """The destiny of the message, which the reply tells, and those of the recipients in their order."""

    destiny: Destiny
    wishes: tuple[Wish, ...]


def combine(wishes: Sequence[Wish]) -> Combined:
    """Return what becomes of the message."""
    wishes = tuple(_possible(wish) for wish in wishes)
    if any(wish.destiny is Destiny.TEMPFAIL for wish in wishes):
        return Combined(Destiny.TEMPFAIL, wishes)  # the sender tries again for all, and nobody gets it twice
    if not any(wish.destiny is Destiny.PASS for wish in wishes):
        return _nobody_gets_it(wishes)
    if any(_is_strictest(wish) for wish in wishes):
        return Combined(Destiny.REJECT, tuple(_refused_with_the_others(wish) for wish in wishes))
    return Combined(Destiny.PASS, tuple(_amid_others(wish) for wish in wishes))


def _is_strictest(wish: Wish) -> bool:
    return wish.destiny is Destiny.REJECT and wish.mixed is Mixed.STRICTEST and wish.may_refuse


def _possible(wish: Wish) -> Wish:
    """A bounce to a stranger would go to whoever was named there: refusing tells the one who is really there."""
    if wish.destiny is Destiny.BOUNCE and wish.no_bounce:
        wish = replace(wish, destiny=Destiny.REJECT, mixed=Mixed.DISCARD, changed=f"no bounce: {wish.no_bounce}")
    return wish


def _nobody_gets_it(wishes: tuple[Wish, ...]) -> Combined:
    """A refusal tells the sender at once, and for everybody; a bounce beside it would tell it twice."""
    wishes = tuple(_read_by_somebody(wish) for wish in wishes)
    if any(wish.destiny is Destiny.REJECT for wish in wishes):
        return Combined(Destiny.REJECT, tuple(_refused_instead_of_bounced(wish) for wish in wishes))
    bounced = any(wish.destiny is Destiny.BOUNCE for wish in wishes)
    return Combined(Destiny.BOUNCE if bounced else Destiny.DISCARD, wishes)


def _read_by_somebody(wish: Wish) -> Wish:
    """A refusal that nobody reads loses the mail: it is kept instead."""
    if wish.destiny is not Destiny.REJECT or wish.may_refuse:
        return wish
    return replace(wish, destiny=Destiny.DISCARD, changed="not refused: nobody would read the answer")


def _refused_instead_of_bounced(wish: Wish) -> Wish:
    if wish.destiny is not Destiny.BOUNCE:
        return wish
    return replace(wish, destiny=Destiny.REJECT, changed="refused, as nobody gets the message")


def _refused_with_the_others(wish: Wish) -> Wish:
    if wish.destiny is Destiny.REJECT:
        return wish
    return replace(wish, destiny=Destiny.REJECT, changed="refused for all, as another recipient's policy wants")


def _amid_others(wish: Wish) -> Wish:
    if wish.destiny is not Destiny.REJECT:
        return wish
    if wish.mixed is Mixed.BOUNCE and not wish.no_bounce:
        return replace(wish, destiny=Destiny.BOUNCE, changed="bounced, as others get the message")
    if wish.mixed is Mixed.SOFTEST:
        return replace(wish, destiny=Destiny.PASS, changed="delivered, as others get the message")
    return replace(wish, destiny=Destiny.DISCARD, changed=wish.changed or "discarded, as others get the message")
