"""Whom to ask first: what a scanner did before decides, and time heals."""

from shim.scanner_health import FAILURES_BEFORE_REST, FIRST_REST_SECONDS, LONGEST_REST_SECONDS, ScannerHealth


def failed(times: int, now: float = 0.0) -> ScannerHealth:
    health = ScannerHealth()
    for _ in range(times):
        health.failed(now, None)
    return health


def test_some_failures_are_forgiven() -> None:
    assert not failed(FAILURES_BEFORE_REST - 1).rests(0.0)


def test_failures_in_a_row_earn_a_rest_that_ends() -> None:
    health = failed(FAILURES_BEFORE_REST)

    assert health.rests(FIRST_REST_SECONDS - 0.1)
    assert not health.rests(FIRST_REST_SECONDS)


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    health = failed(FAILURES_BEFORE_REST - 1)

    health.answered()
    health.failed(0.0, None)

    assert not health.rests(0.0)


def test_after_a_rest_one_question_at_a_time_finds_out() -> None:
    health = failed(FAILURES_BEFORE_REST)

    health.in_hand = 1

    assert health.rests(FIRST_REST_SECONDS)
    health.answered()
    assert not health.rests(FIRST_REST_SECONDS)


def test_rests_grow_up_to_a_bound() -> None:
    health, now, rests = failed(FAILURES_BEFORE_REST), 0.0, []

    for _ in range(8):
        begun = now
        while health.rests(now):
            now += 0.5
        rests.append(now - begun)
        health.failed(now, None)

    assert rests == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, 60.0]
    assert rests[-1] == LONGEST_REST_SECONDS


def test_questions_that_were_on_their_way_do_not_lengthen_the_rest() -> None:
    health = failed(FAILURES_BEFORE_REST + 200)

    assert not health.rests(FIRST_REST_SECONDS)


def test_a_scanner_that_asks_for_a_pause_gets_it() -> None:
    health = ScannerHealth()

    health.failed(0.0, 7.0)

    assert health.rests(6.9)
    assert not health.rests(7.0)


def test_no_scanner_rests_for_as_long_as_it_likes() -> None:
    health = ScannerHealth()

    health.failed(0.0, 99_999.0)

    assert not health.rests(LONGEST_REST_SECONDS)
