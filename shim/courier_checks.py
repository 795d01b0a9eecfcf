"""Doctor's checks of Courier's files and sockets: does mail come to our filter, and what else is on its way?"""

import os
import re
import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from shim.courier_config import filtered_sources, shell_value, size_limit
from shim.diagnosis import Finding, Level
from shim.mail_host import Host, is_answered, is_served
from shim.pause import PauseError, pause_in_force, pause_path
from shim.running_parent import NobodyServesError, find_parent
from shim.settings import SettingsError, read_token
from shim.tls import tls_context


def check_socket(host: Host) -> Iterator[Finding]:
    """The switch of everything: without it Courier passes all mail."""
    check = "filter socket"
    if not os.path.lexists(host.socket):
        yield Finding(
            Level.PROBLEM,
            check,
            f"there is no {host.socket}: Courier passes all mail unfiltered",
            "couriergate-shim install, or courierfilter stop; courierfilter start",
        )
        return
    if not is_answered(host.socket):
        yield Finding(
            Level.PROBLEM,
            check,
            f"nobody answers behind {host.socket}: Courier answers 432 to all mail",
            "courierfilter stop; courierfilter start; or start couriergate-shim",
        )
        return
    yield Finding(Level.OK, check, f"{host.socket} is answered")
    yield from _check_rights(host)


def _check_rights(host: Host) -> Iterator[Finding]:
    check, group = "rights of the socket", host.settings.group
    said = _rights(host.socket)
    if said.endswith(f":{group} 0660"):
        yield Finding(Level.OK, check, said)
    else:
        yield Finding(
            Level.PROBLEM,
            check,
            f"want group {group} and 0660, got {said}: mail handed in by sendmail is answered 432",
            f"chgrp {group} {host.socket}; chmod 660 {host.socket}",
        )


def _rights(path: Path) -> str:
    status = path.stat()
    try:
        names = f"{path.owner()}:{path.group()}"
    except KeyError:
        names = f"{status.st_uid}:{status.st_gid}"
    return f"{names} {stat.S_IMODE(status.st_mode):04o}"


def check_link(host: Host) -> Iterator[Finding]:
    """Courierfilter removes sockets whose name is not in ``active``, at its start and with each ``filterctl``."""
    check = "link in active"
    if not os.path.lexists(host.link):
        yield Finding(
            Level.PROBLEM,
            check,
            f"there is no {host.link}: the next filterctl, or start of courierfilter, removes the filter socket, "
            "and mail passes unfiltered",
            "couriergate-shim install",
        )
    elif not host.link.exists():
        yield Finding(
            Level.PROBLEM,
            check,
            f"{host.link} leads nowhere: courierfilter takes the filter for removed",
            "couriergate-shim install",
        )
    else:
        yield Finding(Level.OK, check, f"{host.link} leads to {host.link.resolve()}")


def check_courierfilter(host: Host) -> Iterator[Finding]:
    """Without it submit still asks the sockets that are there; but nobody starts filters at the next boot."""
    process = host.courierfilter()
    if process is None:
        yield Finding(Level.WARNING, "courierfilter", "does not run", "systemctl start courierfilter")
    else:
        yield Finding(Level.OK, "courierfilter", f"runs as process {process}")


def check_directory(host: Host) -> Iterator[Finding]:
    """``filters`` is not for us, and a twin there is asked, too."""
    directory = host.settings.filter_directory
    if directory.name == "filters":
        yield Finding(
            Level.PROBLEM,
            "filter directory",
            f"Courier asks sockets in {directory} about almost no mail",
            f'filter_directory = "{directory.with_name("allfilters")}" in the settings',
        )
    twin = directory.with_name("filters") / host.settings.socket_name
    if directory.name == "allfilters" and os.path.lexists(twin):
        yield Finding(
            Level.WARNING,
            "twin socket",
            f"{twin} has the name of our socket: Courier may ask about a message twice",
            f"rm {twin}",
        )


def check_enabled(host: Host) -> Iterator[Finding]:
    """Which mail Courier asks its filters about."""
    check, file = "enablefiltering", host.configuration / "enablefiltering"
    sources = filtered_sources(host.configuration)
    if not sources:
        yield Finding(
            Level.PROBLEM,
            check,
            f"the first line of {file} says nothing, and only that counts: no mail is filtered",
            f"echo esmtp > {file}",
        )
        return
    if "esmtp" not in sources:
        yield Finding(
            Level.PROBLEM,
            check,
            f"{file} has {' '.join(sources)}: mail that comes by SMTP is not filtered",
            "add esmtp to its first line",
        )
    else:
        yield Finding(Level.OK, check, f"{' '.join(sources)}")
    if "dsn" in sources:
        yield Finding(
            Level.WARNING,
            check,
            "dsn: a refused bounce stays in Courier's queue and is tried again and again",
            f"take dsn out of {file}",
        )
    if "local" not in sources:
        yield Finding(Level.NOTE, check, "mail handed in by sendmail on this host is not filtered; `local` would")


def check_other_sockets(host: Host) -> Iterator[Finding]:
    """Any file in ``allfilters`` is a filter to submit; one that nobody serves blocks all mail."""
    for path in _filters(host):
        if path == host.socket:
            continue
        if not path.is_socket():
            yield Finding(
                Level.PROBLEM, "stray file", f"{path} is no socket: Courier answers 432 to all mail", f"rm {path}"
            )
        elif not is_served(path):
            yield Finding(
                Level.PROBLEM,
                "dead filter",
                f"nobody listens on {path}: Courier answers 432 to all mail",
                f"start {path.name} again, or filterctl stop {path.name}; rm -f {path}",
            )


