"""The cage: what a process that opens strangers' containers may still ask of the kernel.

It reads its program's own files, computes, and talks over the descriptors it was started with. No network, no new
process, no file written, no other process touched, little memory. Nothing here needs privileges, a user namespace or
a writable file system: rlimits, landlock(7) where the kernel has it, and a seccomp(2) filter that libseccomp makes.

This file is also a program, ``python -I -S cage.py PROGRAM ARGUMENTS…``: it enters the cage and becomes 7-Zip.
It imports nothing but small modules of the standard library, for it is started once for each run of 7-Zip.
"""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import sys
from collections.abc import Iterator

# Below 200 MB resident in any case. Measured: a fresh decoder takes 20 MiB of addresses, libarchive 40 more, and all
# libraries together 95; so the largest attachment of a mail of 100 MiB still fits a fresh one, with all that is held.
DECODER_ADDRESS_BYTES = 190 * 2**20
SEVEN_ZIP_ADDRESS_BYTES = 144 * 2**20  # a dictionary of 64 MiB, which 7-Zip's best compression takes, fits in
# Stops what has lost its service; a decoder that has honestly used this up is replaced like any that died.
CPU_SECONDS = 600
NO_CAGE_EXIT_CODE = 125  # none of 7-Zip's own; the reason is on standard output

_HIGHEST_DESCRIPTOR = 2**20  # fs.nr_open, unless somebody raised it
_SYSTEM_DIRECTORIES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache")
_LIBRARY_DIRECTORIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
# linux/capability.h
_LINUX_CAPABILITY_VERSION_3 = 0x20080522
# linux/sched.h
_CLONE_THREAD = 0x00010000
_CLONE_ANY_NAMESPACE = 0x7E020080

# seccomp.h of libseccomp
_SCMP_ACT_ALLOW = 0x7FFF0000
_SCMP_ACT_ERRNO = 0x00050000
_SCMP_CMP_EQ = 4
_SCMP_CMP_MASKED_EQ = 7

# Names, for the numbers differ; those that a processor does not have (open on aarch64) are passed over.
_ALLOWED = """
    read readv pread64 preadv write writev lseek close fadvise64
    stat lstat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd getdents getdents64
    brk mmap munmap mremap mprotect madvise
    futex sched_yield sched_getaffinity getcpu sysinfo uname
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getrandom getrlimit getrusage times
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    exit exit_group
"""
# To be started, and to have threads; they stay in the cage.
_ALLOWED_TO_SEVEN_ZIP = "execve arch_prctl set_tid_address set_robust_list rseq umask"
# A C library that gets ENOSYS asks again by the older call, whose arguments a filter can see.
_NOT_THERE = ("clone3", "openat2")

_O_TMPFILE = 0o20000000
_NOT_ONLY_READING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND | _O_TMPFILE
_TCGETS = 0x5401  # isatty(3), which open() asks
_FIOCLEX = 0x5451
_F_DUPFD_CLOEXEC = 1030

# linux/landlock.h; the numbers of its system calls are the same on every architecture
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION = 1
_LANDLOCK_RULE_PATH_BENEATH = 1
_EXECUTE = 1 << 0
_READ_FILE = 1 << 2
_READ_DIRECTORY = 1 << 3
_FILE_RIGHTS_BY_VERSION = (0, 13, 14, 15, 15, 16)  # how many bits version 1, 2, … knows; later ones as the last
_ALL_OF_NETWORK = 0b11  # bind and connect of TCP, from version 4
_ALL_OF_SCOPES = 0b11  # abstract unix sockets and signals to outside, from version 6


class CageError(Exception):
    """The cage cannot be built here, in words for an administrator; without it nothing may be opened."""


