"""The program couriergate: what an operator asks of the scanning service."""

import sys
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from couriergate import __version__, policy_commands
from couriergate.connection import DEFAULT_URL, ServiceUnavailableError, connect
from couriergate.options import TokenFile, Url
from couriergate.report import STYLES, details, headline
from couriergate.report import tree as tree_of
from couriergate.scan import FileUnreadableError, Scanned, scan_file
from verdict_api.envelope import Client, Envelope, Recipient

PROGRESS_FROM_FILES = 5
A_STRANGER = (
    "stranger@remote.invalid"  # a name that nobody has (RFC 2606 §2); the null sender has a policy of its own
)


class ExitStatus(IntEnum):
    """The worst that happened."""

    CLEAN = 0
    REFUSED = 1
    ERROR = 2


app = typer.Typer(
    name="couriergate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask the Couriergate scanning service.",
)
app.add_typer(policy_commands.app, name="policy")


def main() -> None:
    """Run the command line."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"couriergate {__version__}")
        raise typer.Exit


@app.callback()
def _couriergate(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    del version


@app.command()
def scan(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Messages as they are on disk.")],
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    sender: Annotated[str, typer.Option(help="Envelope sender, empty for the null sender.")] = A_STRANGER,
    recipient: Annotated[
        list[str] | None, typer.Option(help="Envelope recipient; may be given more than once.")
    ] = None,
    client_ip: Annotated[str | None, typer.Option(help="Address of the client that sent it.")] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Show the parts, and what each may be called.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON verdict a line instead of a report.")] = False,
) -> None:
    """Say what would become of messages.

    Exit status: 0 all would pass, 1 one would be refused or kept back, 2 one could not be judged.
    """
    envelope = Envelope(
        sender=sender,
        recipients=tuple(Recipient(one) for one in recipient or ["postmaster@localhost"]),
        client=Client(ip=client_ip),
        source="scan",
    )
    status = ExitStatus.CLEAN
    for scanned in _scan_all(files, envelope, url, token_file, with_parts=tree):
        if scanned is None:
            status = ExitStatus.ERROR
            continue
        status = max(status, ExitStatus.REFUSED if scanned.is_refused else ExitStatus.CLEAN)
        _show(scanned, as_json=json)
    raise typer.Exit(status)


def _scan_all(
    files: list[Path], envelope: Envelope, url: str, token_file: Path | None, *, with_parts: bool
) -> Iterator[Scanned | None]:
    """Yield what became of each file, None after an error was shown; a silent service ends it."""
    errors = Console(stderr=True)
    wanted = sys.stderr.isatty() and len(files) >= PROGRESS_FROM_FILES
    try:
        with connect(url, token_file) as client, Progress(console=errors, disable=not wanted, transient=True) as bar:
            for file in bar.track(files, description="scanning"):
                try:
                    yield scan_file(client, file, envelope, with_parts=with_parts)
                except FileUnreadableError as error:
                    typer.echo(f"couriergate: {error}", err=True)
                    yield None
    except ServiceUnavailableError as error:
        typer.echo(f"couriergate: {error}", err=True)
        yield None


def _show(scanned: Scanned, *, as_json: bool) -> None:
    if as_json:
        typer.echo(scanned.json.decode("ascii"))
        return
    out = Console(highlight=False, soft_wrap=True)
    out.print(headline(scanned), style=STYLES[scanned.verdict.destiny], markup=False)
    for line in (*tree_of(scanned.verdict.parts), *details(scanned)):
        out.print("  " + line, markup=False)


if __name__ == "__main__":
    main()
