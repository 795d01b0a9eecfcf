"""Whether this process may turn its surroundings into a mail host: only in namespaces of its own."""

import os
import socket
from pathlib import Path

from tests.scenarios.process_list import process_ids, with_ancestors
from tests.scenarios.programs_under_test import SCANNER, SHIM

HOW_TO_RUN = "run `make scenarios` as root"

_DEBIAN_PACKAGE_OF = {
    "/usr/sbin/courier": "courier-mta",
    "/usr/sbin/clamd": "clamav-daemon",
    "/usr/sbin/ip": "iproute2",
}


def why_scenarios_cannot_run() -> str | None:
    """Say in one line what is missing here, and what to do about it."""
    if not _is_private():
        return f"not in private namespaces, where the scenarios may set up a mail host: {HOW_TO_RUN}"
    if packages := {package for file, package in _DEBIAN_PACKAGE_OF.items() if not Path(file).exists()}:
        return f"apt-get install --no-install-recommends {' '.join(sorted(packages))}"
    if absent := [str(file) for file in (SCANNER, SHIM) if not file.exists()]:
        return f"{' and '.join(absent)} not built: {HOW_TO_RUN}"
    return None


def _is_private() -> bool:
    """The runner says so, and it looks like it: root, a network of nothing but loopback, no strangers."""
    return (
        os.environ.get("COURIERGATE_NAMESPACE") == "1"
        and os.geteuid() == 0
        and [name for _, name in socket.if_nameindex()] == ["lo"]
        and process_ids() <= with_ancestors(os.getpid())
    )
