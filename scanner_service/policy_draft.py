"""Read a draft of the policy as it would be read at a reload, but for files: only those that are in force already."""

from pathlib import Path

from scanner_service.api.draft import Draft, DraftError
from scanner_service.judge.policy_bank import PolicyBook
from scanner_service.policy_choice import choose_policies
from scanner_service.settings import Settings, SettingsError, draft_settings


def read_draft(text: str, settings: Settings, in_force: PolicyBook) -> Draft:
    """Return what a draft says; all but policy is as in the settings, and rows of a database are as they are now.

    Whoever may send drafts may not read files of this host by them: those that the policy in force names have the
    text that was read then, and no others can be named.

    Raises:
        DraftError: it cannot be used.
    """

    def read_file(path: Path) -> str:
        if str(path) not in in_force.files:
            raise OSError("a draft may only name files that the policy in force names")
        return in_force.files[str(path)]

    try:
        changed, ignored = draft_settings(text, settings)
        # Rows are asked for by [policy.sql] alone; which database that would be is not looked at.
        rows = in_force.rows if changed.policy.sql is not None else None
        book = choose_policies(changed, rows, in_force.rows_version if rows else "", read_file)
    except SettingsError as error:
        raise DraftError(str(error).splitlines()) from error
    return Draft(book, ignored)
