"""`python -m bench judge`: what judging costs for each recipient, and how fast kept verdicts are judged again.

Processor time, in one process, without the database: the policy has a thousand entries of the kinds that sites have.
"""

import argparse
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scanner_service.judge.book_reader import PolicySource, read_book
from scanner_service.judge.facts import Facts
from scanner_service.judge.judge_message import judge_message
from scanner_service.judge.policy_bank import PolicyBook, traffic_of
from scanner_service.judge.record_codec import decode_record, record_of
from scanner_service.judge.replay import replay
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.spam_score import SpamLevels, SpamScore
from scanner_service.policy_choice import built_in_policies
from verdict_api.envelope import Client, Envelope, Recipient

ENTRIES = 1000
RECIPIENTS = 50
MOST_MICROSECONDS_FOR_RECIPIENT = 100
LEAST_REPLAYS_A_SECOND = 2000
MOST_MILLISECONDS_FOR_RECORD = 0.5
FINDINGS = (
    Finding(ContentCategory.BANNED, "banned", "setup.exe", part="1.2/report.zip/setup.exe", rule="default: programs"),
    Finding(ContentCategory.BAD_HEADER, "bad_header", "8bit", SubCategory.EIGHT_BIT),
)
SPAM = SpamScore("spamd", 6.2, ("BAYES_50", "HTML_MESSAGE"), ContentCategory.SPAMMY, SpamLevels(), 5.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: what, its value as people read it, and the bound that it has to keep."""

    name: str
    value: float
    unit: str
    wanted: str

    def as_markdown(self) -> str:
        return f"| {self.name} | {self.value:,.2f} {self.unit} | {self.wanted} |"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench judge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look of a moment")
    given = parser.parse_args(arguments)
    print("| what | took | wanted |\n| --- | ---: | ---: |")
    for row in measure(rounds=3 if given.quick else 9, times=20 if given.quick else 300):
        print(row.as_markdown())
    return 0


def measure(rounds: int, times: int) -> list[Row]:
    """Return the rows; of several rounds the best, as other programs can only make one longer."""
    book, draft = policy_of(ENTRIES), policy_of(ENTRIES, more='destinies.banned = "discard"\n')
    one, many = facts_for(1), facts_for(RECIPIENTS)
    policy = book.policy_for(traffic_of(one))
    judgement = judge_message(one, policy)
    record = record_of(one, judgement, book.version)
    kept = decode_record(record)

    def again() -> None:
        replay(decode_record(record), draft)

    def whole() -> None:
        record_of(one, judgement, book.version)
        again()

    of_one = _seconds(lambda: judge_message(one, policy), rounds, times)
    of_many = _seconds(lambda: judge_message(many, policy), rounds, max(1, times // 10))
    wanted = f"at most {MOST_MICROSECONDS_FOR_RECIPIENT} µs"
    most = f"at most {MOST_MILLISECONDS_FOR_RECORD:g} ms"
    return [
        Row("judging, one recipient", of_one * 1e6, "µs", wanted),
        Row(f"judging, each of {RECIPIENTS} recipients", of_many / RECIPIENTS * 1e6, "µs", wanted),
        Row(
            "judging kept facts, choice of banks included",
            _seconds(lambda: replay(kept, draft), rounds, times) * 1e6,
            "µs",
            "",
        ),
        Row("writing, reading, judging and comparing", _seconds(whole, rounds, times) * 1e3, "ms", most),
        Row("replay", 1 / _seconds(again, rounds, times), "verdicts/s", f"at least {LEAST_REPLAYS_A_SECOND:,}"),
    ]


def policy_of(entries: int, more: str = "") -> PolicyBook:
    """Return a policy whose tables have so many entries in all."""
    quarter = range(entries // 4)
    tables = {
        "lovers.banned": ", ".join(f'"lover{n}@example.com"' for n in quarter),
        "black_senders": ", ".join(f'"bad{n}.example"' for n in quarter),
    }
    levels = ", ".join(f'"user{n}@example.com" = {n % 9 + 4}' for n in quarter)
    scores = ", ".join(f'"sender{n}.example" = -2' for n in quarter)
    text = "".join(f"{name} = [{listed}]\n" for name, listed in tables.items())
    text += f"spam_levels.kill = {{ {levels} }}\nsender_scores = {{ {scores} }}\n{more}"
    text += 'banks.partner = { when = { clients = ["192.0.2.0/24"] }, message_size_limit = 1000000 }\n'
    return read_book(PolicySource(built_in=built_in_policies(), written=tomllib.loads(text)))


def facts_for(recipients: int) -> Facts:
    """Return what was seen of a dubious message to so many."""
    envelope = Envelope(
        "bulk@sender17.example",
        tuple(Recipient(f"user{n}+list@example.com", local=True) for n in range(recipients)),
        queue_id="000000000002C9FE.0000000066644F4B.00001C2B",
        client=Client("192.0.2.25", "mx.sender17.example", "mx.sender17.example"),
        source="smtp",
    )
    return Facts("b7kQ2sX9aLmP", envelope, 40_000, FINDINGS, SPAM, authors=("news@sender17.example",))


def _seconds(do: Callable[[], object], rounds: int, times: int) -> float:
    def once() -> float:
        started = time.process_time()
        for _ in range(times):
            do()
        return (time.process_time() - started) / times

    return min(once() for _ in range(rounds))
