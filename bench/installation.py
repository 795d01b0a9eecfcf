"""Everything that a run measures, started, and proved to filter before it counts."""

import contextlib
import statistics
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from bench import pythonfilter, stage
from bench.load import WrongReplyError, exchange
from bench.processes import Program, ProgramFailedError, last_lines
from bench.results import CLAMD, COURIERGATE, PYTHONFILTER, SERVICE, SHIM, Costs
from bench.spool import Spool
from bench.targets import Clamd, Filter, SocketTarget

STARTS = 3

Started: TypeAlias = AbstractContextManager[tuple[Program, Path]]
"""A running program and its socket."""


@dataclass(slots=True)
class Installation:
    """What runs, by the names of the report; it stops with the stack it was started on."""

    directory: Path
    state: Path
    stack: ExitStack
    clamd_socket: Path
    targets: list[SocketTarget] = field(default_factory=list)
    programs: dict[str, Program] = field(default_factory=dict)
    start_seconds: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    scanner_socket: Path | None = None

    def add_couriergate(self) -> None:
        """Start the scanning service and the shim, or note why not."""
        with self._attempt(COURIERGATE) as attempt:
            service, scanner_socket = self._start_repeatedly(
                attempt,
                SERVICE,
                lambda name: stage.scanning_service(self.directory / name, self.state / name, self.clamd_socket),
            )
            shim, socket_path = self._start_repeatedly(
                attempt, SHIM, lambda name: stage.shim(self.directory / name, scanner_socket)
            )
            self._add(Filter(COURIERGATE, socket_path, Spool(self.directory / COURIERGATE)), shim, service)
            self.scanner_socket = scanner_socket

    def add_pythonfilter(self) -> None:
        """Install and start courier-pythonfilter, or note why not."""
        with self._attempt(PYTHONFILTER) as attempt:
            pythonfilter.install()
            program, socket_path = attempt.enter_context(
                pythonfilter.pythonfilter(self.directory / "pythonfilter-1", self.clamd_socket)
            )
            self._add(Filter(PYTHONFILTER, socket_path, Spool(self.directory / PYTHONFILTER)), program)

    def clamd_version(self) -> str:
        return exchange(self.clamd_socket, b"nVERSION\n").decode("ascii", "replace").strip()

    def costs(self) -> Costs | None:
        """What the programs of Couriergate need, now that they have worked; None if they do not run."""
        if self.scanner_socket is None:
            return None
        return Costs(
            service_start_seconds=self.start_seconds[SERVICE],
            shim_start_seconds=self.start_seconds[SHIM],
            shim_memory_bytes=self.programs[SHIM].memory_bytes(),
            service_memory_bytes=self.programs[SERVICE].memory_bytes(),
        )

    @contextlib.contextmanager
    def _attempt(self, target: str) -> Iterator[ExitStack]:
        """Keep what is started on this stack if all of it works; else stop it, that it may not disturb the rest."""
        try:
            with ExitStack() as attempt:
                yield attempt
                self.stack.push(attempt.pop_all())
        except (
            stage.ProgramMissingError,
            pythonfilter.RivalUnavailableError,
            ProgramFailedError,
            WrongReplyError,
            OSError,
        ) as error:
            self.left_out[target] = str(error)

    def _start_repeatedly(
        self, attempt: ExitStack, name: str, make: Callable[[str], Started]
    ) -> tuple[Program, Path]:
        """Start a program a few times for the median time that it takes; the last one stays."""
        seconds = []
        for number in range(1, STARTS):
            with make(f"{name}-{number}") as (program, _):
                seconds.append(program.ready_seconds)
        program, socket_path = attempt.enter_context(make(f"{name}-{STARTS}"))
        self.start_seconds[name] = statistics.median([*seconds, program.ready_seconds])
        return program, socket_path

    def _add(self, target: SocketTarget, *programs: Program) -> None:
        try:
            target.prove()
        except WrongReplyError as error:
            logs = (f"{program.name} logged:\n{last_lines(program.log)}" for program in programs)
            raise WrongReplyError("\n".join((str(error), *logs))) from error
        self.targets.append(target)
        self.programs.update({program.name: program for program in programs})


def install(stack: ExitStack, directory: Path, state: Path, wanted: Collection[str]) -> Installation:
    """Start clamd, and of the rest what is wanted.

    Raises:
        ProgramMissingError: clamd is not installed.
        ProgramFailedError: clamd does not start.
        WrongReplyError: clamd does not find its own test signature.
    """
    program, clamd_socket = stack.enter_context(stage.clamd(directory / "clamd"))
    installation = Installation(directory, state, stack, clamd_socket)
    installation.programs[CLAMD] = program
    target = Clamd(CLAMD, clamd_socket)
    target.prove()
    if CLAMD in wanted:
        installation.targets.append(target)
    if COURIERGATE in wanted:
        installation.add_couriergate()
    if PYTHONFILTER in wanted:
        installation.add_pythonfilter()
    return installation
