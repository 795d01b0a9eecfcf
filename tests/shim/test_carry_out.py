"""A verdict on real files: whole and durable, or an error and nothing half done."""

import contextlib
import hashlib
import os
import re
import resource
import stat
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim import filter_reply
from shim.carry_out import ReadControlFile, VerdictNotCarriedOutError, carry_out, changes_nothing
from shim.control_file import envelope_of, parse_control_file
from shim.spool import SpoolError, SpoolFile, read_control_file
from tests.fakes.courier_queue import MESSAGE, CourierQueue, control_file
from tests.fakes.descriptors import open_descriptors
from tests.fakes.verdicts import CLEAN_REPLY, VIRUS_REPLY, verdict_on
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Destiny, HeaderAction, HeaderEdit, RecipientVerdict, Verdict

REPOSITORY = Path(__file__).parents[2]
LATER = SmtpReply(451, "4.3.0", "Try again later")
TWO = control_file(recipients=[b"alice@test.example", b"bob@test.example"])
OTHER = control_file(recipients=[b"carol@test.example"])
TEAM = control_file(recipients=[b"team@test.example", b"dave@test.example"]) + b"I0 R 250 Ok\nS0 1795360470 r\n"
FIELD = b"X-Couriergate: checked\n"
EDITS = (
    HeaderEdit(HeaderAction.REMOVE, "X-Couriergate"),
    HeaderEdit(HeaderAction.ADD, "X-Couriergate", "checked"),
)
KEPT_BACK = "I{0} R 250 Ok - kept back by the mail filter.\nS{0} {1}\n"
PASS, DISCARD, BOUNCE = Destiny.PASS, Destiny.DISCARD, Destiny.BOUNCE


@dataclass(frozen=True, slots=True)
class Mail:
    """One message in Courier's directory."""

    data: Path
    control_paths: tuple[Path, ...]

    def read_control_files(self) -> list[ReadControlFile]:
        return [
            ReadControlFile(bytes(path), parse_control_file(read_control_file(bytes(path)), str(path)))
            for path in self.control_paths
        ]

    def verdict(self, *destinies: Destiny, edits: tuple[HeaderEdit, ...] = ()) -> Verdict:
        """Return a verdict with these destinies, in order; a single one is for all."""
        envelope = envelope_of([one.file for one in self.read_control_files()], "", 0, lambda _: True)
        verdict = verdict_on(envelope)
        if len(destinies) == 1:
            destinies *= len(verdict.recipients)
        return replace(
            verdict,
            destiny=PASS if PASS in destinies else destinies[0],
            recipients=tuple(
                replace(one, destiny=destiny, reply=VIRUS_REPLY if destiny is BOUNCE else CLEAN_REPLY)
                for one, destiny in zip(verdict.recipients, destinies, strict=True)
            ),
            header_edits=edits,
        )

    def carry_out(self, verdict: Verdict) -> SmtpReply:
        with SpoolFile(bytes(self.data)) as message:
            return carry_out(verdict, message, self.read_control_files())

    def state(self) -> dict[str, tuple[int, int, int, bytes]]:
        """Return all there is to see of all files in the directory."""
        return {
            path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes())
            for path in self.data.parent.iterdir()
        }


def _put(directory: Path, message: bytes = MESSAGE, *control_files: bytes) -> Mail:
    request = CourierQueue(directory).put(message, *(control_files or (TWO, OTHER)))
    data, *controls = (Path(os.fsdecode(line)) for line in request.split(b"\n") if line)
    for path in (data, *controls):
        os.utime(path, (1, 1))
    return Mail(data, tuple(controls))


def _without_times(records: bytes) -> str:
    """Return appended records with NOW for each time, which has to be now."""
    text = records.decode()
    for moment in re.findall(r"^[SF]\d+ (\d+)$", text, re.MULTILINE):
        assert abs(int(moment) - time.time()) < 600
    return re.sub(r"^([SF]\d+) \d+$", r"\1 NOW", text, flags=re.MULTILINE)


def _appended(before: bytes, path: Path) -> str:
    after = path.read_bytes()
    assert after.startswith(before)
    return _without_times(after.removeprefix(before))


def test_a_pass_without_edits_leaves_the_files_alone(tmp_path: Path) -> None:
    mail = _put(tmp_path)
    before = mail.state()
    verdict = mail.verdict(PASS)

    reply = mail.carry_out(verdict)

    assert reply == verdict.reply
    assert changes_nothing(verdict)
    assert mail.state() == before


