"""``doctor``: say in plain words what is wrong with the filtering of this host, and what to do about it."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from shim.courier_checks import (
    check_courier_settings,
    check_courierfilter,
    check_directory,
    check_enabled,
    check_limits,
    check_link,
    check_observe,
    check_order,
    check_other_sockets,
    check_pause,
    check_secrets,
    check_socket,
    filters_before,
)
from shim.courier_config import courier_me, smtp_address
from shim.diagnosis import Finding, Level
from shim.mail_host import Host, host_of
from shim.probe import ProbeError, probe_file, probe_senders
from shim.probe_checks import SMTP_SECONDS, ProbeSender, probe_findings
from shim.scanner_checks import Look, findings_on, look_at
from shim.settings import (
    Settings,
    SettingsError,
    parse_settings,
    read_settings_text,
    read_token,
    salvage_settings,
)
from shim.tls import tls_context
from verdict_api.printable import printable

_CHECKS = (
    check_socket,
    check_link,
    check_courierfilter,
    check_directory,
    check_enabled,
    check_other_sockets,
    check_order,
    check_pause,
    check_observe,
    check_secrets,
    check_courier_settings,
)
_MONITOR_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_UNKNOWN = 3


def run_doctor(settings_path: Path | None, *, with_probes: bool, as_json: bool) -> int:
    """Examine this host, say what was found, and return the exit status: 1 if there is a problem."""
    findings = []
    for finding in examine(settings_path, with_probes=with_probes):
        findings.append(finding)
        if not as_json:
            print(render_line(finding), flush=True)  # noqa: T201
    print(render_json(findings) if as_json else render_count(findings))  # noqa: T201
    return int(any(one.level is Level.PROBLEM for one in findings))


def run_monitor(settings_path: Path | None, *, with_probes: bool) -> int:
    """Examine this host for a monitoring system: one line, and its exit status."""
    try:
        status, line = render_monitor(list(examine(settings_path, with_probes=with_probes)))
    except Exception as error:  # noqa: BLE001 (what could not be looked at is unknown, neither fine nor wrong)
        status, line = render_unknown(f"doctor itself failed: {type(error).__name__}: {error}")
    print(line)  # noqa: T201
    return status


def examine(settings_path: Path | None, *, with_probes: bool) -> Iterator[Finding]:
    """Yield one finding after the other; nothing here changes anything, and nobody gets a probe."""
    settings, problem = _settings(settings_path)
    yield problem or Finding(Level.OK, "settings", "can be used")
    host = host_of(settings)
    worst = Level.PROBLEM if problem else Level.OK
    for check in _CHECKS:
        for finding in _guarded(check, host):
            worst = max(worst, finding.level)
            yield finding
    if problem:
        return  # no mail is scanned until the settings are mended; which scanners are meant, nobody knows
    looks = _look_at_scanners(settings)
    yield from findings_on(looks)
    yield from check_limits(host, [look.max_message_bytes for look in looks if look.max_message_bytes])
    if with_probes:
        yield from _probe(host, worst)


def render_line(finding: Finding) -> str:
    """Return one finding as a line."""
    advice = f". Do: {finding.advice}" if finding.advice else ""
    return printable(f"{finding.level.word:<8} {finding.check}: {finding.saw}{advice}")


def render_count(findings: Sequence[Finding]) -> str:
    """Return how many there are of what needs doing."""
    problems, warnings = (sum(one.level is level for one in findings) for level in (Level.PROBLEM, Level.WARNING))
    return f"problems: {problems}, warnings: {warnings}"


def render_json(findings: Sequence[Finding]) -> str:
    """Return them as one JSON object."""
    return json.dumps(
        {
            "findings": [
                {
                    "level": one.level.word,
                    "check": one.check,
                    "saw": one.saw,
                    "advice": one.advice,
                    "milliseconds": one.milliseconds,
                }
                for one in findings
            ]
        },
        indent=2,
    )


def render_monitor(findings: Sequence[Finding]) -> tuple[int, str]:
    """Return exit status and line of a monitoring plugin: the worst first, then how long the clean probe took."""
    worst = sorted((one for one in findings if one.level >= Level.WARNING), key=lambda one: -one.level)
    status = max(0, worst[0].level - 1) if worst else 0
    said = "; ".join(f"{one.check}: {one.saw}" for one in worst) or "mail is filtered"
    times = [f"probe={one.milliseconds:.0f}ms" for one in findings if one.milliseconds is not None]
    return status, _monitor_line(status, said) + (f" | {' '.join(times)}" if times else "")


def render_unknown(reason: str) -> tuple[int, str]:
    """Return status and line of a monitoring plugin that could not look."""
    return _UNKNOWN, _monitor_line(_UNKNOWN, reason)


def _monitor_line(status: int, said: str) -> str:
    return printable(f"COURIERGATE {_MONITOR_WORDS[status]} - {said.replace('|', '/')}")  # what follows a | is data


def _settings(path: Path | None) -> tuple[Settings, Finding | None]:
    """Return the settings; where they are refused, what the running shim makes of them, and what is wrong."""
    text = ""
    try:
        text, where = read_settings_text(path)
        return parse_settings(text, where), None
    except SettingsError as error:
        settings = salvage_settings(text)
        then = "lets all mail pass unscanned" if settings.observe else "answers 451 to all mail"
        finding = Finding(
            Level.PROBLEM,
            "settings",
            f"{error}; a shim that starts with them {then}",
            "mend them, then send SIGHUP to the shim's parent process",
        )
        return settings, finding


def _look_at_scanners(settings: Settings) -> list[Look]:
    """Ask as the shim does: with its token and its certificate."""
    try:
        token, tls = read_token(settings), tls_context(settings)
    except SettingsError:
        return []  # check_secrets told of it
    return [look_at(endpoint, token, tls) for endpoint in settings.scanners]


def _guarded(check: Callable[[Host], Iterator[Finding]], host: Host) -> Iterator[Finding]:
    """Yield what a check finds; what cannot be looked at is a warning, never fine."""
    try:
        yield from check(host)
    except OSError as error:
        yield Finding(
            Level.WARNING,
            "check",
            f"cannot look: {error}",
            "run doctor as root" if isinstance(error, PermissionError) else "",
        )


def _probe(host: Host, worst: Level) -> Iterator[Finding]:
    if worst is Level.PROBLEM:
        yield Finding(Level.NOTE, "probe", "not sent: with a problem named above, postmaster might get it")
        return
    me = courier_me(host.configuration)
    sender = ProbeSender(smtp_address(host.configuration), me, host.settings.deadline_seconds + SMTP_SECONDS)
    group = host.socket.stat().st_gid if os.geteuid() == 0 else None
    try:
        with probe_senders(probe_file(host.socket), me, group) as new_address:
            yield from probe_findings(sender, new_address, filters_before(host), observe=host.settings.observe)
    except ProbeError as error:
        yield Finding(Level.WARNING, "probe", f"not sent: {error}", "run doctor as root, one at a time")
