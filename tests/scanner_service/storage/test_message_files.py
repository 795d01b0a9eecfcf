"""Messages that were kept: exact bytes back, whole or not at all, whatever the disk does."""

import asyncio
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner_service.model.mail_id import new_mail_id
from scanner_service.storage.message_files import (
    BEGUN,
    KeptMessageDamagedError,
    MessageFiles,
    MessageNotKeptError,
    NoSuchMessageError,
)
from tests.scanner_service.real_spam_engines import skip_without

ID = "b7kQ2sX9aLmP"
RAW = b"Subject: infected\r\n\r\n" + bytes(range(256)) * 40
FACTS = {"sender": "caf\udce9@example.net", "recipients": ["b@example.com"], "notice_due": True}
KILLS = 60
PROGRAM = (sys.executable, "-m", "tests.scanner_service.storage.keeping_program")

T = TypeVar("T")


def with_files(directory: Path, do: Callable[[MessageFiles], Awaitable[T]], limit_seconds: float = 20) -> T:
    async def run() -> T:
        files = MessageFiles(directory, limit_seconds)
        try:
            return await do(files)
        finally:
            files.close()

    return asyncio.run(run())


def keep(directory: Path, mail_id: str = ID, raw: bytes = RAW) -> None:
    with_files(directory, lambda files: files.keep(mail_id, raw, FACTS))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files_below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_a_kept_message_comes_back_to_the_byte_with_its_facts(tmp_path: Path) -> None:
    keep(tmp_path / "quarantine")

    kept = with_files(tmp_path / "quarantine", lambda files: files.read(ID))

    assert (kept.mail_id, kept.raw, kept.facts) == (ID, RAW, FACTS)


def test_two_files_lie_in_a_folder_of_their_first_letters_for_owner_and_group_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        keep(tmp_path / "quarantine")
    finally:
        os.umask(umask)

    assert files_below(tmp_path) == [f"quarantine/b7/{ID}.eml.zst", f"quarantine/b7/{ID}.json"]
    assert {mode_of(path) for path in (tmp_path / "quarantine/b7").iterdir()} == {0o640}
    assert {mode_of(tmp_path / name) for name in ("quarantine", "quarantine/b7")} == {0o750}
    assert (tmp_path / f"quarantine/b7/{ID}.eml.zst").stat().st_size < len(RAW)


@given(raw=st.binary(max_size=3000))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    directory, mail_id = tmp_path_factory.getbasetemp() / "any", new_mail_id()

    keep(directory, mail_id, raw)

    assert with_files(directory, lambda files: files.read(mail_id)).raw == raw


@pytest.mark.parametrize(
    "mail_id",
    ["", "b7", "../../../etc1", "b7/../../etcX", "b7kQ2sX9aLm-", "b7kQ2sX9aLmPP", "b7kQ2sX9aLm\n", "é7kQ2sX9aLmP"],
)
def test_what_is_no_mail_id_leads_nowhere(tmp_path: Path, mail_id: str) -> None:
    with pytest.raises(MessageNotKeptError, match="want a mail id"):
        keep(tmp_path, mail_id)

    with pytest.raises(NoSuchMessageError, match="want a mail id"):
        with_files(tmp_path, lambda files: files.read(mail_id))
    assert list(tmp_path.iterdir()) == []


def test_a_message_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(NoSuchMessageError, match=f"no message {ID} is kept"):
        with_files(tmp_path / "quarantine", lambda files: files.read(ID))


def test_a_kept_message_is_never_overwritten(tmp_path: Path) -> None:
    keep(tmp_path)

    with pytest.raises(MessageNotKeptError, match="kept already"):
        keep(tmp_path, raw=b"another")

    assert with_files(tmp_path, lambda files: files.read(ID)).raw == RAW


def _flip_a_byte(message: Path, facts: Path) -> None:
    packed = bytearray(message.read_bytes())
    packed[len(packed) // 2] ^= 1
    message.write_bytes(packed)


def _cut(message: Path, facts: Path) -> None:
    os.truncate(message, message.stat().st_size - 5)


def _lose_the_message(message: Path, facts: Path) -> None:
    message.unlink()


def _empty_the_facts(message: Path, facts: Path) -> None:
    facts.write_bytes(b"")


def _name_another_digest(message: Path, facts: Path) -> None:
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"sha256": "0" * 64}))


def _name_a_later_layout(message: Path, facts: Path) -> None:
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"layout": 2}))


def _swap_in_another_size(message: Path, facts: Path) -> None:
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"size": 7}))


@pytest.mark.parametrize(
    "damage",
    [
        _flip_a_byte,
        _cut,
        _lose_the_message,
        _empty_the_facts,
        _name_another_digest,
        _name_a_later_layout,
        _swap_in_another_size,
    ],
)
def test_a_damaged_message_is_never_taken_for_the_one_that_was_kept(
    tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    keep(tmp_path)

    damage(tmp_path / f"b7/{ID}.eml.zst", tmp_path / f"b7/{ID}.json")

    with pytest.raises(KeptMessageDamagedError, match=f"{ID}.*want"):
        with_files(tmp_path, lambda files: files.read(ID))


def test_a_missing_state_directory_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(MessageNotKeptError, match=r"gone/quarantine: No such file or directory"):
        keep(tmp_path / "gone/quarantine")

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "quarantine").write_text("")

    with pytest.raises(MessageNotKeptError, match="Not a directory"):
        keep(tmp_path / "quarantine")


