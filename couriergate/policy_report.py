"""What holds, and what a draft would change, as tables that people read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from verdict_api.printable import printable

LEFT_TO_COURIER = {True: "yes", False: "no", None: "as Courier says"}


def explanation_head(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines above the table: recipient, policy, and why its banks hold."""
    yield printable(f"{told['recipient']}: policy {told['policy']}, version {told['policy_version']}")
    yield f"local: {LEFT_TO_COURIER[told['local']]}"
    for bank in told["banks"]:
        says = "holds" if bank["holds"] else "does not hold"
        conditions = " or ".join(_condition(one) for one in bank["when"])
        yield printable(f"bank {bank['bank']} {says}: {conditions}")


def settings_table(settings: Sequence[Mapping[str, Any]], *, everything: bool) -> Table:
    """Return the settings; without ``everything``, those that say what nobody else does are left out."""
    table = _table("setting", "value", "bank", "entry")
    for one in settings:
        if everything or one["bank"] or str(one["setting"]).startswith("destinies."):
            entry = one["table"] if one["key"] in ("", ".") else f"{one['table']} {one['key']}"
            _add_row(table, str(one["setting"]), _value(one["value"]), one["bank"] or "-", entry or "-")
    return table


def kinds_table(by_kind: Mapping[str, int]) -> Table:
    """Return how many messages change in which way."""
    table = _table("messages", "change")
    for kind, number in by_kind.items():
        _add_row(table, str(number), kind)
    return table


def changes_table(changes: Sequence[Mapping[str, Any]]) -> Table:
    """Return examples, with a line for each recipient who fares otherwise, or for the first one."""
    table = _table("mail id", "queue id", "sender", "recipient", "before", "after", "rule")
    for change in changes:
        for was, now in _differing(change["before"]["recipients"], change["after"]["recipients"]):
            _add_row(
                table,
                str(change["mail_id"]),
                str(change["queue_id"]),
                str(change["sender"]) or "<>",
                str(now["address"]),
                _fate(was),
                _fate(now) if was != now else str(change["kind"]),
                str(now["rule"] or was["rule"] or "-"),
            )
    return table


def _differing(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    pairs = list(zip(before, after, strict=False))
    return [(was, now) for was, now in pairs if was != now] or pairs[:1]


def _fate(recipient: Mapping[str, Any]) -> str:
    to = f" to {recipient['replaced_by']}" if recipient["replaced_by"] else ""
    return f"{recipient['destiny']}{to} ({', '.join(recipient['categories']) or 'clean'})"


def _condition(condition: Mapping[str, bool]) -> str:
    return " and ".join(f"{name} {'yes' if met else 'no'}" for name, met in condition.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value) if value != "" else '""'


def _add_row(table: Table, *cells: str) -> None:
    """Add strangers' text as it stands: rich would take what is in brackets for markup."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
