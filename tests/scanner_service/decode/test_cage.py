"""The cage, from the inside: processes that enter it and try everything, as root and as nobody."""

import ast
import ctypes
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from scanner_service.decode import cage

ROOT = Path(__file__).parents[3]
BREAKER = ROOT / "tests/fakes/cage_breaker.py"
NOBODY = 65534
LIMIT_SECONDS = 30

Attempt = Callable[..., str]


@pytest.fixture(scope="module", params=[False, True], ids=["as we are", "as nobody"])
def as_nobody(request: pytest.FixtureRequest) -> bool:
    if request.param and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if request.param and not nobody_can_read(cage.__file__):
        pytest.skip("the checkout lies where another user cannot read it")
    return bool(request.param)


def nobody_can_read(path: str) -> bool:
    return subprocess.run(["cat", path], user=NOBODY, capture_output=True, check=False).returncode == 0


def attempt_to(what: str, *arguments: str, options: Sequence[str] = ()) -> str:
    ended = subprocess.run(
        [sys.executable, "-I", "-B", BREAKER, *options, what, *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return ended.stdout.strip() or f"ended with {ended.returncode}: {ended.stderr}"


@pytest.fixture
def attempt(as_nobody: bool) -> Attempt:
    return partial(attempt_to, options=["--nobody"] if as_nobody else [])


@pytest.fixture
def open_directory(tmp_path: Path) -> Path:
    """A directory in which every user may do everything: what stops them is the cage."""
    for directory in (tmp_path, *tmp_path.parents[:2]):
        if directory.owner() == tmp_path.owner() and directory != Path("/tmp"):
            directory.chmod(0o777)
    file = tmp_path / "secret"
    file.write_text("secret")
    file.chmod(0o666)
    return tmp_path


@pytest.mark.parametrize(
    "what",
    [
        "make_socketpair",
        "fork",
        "fork_without_end",
        "start_a_program",
        "become_a_program",
        "trace_the_parent",
        "read_the_parents_memory",
        "write_where_the_program_lies",
        "signal_the_parent",
        "have_the_kernel_signal_the_parent",
        "lift_the_limit_of_memory_by_number",
        "take_memory_in_a_file",
        "make_a_user_namespace",
    ],
)
def test_the_cage_refuses(attempt: Attempt, what: str) -> None:
    outcome = attempt(what)

    assert outcome in ("refused: EPERM", "refused: EACCES")


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        ("start_a_thread", "refused: can't start new thread"),
        ("raise_the_limit_of_memory", "refused: not allowed to raise maximum limit"),
        ("take_memory", "refused: ENOMEM"),
        ("take_memory_in_pieces", "refused: ENOMEM"),
    ],
)
def test_the_cage_refuses_in_the_words_of_python(attempt: Attempt, what: str, outcome: str) -> None:
    assert attempt(what) == outcome


@pytest.mark.parametrize(
    "what",
    ["write_a_file", "create_a_file", "create_a_file_by_another_call", "make_a_directory"],
)
def test_nothing_can_be_made_on_disk(attempt: Attempt, open_directory: Path, what: str) -> None:
    outcome = attempt(what, str(open_directory / "new"))

    assert outcome.startswith("refused: E")
    assert not (open_directory / "new").exists()


def test_no_nameless_file_can_be_made(attempt: Attempt, open_directory: Path) -> None:
    assert attempt("create_a_nameless_file", str(open_directory)) in ("refused: EPERM", "refused: EACCES")


@pytest.mark.parametrize("what", ["write_a_file", "truncate_a_file", "remove_a_file"])
def test_nothing_on_disk_can_be_changed(attempt: Attempt, open_directory: Path, what: str) -> None:
    outcome = attempt(what, str(open_directory / "secret"))

    assert outcome in ("refused: EPERM", "refused: EACCES")
    assert (open_directory / "secret").read_text() == "secret"


def test_secrets_outside_the_program_cannot_be_read(attempt: Attempt, open_directory: Path) -> None:
    if attempt("landlock") == "done: 0":
        pytest.skip("this kernel has no landlock, which is what restricts reading")

    assert attempt("read_a_file", str(open_directory / "secret")) == "refused: EACCES"
    assert attempt("read_a_file", "/etc/passwd") == "refused: EACCES"
    assert (
        attempt("read_a_file", str(ROOT / "pyproject.toml")) == "refused: EACCES"
    )  # beside it a state directory lies


def test_the_program_itself_can_be_read(attempt: Attempt) -> None:
    assert attempt("read_a_file", cage.__file__).startswith("done: ")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_there_is_no_network(attempt: Attempt, listener: socket.socket) -> None:
    assert attempt("connect_to_loopback", str(listener.getsockname()[1])) == "refused: EPERM"


