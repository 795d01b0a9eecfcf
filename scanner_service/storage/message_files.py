"""Messages that were kept from their recipients: for each a compressed file and a file of facts, whole or not at all.

The files are ours alone. The disk below them may be full, slow, gone or read-only, and the process may end at any
point: what was answered is there, and what was not answered leaves nothing that a later start does not clean up.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import zstandard

from scanner_service.model.mail_id import MAIL_ID

KEEP_SECONDS = 20.0  # for one message, the wait for a free writer included
WRITERS = 4  # a disk that hangs holds these threads, and none that others need
LAYOUT = 1  # of the file of facts
BEGUN = ".begun"  # the folder of what is not whole yet
_FOLDER_MODE = 0o750
_FILE_MODE = 0o640
_COMPRESSION_LEVEL = 3

T = TypeVar("T")


class MessageNotKeptError(Exception):
    """There is no copy: whoever was to lose the message must be told to try again."""


class NoSuchMessageError(LookupError):
    """No message of that id is kept."""


class KeptMessageDamagedError(Exception):
    """What lies there is not what was kept."""


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """The exact bytes that were kept, and what was known of them."""

    mail_id: str
    raw: bytes
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the files of one message are, and where they lie while they are written."""

    message: Path
    facts: Path
    begun_message: Path
    begun_facts: Path

    @classmethod
    def of(cls, directory: Path, mail_id: str) -> "_Places":
        folder, begun = directory / mail_id[:2], directory / BEGUN
        message, facts = f"{mail_id}.eml.zst", f"{mail_id}.json"
        return cls(folder / message, folder / facts, begun / message, begun / facts)


