"""What clamd says of its signatures' age."""

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner_service.clients.clamd_version import days_between, signatures_made
from tests.fakes.clamd import VERSION, VERSION_MADE


def test_the_time_of_the_signatures_is_read() -> None:
    assert signatures_made(VERSION.decode()) == VERSION_MADE


@pytest.mark.parametrize(
    "version",
    [
        "",
        "ClamAV 1.4.6",  # no official signatures
        "ClamAV 1.4.6/28039",
        "ClamAV 1.4.6/28039/",
        "ClamAV 1.4.6/28039/invalid timestamp",  # of clamd itself
        "ClamAV 1.4.6/28039/Thu Jun 31 08:29:36 2024",
        "ClamAV 1.4.6//Thu Jun  6 08:29:36 2024",
        "ClamAV 1.4.6/28039/x/Thu Jun  6 08:29:36 2024",
        "Other 1.0/1/Thu Jun  6 08:29:36 2024",
        "UNKNOWN COMMAND. ERROR",
    ],
)
def test_an_answer_that_does_not_say_it_has_no_time(version: str) -> None:
    assert signatures_made(version) is None


@given(st.text() | st.from_regex(r"ClamAV 1/1/[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}"))
@example("ClamAV 1/1/Mon Jan  1 00:00:00 0001")
@example("ClamAV 1/1/Fri Dec 31 23:59:59 9999")
def test_no_answer_is_too_strange(version: str) -> None:
    made = signatures_made(version)

    assert made is None or made.tzinfo is not None


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2037, 1, 1)))  # noqa: DTZ001 - local
def test_every_time_that_ctime_writes_is_read(made: datetime) -> None:
    written = made.replace(microsecond=0).astimezone()

    assert signatures_made(f"ClamAV 1.4.6/1/{written.ctime()}\n") == written


@pytest.mark.parametrize(
    ("age", "days"),
    [
        (timedelta(hours=23), 0),
        (timedelta(days=1), 1),
        (timedelta(days=3, hours=23), 3),
        (timedelta(days=4), 4),
        (timedelta(hours=-5), 0),
        (timedelta(days=-5), 0),
    ],
)
def test_the_age_is_in_whole_days_and_never_below_none(age: timedelta, days: int) -> None:
    assert days_between(VERSION_MADE, VERSION_MADE + age) == days
