"""The program couriergate-scanner: serve, or check the settings."""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from scanner_service import __version__, engine_check
from scanner_service.http_protocol import BoundedHeaderProtocol
from scanner_service.inspector_choice import InspectorChoice, choose_inspectors
from scanner_service.listener import BACKLOG, ListenError, describe, open_listener
from scanner_service.main import build_app, refuse_open_listener
from scanner_service.policy_choice import choose_policies
from scanner_service.settings import DEFAULT_PATH, Settings, SettingsError, load_settings, read_token
from scanner_service.workers import Workers
from verdict_api.printable import printable

OK, FAILED = 0, 1
SWITCH_SECONDS = 0.0005
KEEP_ALIVE_SECONDS = 75  # longer than any client keeps an idle connection, so that it is the one to close it
DRAIN_SECONDS = 10


def main() -> int:
    """Run the command line."""
    arguments = _parser().parse_args()
    try:
        return int(arguments.command(arguments))
    except (SettingsError, ListenError) as error:
        print(f"couriergate-scanner: {error}", file=sys.stderr)  # noqa: T201
        return FAILED


def build_app_of_worker() -> FastAPI:
    """Return the application in a worker process, which finds the command line as its parent had it."""
    _outlive_hangups()
    arguments = _parser().parse_args()
    _remember_settings(arguments)
    return build_app(_settings(arguments), read_settings=lambda: _settings(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="couriergate-scanner",
        description="Judge messages over HTTP: decode them, look for viruses, answer a verdict.",
        epilog="Exit status: 0 done, 1 refused or failed, 2 wrong usage. Without settings it serves on "
        "127.0.0.1:8025 with its state in ./var and a demo engine that knows only the EICAR test file.",
    )
    parser.add_argument("--version", action="version", version=f"couriergate-scanner {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = _command(commands, "serve", "serve until told to stop")
    serving.add_argument("--host", help="listen on this address")
    serving.add_argument("--port", type=int, help="listen on this TCP port")
    serving.add_argument("--uds", metavar="PATH", help="listen on this unix socket instead")
    serving.add_argument("--workers", type=_at_least_one, default=1, metavar="N", help="processes (default 1)")
    serving.set_defaults(command=_serve)
    checking = _command(commands, "check", "say whether the settings can be used and the virus engines protect")
    checking.add_argument("--no-engines", action="store_true", help="look at the settings alone, ask no engine")
    checking.set_defaults(command=_check)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    command.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings (default {DEFAULT_PATH}, if it is there)"
    )
    return command


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"want at least 1, got {number}")
    return number


def _settings(arguments: argparse.Namespace) -> Settings:
    listen = {
        name: getattr(arguments, name)
        for name in ("host", "port", "uds")
        if getattr(arguments, name, None) is not None
    }
    if "uds" not in listen and listen:
        listen["uds"] = None  # TCP on the command line overrides a unix socket of the file
    return load_settings(arguments.config, listen)


def _remember_settings(arguments: argparse.Namespace) -> None:
    """Hold on to the file that is there at the start: at a reload, a missing one must not count as an empty one."""
    if arguments.config is None:
        with contextlib.suppress(PermissionError):  # which reading it says better
            arguments.config = DEFAULT_PATH if DEFAULT_PATH.exists() else None


def _serve(arguments: argparse.Namespace) -> int:
    # While a thread decodes, the event loop must get its turn: clamd waits for the rest of the message.
    sys.setswitchinterval(SWITCH_SECONDS)
    _outlive_hangups()
    _remember_settings(arguments)
    settings = _settings(arguments)
    app = build_app(settings, read_settings=lambda: _settings(arguments))
    listener = open_listener(settings.listen)
    print(f"couriergate-scanner: listening on {describe(settings.listen)}", file=sys.stderr, flush=True)  # noqa: T201
    config = uvicorn.Config(
        app if arguments.workers == 1 else "scanner_service.__main__:build_app_of_worker",
        factory=arguments.workers > 1,
        workers=arguments.workers,
        http=BoundedHeaderProtocol,
        log_config=None,
        access_log=False,
        # A forwarded address is what a client says of itself: nothing here may rest on it.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it has ended
        if arguments.workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
        else:
            Workers(config, [listener]).run()
    return OK


def _outlive_hangups() -> None:
    """Let no SIGHUP end the process before it is ready to reload."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _check(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    refuse_open_listener(settings)
    for token in settings.auth.tokens:
        read_token(token.file)
    choose_policies(settings)
    choice = choose_inspectors(settings)
    names = ", ".join(engine.name for engine in choice.engines)
    spam = f", spam engine {choice.spam.name}" if choice.spam else ""
    print(f"settings can be used: listens on {describe(settings.listen)}, virus engines {names}{spam}")  # noqa: T201
    if arguments.no_engines:
        return OK
    asyncio.run(engine_check.ask(choice.engines))
    for complaint in engine_check.complaints(choice.engines, settings.virus.signature_days):
        print(f"couriergate-scanner: {complaint}", file=sys.stderr)  # noqa: T201
    if problem := asyncio.run(_spam_problem(choice)):
        said = f"warning: no spam score: {problem}. Do: {engine_check.SPAM_ADVICE}"
        print(f"couriergate-scanner: {said}", file=sys.stderr)  # noqa: T201
    return OK if engine_check.is_well(choice.engines, choice.backups) else FAILED


async def _spam_problem(choice: InspectorChoice) -> str | None:
    """Ask the spam engine who it is; mail does without it, so this is no reason to refuse the settings."""
    if choice.spam is None:
        return None
    await choice.spam.refresh()
    for close in choice.closers:
        await close()
    return choice.spam.problem and printable(f"{choice.spam.name}: {choice.spam.problem}")


if __name__ == "__main__":
    sys.exit(main())
