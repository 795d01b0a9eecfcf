"""Inspectors of others: Python entry points of the group ``couriergate.inspectors``, only those that settings name.

An entry point is called with its options and returns an Inspector. It runs with a time limit, and whatever it raises
is "not done" and never the end of a message.
"""

import asyncio
import time
from collections.abc import Mapping
from importlib import metadata

from scanner_service.inspectors.inspector import ForeignInspector, Inspection, milliseconds_since, status_of
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.message import DecodedMessage, Message
from verdict_api.verdict import InspectorReport

GROUP = "couriergate.inspectors"


class ThirdPartyError(Exception):
    """There is no such entry point, or it gave no inspector; the message says which."""


def load_inspector(name: str, options: Mapping[str, object]) -> ForeignInspector:
    """Return what the entry point of this name makes of its options.

    Raises:
        ThirdPartyError: see there.
    """
    installed = metadata.entry_points(group=GROUP)
    if name not in installed.names:
        known = ", ".join(sorted(installed.names)) or "none"
        raise ThirdPartyError(f"no inspector {name!r} is installed (entry points of {GROUP}: {known})")
    try:
        inspector = installed[name].load()(options)
    except Exception as error:  # a stranger's code: any failure of it is told as the setting's
        raise ThirdPartyError(f"inspector {name!r}: {type(error).__name__}: {error}") from error
    if not callable(getattr(inspector, "inspect", None)) or not isinstance(inspector.needs_parts, bool):
        raise ThirdPartyError(f"inspector {name!r}: want an object with needs_parts and inspect(), got {inspector!r}")
    loaded: ForeignInspector = inspector
    return loaded


class ThirdPartyInspector:
    """Keeps another's inspector to its time and its place; see Inspector."""

    def __init__(self, name: str, inspector: ForeignInspector, limit_seconds: float, *, required: bool) -> None:
        self._name = name
        self._inspector = inspector
        self._limit_seconds = limit_seconds
        self._required = required

    checks = None

    @property
    def needs_parts(self) -> bool:
        """As the other says."""
        return self._inspector.needs_parts

    async def inspect(self, message: Message, decoded: DecodedMessage | None, until: float) -> Inspection:
        """See Inspector."""
        started = time.perf_counter()
        findings: tuple[Finding, ...] = ()
        reason = None
        end = min(until, asyncio.get_running_loop().time() + self._limit_seconds)
        try:
            async with asyncio.timeout_at(end):
                findings = _findings_of(await self._inspector.inspect(message, decoded, end))
        except TimeoutError:
            reason = f"{self._name}: no answer in {self._limit_seconds:g} s"
        except Exception as error:  # noqa: BLE001  a stranger's code
            reason = f"{self._name}: {type(error).__name__}: {error}"
        if reason is not None and self._required:
            findings = (
                Finding(ContentCategory.UNCHECKED, self._name, "not done", SubCategory.NOT_DONE, detail=reason),
            )
        status = status_of(findings, reason)
        report = InspectorReport(self._name, self._required, status, reason, None, milliseconds_since(started))
        return Inspection(findings, (report,))


def _findings_of(inspection: object) -> tuple[Finding, ...]:
    if not isinstance(inspection, Inspection) or not all(isinstance(one, Finding) for one in inspection.findings):
        raise TypeError(f"want an Inspection of Findings, got {inspection!r:.100}")
    return tuple(inspection.findings)