class _Comparison(ctypes.Structure):
    """See struct scmp_arg_cmp; for a masked comparison ``first`` is the mask."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Ruleset(ctypes.Structure):
    """See struct landlock_ruleset_attr."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    """See struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("directory", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def enter_decoder_cage() -> int:
    """Put this process, which must have one thread only, into the cage of a decoder. There is no way back.

    Returns:
        The version of landlock that is in force, 0 if the kernel has none: then the filter alone keeps the process
        from writing, and it could read what its user can.

    Raises:
        CageError: the kernel, or the container we run in, lacks or refuses a part of the cage.
    """
    return _enter(_program_directories(), None, DECODER_ADDRESS_BYTES)


def enter_seven_zip_cage(program: str) -> int:
    """Put this process into the cage in which it may become this program; otherwise see enter_decoder_cage."""
    return _enter(_SYSTEM_DIRECTORIES, program, SEVEN_ZIP_ADDRESS_BYTES)


def _enter(readable: tuple[str, ...], program: str | None, address_bytes: int) -> int:
    seccomp = _load_libseccomp()  # while files can be opened freely, and addresses are unlimited
    os.closerange(3, _HIGHEST_DESCRIPTOR)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "forbid new privileges (no_new_privs)")
    _prctl(_PR_SET_DUMPABLE, 0, "hide the memory from other processes")
    landlock_version = _restrict_files(readable, program)
    _drop_capabilities()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, "end with the service")  # after what would clear it
    _limit_resources(address_bytes)
    _filter_system_calls(seccomp, may_become_a_program=program is not None)
    return landlock_version


def _program_directories() -> tuple[str, ...]:
    """Return where Python, libraries and our own code lie. A checkout's root is not among them: var/ is there."""
    our_package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    the_wire = os.path.join(os.path.dirname(our_package), "verdict_api")
    return (*_SYSTEM_DIRECTORIES, sys.prefix, sys.base_prefix, our_package, the_wire)


def _prctl(option: int, value: int, purpose: str) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise CageError(f"the kernel refuses to {purpose}: {_last_error()}")


def _drop_capabilities() -> None:
    """Root without capabilities cannot raise its limits again, nor read what is not root's own."""
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise CageError(f"the kernel refuses to take away root's capabilities: {_last_error()}")


def _limit_resources(address_bytes: int) -> None:
    limits = (
        (resource.RLIMIT_AS, address_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_STACK, 8 * 2**20),
    )
    for kind, most in limits:
        _, allowed = resource.getrlimit(kind)
        limit = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.setrlimit(kind, (limit, limit))


def _restrict_files(readable: tuple[str, ...], program: str | None) -> int:
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:  # an older kernel, one started without landlock, or a container's filter that does not know it
        return 0
    bits = _FILE_RIGHTS_BY_VERSION[min(version, len(_FILE_RIGHTS_BY_VERSION) - 1)]
    handled = _Ruleset((1 << bits) - 1, _ALL_OF_NETWORK if version >= 4 else 0, _ALL_OF_SCOPES if version >= 6 else 0)
    # An older kernel accepts the larger structure as long as what it does not know is zero.
    ruleset = _libc.syscall(
        _LANDLOCK_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), 0
    )
    if ruleset < 0:
        raise CageError(f"the kernel has landlock, and refuses a ruleset: {_last_error()}")
    for path in readable:
        _allow_beneath(ruleset, path, _READ_FILE | _READ_DIRECTORY)
    if program is not None:
        for path in (program, *_LIBRARY_DIRECTORIES):  # the loader of dynamic libraries is executed as well
            _allow_beneath(ruleset, path, _READ_FILE | _READ_DIRECTORY | _EXECUTE)
    if _libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0:
        raise CageError(f"the kernel has landlock, and refuses to enforce it: {_last_error()}")
    os.close(ruleset)
    return int(version)


def _allow_beneath(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this system, or closed to us anyway
    try:
        allowed = rights if os.path.isdir(path) else rights & ~_READ_DIRECTORY
        rule = _PathBeneath(allowed, beneath)
        if _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, ctypes.byref(rule), 0) != 0:
            raise CageError(f"the kernel has landlock, and refuses a rule for {path}: {_last_error()}")
    finally:
        os.close(beneath)


