"""Coverage-guided fuzzing of decoding: atheris, which keeps each input that reaches code that none before it reached.

It runs in a process of its own (`python -m soak.guided --inside CHECK FLAG …`), since libFuzzer ends the one that it
is in. Python code is instrumented, libraries in C are not. The kept corpus is in tests/corpus/fuzz; `--keep` adds to
it what a run found, and of all its inputs keeps the fewest that reach as much.
"""

import argparse
import hashlib
import importlib
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from soak.plan import Plan
from soak.progress import Progress
from soak.report import ROOT
from soak.row import Row

KEPT = ROOT / "tests/corpus/fuzz"
# Only the fuzzing process may import what is to be instrumented, so checks go by their names.
DECODERS = {
    "decode_message": "soak.decoders:check_decode_message",
    "names_of": "soak.decoders:check_names_of",
    "unpack": "soak.decoders:check_unpack",
}
INSTRUMENTED = "scanner_service.decode"
SEED = 20
_HANG_SECONDS = 10
_ADDRESS_LIMIT_BYTES = 2**30
_LONGEST_INPUT_BYTES = 4096
_END_LIMIT_SECONDS = 60
_INPUTS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(r"\bcov: (\d+)")
_RAISED = re.compile(r"=== Uncaught Python exception: ===\n(.*)\nTraceback .*\n((?: .*\n)+)")
_STOPPED = re.compile(r"ERROR: (libFuzzer: .*)")
_BY_DIGEST = re.compile(r"[0-9a-f]{12}")


def prove_decoders(plan: Plan, progress: Progress) -> Iterator[Row]:
    progress.say(f"fuzz_decode: {plan.fuzz_seconds:g} s a step of decoding, guided by coverage")
    for name, check in DECODERS.items():
        yield fuzz_by_coverage(check, KEPT / name, plan.fuzz_seconds)


def fuzz_by_coverage(check: str, corpus: Path, seconds: float, *, keep: bool = False) -> Row:
    """Begin with the corpus, and go on until the time is over or an input fails, which is kept beside the others.

    ``check`` is ``module:function``; a file of the corpus' name with ``.words`` has words for the fuzzer to use.
    """
    seeds = len(list(corpus.iterdir()))
    with tempfile.TemporaryDirectory(prefix="couriergate-fuzz-") as folder:
        found, failed = Path(folder) / "found", Path(folder) / "failed"
        found.mkdir()
        failed.mkdir()
        words = corpus.with_suffix(".words")
        flags = [f"-max_total_time={max(1, round(seconds))}", "-print_final_stats=1", f"-artifact_prefix={failed}/"]
        flags += [f"-dict={words}"] if words.exists() else []
        output = _run([*_program(check), *flags, str(found), str(corpus)], seconds)
        faults = [f"{_keep(corpus, file.read_bytes()).name}: {_reason(output)}" for file in sorted(failed.iterdir())]
        if keep and not faults:
            _keep_the_fewest(check, corpus, found)
    inputs, covered = _INPUTS.search(output), _COVERED.findall(output)
    if not faults and not (inputs and covered):
        faults = [f"no end as it should be: {output[-500:]}"]
    figures = {
        "seeds": seeds,
        "inputs": int(inputs[1]) if inputs else 0,
        "failures": len(faults),
        "branches": int(covered[-1]) if covered else 0,
    }
    return Row(corpus.name, figures, faults)


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--inside"]:
        _become_the_fuzzer(arguments[1], arguments[2:])
    parser = argparse.ArgumentParser(prog="python -m soak.guided", description="Fuzz one step of decoding.")
    parser.add_argument("target", choices=DECODERS)
    parser.add_argument("--seconds", type=float, default=Plan().fuzz_seconds, help="(%(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the inputs that reach something new")
    given = parser.parse_args(arguments)
    row = fuzz_by_coverage(DECODERS[given.target], KEPT / given.target, given.seconds, keep=given.keep)
    print(row)
    return 1 if row.faults else 0


def _become_the_fuzzer(check: str, flags: Sequence[str]) -> None:
    """Import what is to be fuzzed under instrumentation, and never return."""
    import atheris  # noqa: PLC0415 - it changes the process that imports it

    # Not by libFuzzer's own limit: it reads getrusage(2), where the peak of whoever started us counts as ours.
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_LIMIT_BYTES, _ADDRESS_LIMIT_BYTES))

    module, _, function = check.partition(":")
    with atheris.instrument_imports(include=[INSTRUMENTED]):
        checked = getattr(importlib.import_module(module), function)
    # For -merge=1 libFuzzer starts its own program again, by these words of a shell.
    atheris.Setup([shlex.join(_program(check)), *flags], checked)
    atheris.Fuzz()


def _program(check: str) -> list[str]:
    limits = [f"-seed={SEED}", f"-timeout={_HANG_SECONDS}", "-rss_limit_mb=0"]
    return [sys.executable, "-m", "soak.guided", "--inside", check, *limits, f"-max_len={_LONGEST_INPUT_BYTES}"]


def _run(command: Sequence[str], seconds: float) -> str:
    """Return what it printed; without the line about its end if it had to be stopped."""
    limit_seconds = seconds + _END_LIMIT_SECONDS
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=limit_seconds)
    except subprocess.TimeoutExpired:  # a library in C that hears no signal
        return f"no end after {limit_seconds:g} s"
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def _reason(output: str) -> str:
    """Return the exception with the line that raised it, or why libFuzzer stopped."""
    if raised := _RAISED.search(output):
        source = [line.strip() for line in raised[2].splitlines() if line.strip(" ^~")]
        return f"{raised[1]} in {source[-1]!r}"
    stopped = _STOPPED.search(output)
    return stopped[1] if stopped else output[-300:]


def _keep(corpus: Path, data: bytes) -> Path:
    file = corpus / f"found_{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    return file


def _keep_the_fewest(check: str, corpus: Path, found: Path) -> None:
    """Replace the corpus by the smallest set of inputs, of its own and of those found, that reaches as much."""
    with tempfile.TemporaryDirectory(prefix="couriergate-fuzz-") as folder:
        output = _run([*_program(check), "-merge=1", folder, str(corpus), str(found)], _END_LIMIT_SECONDS)
        merged = [file.read_bytes() for file in Path(folder).iterdir()]
    if not merged:
        raise RuntimeError(f"nothing came of merging: {output[-500:]}")
    for file in corpus.iterdir():
        if _BY_DIGEST.fullmatch(file.name):  # what has a name of its own is there for a reason
            file.unlink()
    for data in merged:
        (corpus / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