class MessageFiles:
    """The messages below one directory, which several processes may use at once.

    ``limit_seconds`` bounds each keeping and reading.
    """

    def __init__(self, directory: Path, limit_seconds: float = KEEP_SECONDS) -> None:
        self._directory = directory
        self._limit_seconds = limit_seconds
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="message-files")
        self._durable_folders: set[Path] = set()

    async def keep(
        self, mail_id: str, raw: bytes, facts: Mapping[str, object], limit_seconds: float = KEEP_SECONDS
    ) -> None:
        """Keep a message; it is on the disk when this returns.

        Raises:
            MessageNotKeptError: the disk is full, read-only, away or too slow, or the id is none or is taken.
        """
        seconds = max(0.0, min(limit_seconds, self._limit_seconds))
        try:
            places = self._places(mail_id)
        except NoSuchMessageError as error:
            raise MessageNotKeptError(str(error)) from error
        given_up = threading.Event()
        try:
            await self._in_thread(lambda: self._write(places, raw, facts, given_up), seconds)
        except TimeoutError as error:
            raise MessageNotKeptError(f"{places.message}: want it on the disk in {seconds:g} s, it is not") from error
        except OSError as error:
            raise MessageNotKeptError(f"{error.filename or places.message}: {error.strerror}") from error
        finally:
            given_up.set()  # a thread that is late puts nothing in place any more

    async def read(self, mail_id: str) -> KeptMessage:
        """Return what was kept.

        Raises:
            NoSuchMessageError: nothing is kept under that id.
            KeptMessageDamagedError: the files are not what was written.
            OSError: they cannot be read; a TimeoutError, if not in time.
        """
        places = self._places(mail_id)
        return await self._in_thread(lambda: _read(places, mail_id), self._limit_seconds)

    async def clean_up(self) -> int:
        """Remove what a process left that ended while it kept a message; return of how many messages.

        To be called at start. What other processes write at the moment stays.

        Raises:
            OSError: the directory cannot be looked through; a TimeoutError, if not in time.
        """
        return await self._in_thread(lambda: _clean_up(self._directory), self._limit_seconds)

    def close(self) -> None:
        """Begin nothing any more; what was begun may end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _places(self, mail_id: str) -> _Places:
        if not MAIL_ID.fullmatch(mail_id):
            raise NoSuchMessageError(f"want a mail id, 12 characters of A-Z, a-z, 0-9, - and _, got {mail_id[:40]!r}")
        return _Places.of(self._directory, mail_id)

    async def _in_thread(self, work: Callable[[], T], seconds: float) -> T:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _write(self, places: _Places, raw: bytes, facts: Mapping[str, object], given_up: threading.Event) -> None:
        """Write both files aside, then put them in place: that of the facts last, as it says that both are there."""
        for folder in (self._directory, places.begun_facts.parent, places.facts.parent):
            self._make_folder(folder)
        if places.facts.exists():
            raise FileExistsError(None, "a message of that id is kept already", str(places.facts))
        with _begin(places.begun_facts) as begun, _undone_unless_whole(places):
            # The lock tells a process that cleans up that somebody is at it.
            fcntl.flock(begun, fcntl.LOCK_EX | fcntl.LOCK_NB)
            compressor = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL, write_checksum=True)
            with _begin(places.begun_message) as message:
                _write_durably(message, compressor.compress(raw))
            _write_durably(begun, _facts_file(raw, facts))
            if given_up.is_set():
                raise TimeoutError("given up")
            places.begun_message.rename(places.message)
            places.begun_facts.rename(places.facts)
            _make_names_durable(places.facts.parent)

    def _make_folder(self, folder: Path) -> None:
        """Make the folder if it is not there; its name is on the disk then, whoever has made it."""
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=_FOLDER_MODE)
            self._durable_folders.discard(folder)
        if folder not in self._durable_folders:
            _make_names_durable(folder.parent)
            self._durable_folders.add(folder)


@contextlib.contextmanager
def _begin(path: Path) -> Iterator[int]:
    """Make a file that was not there; yield its descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    try:
        os.fchmod(descriptor, _FILE_MODE)  # whatever the umask
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _undone_unless_whole(places: _Places) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # In this order: a message without facts is nothing, facts without their message would be a lie.
        for path in (places.facts, places.message, places.begun_message, places.begun_facts):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def _write_durably(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _make_names_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _facts_file(raw: bytes, facts: Mapping[str, object]) -> bytes:
    digest = hashlib.sha256(raw).hexdigest()
    return json.dumps({"layout": LAYOUT, "sha256": digest, "size": len(raw), "facts": facts}).encode("ascii")


def _read(places: _Places, mail_id: str) -> KeptMessage:
    try:
        written = places.facts.read_bytes()
        packed = places.message.read_bytes()
    except FileNotFoundError as error:
        if places.facts.exists():
            raise KeptMessageDamagedError(f"{places.message}: want the message beside its facts, got none") from error
        raise NoSuchMessageError(f"no message {mail_id} is kept") from error
    digest, size, facts = _facts_of(places.facts, written)
    return KeptMessage(mail_id, _unpack(places.message, packed, digest, size), facts)


def _facts_of(path: Path, written: bytes) -> tuple[str, int, Mapping[str, object]]:
    try:
        fields = json.loads(written)
        layout, digest, size, facts = (fields[name] for name in ("layout", "sha256", "size", "facts"))
    except (ValueError, KeyError, TypeError) as error:
        raise KeptMessageDamagedError(f"{path}: want the facts of a message, got {written[:40]!r}") from error
    if layout != LAYOUT or not isinstance(digest, str) or not isinstance(size, int) or not isinstance(facts, dict):
        raise KeptMessageDamagedError(f"{path}: want layout {LAYOUT}, sha256, size and facts, got {written[:40]!r}")
    return digest, size, facts


def _unpack(path: Path, packed: bytes, digest: str, size: int) -> bytes:
    try:
        if zstandard.frame_content_size(packed) != size:
            raise KeptMessageDamagedError(f"{path}: want a message of {size} bytes, got another size")
        raw = zstandard.ZstdDecompressor().decompress(packed)
    except zstandard.ZstdError as error:
        raise KeptMessageDamagedError(f"{path}: want a whole zstd frame: {error}") from error
    if hashlib.sha256(raw).hexdigest() != digest:
        raise KeptMessageDamagedError(f"{path}: want the digest {digest}, got another")
    return raw


def _clean_up(directory: Path) -> int:
    try:
        names = sorted(path.name for path in (directory / BEGUN).iterdir())
    except FileNotFoundError:
        return 0
    mail_ids = {name.partition(".")[0] for name in names}
    return sum(_clean_up_one(_Places.of(directory, one)) for one in mail_ids if MAIL_ID.fullmatch(one))


def _clean_up_one(places: _Places) -> bool:
    """Remove what was begun, unless somebody is at it or has put it in place since; tell whether anything went."""
    try:
        descriptor = os.open(places.begun_facts, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        # It is made first and goes last, so nobody writes: it was put in place, or the disk lost it with the power.
        return _remove(places.begun_message)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if places.begun_facts.stat().st_ino != os.fstat(descriptor).st_ino:
            return False
        if not places.facts.exists():
            _remove(places.message)
        _remove(places.begun_message)
        return _remove(places.begun_facts)
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)


def _remove(path: Path) -> bool:
    """Remove a file; tell whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
