"""YARA rules from folders, compiled once and again when a file has changed; a bad file keeps the old set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yara_x

SUFFIXES = (".yar", ".yara")
FILE_LIMIT_BYTES = 64 * 2**20


class YaraRulesError(Exception):
    """The rules cannot be used; the message names the file and the place in it."""


@dataclass(frozen=True, slots=True)
class YaraRules:
    """Compiled rules: how many there are, of which files, and what those files were like."""

    rules: yara_x.Rules
    number: int
    files: int
    state: tuple[tuple[str, int, int], ...]


def state_of(folders: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Return path, time of change in ns and bytes of each rule file: another state means other rules.

    Raises:
        YaraRulesError: a folder cannot be read.
    """
    try:
        files = sorted(
            file for folder in folders for file in folder.iterdir() if file.suffix in SUFFIXES and file.is_file()
        )
        return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except OSError as error:
        raise YaraRulesError(f"{error.filename}: {error.strerror}") from error


def compile_rules(folders: Sequence[Path]) -> YaraRules:
    """Compile all rule files of the folders, each in a namespace of its own.

    Raises:
        YaraRulesError: a file cannot be read or compiled, or there is none.
    """
    state = state_of(folders)
    if not state:
        raise YaraRulesError(f"{', '.join(map(str, folders))}: no rule file (*{', *'.join(SUFFIXES)})")
    rules = _compile([Path(path) for path, _, _ in state])
    return YaraRules(rules, sum(1 for _ in rules), len(state), state)


def _compile(files: Sequence[Path]) -> yara_x.Rules:
    compiler = yara_x.Compiler()
    try:
        compiler.enable_includes(False)  # a rule file names no other file of this machine
        for file in files:
            if file.stat().st_size > FILE_LIMIT_BYTES:
                raise YaraRulesError(f"{file}: larger than {FILE_LIMIT_BYTES} bytes")
            try:
                compiler.new_namespace(str(file))
                compiler.add_source(file.read_text(encoding="utf-8"), origin=str(file))
            except (OSError, UnicodeDecodeError, yara_x.CompileError) as error:
                raise YaraRulesError(f"{file}: {error}") from error
        return compiler.build()
    finally:
        del compiler  # it must not outlive its thread in the traceback of an error
