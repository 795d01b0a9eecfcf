"""The policies in force: read at the start, and again when told to or when a database has others.

What cannot be used changes nothing: the policies of before stay in force, and the log says why.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from scanner_service.judge.policy import Policy
from scanner_service.judge.policy_bank import PolicyBook, PolicyUnavailableError
from scanner_service.judge.rows_reader import Row, policy_of_rows
from scanner_service.policy_choice import choose_policies
from scanner_service.settings import Settings, SettingsError

TOLD_FAULTS = 10

_LOG = structlog.get_logger()


class PoliciesInForce:
    """What holds now. ``problem`` says why the settings of the latest reload do not, None if they do.

    ``read_settings`` reads the settings anew.
    """

    def __init__(self, settings: Settings, read_settings: Callable[[], Settings] | None = None) -> None:
        self._book = choose_policies(settings)
        self._waits_for_rows = settings.policy.sql is not None
        self.problem: str | None = None
        self._settings = settings
        self._read_settings = read_settings
        self._rows = Policy()
        self._rows_version = ""
        self._changing = asyncio.Lock()  # of two changes the later one has read what is newer

    @property
    def version(self) -> str:
        """What tells these policies from others."""
        return self._book.version

    @property
    def book(self) -> PolicyBook:
        """The policies.

        Raises:
            PolicyUnavailableError: a part of them is in a database that has not answered yet.
        """
        if self._waits_for_rows:
            raise PolicyUnavailableError("the policy's tables in SQL have not been read yet")
        return self._book

    async def reload(self) -> None:
        """Read the settings anew, and put their policies in force if they can be used."""
        async with self._changing:
            await self._reload()

    async def _reload(self) -> None:
        if self._read_settings is None:
            return
        try:
            await self._take(await asyncio.to_thread(self._read_settings))
        except SettingsError as error:
            self.problem = str(error)
            _LOG.error("reload", policy_version=self._book.version, problem=self.problem)
        except Exception as error:  # noqa: BLE001  (an edge: what watches engines and writes records runs beside this)
            self.problem = f"{type(error).__name__}: {error}"
            _LOG.error("bug", error=repr(error), exc_info=error)
        else:
            self.problem = None
            _LOG.info("reload", policy_version=self._book.version)

    async def take_rows(self, rows: Iterable[Row], version: str) -> None:
        """Put the rows of a database in force."""
        async with self._changing:
            policy, faults = await asyncio.to_thread(policy_of_rows, rows, self._settings.banned.all_rule_sets)
            for fault in faults[:TOLD_FAULTS]:
                _LOG.warning("policy row", problem=str(fault), faults=len(faults))
            self._book = await asyncio.to_thread(choose_policies, self._settings, policy, version)
            self._rows, self._rows_version = policy, version
            self._waits_for_rows = False

    async def _take(self, read: Settings) -> None:
        # All else is as it was at the start: rule sets are the inspectors', and a policy must not name others.
        settings = self._settings.model_copy(update={"policy": read.policy})
        settings.take_places_of(read)
        self._book = await asyncio.to_thread(choose_policies, settings, self._rows, self._rows_version)
        changed = [name for name in type(read).model_fields if getattr(read, name) != getattr(settings, name)]
        changed += ["policy.sql"] if read.policy.sql != self._settings.policy.sql else []
        self._settings = settings
        if changed:
            sections = ", ".join(f"[{name}]" for name in changed)
            _LOG.warning("reload", problem=f"{sections} changed as well: restart the service for that")
