"""Whatever recipients want, there is one answer, and it agrees with what becomes of each of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.judge.combine import Wish, combine
from scanner_service.judge.policy import Mixed
from verdict_api.verdict import Destiny

PASS, REJECT, BOUNCE = Destiny.PASS, Destiny.REJECT, Destiny.BOUNCE
DISCARD, TEMPFAIL = Destiny.DISCARD, Destiny.TEMPFAIL

wishes = st.lists(
    st.builds(
        Wish, st.sampled_from(Destiny), st.sampled_from(Mixed), st.sampled_from(["", "a stranger"]), st.booleans()
    ),
    min_size=1,
    max_size=6,
)


def known(destiny: Destiny, mixed: Mixed = Mixed.SOFTEST) -> Wish:
    """What a sender may be told by mail."""
    return Wish(destiny, mixed, no_bounce="")


def unread(destiny: Destiny) -> Wish:
    """What nobody reads the refusal of."""
    return Wish(destiny, may_refuse=False)


@pytest.mark.parametrize(
    ("wanted", "message", "each", "changed"),
    [
        ([Wish(PASS)], PASS, [PASS], [""]),
        ([Wish(REJECT)], REJECT, [REJECT], [""]),
        ([Wish(REJECT), Wish(REJECT)], REJECT, [REJECT, REJECT], ["", ""]),
        ([Wish(REJECT), Wish(DISCARD)], REJECT, [REJECT, DISCARD], ["", ""]),
        ([Wish(DISCARD), Wish(DISCARD)], DISCARD, [DISCARD, DISCARD], ["", ""]),
        ([Wish(TEMPFAIL), Wish(PASS)], TEMPFAIL, [TEMPFAIL, PASS], ["", ""]),
        ([Wish(TEMPFAIL), Wish(REJECT)], TEMPFAIL, [TEMPFAIL, REJECT], ["", ""]),
        ([Wish(TEMPFAIL), Wish(DISCARD)], TEMPFAIL, [TEMPFAIL, DISCARD], ["", ""]),
        (
            [Wish(PASS), Wish(REJECT, Mixed.SOFTEST)],
            PASS,
            [PASS, PASS],
            ["", "delivered, as others get the message"],
        ),
        (
            [Wish(PASS), Wish(REJECT, Mixed.DISCARD)],
            PASS,
            [PASS, DISCARD],
            ["", "discarded, as others get the message"],
        ),
        (
            [Wish(PASS), Wish(REJECT, Mixed.STRICTEST), Wish(DISCARD), Wish(REJECT)],
            REJECT,
            [REJECT, REJECT, REJECT, REJECT],
            [
                "refused for all, as another recipient's policy wants",
                "",
                "refused for all, as another recipient's policy wants",
                "",
            ],
        ),
        (
            [Wish(PASS), known(REJECT, Mixed.BOUNCE)],
            PASS,
            [PASS, BOUNCE],
            ["", "bounced, as others get the message"],
        ),
        (
            [Wish(PASS), Wish(REJECT, Mixed.BOUNCE)],
            PASS,
            [PASS, DISCARD],
            ["", "discarded, as others get the message"],
        ),
        ([known(BOUNCE)], BOUNCE, [BOUNCE], [""]),
        ([Wish(BOUNCE)], REJECT, [REJECT], ["no bounce: the sender is a stranger"]),
        ([Wish(PASS), Wish(BOUNCE)], PASS, [PASS, DISCARD], ["", "no bounce: the sender is a stranger"]),
        ([known(BOUNCE), Wish(REJECT)], REJECT, [REJECT, REJECT], ["refused, as nobody gets the message", ""]),
        ([known(BOUNCE), Wish(DISCARD)], BOUNCE, [BOUNCE, DISCARD], ["", ""]),
        ([Wish(PASS), known(BOUNCE)], PASS, [PASS, BOUNCE], ["", ""]),
        ([unread(REJECT)], DISCARD, [DISCARD], ["not refused: nobody would read the answer"]),
        ([unread(BOUNCE)], DISCARD, [DISCARD], ["not refused: nobody would read the answer"]),
        ([unread(PASS), unread(REJECT)], PASS, [PASS, PASS], ["", "delivered, as others get the message"]),
        (
            [unread(PASS), Wish(REJECT, Mixed.STRICTEST, may_refuse=False)],
            PASS,
            [PASS, DISCARD],
            ["", "discarded, as others get the message"],
        ),
        ([unread(TEMPFAIL)], TEMPFAIL, [TEMPFAIL], [""]),
    ],
)
def test_the_message_gets_one_destiny(
    wanted: list[Wish], message: Destiny, each: list[Destiny], changed: list[str]
) -> None:
    combined = combine(wanted)

    assert combined.destiny is message
    assert [wish.destiny for wish in combined.wishes] == each
    assert [wish.changed for wish in combined.wishes] == changed


def test_a_wish_stands_for_a_stranger_who_reads_the_answer_unless_it_says_otherwise() -> None:
    assert Wish(PASS) == Wish(PASS, Mixed.SOFTEST, "the sender is a stranger", may_refuse=True, changed="")


@given(wishes)
def test_nobody_gets_a_message_that_is_refused(wanted: list[Wish]) -> None:
    combined = combine(wanted)

    if combined.destiny is REJECT:
        assert {wish.destiny for wish in combined.wishes} <= {REJECT, DISCARD}
    else:
        assert combined.destiny is TEMPFAIL or REJECT not in {wish.destiny for wish in combined.wishes}


@given(wishes)
def test_a_message_passes_if_and_only_if_somebody_gets_it(wanted: list[Wish]) -> None:
    combined = combine(wanted)

    if combined.destiny is not TEMPFAIL:
        assert (combined.destiny is PASS) == (PASS in {wish.destiny for wish in combined.wishes})


@given(wishes)
def test_no_stranger_is_sent_a_bounce(wanted: list[Wish]) -> None:
    assert not any(wish.no_bounce for wish in combine(wanted).wishes if wish.destiny is BOUNCE)


@given(wishes)
def test_what_nobody_reads_is_not_refused_unless_another_recipient_has_it_refused(wanted: list[Wish]) -> None:
    combined = combine(wanted)

    assert combined.destiny is not REJECT or any(wish.may_refuse for wish in wanted)


@given(wishes)
def test_what_is_not_as_the_policy_wanted_says_why(wanted: list[Wish]) -> None:
    combined = combine(wanted)

    for before, after in zip(wanted, combined.wishes, strict=True):
        assert (before.destiny is after.destiny) or after.changed
