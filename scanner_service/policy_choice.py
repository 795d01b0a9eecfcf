"""From settings to policies: the built-in ones of this program, and those of administrators over them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from scanner_service.judge.book_reader import PolicySource, read_book
from scanner_service.judge.policy import DEFAULT_NAME, Policy
from scanner_service.judge.policy_bank import PolicyBook
from scanner_service.judge.policy_reader import PolicyError, ReadFile
from scanner_service.model.nearest_name import nearest
from scanner_service.settings import Settings, SettingsError

BUILT_IN = (DEFAULT_NAME, "own_users", "local", "null_sender")  # in the order in which they are laid over each other
POLICIES = Path(__file__).parent / "policies"
ADMIN_TOKEN = "admin.token"
LARGEST_FILE_BYTES = 32 * 2**20
MOST_FAULTS = 100  # told: to find the line of each takes a look at the whole file


def read_table_file(path: Path) -> str:
    """Return the text of a file that a policy names.

    Raises:
        OSError: it cannot be read, or is larger than a table can be.
        ValueError: it is not UTF-8, or no path can have such a name.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for without an end
        raise OSError("want a regular file")
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE_BYTES + 1)
    if len(data) > LARGEST_FILE_BYTES:
        raise OSError(f"want at most {LARGEST_FILE_BYTES} bytes")
    return data.decode("utf-8")


def choose_policies(
    settings: Settings,
    rows: Policy | None = None,
    rows_version: str = "",
    read_file: ReadFile = read_table_file,
) -> PolicyBook:
    """Return the policies that the settings ask for; ``rows`` are what a database says for recipients.

    Raises:
        SettingsError: they cannot be used; a line for each fault, with its place.
    """
    try:
        book = read_book(
            PolicySource(
                built_in=built_in_policies(),
                written=settings.policy.written,
                read_file=read_file,
                rule_sets=settings.banned.all_rule_sets,
                rows=rows or Policy(),
                rows_version=rows_version,
            )
        )
    except PolicyError as error:
        faults = [f"{settings.place_of(fault.names)}: {fault}" for fault in error.faults[:MOST_FAULTS]]
        if len(error.faults) > MOST_FAULTS:
            faults.append(f"and {len(error.faults) - MOST_FAULTS} more faults")
        raise SettingsError("\n".join(faults)) from error
    if book.has_banks_by_authentication and not settings.mail_auth.enabled:
        place = settings.place_of(("policy", "banks"))
        raise SettingsError(
            f"{place}: a bank is chosen by dkim_domains or spf_domains: set [mail_auth] enabled = true"
        )
    _want_known_tokens(book, settings)
    return book


def _want_known_tokens(book: PolicyBook, settings: Settings) -> None:
    known = (ADMIN_TOKEN, *(one.name for one in settings.auth.tokens))
    faults = [
        f"{settings.place_of(('policy', 'banks', bank, 'when', 'tokens'))}: policy.banks.{bank}.when.tokens: "
        f"there is no token {name!r}{nearest(name, known)}"
        for bank, names in book.tokens.items()
        for name in sorted(names)
        if name not in known
    ]
    if faults:
        raise SettingsError("\n".join(faults))


def built_in_policies() -> dict[str, Mapping[str, object]]:
    """Return the tables of the built-in policies."""
    return {name: tomllib.loads((POLICIES / f"{name}.toml").read_text(encoding="utf-8")) for name in BUILT_IN}
