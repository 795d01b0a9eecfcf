"""Enters the cage of a decoder, and tries to get out in the way that it is told.

``python -I cage_breaker.py [--nobody] [--no-landlock] ATTEMPT [ARGUMENT]``: prints what came of it as one
line, ``done: …`` or ``refused: …``.
"""

import ctypes
import encodings.idna  # noqa: F401  # which names of hosts need: after the cage it may lie out of reach
import errno
import importlib
import io
import os
import resource
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

from scanner_service.decode.cage import CageError, enter_decoder_cage


def connect_to_loopback(port: str) -> object:
    return socket.create_connection(("127.0.0.1", int(port)), 1)


def connect_to_unix_socket(path: str) -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    return path


def make_socketpair(_: str = "") -> object:
    return socket.socketpair()


def fork(_: str = "") -> object:
    if os.fork() == 0:
        os._exit(0)
    return "a child"


def fork_without_end(_: str = "") -> object:
    children = 0
    while children < 50 and os.fork():
        children += 1
    return children


def start_a_program(_: str = "") -> object:
    return subprocess.run(["/bin/true"], check=True)


def become_a_program(_: str = "") -> object:
    return os.execv("/bin/echo", ["echo", "done: executed"])


def start_a_thread(_: str = "") -> object:
    threading.Thread(target=print).start()
    return "a thread"


def trace_the_parent(_: str = "") -> object:
    return by_number("ptrace", 16, os.getppid(), 0, 0)  # PTRACE_ATTACH


def read_the_parents_memory(_: str = "") -> object:
    return Path(f"/proc/{os.getppid()}/mem").open("rb").read(1)


def write_a_file(path: str) -> object:
    return Path(path).write_text("written")


def create_a_file(path: str) -> object:
    return os.open(path, os.O_RDONLY | os.O_CREAT)


def create_a_file_by_another_call(path: str) -> object:
    return by_number("creat", path.encode(), 0o600)


def create_a_nameless_file(directory: str) -> object:
    return os.open(directory, os.O_RDWR | os.O_TMPFILE)


def truncate_a_file(path: str) -> object:
    return os.open(path, os.O_RDONLY | os.O_TRUNC)


def remove_a_file(path: str) -> object:
    Path(path).unlink()
    return path


def make_a_directory(path: str) -> object:
    Path(path).mkdir()
    return path


def write_where_the_program_lies(_: str = "") -> object:
    return Path(__file__).open("a").write("")


def read_a_file(path: str) -> object:
    return Path(path).read_text()


def signal_the_parent(_: str = "") -> object:
    os.kill(os.getppid(), 0)
    return "sent"


def have_the_kernel_signal_the_parent(_: str = "") -> object:
    return by_number("fcntl", 0, 8, os.getppid())  # F_SETOWN


def raise_the_limit_of_memory(_: str = "") -> object:
    resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))
    return "raised"


def lift_the_limit_of_memory_by_number(_: str = "") -> object:
    unlimited = (ctypes.c_uint64 * 2)(2**64 - 1, 2**64 - 1)
    return by_number("prlimit64", 0, resource.RLIMIT_AS, ctypes.byref(unlimited), None)


def take_memory(_: str = "") -> object:
    return len(bytearray(200 * 2**20))


def take_memory_in_pieces(_: str = "") -> object:
    return sum(map(len, [bytearray(2**20) for _ in range(200)]))


def take_memory_in_a_file(_: str = "") -> object:
    return os.memfd_create("hoard")


def make_a_user_namespace(_: str = "") -> object:
    return by_number("unshare", 0x10000000)


def call_each(*names: str) -> object:
    return {name: outcome_of(lambda name: by_number(name, 0, 0, 0, 0, 0), name) for name in names}


def enter_it_again(_: str = "") -> object:
    try:
        return enter_decoder_cage()
    except CageError as error:
        return error


def load_the_libraries(_: str = "") -> object:
    names = ("libarchive", "oletools.olevba", "oletools.rtfobj", "pypdf")
    libarchive, *_others = [importlib.import_module(library) for library in names]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("a.txt", b"text" * 1000)
    with libarchive.memory_reader(archive.getvalue()) as entries:
        return [entry.name for entry in entries]


def outcome_of(attempt: Callable[..., object], *arguments: str) -> str:
    try:
        return f"done: {attempt(*arguments)}"
    except MemoryError:
        return "refused: ENOMEM"
    except OSError as error:
        return f"refused: {errno.errorcode.get(error.errno or 0, str(error))}"
    except (RuntimeError, ValueError) as error:  # what Python makes of a thread or a limit that is refused
        return f"refused: {error}"


def by_number(name: str, *arguments: object) -> object:
    number = NUMBERS[name]
    libc = ctypes.CDLL(None, use_errno=True)
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def take_landlock_away() -> None:
    """Be on a kernel that has none: the call by which one asks for it fails as it would there."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(0x7FFF0000))  # allow all
    seccomp.seccomp_rule_add_array(rules, 0x00050000 | errno.ENOSYS, 444, 0, None)
    assert seccomp.seccomp_load(rules) == 0


def number_of(name: str) -> int:
    number: int = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name(name.encode())
    return number


# Asked before there is a cage.
NUMBERS = {name: number_of(name) for name in ("ptrace", "creat", "fcntl", "prlimit64", "unshare", *sys.argv[2:])}
ATTEMPTS: dict[str, Callable[..., object]] = {
    name: function
    for name, function in list(vars().items())
    if callable(function)
    and getattr(function, "__module__", "") == __name__
    and name not in ("by_number", "number_of", "outcome_of", "take_landlock_away")
}

if __name__ == "__main__":
    os.environ["LIBARCHIVE"] = "libarchive.so.13"  # as the service gives it to the child
    arguments = sys.argv[1:]
    if arguments[0] == "--nobody":  # not from the start: Python may lie where nobody cannot read it
        arguments.pop(0)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    if arguments[0] == "--no-landlock":
        arguments.pop(0)
        take_landlock_away()
    landlock = enter_decoder_cage()
    what, *rest = arguments
    print(f"done: {landlock}" if what == "landlock" else outcome_of(ATTEMPTS[what], *rest))
