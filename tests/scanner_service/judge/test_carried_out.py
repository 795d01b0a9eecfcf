"""Whatever is found, and whatever administrators write, the mail host can carry out what comes of it.

The shim's own check is the oracle: it refuses a verdict that contradicts itself.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scanner_service.answer import Examined, HeaderRules, verdict_of
from scanner_service.inspectors.inspector import Inspection
from scanner_service.judge.book_reader import PolicySource, read_book
from scanner_service.judge.facts import Facts
from scanner_service.judge.judge_message import judge_message
from scanner_service.judge.policy import Mixed
from scanner_service.judge.policy_bank import Traffic
from scanner_service.model.finding import Finding
from scanner_service.model.judgement import Judgement
from scanner_service.model.message import DecodedMessage, Message
from scanner_service.model.spam_score import SpamLevels, SpamScore
from shim.carry_out import ReadControlFile, carry_out
from shim.control_file import parse_control_file
from shim.spool import SpoolFile
from tests.fakes.courier_queue import control_file
from tests.scanner_service.judge.policies import (
    AMBIGUOUS,
    BANNED,
    BUILT_IN,
    EIGHT_BIT,
    ENCRYPTED,
    HIDING,
    MAIL_ID,
    NOT_DONE,
    OVER_LIMITS,
    TOO_BIG,
    VIRUS,
    envelope_to,
)
from verdict_api.envelope import Envelope, Recipient
from verdict_api.json_codec import decode_verdict, encode_verdict
from verdict_api.verdict import Destiny

LONGEST_REPLY = 512  # RFC 5321 §4.5.3.1.5
RAW = b"From: ann@stranger.example\nSubject: hi\n\nhello\n"
STRANGE_NAME = Finding(VIRUS.category, "clamd", "\u202e\r\n250 ok\udcff" * 9)
FINDINGS = (VIRUS, STRANGE_NAME, BANNED, EIGHT_BIT, ENCRYPTED, NOT_DONE, TOO_BIG, OVER_LIMITS, AMBIGUOUS, HIDING)
ADDRESSES = ("bob@example.com", "carol@example.com", "dave+x@example.com", "eve@remote.example", '"a b"@example.com')
CATEGORIES = ("virus", "banned", "unchecked", "unchecked.not_done", "spam", "spammy", "bad_header", "oversized")
KEYS = st.sampled_from((".", "bob@example.com", "carol@", "example.com", ".example", "dave@example.com"))


def by_recipient(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return values | st.dictionaries(KEYS, values, max_size=3)


def by_category(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from(CATEGORIES), by_recipient(values), max_size=4)


local_domains: st.SearchStrategy[object] = st.sampled_from((["example.com"], [".", "!example.com"]))
flags: st.SearchStrategy[object] = st.booleans()
policies = st.fixed_dictionaries(
    {"local_domains": local_domains},
    optional={
        "destinies": by_category(st.sampled_from(tuple(Destiny))),
        "mixed": by_category(st.sampled_from(tuple(Mixed))),
        "lovers": by_category(flags),
        "bypass": by_category(flags).map(lambda table: {key: one for key, one in table.items() if key != "spammy"}),
        "redirect": by_category(
            st.sampled_from(("", "bob@example.com", "abuse@{domain}", "{local}@elsewhere.example"))
        ),
        "copy_to": by_category(st.sampled_from(("", "carol@example.com", "audit@example.com"))),
        "address_extension": by_category(st.sampled_from(("", "+spam", "-virus"))),
        "subject_tags": by_category(st.sampled_from(("", "[X] "))),
        "message_size_limit": by_recipient(st.just(65536)),
        "bounces": flags,
        "refuse": flags,
        "soft_bounce": flags,
        "tags": flags,
        "observe": st.just(value=True) | st.lists(st.sampled_from(CATEGORIES), max_size=3),
    },
)
scores = st.sampled_from((-1.0, 6.0, 20.0)).map(
    lambda score: SpamScore("spamd", score, ("A",), SpamLevels().category_of(score), SpamLevels(), 5.0)
)
recipients = st.builds(
    Recipient,
    st.sampled_from(ADDRESSES),
    notify=st.sampled_from(("", "N", "F")),
    local=st.sampled_from((True, False)),
)
envelopes = st.builds(
    lambda to, sender, observe: envelope_to(*to, sender=sender, observe=observe),
    st.lists(recipients, min_size=1, max_size=4),
    st.sampled_from(("", "ann@stranger.example")),
    st.booleans(),
)
cases = st.builds(
    Facts,
    st.just(MAIL_ID),
    envelopes,
    size=st.sampled_from((100, 100_000)),
    findings=st.lists(st.sampled_from(FINDINGS), max_size=4).map(tuple),
    spam=st.none() | scores,
    bulk=st.sampled_from(("", "List-Id")),
)


def judged_under(policy: Mapping[str, object], facts: Facts) -> Judgement:
    book = read_book(PolicySource(built_in=BUILT_IN, written=policy))
    return judge_message(facts, book.policy_for(Traffic(facts.envelope)))


def control_of(envelope: Envelope) -> bytes:
    return control_file(recipients=[one.address.encode() for one in envelope.recipients])


def carried_out(facts: Facts, judgement: Judgement) -> tuple[str, bytes]:
    """Return the reply that Courier gives, and what its control file has more than before."""
    message = Message(MAIL_ID, facts.envelope, RAW, "0" * 64)
    examined = Examined(message, DecodedMessage(None, (), None), Inspection(findings=facts.findings), "v", "real", {})
    told = decode_verdict(encode_verdict(verdict_of(examined, judgement, HeaderRules())))
    before = control_of(facts.envelope)
    with tempfile.TemporaryDirectory() as folder:
        data, control = Path(folder) / "D1", Path(folder) / "C1"
        data.write_bytes(RAW)
        control.write_bytes(before)
        with SpoolFile(bytes(data)) as spooled:
            files = [ReadControlFile(bytes(control), parse_control_file(before, "C1"))]
            reply = carry_out(told, spooled, files)
        return str(reply), control.read_bytes().removeprefix(before)


@given(policies, cases)
def test_no_policy_makes_a_verdict_that_cannot_be_carried_out(policy: dict[str, object], facts: Facts) -> None:
    judgement = judged_under(policy, facts)

    reply, records = carried_out(facts, judgement)

    assert reply[0] == {Destiny.REJECT: "5", Destiny.TEMPFAIL: "4"}.get(judgement.destiny, "2")
    assert len(reply) < LONGEST_REPLY
    if judgement.reply.code >= 400:
        assert not records


@given(policies, cases)
def test_a_message_is_taken_only_with_a_fate_for_each_recipient(policy: dict[str, object], facts: Facts) -> None:
    judgement = judged_under(policy, facts)

    _, records = carried_out(facts, judgement)

    if judgement.reply.code < 300:
        edited = parse_control_file(control_of(facts.envelope) + records, "C1").recipients
        given, added = edited[: len(facts.envelope.recipients)], edited[len(facts.envelope.recipients) :]
        assert [one.done for one in given] == [
            one.destiny is not Destiny.PASS or one.replaced_by is not None for one in judgement.recipients
        ]
        replaced = [one.replaced_by for one in judgement.recipients if one.replaced_by is not None]
        assert [one.recipient.address for one in added] == [*replaced, *judgement.added_recipients]
        assert len(replaced) == len(set(replaced))


@given(policies, cases)
def test_what_a_destiny_of_a_message_says_holds_for_its_recipients(policy: dict[str, object], facts: Facts) -> None:
    judgement = judged_under(policy, facts)

    each = {one.destiny for one in judgement.recipients}
    match judgement.destiny:
        case Destiny.PASS:
            assert Destiny.PASS in each
            assert not each & {Destiny.REJECT, Destiny.TEMPFAIL}
        case Destiny.REJECT:
            assert each <= {Destiny.REJECT, Destiny.DISCARD}
        case Destiny.TEMPFAIL:
            assert Destiny.TEMPFAIL in each
        case _:
            assert each <= {Destiny.BOUNCE, Destiny.DISCARD}
            assert judgement.destiny in each


@given(policies, cases)
def test_observing_everything_lets_every_message_pass_to_everybody(policy: dict[str, object], facts: Facts) -> None:
    observed = replace(facts, envelope=replace(facts.envelope, observe=True))

    judgement = judged_under(policy, observed)

    assert {(one.destiny, one.replaced_by) for one in judgement.recipients} == {(Destiny.PASS, None)}
    assert (judgement.reply.code, judgement.added_recipients) == (200, ())
