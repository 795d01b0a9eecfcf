"""`couriergate policy`: what holds for whom, and what a draft would have done with the mail of some time."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from couriergate.connection import DEFAULT_URL, ServiceUnavailableError, connect
from couriergate.options import ReplayStatus, TokenFile, Url
from couriergate.policy import Span, ask_explanation, ask_replay
from couriergate.policy_report import changes_table, explanation_head, kinds_table, settings_table
from couriergate.time_of import unix_seconds_of
from verdict_api.printable import printable

EXAMPLES = 20
PIPE_COLUMNS = 400

app = typer.Typer(no_args_is_help=True, help="Say what the policy holds, and what another one would do.")


@app.command()
def explain(
    *,
    recipient: Annotated[str, typer.Option(help="Whose mail it is.")],
    sender: Annotated[str, typer.Option(help="Envelope sender, empty for the null sender.")],
    client: Annotated[str | None, typer.Option(help="Address of the client that sends it.")] = None,
    user: Annotated[str | None, typer.Option(help="Who has logged in to send it.")] = None,
    relay_client: Annotated[bool, typer.Option("--relay-client", help="Courier relays for the client.")] = False,
    source: Annotated[str | None, typer.Option(help="smtp, authsmtp or local.")] = None,
    listener: Annotated[str | None, typer.Option(help="The service's listener that it comes in at.")] = None,
    token: Annotated[str | None, typer.Option(help="The name of the token that is shown.")] = None,
    dkim_domain: Annotated[str | None, typer.Option(help="A domain with a valid signature.")] = None,
    spf_domain: Annotated[str | None, typer.Option(help="A domain that SPF passes for.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what nobody has set, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Say what holds for a recipient, and which entry of which bank decides it.

    Exit status: 0 explained, 2 an error.
    """
    asked = {
        "recipient": recipient,
        "sender": sender,
        "client_ip": client,
        "authenticated_user": user,
        "relay_client": relay_client or None,
        "source": source,
        "listener": listener,
        "token": token,
        "dkim_domain": dkim_domain,
        "spf_domain": spf_domain,
    }
    question = {name: value for name, value in asked.items() if value is not None}
    with _errors(), connect(url, token_file) as service:
        told = ask_explanation(service, question)
        if as_json:
            typer.echo(json.dumps(told))
            return
        _print(explanation_head(told), settings_table(told["settings"], everything=everything))


@app.command()
def replay(
    draft: Annotated[Path, typer.Argument(metavar="DRAFT.toml", help="A settings file, or its policy section.")],
    *,
    since: Annotated[str, typer.Option(help="90s, 15m, 6h or 7d ago, or a date.")] = "7d",
    until: Annotated[str | None, typer.Option(help="The same; default: now.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many changes are shown; all are counted.")] = EXAMPLES,
    as_json: Annotated[bool, typer.Option("--json", help="The service's lines of JSON instead of tables.")] = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Say what a draft of the policy would have done with the mail of some time; nothing is scanned again or sent.

    Exit status: 0 nothing changes, 1 something changes, 2 an error.
    """
    with _errors(), connect(url, token_file) as service:
        now = time.time()
        span = Span(_time(since, now), None if until is None else _time(until, now), limit)
        lines = list(_taken_in(ask_replay(service, _read(draft), span), as_json=as_json))
    summary = lines[-1]
    if not as_json:
        changes = changes_table([line for line in lines if "kind" in line])
        _print(
            _summary(lines[0], summary), *((kinds_table(summary["by_kind"]), changes) if summary["changed"] else ())
        )
    raise typer.Exit(ReplayStatus.SOMETHING if summary["changed"] else ReplayStatus.NOTHING)


def _taken_in(told: Iterable[dict[str, Any]], *, as_json: bool) -> Iterator[dict[str, Any]]:
    """Yield the lines as they come, with the progress on a terminal; print them as JSON if that is wanted."""
    errors = Console(stderr=True)
    with Progress(console=errors, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("judging", total=None)
        for line in told:
            bar.update(task, total=line.get("total"), completed=line.get("judged"))
            if as_json:
                typer.echo(json.dumps(line))
            yield line


def _summary(first: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[str]:
    yield printable(f"version {first['policy_version']}: {summary['judged']} judged, {summary['changed']} change")
    if first["ignored"]:
        yield printable(f"not looked at: {', '.join(map(str, first['ignored']))}")
    if summary["unreadable"]:
        yield f"records that cannot be read: {summary['unreadable']}"


def _print(lines: Iterable[str], *tables: Table) -> None:
    # A terminal's width is for who sits there; a pipe gets each row in one line.
    out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    for line in lines:
        out.print(line, markup=False)
    for table in tables:
        out.print()
        out.print(table)


def _read(draft: Path) -> bytes:
    try:
        return draft.read_bytes()
    except OSError as error:
        raise ServiceUnavailableError(f"{draft}: {error.strerror}") from error


def _time(text: str, now: float) -> float:
    try:
        return unix_seconds_of(text, now)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except ServiceUnavailableError as error:
        typer.echo(f"couriergate: {error}", err=True)
        raise typer.Exit(ReplayStatus.ERROR) from error
