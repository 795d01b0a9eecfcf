"""A courierfilter's life, from the start to the hand-over to the supervisor.

The socket comes first, before anything slow and whatever is wrong with the settings: without it Courier passes all
mail unfiltered. Source: ``filters/courierfilter.c``.
"""

import os
import socket
import stat
from enum import StrEnum
from pathlib import Path

from shim.filter_socket import open_filter_socket
from shim.log_line import Level, LogForm, log, set_log_form
from shim.privileges import become, find_group, find_user
from shim.settings import Settings, SettingsError, read_settings_text, salvage_settings
from shim.supervisor import Program, Supervisor, inherited_listener, read_instructions
from shim.worker_process import Instructions, log_form_of, log_reader, own_command, settings_of

READY_DESCRIPTOR = 3


class Mode(StrEnum):
    """Who started us: Courier's courierfilter, or somebody else (an init system, a person)."""

    COURIERFILTER = "courierfilter"
    STANDALONE = "standalone"


class ModeError(Exception):
    """The mode does not fit the way we were started; the message says what was wanted and what came."""


def find_mode() -> Mode:
    """Courierfilter gives two pipes: standard input, whose end means stop, and descriptor 3, to be closed."""
    if _is_pipe(0) and _is_pipe(READY_DESCRIPTOR):
        return Mode.COURIERFILTER
    return Mode.STANDALONE


def run(settings_path: Path | None, mode: Mode) -> None:
    """Serve until told to stop.

    Raises:
        SocketError: there can be no filter socket.
        ModeError: in courierfilter mode, nothing could tell us to stop.
    """
    if mode is Mode.COURIERFILTER and not _is_pipe(0):
        raise ModeError(f"--mode courierfilter: want a pipe as standard input, got {_name_of(0)}")
    _occupy_standard_descriptors()
    to_courier = mode is Mode.COURIERFILTER
    set_log_form(LogForm(reader=log_reader(to_courier=to_courier)))
    instructions = _read_instructions(settings_path, to_courier=to_courier)
    settings = settings_of(instructions)
    set_log_form(log_form_of(settings, to_courier=to_courier))
    listener, socket_path = inherited_listener() or _open_socket(settings)
    if mode is Mode.COURIERFILTER and _is_pipe(READY_DESCRIPTOR):
        os.close(READY_DESCRIPTOR)  # courierfilter's start waits for it; mail waits in the backlog meanwhile
    if os.geteuid() == 0 and settings.user is not None:
        become(find_user(settings.user), find_group(settings.group))
    arguments = ["run", "--mode", mode, *(["--config", str(settings_path)] if settings_path else [])]
    program = Program(mode, own_command(), arguments, settings_path)
    Supervisor(program, instructions, listener, socket_path).run(stop_at_end_of_input=mode is Mode.COURIERFILTER)


def _occupy_standard_descriptors() -> None:
    """Have something open as 0, 1 and 2: a filter socket there would be lost to a worker's own input or output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _read_instructions(settings_path: Path | None, *, to_courier: bool) -> Instructions:
    """Read the settings; if they are broken, serve all the same, and answer 4xx until they are mended."""
    try:
        return read_instructions(settings_path, to_courier=to_courier)
    except SettingsError as error:
        text = _text_of(settings_path)
        then = "passes unscanned" if salvage_settings(text).observe else "is answered 451"
        log(Level.ERROR, event="settings refused", problem=f"{error}; all mail {then} until a reload")
        return Instructions(text, str(settings_path), to_courier, f"settings refused: {error}")


def _text_of(settings_path: Path | None) -> str:
    try:
        return read_settings_text(settings_path)[0]
    except SettingsError:
        return ""


def _open_socket(settings: Settings) -> tuple[socket.socket, Path]:
    group = find_group(settings.group) if os.geteuid() == 0 else None
    listener = open_filter_socket(settings.filter_directory, settings.socket_name, group)
    return listener, settings.socket_path


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _name_of(descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 (it is no path for a pipe or a socket)
    except OSError:
        return "none"