def check_order(host: Host) -> Iterator[Finding]:
    """Filters are asked one after the other, in byte order of their names."""
    check, names = "order of filters", [path.name for path in _filters(host)]
    if len(names) > 1:
        yield Finding(Level.NOTE, check, ", ".join(names))
    for name in filters_before(host):
        if "dkim" in name:
            yield Finding(
                Level.WARNING,
                check,
                f"{name} signs before us: what we change in the header then, its signature does not know",
                f"choose a socket_name that sorts before {name}",
            )
        else:
            yield Finding(Level.NOTE, check, f"{name} is asked before us: if it answers 0xx, we are not asked")


def filters_before(host: Host) -> list[str]:
    """Return the names of the filters that are asked before ours."""
    ours = os.fsencode(host.settings.socket_name)
    return [path.name for path in _filters(host) if os.fsencode(path.name) < ours]


def _filters(host: Host) -> list[Path]:
    names = [name for name in os.listdir(host.settings.filter_directory) if not name.startswith(".")]  # noqa: PTH208
    return [host.settings.filter_directory / name for name in sorted(names, key=os.fsencode)]


def check_pause(host: Host) -> Iterator[Finding]:
    """Somebody may have told the filter to let mail pass."""
    try:
        pause = pause_in_force(pause_path(host.socket))
    except PauseError as error:
        yield Finding(Level.WARNING, "pause", str(error))
        return
    if pause:
        until = datetime.fromtimestamp(pause.until).astimezone().isoformat(sep=" ", timespec="seconds")
        yield Finding(
            Level.PROBLEM, "pause", f"mail passes unscanned until {until}", "couriergate-shim resume to end that"
        )


def check_observe(host: Host) -> Iterator[Finding]:
    """Somebody may have forgotten that the filter only looks on."""
    if host.settings.observe:
        yield Finding(
            Level.WARNING,
            "observe mode",
            "on: nothing is refused, and everybody gets his mail, viruses too",
            "read would_be= in the mail log, and when you have seen enough: couriergate-shim install --no-observe",
        )


def check_limits(host: Host, service_limits: list[int]) -> Iterator[Finding]:
    """Courier's size limit should bite first: it answers before the whole message was sent to us."""
    row = [("Courier's", size_limit(host.configuration)), ("the shim's", host.settings.max_message_bytes)]
    row += [("the service's", min(service_limits))] if service_limits else []
    said = ", ".join(f"{whose} {size or 'none'}" for whose, size in row)
    smallest, first = min((size, whose) for whose, size in row if size)
    if first == "Courier's":
        yield Finding(Level.OK, "size limits", f"{said}: {first} bites first")
    else:
        yield Finding(
            Level.WARNING,
            "size limits",
            f"{said}: {first} bites first, and too_big decides about mail above it",
            f"raise it, or echo {smallest} > {host.configuration / 'sizelimit'}",
        )


def check_courier_settings(host: Host) -> Iterator[Finding]:
    """Settings of Courier that people look for in the filter."""
    bofh = re.search(r"^\s*maxrcpts\s+(\d+)", _text(host.configuration / "bofh"), re.MULTILINE)
    recipients = bofh[1] if bofh else "100"
    yield Finding(Level.NOTE, "recipients", f"Courier accepts {recipients} for a message (maxrcpts in bofh)")
    batch = _text(host.configuration / "batchsize").strip() or "100"
    yield Finding(Level.NOTE, "batchsize", f"{batch} recipients for a queue id; a message for more has several")
    if shell_value(host.configuration / "esmtpd", "NOADDRREWRITE") in ("", "0"):
        yield Finding(
            Level.NOTE,
            "NOADDRREWRITE",
            "is not set: Courier rewrites From before we see it, and a DKIM signature may not verify then",
        )
    blocked = shell_value(host.configuration / "courierd", "ESMTP_BLOCKBACKSCATTER")
    if blocked:
        yield Finding(
            Level.NOTE,
            "ESMTP_BLOCKBACKSCATTER",
            f"{blocked}: bounces of that mail are dropped, not sent to strangers",
        )


def check_secrets(host: Host) -> Iterator[Finding]:
    """The shim serves as another user than root, and must be able to read what the settings name."""
    try:
        read_token(host.settings)
        tls_context(host.settings)
    except SettingsError as error:
        yield Finding(Level.PROBLEM, "secret", str(error), "mend the file, or the settings")
        return
    settings = host.settings
    for file in (settings.token_file, settings.tls_ca, settings.tls_certificate, settings.tls_key):
        if file is not None:
            yield _check_secret(host, file)


def _check_secret(host: Host, file: Path) -> Finding:
    try:
        readable = _may_read(find_parent(host.socket), file)
    except NobodyServesError:
        return Finding(Level.WARNING, "secret", f"{file}: nobody serves who would read it")
    if readable:
        return Finding(Level.OK, "secret", f"{file} can be read by the shim")
    return Finding(
        Level.PROBLEM,
        "secret",
        f"{file} cannot be read by the shim's user",
        f"chgrp {host.settings.group} {file}; chmod 640 {file}",
    )


def _may_read(process: int, file: Path) -> bool:
    """Whether the rights of a file and of the directories above let a process read it."""
    said = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    (user,) = re.findall(r"^Uid:\t\d+\t(\d+)", said, re.MULTILINE)
    ids = re.findall(r"^(?:Gid:\t\d+\t(\d+)|Groups:\t(.*)$)", said, re.MULTILINE)
    groups = {int(number) for pair in ids for number in " ".join(pair).split()}
    if user == "0":
        return True

    def may(path: Path, right: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == int(user) else 3 if status.st_gid in groups else 0
        return bool(status.st_mode >> shift & right)

    return may(file, 4) and all(may(directory, 1) for directory in file.resolve().parents)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
