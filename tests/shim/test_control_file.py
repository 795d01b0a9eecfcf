"""Control files as Courier 1.0.16 writes them, and as strangers would like them."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.control_file import ControlFile, ControlFileError, ControlRecipient, envelope_of, parse_control_file
from verdict_api.envelope import Client, Recipient
from verdict_api.json_codec import decode_envelope, encode_envelope

QUEUE_ID = "000000000016652A.000000006B0305D3.00004F36"
TIMES = "E1795965011\np1795389011\nW1795374611\n"
HEAD = f"ss@remote.example\nfdns; client.example ([::ffff:127.0.0.2])\ne\nt\nM{QUEUE_ID}\n"
ALICE = "ralice@test.example\nR\nN\n"
STRANGER = f"OTCPREMOTEIP=::ffff:127.0.0.2\nusmtp\n{TIMES}T\n"
LOCAL_HEAD = f"ss@test.example\nfdns; localhost (localhost [127.0.0.1])\ne\nt\nM{QUEUE_ID}\n"


@dataclass(frozen=True, slots=True)
class Sample:
    """A control file and what it says, where that is not what most of them say."""

    text: str
    sender: str = "s@remote.example"
    recipients: tuple[Recipient, ...] = (Recipient("alice@test.example"),)
    done: tuple[int, ...] = ()
    client: Client = field(default=Client("127.0.0.2", None, "client.example"))
    authenticated_user: str | None = None
    relay_client: bool = False
    source: str = "smtp"


SAMPLES = {
    "unauthenticated": Sample(HEAD + ALICE + STRANGER),
    "relay client, two recipients": Sample(
        HEAD + ALICE + "rbob@test.example\nR\nN\nORELAYCLIENT=\nOTCPREMOTEIP=::ffff:127.0.0.1\nuauthsmtp\n" + TIMES,
        recipients=(Recipient("alice@test.example"), Recipient("bob@test.example")),
        client=Client("127.0.0.1", None, "client.example"),
        relay_client=True,
        source="authsmtp",
    ),
    "authenticated": Sample(
        HEAD + ALICE + "ialice\nORELAYCLIENT=\nOTCPREMOTEIP=::ffff:127.0.0.2\nuauthsmtp\n" + TIMES,
        authenticated_user="alice",
        relay_client=True,
        source="authsmtp",
    ),
    "null sender": Sample(HEAD.replace("ss@remote.example", "s") + ALICE + STRANGER, sender=""),
    "DSN options": Sample(
        HEAD.replace("\ne\nt\n", "\neQQ314159\ntH\n")
        + "ralice@test.example\nROrig+addr@test.example\nNSFD\n"
        + STRANGER,
        recipients=(Recipient("alice@test.example", "Orig+addr@test.example", "SFD"),),
    ),
    "no DSN": Sample(
        HEAD + "ralice@test.example\nR\nNN\n" + STRANGER, recipients=(Recipient("alice@test.example", "", "N"),)
    ),
    "UTF-8 sender": Sample(
        HEAD.replace("ss@", "sza\u017c\u00f3\u0142\u0107@") + ALICE + "m\n" + STRANGER,
        sender="za\u017c\u00f3\u0142\u0107@remote.example",
    ),
    "8-bit body": Sample(HEAD + ALICE + "8\n" + STRANGER),
    "sendmail": Sample(
        LOCAL_HEAD + ALICE + "OTCPREMOTEIP=127.0.0.1\nulocal\n" + TIMES,
        sender="s@test.example",
        client=Client("127.0.0.1", "localhost", "localhost"),
        source="local",
    ),
    "alias with two members": Sample(
        HEAD
        + "ralice@test.example\nR\nNN\nrbob@test.example\nR\nNN\nrteam@test.example\nR\nNS\n"
        + "I2 R 250 Ok - delivered to alias.\nS2 1795360470 r\n"
        + STRANGER,
        recipients=(
            Recipient("alice@test.example", "", "N"),
            Recipient("bob@test.example", "", "N"),
            Recipient("team@test.example", "", "S"),
        ),
        done=(2,),
    ),
    "alias with one member": Sample(
        HEAD + "rbob@test.example\nRsolo@test.example\nN\n" + STRANGER,
        recipients=(Recipient("bob@test.example", "solo@test.example"),),
    ),
    "a DSN of Courier's own": Sample(
        LOCAL_HEAD.replace("ss@test.example", "s") + "L0\n" + ALICE + "usmtp/dsn\n" + TIMES,
        sender="",
        client=Client(None, "localhost", "localhost"),
        source="smtp/dsn",
    ),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_control_file_of_courier_is_read(sample: Sample) -> None:
    control_file = parse_control_file(sample.text.encode(), "C1")

    assert control_file == ControlFile(
        sender=sample.sender,
        queue_id=QUEUE_ID,
        recipients=tuple(
            ControlRecipient(index, recipient, index in sample.done)
            for index, recipient in enumerate(sample.recipients)
        ),
        client=sample.client,
        authenticated_user=sample.authenticated_user,
        relay_client=sample.relay_client,
        source=sample.source,
    )


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_missing_last_line_feed_and_unknown_letters_change_nothing(sample: Sample) -> None:
    whole = parse_control_file(sample.text.encode(), "C1")

    assert parse_control_file(sample.text.encode().removesuffix(b"\n"), "C1") == whole
    assert parse_control_file(b"\nQ\nvvirtual\n" + sample.text.encode() + b"USTARTTLS\n\xff\n", "C1") == whole


@pytest.mark.parametrize(
    ("value", "ip"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:0db8:0:0::0001", "2001:db8::1"),
        ("::1", "::1"),
        ("::192.0.2.1", "::c000:201"),
        ("", None),
        ("localhost", None),
        ("192.0.2.1 ", None),
        ("192.0.2.256", None),
        ("\u0661.2.3.4", None),
    ],
)
def test_the_clients_address_comes_in_its_plain_form(value: str, ip: str | None) -> None:
    control_file = parse_control_file(f"{HEAD}{ALICE}OTCPREMOTEIP={value}\n".encode(), "C1")

    assert control_file.client.ip == ip


@pytest.mark.parametrize(
    ("value", "helo", "name"),
    [
        ("dns; client.example ([::ffff:192.0.2.1])", "client.example", None),
        ("dns; client.example (mail.example [::ffff:192.0.2.1])", "client.example", "mail.example"),
        ("dns; [192.0.2.1] (mail.example [::ffff:192.0.2.1])", "[192.0.2.1]", "mail.example"),
        ("dns; [192.0.2.1] ([::ffff:192.0.2.1])", "[192.0.2.1]", None),
        ("dns; ([198.51.100.1]) (mail.example [192.0.2.1])", "([198.51.100.1])", "mail.example"),
        ("dns; a_(b_[c]) (mail.example [192.0.2.1])", "a_(b_[c])", "mail.example"),
        ("dns;  (mail.example [192.0.2.1])", None, "mail.example"),
        ("dns; client.example", "client.example", None),
        ("dns; ", None, None),
        ("", None, None),
        ("uucp; client", None, None),
    ],
)
def test_helo_and_name_come_out_of_the_received_from_record(value: str, helo: str | None, name: str | None) -> None:
    control_file = parse_control_file(f"ss\nf{value}\nMid\n{ALICE}".encode(), "C1")

    assert (control_file.client.helo, control_file.client.name) == (helo, name)


@pytest.mark.parametrize("sender", [b"caf\xe9@remote.example", b"\xff\xfe", b"\xc3\xa9\xe9", b"\xed\xa0\x80"])
def test_bytes_of_the_sender_that_are_not_utf_8_survive_the_wire(sender: bytes) -> None:
    control_file = parse_control_file(b"s" + sender + b"\nMid\n" + ALICE.encode(), "C1")

    envelope = decode_envelope(encode_envelope(envelope_of([control_file], "mx", 1, lambda _: False)))

    assert envelope.sender.encode("utf-8", "surrogateescape") == sender


def test_the_envelope_of_several_control_files_has_all_open_recipients_and_queue_ids() -> None:
    first = f"ss@remote.example\nM1.A.B\nr1@x\nR\nN\nr2@x\nRo@x\nNF\n{STRANGER}S0 1795360470 r\n"
    second = f"ss@remote.example\nM2.A.B\nr3@x\nR\nN\nr4@x\nR\nN\n{STRANGER}I1 R 550 no\nF1 1795360470\n"
    third = f"ss@remote.example\nM3.A.B\nr5@x\nR\nN\n{STRANGER}"

    envelope = envelope_of(
        [parse_control_file(one.encode(), "C") for one in (first, second, third)], "mx", 42, lambda _: False
    )

    assert envelope.recipients == (
        Recipient("2@x", "o@x", "F", local=False),
        Recipient("3@x", local=False),
        Recipient("5@x", local=False),
    )
    assert envelope.queue_id == "1.A.B"
    assert envelope.queue_ids == ("1.A.B", "2.A.B", "3.A.B")
    assert (envelope.host, envelope.message_size) == ("mx", 42)
    assert (envelope.sender, envelope.source, envelope.client.ip) == ("s@remote.example", "smtp", "127.0.0.2")


@pytest.mark.parametrize("record", ["S0 1795360470 r", "S0 1795360470", "S0", "F0 1795360470"])
def test_a_recipient_who_is_done_is_left_out(record: str) -> None:
    control_file = parse_control_file(f"{HEAD}{ALICE}rbob@test.example\nR\nN\n{record}\n".encode(), "C1")

    envelope = envelope_of([control_file], "mx", 1, lambda _: False)

    assert envelope.recipients == (Recipient("bob@test.example", local=False),)


def test_a_delivery_record_for_nobody_is_ignored() -> None:
    control_file = parse_control_file(f"{HEAD}{ALICE}S1 1795360470\nS999999999\n".encode(), "C1")

    assert [recipient.done for recipient in control_file.recipients] == [False]


def test_a_recipient_whom_an_earlier_filter_added_is_read_without_its_other_records() -> None:
    control_file = parse_control_file(f"{HEAD}ralice@x\nRo@x\nNF\nradded@x\n".encode(), "C1")

    assert [one.recipient for one in control_file.recipients] == [
        Recipient("alice@x", "o@x", "F"),
        Recipient("added@x"),
    ]


def test_the_last_sender_counts_as_it_does_for_delivery() -> None:
    control_file = parse_control_file(f"{HEAD}{ALICE}{STRANGER}schanged@test.example\n".encode(), "C1")

    assert control_file.sender == "changed@test.example"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "want a record s"),
        ("\n\n", "want a record s"),
        (f"M{QUEUE_ID}\n{ALICE}", r"want a record s \(sender\)"),
        (f"ss@remote.example\n{ALICE}", r"want a record M \(queue id\)"),
        (f"{HEAD}R\nN\n", "recipient for each R and N record"),
        (f"{HEAD}{ALICE}R\n", "recipient for each R and N record"),
        (f"{HEAD}{ALICE}N\n", "recipient for each R and N record"),
        (f"{HEAD}{ALICE}S\n", "line 9: want a recipient's index, got b''"),
        (f"{HEAD}{ALICE}Sx\n", "line 9: want a recipient's index, got b'x'"),
        (f"{HEAD}{ALICE}F-1 1795360470\n", "line 9: want a recipient's index"),
        (f"{HEAD}{ALICE}S0r 1795360470\n", "line 9: want a recipient's index"),
        (f"{HEAD}{ALICE}S{'9' * 5000}\n", "line 9: want a recipient's index"),
        (f"{HEAD}{ALICE}S\u0661 1\n", "line 9: want a recipient's index"),
    ],
)
def test_a_file_that_courier_would_not_write_is_refused_by_its_name(text: str, problem: str) -> None:
    with pytest.raises(ControlFileError, match=f"^/tmp/C1.*{problem}"):
        parse_control_file(text.encode(), "/tmp/C1")


_records = st.lists(
    st.tuples(st.sampled_from([b"s", b"M", b"r", b"R", b"N", b"S", b"F", b"f", b"O", b"i", b"u", b""]), st.binary())
).map(lambda records: b"\n".join(letter + value for letter, value in records))
_plausible = _records.map(lambda records: b"s\nMid\n" + records)


@given(st.binary() | _records | _plausible)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        control_file = parse_control_file(data, "C1")
    except ControlFileError:
        return

    envelope = envelope_of([control_file], "mx", 0, lambda _: False)
    assert len(envelope.recipients) == sum(not recipient.done for recipient in control_file.recipients)
    encode_envelope(envelope)
