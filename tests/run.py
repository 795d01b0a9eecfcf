"""Run the parts of the test suite and count: ``python -m tests.run [PART …]``.

Exit status 0 if every part passed with no fewer tests than ``minimum_counts.toml`` says. Skips are listed with
their reasons; with COURIERGATE_REQUIRE_ALL=1 they fail the run.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import pythonfilter

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "tests/debian_packages.txt").read_text().split()
POLICY = Path("/usr/sbin/policy-rc.d")

# Courier, its users and its sockets live in namespaces of their own: nothing of this machine's mail is touched.
PRIVATELY = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
PARTS = {
    "unit": ((), ("tests", "--ignore=tests/scenarios", "tests/scenarios/test_dialog_format.py")),
    "scenario": (
        PRIVATELY,
        tuple(f"tests/scenarios/test_{name}.py" for name in ("scenarios", "generated_mail", "soak")),
    ),
}
ALIASES = {"scenarios": "scenario"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What one part came to; ``skips`` has a reason each."""

    passed: int
    failed: int
    skips: tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    """Run the parts named, all if none is."""
    chosen = [ALIASES.get(name, name) for name in arguments] or list(PARTS)
    for name in chosen:
        if name not in PARTS:
            sys.exit(f"tests.run: want some of {', '.join(PARTS)}, got {name!r}")
    _install_debian_packages()
    _install_pythonfilter()
    counts = {name: _run_part(name) for name in chosen}
    return _report(counts)


def _install_pythonfilter() -> None:
    """Fetch the filter that scenarios put beside ours: in their namespaces there is no network."""
    try:
        pythonfilter.install()
    except pythonfilter.RivalUnavailableError as error:
        print(f"tests.run: {error}", file=sys.stderr)


def _run_part(name: str) -> Counts:
    privately, paths = PARTS[name]
    if privately and os.geteuid() != 0:
        return Counts(0, 0, (f"{name}: not root, so there are no private namespaces; run it as root",))
    print(f"== {name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="couriergate-tests-") as folder:
        results = Path(folder) / "results.xml"
        environment = os.environ | {"COURIERGATE_NAMESPACE": "1" if privately else "0"}
        command = [*privately, sys.executable, "-m", "pytest", "-q", f"--junit-xml={results}", *paths]
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if not results.exists():
            print(f"tests.run: pytest ended with status {status} and no results", file=sys.stderr)
            return Counts(0, 1, ())
        counts = _read_results(results)
    return counts if status == 0 or counts.failed else Counts(counts.passed, 1, counts.skips)


def _read_results(results: Path) -> Counts:
    passed = failed = 0
    skips = []
    for case in ET.parse(results).getroot().iter("testcase"):
        skip = case.find("skipped")
        if skip is not None:
            skips.append(f"{case.get('classname')}.{case.get('name')}: {skip.get('message')}")
        elif case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        else:
            passed += 1
    return Counts(passed, failed, tuple(skips))


def _report(counts: dict[str, Counts]) -> int:
    """Print the counts; return the exit status."""
    minimum = tomllib.loads((ROOT / "tests/minimum_counts.toml").read_text())
    require_all = os.environ.get("COURIERGATE_REQUIRE_ALL") == "1"
    faults = []
    for name, one in counts.items():
        print(f"{name}: {one.passed} passed, {one.failed} failed, {len(one.skips)} skipped")
        for skip in one.skips:
            print(f"  skipped {skip}")
        if one.failed:
            faults.append(f"{name}: {one.failed} failed")
        if one.skips and require_all:
            faults.append(f"{name}: {len(one.skips)} skipped, and COURIERGATE_REQUIRE_ALL is set")
        if one.passed < minimum[name] and not one.skips:
            faults.append(f"{name}: {one.passed} passed, and tests/minimum_counts.toml wants {minimum[name]}")
    for fault in faults:
        print(f"tests.run: {fault}", file=sys.stderr)
    passed, failed, skipped = (
        sum(values)
        for values in zip(*((one.passed, one.failed, len(one.skips)) for one in counts.values()), strict=True)
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if faults else 0


def _install_debian_packages() -> None:
    """Install what the scenarios need, if root; else say the one line that does it."""
    if shutil.which("dpkg-query") is None:
        return
    missing = [name for name in PACKAGES if not _is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0:
        print(f"tests.run: to run everything, as root: apt-get install {' '.join(missing)}", file=sys.stderr)
        return
    print(f"== installing {' '.join(missing)}", flush=True)
    with _daemons_not_started():
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *missing)


def _apt_get(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-q", *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)


def _is_installed(name: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${Status}", name]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "install ok installed"


@contextlib.contextmanager
def _daemons_not_started() -> Iterator[None]:
    """Keep packages from starting a mail server on this machine just because its tests were run."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