def test_an_edit_that_does_not_apply_leaves_the_files_alone(tmp_path: Path) -> None:
    mail = _put(tmp_path)
    before = mail.state()

    mail.carry_out(mail.verdict(PASS, edits=EDITS[:1]))

    assert mail.state() == before


@pytest.mark.parametrize(
    ("reply", "destiny"), [(VIRUS_REPLY, Destiny.REJECT), (LATER, Destiny.TEMPFAIL)], ids=["reject", "tempfail"]
)
def test_a_refusal_is_only_told_since_submit_deletes_the_files(
    tmp_path: Path, reply: SmtpReply, destiny: Destiny
) -> None:
    mail = _put(tmp_path)
    before = mail.state()
    verdict = replace(mail.verdict(destiny, edits=EDITS), reply=reply, added_recipients=("eve@test.example",))

    assert mail.carry_out(verdict) == reply
    assert not changes_nothing(verdict)
    assert mail.state() == before


def test_a_discard_ends_each_recipient_by_its_index_in_its_own_file(tmp_path: Path) -> None:
    mail = _put(tmp_path, MESSAGE, TWO, OTHER)
    inodes = [path.stat().st_ino for path in mail.control_paths]

    reply = mail.carry_out(mail.verdict(DISCARD, edits=EDITS))

    assert reply == filter_reply.OK
    assert _appended(TWO, mail.control_paths[0]) == KEPT_BACK.format(0, "NOW") + KEPT_BACK.format(1, "NOW")
    assert _appended(OTHER, mail.control_paths[1]) == KEPT_BACK.format(0, "NOW")
    assert [path.stat().st_ino for path in mail.control_paths] == inodes
    assert mail.data.read_bytes() == MESSAGE
    assert all(one.done for read in mail.read_control_files() for one in read.file.recipients)


@pytest.mark.parametrize(
    ("destinies", "first", "second"),
    [
        ((DISCARD, PASS, PASS), KEPT_BACK.format(0, "NOW"), ""),
        ((PASS, DISCARD, PASS), KEPT_BACK.format(1, "NOW"), ""),
        ((PASS, PASS, DISCARD), "", KEPT_BACK.format(1, "NOW")),
        ((DISCARD, PASS, DISCARD), KEPT_BACK.format(0, "NOW"), KEPT_BACK.format(1, "NOW")),
    ],
)
def test_some_are_discarded_and_who_was_done_is_skipped(
    tmp_path: Path, destinies: tuple[Destiny, ...], first: str, second: str
) -> None:
    mail = _put(tmp_path, MESSAGE, TWO, TEAM)
    before = mail.state()
    verdict = mail.verdict(*destinies)

    reply = mail.carry_out(verdict)

    assert reply == verdict.reply
    assert not changes_nothing(verdict)
    assert [_appended(TWO, mail.control_paths[0]), _appended(TEAM, mail.control_paths[1])] == [first, second]
    for path, record in zip(mail.control_paths, (first, second), strict=True):
        assert (mail.state()[path.name] == before[path.name]) is (not record)


def test_a_bounce_fails_the_recipient_with_the_reply(tmp_path: Path) -> None:
    mail = _put(tmp_path, MESSAGE, TWO)

    reply = mail.carry_out(mail.verdict(PASS, BOUNCE))

    assert reply == CLEAN_REPLY
    assert _appended(TWO, mail.control_paths[0]) == f"I1 R {VIRUS_REPLY}\nF1 NOW\n"


def test_a_replaced_recipient_is_done_and_the_other_comes_into_the_same_file(tmp_path: Path) -> None:
    mail = _put(tmp_path, MESSAGE, TWO, OTHER)
    verdict = mail.verdict(PASS)
    first, *others = verdict.recipients
    verdict = replace(verdict, recipients=(replace(first, replaced_by="alice+spam@test.example"), *others))

    mail.carry_out(verdict)

    assert not changes_nothing(verdict)
    assert _appended(TWO, mail.control_paths[0]) == (KEPT_BACK.format(0, "NOW") + "ralice+spam@test.example\nR\nNN\n")
    assert mail.control_paths[1].read_bytes() == OTHER


def test_added_recipients_come_once_at_the_end_of_the_last_file(tmp_path: Path) -> None:
    mail = _put(tmp_path, MESSAGE, TWO, OTHER)
    verdict = replace(mail.verdict(PASS, PASS, DISCARD), added_recipients=("eve@test.example", "\udcfc@x"))

    mail.carry_out(verdict)

    assert mail.control_paths[0].read_bytes() == TWO
    after = mail.control_paths[1].read_bytes()
    assert after.endswith(b"reve@test.example\nR\nNN\nr\xfc@x\nR\nNN\n")
    assert after.count(b"\nS0 ") == 1


