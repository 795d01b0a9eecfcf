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
    st.builds(Wish, st.sampled_from(Destiny), st.sampled_from(Mixed), st.booleans()), min_size=1, max_size=6
)


@pytest.mark.parametrize(
    ("wanted", "message", "each"),
    [
        ([Wish(PASS)], PASS, [PASS]),
        ([Wish(REJECT)], REJECT, [REJECT]),
        ([Wish(REJECT), Wish(REJECT)], REJECT, [REJECT, REJECT]),
        ([Wish(REJECT), Wish(DISCARD)], REJECT, [REJECT, DISCARD]),
        ([Wish(DISCARD), Wish(DISCARD)], DISCARD, [DISCARD, DISCARD]),
        ([Wish(TEMPFAIL), Wish(PASS)], TEMPFAIL, [TEMPFAIL, PASS]),
        ([Wish(TEMPFAIL), Wish(REJECT)], TEMPFAIL, [TEMPFAIL, REJECT]),
        ([Wish(PASS), Wish(REJECT, Mixed.SOFTEST)], PASS, [PASS, PASS]),
        ([Wish(PASS), Wish(REJECT, Mixed.DISCARD)], PASS, [PASS, DISCARD]),
        ([Wish(PASS), Wish(REJECT, Mixed.STRICTEST)], REJECT, [REJECT, REJECT]),
        ([Wish(PASS), Wish(REJECT, Mixed.BOUNCE, may_bounce=True)], PASS, [PASS, BOUNCE]),
        ([Wish(PASS), Wish(REJECT, Mixed.BOUNCE)], PASS, [PASS, DISCARD]),
        ([Wish(BOUNCE, may_bounce=True)], BOUNCE, [BOUNCE]),
        ([Wish(BOUNCE)], REJECT, [REJECT]),
        ([Wish(PASS), Wish(BOUNCE)], PASS, [PASS, DISCARD]),
        ([Wish(BOUNCE, may_bounce=True), Wish(REJECT)], REJECT, [REJECT, REJECT]),
        ([Wish(BOUNCE, may_bounce=True), Wish(DISCARD)], BOUNCE, [BOUNCE, DISCARD]),
    ],
)
def test_the_message_gets_one_destiny(wanted: list[Wish], message: Destiny, each: list[Destiny]) -> None:
    combined = combine(wanted)

    assert combined.destiny is message
    assert [wish.destiny for wish in combined.wishes] == each


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
    assert all(wish.may_bounce for wish in combine(wanted).wishes if wish.destiny is BOUNCE)


@given(wishes)
def test_what_is_not_as_the_policy_wanted_says_why(wanted: list[Wish]) -> None:
    combined = combine(wanted)

    for before, after in zip(wanted, combined.wishes, strict=True):
        assert (before.destiny is after.destiny) or after.changed
