"""The program couriergate-shim: run it, put it before a Courier MTA, or see how it fares there."""

import argparse
import os
import re
import signal
import sys
from datetime import datetime
from pathlib import Path

from shim import __version__
from shim.daemon import Mode, ModeError, find_mode, run
from shim.filter_socket import SocketError
from shim.log_line import Level, log
from shim.pause import LONGEST_SECONDS, PauseError, begin_pause, end_pause, pause_path
from shim.restart import RestartError, restart
from shim.running_parent import NobodyServesError, signal_parent
from shim.settings import DEFAULT_PATH, SettingsError, load_settings, read_settings_text, read_token, salvage_settings

OK, FAILED = 0, 1


def main() -> int:
    """Run the command line; started without arguments by courierfilter, it is ``run``."""
    arguments = _parser().parse_args(sys.argv[1:] or (["run"] if find_mode() is Mode.COURIERFILTER else []))
    try:
        return int(arguments.command(arguments))
    except (SettingsError, SocketError, ModeError, NobodyServesError, PauseError, RestartError) as error:
        if arguments.command is _run:  # its standard error is the log
            log(Level.ERROR, event="not started", problem=error)
        else:
            print(f"couriergate-shim: {error}", file=sys.stderr)  # noqa: T201
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="couriergate-shim",
        description="Hand every message of a Courier mail server to a Couriergate scanning service.",
        epilog="Exit status: 0 done, 1 refused or failed, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"couriergate-shim {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    running = _command(commands, "run", "serve the filter socket until told to stop")
    running.add_argument(
        "--mode",
        type=Mode,
        choices=list(Mode),
        help="who started it; found out from descriptors 0 and 3 when not given",
    )
    running.set_defaults(command=_run)
    _command(commands, "restart", "execute the running shim anew, without a refused mail").set_defaults(
        command=_restart
    )
    pausing = _command(commands, "pause", "let all mail pass unscanned and marked for a while: the panic button")
    pausing.add_argument(
        "--for",
        dest="seconds",
        type=_duration,
        required=True,
        metavar="TIME",
        help="how long, as in 90s, 30m or 2h; at most 24h",
    )
    pausing.set_defaults(command=_pause)
    _command(commands, "resume", "end a pause: mail is scanned again").set_defaults(command=_resume)
    _command(commands, "check", "say whether the settings can be used").set_defaults(command=_check)
    _add_host_commands(commands)
    working = commands.add_parser("worker")  # the parent's own business: no help
    working.add_argument("--listener", type=int, required=True)
    working.set_defaults(command=_work)
    return parser


def _add_host_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    install = _command(commands, "install", "put the filter before this host's Courier, step by step")
    install.add_argument(
        "--standalone", action="store_true", help="for a filter that systemd runs, not courierfilter"
    )
    install.add_argument(
        "--observe",
        action=argparse.BooleanOptionalAction,
        help="switch observe mode on, in which nothing is refused, or off again; it stays as it is when not given",
    )
    install.set_defaults(command=_install)
    uninstall = _command(commands, "uninstall", "take the filter out again; mail is not filtered from then on")
    uninstall.set_defaults(command=_uninstall)
    for command in (install, uninstall):
        command.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    doctor = _command(commands, "doctor", "say what is wrong with the filtering of this host, and what to do")
    doctor.add_argument("--no-probe", action="store_true", help="send no test messages")
    doctor.add_argument("--monitor", action="store_true", help="one line and exit status for Nagios or Icinga")
    doctor.set_defaults(command=_doctor)
    for command in (install, uninstall, doctor):
        command.add_argument("--json", action="store_true", help="print data")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    command.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings (default {DEFAULT_PATH}, if it is there)"
    )
    return command


def _run(arguments: argparse.Namespace) -> int:
    run(arguments.config, arguments.mode or find_mode())
    return OK


def _restart(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    read_token(settings)
    restart(settings.socket_path)
    return OK


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([smh])", text)
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"want a time such as 90s, 30m or 2h, at most 24h, got {text!r}")
    return float(seconds)


def _pause(arguments: argparse.Namespace) -> int:
    socket_path = _socket_path(arguments.config)
    pause = begin_pause(pause_path(socket_path), arguments.seconds)
    until = datetime.fromtimestamp(pause.until).astimezone().isoformat(sep=" ", timespec="seconds")
    print(f"all mail passes unscanned and marked until {until}; to end that: couriergate-shim resume")  # noqa: T201
    signal_parent(socket_path, signal.SIGUSR1)
    return OK


def _resume(arguments: argparse.Namespace) -> int:
    socket_path = _socket_path(arguments.config)
    end_pause(pause_path(socket_path))
    print("mail is scanned again")  # noqa: T201
    signal_parent(socket_path, signal.SIGUSR1)
    return OK


def _socket_path(settings_path: Path | None) -> Path:
    """Return where the filter socket is; also of broken settings, for that is when a pause is needed."""
    try:
        return load_settings(settings_path).socket_path
    except SettingsError as error:
        print(f"couriergate-shim: {error}", file=sys.stderr)  # noqa: T201
        return salvage_settings(read_settings_text(settings_path)[0]).socket_path


def _work(arguments: argparse.Namespace) -> int:
    from shim.worker import run_worker  # noqa: PLC0415 (httpx takes a while; only workers need it)

    run_worker(arguments.listener)
    os._exit(OK)  # nothing is left to write, and Python would take 80 ms to clear away what it imported


def _check(arguments: argparse.Namespace) -> int:
    from shim.tls import tls_context  # noqa: PLC0415 (the parent needs no OpenSSL)

    settings = load_settings(arguments.config)
    read_token(settings)
    tls_context(settings)
    print(f"settings can be used: filter socket {settings.socket_path},")  # noqa: T201
    print(f"scanners {', '.join(settings.scanners)}")  # noqa: T201
    if settings.observe:
        print("observe mode is on: nothing is refused")  # noqa: T201
    return OK


def _install(arguments: argparse.Namespace) -> int:
    from shim.install import run_install  # noqa: PLC0415 (the daemon needs none of this)

    return run_install(
        arguments.config,
        standalone=arguments.standalone,
        observe=arguments.observe,
        dry_run=arguments.dry_run,
        as_json=arguments.json,
    )


def _uninstall(arguments: argparse.Namespace) -> int:
    from shim.install import run_uninstall  # noqa: PLC0415

    return run_uninstall(arguments.config, dry_run=arguments.dry_run, as_json=arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    from shim.doctor import run_doctor, run_monitor  # noqa: PLC0415

    if arguments.monitor:
        return run_monitor(arguments.config, with_probes=not arguments.no_probe)
    return run_doctor(arguments.config, with_probes=not arguments.no_probe, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
