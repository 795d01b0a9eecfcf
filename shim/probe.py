"""Probes: test messages of ``couriergate-shim doctor``, judged like any other and delivered to nobody.

The sender address carries a signature, good for one message, made with a secret that lies beside the filter socket
while doctor runs. Only a sender that looks like a probe's costs a look at that file.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from shim import filter_reply
from verdict_api.envelope import Envelope
from verdict_api.smtp_reply import SmtpReply
from verdict_api.verdict import Decision

PREFIX = "couriergate-probe-"
SECRET_AGE_SECONDS = 300.0
_SECRET_DIGITS = 32
_SENDER = re.compile(rf"{PREFIX}([0-9a-f]{{16}})-([0-9a-f]{{16}})@.*", re.DOTALL)


class ProbeError(Exception):
    """No probe can be sent now; the message says why."""


def probe_file(socket_path: Path) -> Path:
    """Return where the secret of the probes through this filter socket lies; submit ignores names with a dot."""
    return socket_path.with_name(f".{socket_path.name}.probe")


@contextmanager
def probe_senders(file: Path, host: str, group_id: int | None) -> Iterator[Callable[[], str]]:
    """Leave a secret for the workers, and yield what makes a new sender address for each probe.

    Raises:
        ProbeError: somebody else is probing, or the secret cannot be left there.
    """
    secret = secrets.token_hex(_SECRET_DIGITS // 2)
    try:
        descriptor = _create(file)
    except OSError as error:
        raise ProbeError(f"{file}: cannot be written: {error.strerror}") from error
    try:
        if group_id is not None:
            os.fchown(descriptor, -1, group_id)
        os.write(descriptor, secret.encode("ascii"))
        yield lambda: _new_sender(secret, host)
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


class Probes:
    """What one worker knows of probes: the secret of the last one, and which were seen."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._secret = ""
        self._seen: set[str] = set()

    def mark(self, envelope: Envelope) -> Envelope:
        """Return the envelope; marked, if its sender is a probe's, not seen before. All else is ordinary mail."""
        found = _SENDER.fullmatch(envelope.sender) if envelope.sender.startswith(PREFIX) else None
        if found is None or not self._is_new(found[1], found[2]):
            return envelope
        return replace(envelope, probe=True)

    def _is_new(self, nonce: str, signature: str) -> bool:
        secret = _read_secret(self._file)
        if secret is None or not hmac.compare_digest(signature, _sign(secret, nonce)):
            return False
        if secret != self._secret:
            self._secret, self._seen = secret, set()
        is_new = nonce not in self._seen
        self._seen.add(nonce)
        return is_new


def reply_to_probe(verdict: Decision) -> SmtpReply:
    """Return what a probe is answered: a refusal as it is, and what would pass a 4xx, so that nobody gets it.

    Where only observe mode lets it pass, the 4xx says what it would be without.
    """
    if verdict.reply.code >= 300:
        return verdict.reply
    if verdict.would_be is None or verdict.would_be.reply.code < 300:
        return filter_reply.PROBE_PASSED
    said = filter_reply.PROBE_OBSERVED
    return replace(said, text=f"{said.text} {verdict.would_be.reply}")


def _create(file: Path) -> int:
    """Make the file and lock it: the kernel lets go of the lock of a doctor that was killed."""
    with contextlib.suppress(FileNotFoundError):
        before = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(before, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ProbeError(f"{file}: somebody else is probing") from error
        finally:
            os.close(before)
        file.unlink()
    # O_EXCL: the directory belongs to Courier's user, and root must not follow what lies there.
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    os.fchmod(descriptor, 0o640)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _read_secret(file: Path) -> str | None:
    """Return the secret, if root or we ourselves left it there lately."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid in (0, os.geteuid())
        if not is_ours or abs(time.time() - status.st_mtime) > SECRET_AGE_SECONDS:
            return None
        secret = os.read(descriptor, _SECRET_DIGITS + 1).decode("ascii", "replace")
    finally:
        os.close(descriptor)
    return secret if re.fullmatch(rf"[0-9a-f]{{{_SECRET_DIGITS}}}", secret) else None


def _new_sender(secret: str, host: str) -> str:
    nonce = secrets.token_hex(8)
    return f"{PREFIX}{nonce}-{_sign(secret, nonce)}@{host}"  # 51 bytes before the @; RFC 5321 §4.5.3.1.1 has 64


def _sign(secret: str, nonce: str) -> str:
    return hmac.digest(secret.encode("ascii"), f"{PREFIX}{nonce}".encode("ascii"), hashlib.sha256).hex()[:16]