def test_the_sockets_of_other_programs_cannot_be_reached(attempt: Attempt, open_directory: Path) -> None:
    path = str(open_directory / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        Path(path).chmod(0o777)

        assert attempt("connect_to_unix_socket", path) == "refused: EPERM"


OTHER_SYSTEM_CALLS = """
    bpf chmod chroot clone fchmodat init_module inotify_init1 io_uring_setup kexec_load keyctl linkat mount
    mknodat openat2 clone3 perf_event_open pidfd_open prctl process_vm_readv process_vm_writev recvmsg renameat2
    rt_sigqueueinfo sendmsg setuid shmget symlinkat timer_create tgkill userfaultfd utimensat vfork
"""


def test_other_system_calls_are_not_there(attempt: Attempt) -> None:
    names = OTHER_SYSTEM_CALLS.split()

    outcomes = ast.literal_eval(attempt("call_each", *names).removeprefix("done: "))

    assert {
        name: outcome for name, outcome in outcomes.items() if outcome not in ("refused: EPERM", "refused: ENOSYS")
    } == {}
    assert list(outcomes) == names


def test_a_cage_that_cannot_be_built_is_told_with_its_reason(attempt: Attempt) -> None:
    outcome = attempt(
        "enter_it_again"
    )  # where prctl(2) and seccomp(2) are refused, as in a container that is too tight

    assert outcome == "done: the kernel refuses to forbid new privileges (no_new_privs): Operation not permitted"


def test_the_libraries_that_open_containers_work_in_the_cage() -> None:
    assert attempt_to("load_the_libraries") == "done: ['a.txt']"


@pytest.mark.parametrize(
    ("what", "file"),
    [
        ("write_a_file", "new"),
        ("create_a_file", "new"),
        ("create_a_file_by_another_call", "new"),
        ("make_a_directory", "new"),
        ("create_a_nameless_file", "."),
        ("write_a_file", "secret"),
        ("truncate_a_file", "secret"),
        ("remove_a_file", "secret"),
    ],
)
def test_where_the_kernel_has_no_landlock_nothing_can_be_written_either(
    open_directory: Path, what: str, file: str
) -> None:
    outcome = attempt_to(what, str(open_directory / file), options=["--no-landlock"])

    assert outcome == "refused: EPERM"
    assert not (open_directory / "new").exists()
    assert (open_directory / "secret").read_text() == "secret"


def test_where_the_kernel_has_no_landlock_the_cage_says_so() -> None:
    assert attempt_to("landlock", options=["--no-landlock"]) == "done: 0"


@pytest.mark.parametrize("processor", [0xC000003E, 0xC00000B7], ids=["x86-64", "aarch64"])  # audit.h, AUDIT_ARCH_…
def test_what_programs_need_is_allowed_on_each_processor(processor: int) -> None:
    seccomp = ctypes.CDLL("libseccomp.so.2")
    needed = ("read", "write", "openat", "mmap", "exit_group", "newfstatat", "getdents64", "clone", "execve", "fcntl")

    allowed = {
        name
        for name, action, _ in cage._rules(may_become_a_program=True)  # noqa: SLF001  # what the filter is made of
        if seccomp.seccomp_syscall_resolve_name_arch(processor, name.encode()) >= 0 and action == 0x7FFF0000
    }

    assert allowed >= set(needed)


AS_NOBODY = """
import collections.abc, ctypes, errno, fcntl, os, pkgutil, resource, runpy, signal, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def in_the_cage_of_seven_zip(program: str, *arguments: str, as_nobody: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", *(["-c", AS_NOBODY] if as_nobody else []), cage.__file__, program, *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("touch", ["{directory}/new"]),
        ("rm", ["{directory}/secret"]),
        ("cp", ["/usr/lib/os-release", "{directory}/secret"]),
        ("sh", ["-c", "/bin/true & wait $! && echo started"]),
        ("kill", ["-0", "{parent}"]),
    ],
)
def test_what_runs_in_place_of_seven_zip_is_caged_as_well(
    as_nobody: bool, open_directory: Path, program: str, arguments: list[str]
) -> None:
    path = os.path.realpath(shutil.which(program) or "")
    filled = [one.format(directory=open_directory, parent=os.getpid()) for one in arguments]

    ended = in_the_cage_of_seven_zip(path, *filled, as_nobody=as_nobody)

    assert "Traceback" not in ended.stderr
    assert ended.returncode not in (0, cage.NO_CAGE_EXIT_CODE)
    assert not ended.stdout
    assert not (open_directory / "new").exists()
    assert (open_directory / "secret").read_text() == "secret"


def test_what_runs_in_place_of_seven_zip_cannot_read_secrets(
    as_nobody: bool, attempt: Attempt, open_directory: Path
) -> None:
    if attempt("landlock") == "done: 0":
        pytest.skip("this kernel has no landlock, which is what restricts reading")

    ended = in_the_cage_of_seven_zip("/bin/cat", str(open_directory / "secret"), as_nobody=as_nobody)

    assert (ended.returncode, ended.stdout) == (1, "")


def test_what_runs_in_place_of_seven_zip_runs(as_nobody: bool) -> None:
    ended = in_the_cage_of_seven_zip(os.path.realpath("/bin/echo"), "it", "runs", as_nobody=as_nobody)

    assert (ended.returncode, ended.stdout) == (0, "it runs\n")


def test_a_program_that_is_not_there_is_told_from_an_archive_that_is_damaged(as_nobody: bool) -> None:
    ended = in_the_cage_of_seven_zip("/usr/bin/no-such-program", as_nobody=as_nobody)

    assert ended.returncode == cage.NO_CAGE_EXIT_CODE
    assert "No such file" in ended.stdout or "Permission denied" in ended.stdout
