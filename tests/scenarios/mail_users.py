"""The recipients of the mail host: alice, bob, and a crowd of 300 who share one Maildir."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_HOMES = Path("/run/home")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One home with a Maildir, and the system users who get their mail there."""

    name: str
    uid: int
    users: tuple[str, ...]

    @property
    def home(self) -> Path:
        return _HOMES / self.name

    @property
    def maildir(self) -> Path:
        return self.home / "Maildir"


CROWD = tuple(f"u{number:03}" for number in range(1, 301))
MAILBOXES = {
    mailbox.name: mailbox
    for mailbox in (
        Mailbox("alice", 20001, ("alice",)),
        Mailbox("bob", 20002, ("bob",)),
        Mailbox("crowd", 20003, CROWD),
    )
}
_PASSWORDS = "alice:wonder\n"


def add_mail_users() -> None:
    """Make the system users and their Maildirs; an own loop, as useradd would take seconds for the crowd."""
    for mailbox in MAILBOXES.values():
        _append(Path("/etc/passwd"), [_passwd_line(mailbox, user) for user in mailbox.users])
        _append(Path("/etc/shadow"), [f"{user}:*:19000::::::" for user in mailbox.users])
        _append(Path("/etc/group"), [f"{mailbox.name}:x:{mailbox.uid}:"])
        _make_maildir(mailbox)
    subprocess.run(["/usr/sbin/chpasswd"], input=_PASSWORDS, text=True, check=True)


def empty_maildirs() -> None:
    for mailbox in MAILBOXES.values():
        for file in mailbox.maildir.glob("*/*"):
            file.unlink()


def _passwd_line(mailbox: Mailbox, user: str) -> str:
    return f"{user}:x:{mailbox.uid}:{mailbox.uid}::{mailbox.home}:/bin/sh"


def _append(file: Path, lines: list[str]) -> None:
    """Add entries, in place of those that the machine may have under the same names."""
    names = {line.partition(":")[0] for line in lines}
    kept = [line for line in file.read_text().splitlines() if line.partition(":")[0] not in names]
    file.write_text("\n".join([*kept, *lines, ""]))


def _make_maildir(mailbox: Mailbox) -> None:
    for name in ("tmp", "new", "cur"):
        (mailbox.maildir / name).mkdir(parents=True)
    for directory in (mailbox.home, mailbox.maildir, *mailbox.maildir.iterdir()):
        os.chown(directory, mailbox.uid, mailbox.uid)
        directory.chmod(0o700)