def test_who_is_added_gets_the_edited_message_though_nobody_else_does(tmp_path: Path) -> None:
    mail = _put(tmp_path)
    verdict = replace(mail.verdict(DISCARD, edits=EDITS), added_recipients=("quarantine@test.example",))

    mail.carry_out(verdict)

    assert mail.data.read_bytes() == FIELD + MESSAGE


@pytest.mark.parametrize("cut", [0, 1])
def test_a_record_begins_on_a_line_of_its_own(tmp_path: Path, cut: int) -> None:
    before = TWO + b"S0 1795360470\n"
    mail = _put(tmp_path, MESSAGE, before[: len(before) - cut])

    mail.carry_out(mail.verdict(DISCARD))

    assert _appended(before, mail.control_paths[0]) == KEPT_BACK.format(1, "NOW")


def _is_replaced(one: RecipientVerdict) -> RecipientVerdict:
    return replace(one, replaced_by="eve@test.example")


def test_who_stands_in_for_another_gets_the_edited_message(tmp_path: Path) -> None:
    mail = _put(tmp_path)
    verdict = mail.verdict(PASS, edits=EDITS)

    mail.carry_out(replace(verdict, recipients=tuple(_is_replaced(one) for one in verdict.recipients)))

    assert mail.data.read_bytes() == FIELD + MESSAGE


