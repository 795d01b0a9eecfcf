"""Whether the tests of judging notice small faults: ``python -m soak.mutate_judge [MODULE…]``.

Each mutant is tried in a child of its own, of a process that has loaded what does not change. The tests are those of
tests/scanner_service/judge, those of the mutated module first, until one fails.
"""

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType

import httpx  # noqa: F401  # all of these take a while, and are loaded once for all mutants
import pydantic_settings  # noqa: F401
import pytest

from soak.mutants import Mutant, mutants_of, mutated

JUDGE = Path("scanner_service/judge")
TESTS = Path("tests/scanner_service/judge")
PROCESSES = 2
STEP = "MUTATE_STEP"  # 4: every fourth mutant
NEAREST_ONLY = "MUTATE_NEAREST_ONLY"  # what the module's own tests do not notice survives: many times faster
NEAREST_TESTS = {  # of modules whose own tests are those of another one, or of several
    "book_reader": ("policy_reader", "policy_bank", "bank_of_users"),
    "categories": ("policy_reader",),
    "facts": ("fate", "facts_codec"),
    "fate": ("fate", "judge_message", "one_reply", "consequences"),
    "headers": ("headers", "told_in_the_header"),
    "judge_message": ("judge_message", "consequences", "one_copy_each", "told_in_the_header"),
    "kept_decision": ("record_codec",),
    "one_reply": ("one_reply", "judge_message"),
    "own_fields": ("headers",),
    "policy": ("policy_bank", "fate", "judge_message", "policy_reader"),
    "policy_reader": ("policy_reader", "table_files", "wording", "rows_reader"),
    "recipient_policy": ("fate", "judge_message"),
    "tables": ("tables", "policy_bank", "judge_message"),
    "template_filters": ("template_filters", "text_template"),
    "template_syntax": ("template_syntax", "text_template"),
}
LIMIT_SECONDS = 60  # of processor time: a mutant that never ends is noticed as well


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant of a module."""

    module: Path
    mutant: Mutant

    def __str__(self) -> str:
        return f"{self.module}:{self.mutant.line}: {self.mutant.what} (#{self.mutant.number})"


class _Planting(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module with a fault in it."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.name = ".".join(trial.module.with_suffix("").parts)

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.trial.module, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        tree = mutated(self.trial.module.read_text(encoding="utf-8"), self.trial.mutant.number)
        exec(compile(tree, str(self.trial.module), "exec"), module.__dict__)


def main(names: Sequence[str]) -> int:
    """Try all mutants of the modules, and print those that no test notices."""
    modules = [JUDGE / f"{name}.py" for name in names] or sorted(JUDGE.glob("[!_]*.py"))
    if missing := missing_files(modules):
        print(f"want files that are there (see NEAREST_TESTS), got {', '.join(map(str, missing))}", file=sys.stderr)
        return 1
    step = int(os.environ.get(STEP, "1"))
    for module in modules:
        if _wait(_started(module, None)):
            print(f"{module}: want its tests to pass without a mutant, and they fail", file=sys.stderr)
            return 1
        mutants = mutants_of(module.read_text(encoding="utf-8"))
        trials = [Trial(module, mutant) for mutant in mutants[step // 2 :: step]]
        survivors = list(_survivors(trials))
        print(f"{module}: {len(trials)} mutants, {len(trials) - len(survivors)} killed", flush=True)
        for survivor in survivors:
            print(f"  {survivor}", flush=True)
    return 0


def missing_files(modules: Sequence[Path]) -> list[Path]:
    """Return the modules and nearest tests that there are none of: pytest would fail, as if it noticed a mutant."""
    wanted = [*modules, *(test for module in modules for test in nearest_tests(module))]
    return [path for path in dict.fromkeys(wanted) if not path.is_file()]


def nearest_tests(module: Path) -> list[Path]:
    """Return the files of tests that notice most mutants of a module: to collect the others takes seconds."""
    return [TESTS / f"test_{name}.py" for name in NEAREST_TESTS.get(module.stem, (module.stem,))]


def _survivors(trials: Sequence[Trial]) -> Iterator[Trial]:
    waiting, running = iter(trials), dict[int, Trial]()
    while True:
        for trial in islice(waiting, PROCESSES - len(running)):
            running[_started(trial.module, trial)] = trial
        if not running:
            return
        process, status = os.wait()
        trial = running.pop(process)
        if status == 0:
            yield trial


def _started(module: Path, trial: Trial | None) -> int:
    """Return the number of a process that ends with 0 if all tests pass."""
    process = os.fork()
    if process == 0:
        try:
            failed = _fails(module, trial)
        except BaseException:  # noqa: BLE001  # whatever it is: the mutant was noticed
            failed = True
        finally:
            os._exit(bool(failed))
    return process


def _wait(process: int) -> int:
    return os.waitpid(process, 0)[1]


def _fails(module: Path, trial: Trial | None) -> bool:
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS))
    gc.disable()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = False  # what children compile, the next ones need not
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    if trial is not None:
        sys.meta_path.insert(0, _Planting(trial))
    options = ["-x", "-q", "-p", "no:cacheprovider", "--noconftest", "--assert=plain", "-p", "soak.few_examples"]
    if pytest.main([*options, *map(str, nearest_tests(module))]):
        return True
    return not os.environ.get(NEAREST_ONLY) and bool(pytest.main([*options, str(TESTS)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