def test_a_disk_that_is_too_slow_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    raw = os.urandom(64 * 2**20)

    with pytest.raises(MessageNotKeptError, match=r"want it on the disk in 0\.01 s"):
        with_files(tmp_path, lambda files: files.keep(ID, raw, FACTS), limit_seconds=0.01)

    deadline = time.monotonic() + 30
    while files_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)  # the late thread tidies up
    assert files_below(tmp_path) == []


def test_the_askers_limit_holds_if_it_is_the_shorter_one(tmp_path: Path) -> None:
    with pytest.raises(MessageNotKeptError, match="want it on the disk in 0 s"):
        with_files(tmp_path, lambda files: files.keep(ID, RAW, FACTS, -3))


def test_a_large_message_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    raw = os.urandom(32 * 2**20)
    turns = 0

    async def keep_beside_others(files: MessageFiles) -> None:
        nonlocal turns
        keeping = asyncio.create_task(files.keep(ID, raw, FACTS))
        while not keeping.done():
            await asyncio.sleep(0.0005)
            turns += 1
        await keeping

    with_files(tmp_path, keep_beside_others)

    assert turns > 20


def programs_answers(directory: Path, *arguments: object, prefix: tuple[str, ...] = ()) -> list[str]:
    command = [*prefix, *PROGRAM, str(directory), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()[1:]


def test_a_file_that_may_not_grow_is_no_copy_and_leaves_nothing(tmp_path: Path) -> None:
    answers = programs_answers(tmp_path, 200_000, 2, 100_000)

    assert [answer.split(":")[-1] for answer in answers] == [" File too large"] * 2
    assert files_below(tmp_path) == []


IN_A_NAMESPACE = ("unshare", "--mount", "sh", "-c")


def test_a_full_disk_is_told_and_what_was_answered_stays_whole(tmp_path: Path) -> None:
    skip_without(shutil.which("unshare"), "util-linux")
    script = f'mount -t tmpfs -o size=2m none {tmp_path} && "$@" && cp -a {tmp_path} {tmp_path}.copy'

    answers = programs_answers(tmp_path / "quarantine", 300_000, 12, prefix=(*IN_A_NAMESPACE, script, "sh"))

    kept = [answer.removeprefix("kept ") for answer in answers if answer.startswith("kept ")]
    refused = [answer for answer in answers if not answer.startswith("kept ")]
    assert len(kept) == 6
    assert {answer.split(": ")[-1] for answer in refused} == {"No space left on device"}
    copies = Path(f"{tmp_path}.copy/quarantine")
    assert whole_messages(copies) == set(kept)
    assert len(files_below(copies)) == 2 * len(kept)


def test_a_disk_that_is_read_only_is_told(tmp_path: Path) -> None:
    skip_without(shutil.which("unshare"), "util-linux")
    script = f'mount -t tmpfs -o ro none {tmp_path} && "$@"'

    answers = programs_answers(tmp_path / "quarantine", 1000, 1, prefix=(*IN_A_NAMESPACE, script, "sh"))

    assert answers == [f"not kept {tmp_path}/quarantine: Read-only file system"]


def whole_messages(directory: Path) -> set[str]:
    """Read every message that has facts; return their ids."""
    mail_ids = {path.stem for path in directory.glob("??/*.json")}

    async def read_all(files: MessageFiles) -> None:
        for mail_id in mail_ids:
            await files.read(mail_id)

    with_files(directory, read_all)
    return mail_ids


def test_whatever_is_answered_is_whole_after_kills_at_random_points(tmp_path: Path) -> None:
    chance, answered = random.Random(1), set()

    for _ in range(KILLS):
        with subprocess.Popen(
            [*PROGRAM, str(tmp_path), "60000", "100000"], stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == "started\n"
            time.sleep(chance.random() * 0.08)
            program.kill()
            lines = program.stdout.read().splitlines(keepends=True)
        answered |= {line.split()[1] for line in lines if line.endswith("\n")}
    left = len(list((tmp_path / BEGUN).iterdir()))
    cleaned = with_files(tmp_path, lambda files: files.clean_up())

    assert len(answered) > KILLS
    assert 0 < cleaned <= left
    assert list((tmp_path / BEGUN).iterdir()) == []
    whole = whole_messages(tmp_path)
    assert answered <= whole
    assert {path.name.partition(".")[0] for path in tmp_path.glob("??/*")} == whole


def test_cleaning_up_leaves_alone_what_another_process_writes(tmp_path: Path) -> None:
    with subprocess.Popen([*PROGRAM, str(tmp_path), "200000", "80"], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        cleaned = 0
        while program.poll() is None:
            cleaned += with_files(tmp_path, lambda files: files.clean_up())
        lines = program.stdout.read().splitlines()[1:]

    kept = {line.removeprefix("kept ") for line in lines if line.startswith("kept ")}
    assert whole_messages(tmp_path) == kept  # one that met the cleaner before it had its lock was refused
    assert len(kept) >= 70
    assert len(files_below(tmp_path)) == 2 * len(kept)


def test_there_is_nothing_to_clean_up_before_the_first_message(tmp_path: Path) -> None:
    assert with_files(tmp_path / "quarantine", lambda files: files.clean_up()) == 0
