"""Build the shim as one file that runs on Debian's Python: ``build_pyz.py build/shim.pyz``.

The same sources and the same lock give the same bytes: members sorted, one date, bytecode checked by hash.
"""

import compileall
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHEBANG = b"#!/usr/bin/python3\n"
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
MAIN = "import sys\nfrom shim.__main__ import main\nsys.exit(main())\n"
PIP_OPTIONS = (
    "--quiet",
    "--disable-pip-version-check",
    "--no-compile",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
)
OUR_PACKAGES = ("shim", "verdict_api")


def main() -> None:
    """Build the file named on the command line."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "tree"
        _collect(tree)
        _compile(tree)
        _write(tree, target)
    print(f"{target}: {target.stat().st_size} bytes")


def _collect(tree: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            *PIP_OPTIONS,
            "--target",
            tree,
            "-r",
            ROOT / "requirements/shim.lock",
        ],
        check=True,
    )
    shutil.rmtree(tree / "bin", ignore_errors=True)
    for package in OUR_PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "__main__.py").write_text(MAIN)


def _compile(tree: Path) -> None:
    # Python never writes bytecode into a zip file: without this each start would compile everything anew.
    done = compileall.compile_dir(
        tree, stripdir=tree, quiet=1, legacy=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    if not done:
        sys.exit("build_pyz: some source could not be compiled")


def _write(tree: Path, target: Path) -> None:
    unfinished = target.with_suffix(".new")
    with unfinished.open("wb") as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in tree.rglob("*") if path.is_file() and path.name != "RECORD"):
                member = zipfile.ZipInfo(str(path.relative_to(tree)), DATE)
                member.external_attr = 0o644 << 16
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
    unfinished.chmod(0o755)
    unfinished.replace(target)


if __name__ == "__main__":
    main()
