"""The program couriergate-shim: run it, or check its settings."""

import argparse
import os
import sys
from pathlib import Path

from shim import __version__
from shim.daemon import Mode, find_mode, run
from shim.filter_socket import SocketError
from shim.log_line import Level, log
from shim.restart import RestartError, restart
from shim.settings import DEFAULT_PATH, SettingsError, load_settings, read_token

OK, FAILED = 0, 1


def main() -> int:
    """Run the command line; started without arguments by courierfilter, it is ``run``."""
    arguments = _parser().parse_args(sys.argv[1:] or (["run"] if find_mode() is Mode.COURIERFILTER else []))
    try:
        return int(arguments.command(arguments))
    except SettingsError as error:
        log(Level.ERROR, event="settings refused", problem=error)
    except SocketError as error:
        log(Level.ERROR, event="not started", problem=error)
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
    _command(commands, "check", "say whether the settings can be used").set_defaults(command=_check)
    working = commands.add_parser("worker")  # the parent's own business: no help
    working.add_argument("--listener", type=int, required=True)
    working.set_defaults(command=_work)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=what.capitalize() + ".")
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
    try:
        restart(settings.filter_directory / settings.socket_name)
    except RestartError as error:
        print(f"couriergate-shim: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    return OK


def _work(arguments: argparse.Namespace) -> int:
    from shim.worker import run_worker  # noqa: PLC0415 (httpx takes a while; only workers need it)

    run_worker(arguments.listener)
    os._exit(OK)  # nothing is left to write, and Python would take 80 ms to clear away what it imported


def _check(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments.config)
    read_token(settings)
    print(f"settings can be used: filter socket {settings.filter_directory / settings.socket_name},")  # noqa: T201
    print(f"scanners {', '.join(settings.scanners)}")  # noqa: T201
    return OK


if __name__ == "__main__":
    sys.exit(main())
