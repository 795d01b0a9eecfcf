"""The recipients of the mail host: alice, bob, a crowd of 300 who share one Maildir, and one for spam."""

import base64
import os
import shutil
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
        Mailbox("spam", 20004, ("spam",)),
    )
}
_MAILDIR_PARTS = ("tmp", "new", "cur")
_PASSWORDS = {"alice": "wonder"}


def add_mail_users() -> None:
    """Make the system users and their Maildirs; an own loop, as useradd would take seconds for the crowd."""
    for mailbox in MAILBOXES.values():
        _append(Path("/etc/passwd"), [_passwd_line(mailbox, user) for user in mailbox.users])
        _append(Path("/etc/shadow"), [f"{user}:*:19000::::::" for user in mailbox.users])
        _append(Path("/etc/group"), [f"{mailbox.name}:x:{mailbox.uid}:"])
        _make_maildir(mailbox)
    passwords = "".join(f"{user}:{password}\n" for user, password in _PASSWORDS.items())
    subprocess.run(["/usr/sbin/chpasswd"], input=passwords, text=True, check=True)


def plain_login(user: str) -> str:
    """Return what the client of somebody who logs in sends behind AUTH PLAIN (RFC 4616)."""
    return base64.b64encode(f"\0{user}\0{_PASSWORDS[user]}".encode()).decode()


def empty_homes() -> None:
    """Leave empty Maildirs, and nothing that a scenario had their owners put beside them."""
    for mailbox in MAILBOXES.values():
        for file in mailbox.home.iterdir():
            if file != mailbox.maildir:
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        for entry in mailbox.maildir.iterdir():
            if entry.name not in _MAILDIR_PARTS:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for mail in mailbox.maildir.glob("*/*"):
            mail.unlink()


def write_home_file(mailbox: Mailbox, name: str, content: str) -> None:
    """Write a file into the home, as its owner would: nobody else may read it, which maildrop insists on."""
    file = mailbox.home / name
    file.write_text(content)
    os.chown(file, mailbox.uid, mailbox.uid)
    file.chmod(0o600)


def _passwd_line(mailbox: Mailbox, user: str) -> str:
    return f"{user}:x:{mailbox.uid}:{mailbox.uid}::{mailbox.home}:/bin/sh"


def _append(file: Path, lines: list[str]) -> None:
    """Add entries, in place of those that the machine may have under the same names."""
    names = {line.partition(":")[0] for line in lines}
    kept = [line for line in file.read_text().splitlines() if line.partition(":")[0] not in names]
    file.write_text("\n".join([*kept, *lines, ""]))


def _make_maildir(mailbox: Mailbox) -> None:
    for name in _MAILDIR_PARTS:
        (mailbox.maildir / name).mkdir(parents=True)
    for directory in (mailbox.home, mailbox.maildir, *mailbox.maildir.iterdir()):
        os.chown(directory, mailbox.uid, mailbox.uid)
        directory.chmod(0o700)