MESSAGES = {
    "usual": MESSAGE,
    "without a final newline": MESSAGE.rstrip(b"\n"),
    "without an empty line": b"Subject: x\nFrom: s@remote.example\n",
    "without any newline": b"Subject: x",
    "without a header": b"\nHello.\n",
    "without a body": b"Subject: x\n\n",
    "empty": b"",
    "8-bit and CR": b"Subject: \xfc\xff\r\n\r\nHello.\r\n\xe4\r\r\n\0\x80\n",
    "fields of ours in the body": b"Subject: x\n\nX-Couriergate: clean\n",
    "long": b"Subject: x\n\n" + bytes(range(256)) * 4096,
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_header_edit_keeps_every_other_byte(tmp_path: Path, message: bytes) -> None:
    mail = _put(tmp_path, message)
    inode = mail.data.stat().st_ino

    reply = mail.carry_out(mail.verdict(PASS, edits=EDITS))

    after = mail.data.read_bytes()
    assert reply == CLEAN_REPLY
    assert after[: len(FIELD)] == FIELD
    assert hashlib.sha256(after[len(FIELD) :]).digest() == hashlib.sha256(message).digest()
    assert mail.data.stat().st_ino != inode
    assert [path.read_bytes() for path in mail.control_paths] == [TWO, OTHER]
    assert len(list(tmp_path.iterdir())) == 3


def test_forged_fields_leave_the_file(tmp_path: Path) -> None:
    mail = _put(tmp_path, b"Received: x\nx-couriergate: clean\n and\n more\n" + MESSAGE)

    mail.carry_out(mail.verdict(PASS, edits=EDITS))

    assert mail.data.read_bytes() == FIELD + b"Received: x\n" + MESSAGE


@given(message=st.binary(max_size=300))
def test_any_message_only_gets_our_field(tmp_path_factory: pytest.TempPathFactory, message: bytes) -> None:
    mail = _put(tmp_path_factory.mktemp("queue"), message)

    mail.carry_out(mail.verdict(PASS, edits=EDITS[1:]))

    assert mail.data.read_bytes() == FIELD + message


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_the_new_file_can_be_read_by_submit_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    mail = _put(tmp_path)
    verdict = mail.verdict(PASS, edits=EDITS)

    mask_before = os.umask(mask)
    try:
        mail.carry_out(verdict)
    finally:
        os.umask(mask_before)

    assert stat.S_IMODE(mail.data.stat().st_mode) == 0o660


def test_a_leftover_of_an_earlier_try_is_overwritten(tmp_path: Path) -> None:
    mail = _put(tmp_path)
    (tmp_path / "D1.couriergate").write_bytes(b"old" * 1000)

    mail.carry_out(mail.verdict(PASS, edits=EDITS))

    assert mail.data.read_bytes() == FIELD + MESSAGE
    assert len(list(tmp_path.iterdir())) == 3


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    mail = _put(tmp_path)
    before = len(open_descriptors())

    mail.carry_out(mail.verdict(PASS, DISCARD, PASS, edits=EDITS))

    assert len(open_descriptors()) == before


REJECT, TEMPFAIL = Destiny.REJECT, Destiny.TEMPFAIL
CONTRADICTIONS = [
    (CLEAN_REPLY, (REJECT, REJECT, REJECT)),
    (CLEAN_REPLY, (PASS, PASS, REJECT)),
    (CLEAN_REPLY, (PASS, TEMPFAIL, DISCARD)),
    (LATER, (PASS, PASS, PASS)),
    (LATER, (DISCARD, DISCARD, DISCARD)),
    (LATER, (REJECT, REJECT, REJECT)),
    (LATER, (PASS, BOUNCE, REJECT)),
    (VIRUS_REPLY, (PASS, PASS, PASS)),
    (VIRUS_REPLY, (DISCARD, DISCARD, DISCARD)),
    (VIRUS_REPLY, (REJECT, REJECT, PASS)),
    (VIRUS_REPLY, (REJECT, BOUNCE, DISCARD)),
    (VIRUS_REPLY, (REJECT, TEMPFAIL, REJECT)),
]


@pytest.mark.parametrize(("reply", "destinies"), CONTRADICTIONS)
def test_a_verdict_that_contradicts_itself_is_not_half_believed(
    tmp_path: Path, reply: SmtpReply, destinies: tuple[Destiny, ...]
) -> None:
    mail = _put(tmp_path)
    before = mail.state()

    with pytest.raises(VerdictNotCarriedOutError, match="verdict contradicts itself: reply "):
        mail.carry_out(replace(mail.verdict(*destinies, edits=EDITS), reply=reply))

    assert mail.state() == before


@pytest.mark.parametrize("destiny", [DISCARD, BOUNCE, REJECT, TEMPFAIL])
def test_only_a_recipient_who_gets_the_message_can_be_replaced(tmp_path: Path, destiny: Destiny) -> None:
    mail = _put(tmp_path)
    before = mail.state()
    reply = {REJECT: VIRUS_REPLY, TEMPFAIL: LATER}.get(destiny, CLEAN_REPLY)
    verdict = mail.verdict(destiny)
    replaced = tuple(_is_replaced(one) for one in verdict.recipients)

    with pytest.raises(VerdictNotCarriedOutError, match=f"{destiny} for a recipient who is replaced"):
        mail.carry_out(replace(verdict, reply=reply, recipients=replaced))

    assert mail.state() == before


def _bad_field(verdict: Verdict) -> Verdict:
    return replace(verdict, header_edits=(HeaderEdit(HeaderAction.ADD, "X-Couriergate", "a\nBcc: b"),))


def _bad_name(verdict: Verdict) -> Verdict:
    return replace(verdict, header_edits=(HeaderEdit(HeaderAction.REMOVE, "X:Y"),))


def _bad_added(verdict: Verdict) -> Verdict:
    return replace(verdict, added_recipients=("eve@test.example", "a@x\nS0"))


def _added_without_bytes(verdict: Verdict) -> Verdict:
    return replace(verdict, added_recipients=("\ud800@x",))


def _bad_replacement(verdict: Verdict) -> Verdict:
    first, *others = verdict.recipients
    return replace(verdict, recipients=(*others, replace(first, destiny=PASS, replaced_by="a@x\nrb@x")))


@pytest.mark.parametrize("spoil", [_bad_field, _bad_name, _bad_added, _added_without_bytes, _bad_replacement])
def test_what_cannot_be_written_stops_all_of_the_verdict(tmp_path: Path, spoil: Callable[[Verdict], Verdict]) -> None:
    mail = _put(tmp_path)
    before = mail.state()
    verdict = spoil(mail.verdict(DISCARD, PASS, BOUNCE, edits=EDITS))

    with pytest.raises(VerdictNotCarriedOutError):
        mail.carry_out(verdict)

    assert mail.state() == before


def _folder_in_the_way(mail: Mail) -> None:
    (mail.data.parent / "D1.couriergate").mkdir()


def _link_in_the_way(mail: Mail) -> None:
    (mail.data.parent / "D1.couriergate").symlink_to(mail.control_paths[0])


def _folder_instead_of_the_message(mail: Mail) -> None:
    mail.data.unlink()
    mail.data.mkdir()


def _shorter_message(mail: Mail) -> None:
    os.truncate(mail.data, mail.data.stat().st_size - 1)


@pytest.mark.parametrize(
    "spoil", [_folder_in_the_way, _link_in_the_way, _folder_instead_of_the_message, _shorter_message]
)
def test_no_control_file_is_touched_when_the_header_cannot_be_written(
    tmp_path: Path, spoil: Callable[[Mail], None]
) -> None:
    mail = _put(tmp_path)
    verdict = mail.verdict(DISCARD, PASS, BOUNCE, edits=EDITS)
    control_files = mail.read_control_files()

    with SpoolFile(bytes(mail.data)) as message:
        spoil(mail)
        open_before = len(open_descriptors())
        with pytest.raises(SpoolError, match="D1"):
            carry_out(verdict, message, control_files)

        assert len(open_descriptors()) == open_before
    assert [path.read_bytes() for path in mail.control_paths] == [TWO, OTHER]
    assert not (tmp_path / "D1.couriergate").is_file()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("make", "problem"), [(None, "No such file"), (Path.mkdir, "Is a directory")])