def _load_libseccomp() -> ctypes.CDLL:
    try:
        seccomp = ctypes.CDLL("libseccomp.so.2")
    except OSError as error:
        raise CageError("libseccomp is not installed; on Debian: apt-get install libseccomp2") from error
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_init.argtypes = (ctypes.c_uint32,)
    seccomp.seccomp_load.argtypes = (ctypes.c_void_p,)
    seccomp.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Comparison),
    )
    return seccomp


def _filter_system_calls(seccomp: ctypes.CDLL, *, may_become_a_program: bool) -> None:
    """Allow what the rules allow; everything else, a network above all, fails with EPERM."""
    context = seccomp.seccomp_init(_errno_action(errno.EPERM))
    if not context:
        raise CageError("libseccomp cannot make a filter for this processor")
    for name, action, comparisons in _rules(may_become_a_program=may_become_a_program):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # not on this processor, or newer than the library: then it stays forbidden
            continue
        array = (_Comparison * len(comparisons))(*comparisons)
        failed = seccomp.seccomp_rule_add_array(context, action, number, len(comparisons), array)
        if failed:
            raise CageError(f"libseccomp refuses the rule for {name}: {os.strerror(-failed)}")
    failed = seccomp.seccomp_load(context)
    if failed:
        raise CageError(f"the kernel, or the container around us, refuses a seccomp filter: {os.strerror(-failed)}")


def _rules(*, may_become_a_program: bool) -> Iterator[tuple[str, int, tuple[_Comparison, ...]]]:
    """Yield the name of a system call, what becomes of it, and the arguments it must have for that."""
    for name in _ALLOWED.split():
        yield name, _SCMP_ACT_ALLOW, ()
    yield "open", _SCMP_ACT_ALLOW, (_masked(1, _NOT_ONLY_READING, os.O_RDONLY),)
    yield "openat", _SCMP_ACT_ALLOW, (_masked(2, _NOT_ONLY_READING, os.O_RDONLY),)
    for request in (_TCGETS, _FIOCLEX):
        yield "ioctl", _SCMP_ACT_ALLOW, (_equal(1, request),)
    for command in (fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, _F_DUPFD_CLOEXEC):
        yield "fcntl", _SCMP_ACT_ALLOW, (_equal(1, command),)  # not F_SETOWN: the kernel would send our signals
    yield "prlimit64", _SCMP_ACT_ALLOW, (_equal(0, 0), _equal(2, 0))  # its own, and only to read them
    for name in _NOT_THERE:
        yield name, _errno_action(errno.ENOSYS), ()
    if may_become_a_program:
        for name in _ALLOWED_TO_SEVEN_ZIP.split():
            yield name, _SCMP_ACT_ALLOW, ()
        yield "clone", _SCMP_ACT_ALLOW, (_masked(0, _CLONE_THREAD | _CLONE_ANY_NAMESPACE, _CLONE_THREAD),)


def _errno_action(number: int) -> int:
    return _SCMP_ACT_ERRNO | number


def _equal(argument: int, value: int) -> _Comparison:
    return _Comparison(argument, _SCMP_CMP_EQ, value, 0)


def _masked(argument: int, mask: int, value: int) -> _Comparison:
    return _Comparison(argument, _SCMP_CMP_MASKED_EQ, mask, value)


def _last_error() -> str:
    return os.strerror(ctypes.get_errno())


def _become(program: str, arguments: list[str]) -> int:
    try:
        enter_seven_zip_cage(program)
        os.execve(program, [program, *arguments], {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"})  # noqa: S606
    except (CageError, OSError) as error:
        os.write(1, str(error).encode())
    return NO_CAGE_EXIT_CODE


if __name__ == "__main__":
    sys.exit(_become(sys.argv[1], sys.argv[2:]))