def test_a_control_file_that_cannot_be_appended_to_is_an_error(
    tmp_path: Path, number: int, make: Callable[[Path], None] | None, problem: str
) -> None:
    mail = _put(tmp_path)
    verdict = mail.verdict(DISCARD)
    control_files = mail.read_control_files()
    path = mail.control_paths[number]
    path.unlink()
    if make is not None:
        make(path)

    with (
        SpoolFile(bytes(mail.data)) as message,
        pytest.raises(SpoolError, match=f"^{path}: cannot append: {problem}"),
    ):
        carry_out(verdict, message, control_files)

    assert path.exists() is (make is not None)


# In a process of its own, whose files may not grow beyond so many bytes: what a full disk does to a write.
LIMITED = """
import resource, sys
from pathlib import Path
from shim.spool import SpoolError
from tests.shim.test_carry_out import BOUNCE, DISCARD, EDITS, PASS, Mail

data, *controls = map(Path, sys.argv[3:])
mail = Mail(data, tuple(controls))
verdict = mail.verdict(DISCARD, PASS, BOUNCE, edits=EDITS if sys.argv[2] else ())
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
try:
    mail.carry_out(verdict)
except SpoolError as error:
    sys.exit(f"SpoolError: {error}")
"""


def _carry_out_limited(mail: Mail, limit: int, *, with_edits: bool) -> str:
    command = [
        sys.executable,
        "-c",
        LIMITED,
        str(limit),
        "x" * with_edits,
        *map(str, (mail.data, *mail.control_paths)),
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    return done.stderr


@pytest.mark.parametrize("limit", [0, 10, 60, 100_000])
def test_a_write_that_stops_in_the_new_message_leaves_the_old_one(tmp_path: Path, limit: int) -> None:
    mail = _put(tmp_path, MESSAGE + b"x" * 200_000)
    before = mail.state()

    said = _carry_out_limited(mail, limit, with_edits=True)

    assert said == f"SpoolError: {mail.data}.couriergate: cannot write: File too large\n"
    assert mail.state() == before


@pytest.mark.parametrize(("room", "problem"), [(10, "wrote 10 of "), (0, "cannot append: File too large")])
def test_a_record_that_is_not_written_whole_is_an_error(tmp_path: Path, room: int, problem: str) -> None:
    mail = _put(tmp_path)

    said = _carry_out_limited(mail, len(TWO) + room, with_edits=False)

    assert said.startswith(f"SpoolError: {mail.control_paths[0]}: {problem}")
    assert mail.control_paths[1].read_bytes() == OTHER


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a message, but not for two."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk_leaves_the_message_as_it_was(small_disk: Path) -> None:
    mail = _put(small_disk, MESSAGE + b"x" * 32_000)
    before = mail.state()

    with pytest.raises(SpoolError, match="couriergate: cannot write: No space left on device"):
        mail.carry_out(mail.verdict(DISCARD, PASS, BOUNCE, edits=EDITS))

    assert mail.state() == before


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x")


def test_a_full_disk_at_a_record_is_an_error(small_disk: Path) -> None:
    room = resource.getpagesize()
    mail = _put(small_disk, MESSAGE, TWO + b"Z" * (room - len(TWO) - 1) + b"\n", OTHER)
    _fill(small_disk / "filler")

    with pytest.raises(SpoolError, match="cannot append: No space left on device"):
        mail.carry_out(mail.verdict(DISCARD))


def test_a_big_message_is_not_held_in_memory(tmp_path: Path) -> None:
    mail = _put(tmp_path, MESSAGE)
    with mail.data.open("ab") as file:
        for _ in range(20):
            file.write(os.urandom(2**20))
    digest = _digest(mail.data, 0)
    verdict = mail.verdict(PASS, edits=EDITS)

    tracemalloc.start()
    try:
        mail.carry_out(verdict)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2 * 2**20
    assert _digest(mail.data, len(FIELD)) == digest


def _digest(path: Path, offset: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.file_digest(file, "sha256").hexdigest()
