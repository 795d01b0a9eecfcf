"""What a part is able to do, run or hold others, by its names and its bytes: whether it is worth hiding."""

import re
from collections.abc import Iterable
from enum import Enum

EXECUTABLE_TYPES = frozenset(("exe", "dll", "lnk", "script", "java", "chm"))
# What of it may come by mail all the same is argued in tests/scanner_service/inspectors/test_banned.py.
EXECUTABLE_ENDINGS = (
    *("exe", "com", "scr", "pif", "cpl", "dll", "ocx", "sys", "msi", "msp", "mst", "bat", "cmd", "vbs", "vbe", "js"),
    *("jse", "wsf", "wsh", "wsc", "sct", "hta", "ps1", "psm1", "lnk", "reg", "inf", "chm", "hlp", "jar", "jnlp"),
    *("scf", "url", "app", "gadget", "application", "msc", "appx", "msix", "xll", "command", "desktop", "sh", "run"),
    *("terminal", "vsto"),
)
_ARCHIVE_TYPES = {
    *("zip", "7z", "rar", "gz", "Z", "bz2", "xz", "lzma", "zst", "lz4", "lzo", "lrz", "cab", "installshield", "arj"),
    *("lha", "zoo", "ace", "cpio", "deb", "a", "rpm", "tar", "iso", "vhd", "wim", "tnef", "uue", "hqx"),
}
_EXECUTABLE_ENDING = re.compile(rf"\.(?:{'|'.join(EXECUTABLE_ENDINGS)})[ .]*\Z", re.IGNORECASE)
_ARCHIVE_ENDING = re.compile(
    r"\.(?:zip|7z|rar|gz|tgz|z|bz2|tbz2?|xz|txz|lzma|zst|tzst|lz4|lz|cab|arj|lha|lzh|zoo|ace|cpio|deb|rpm|tar|iso|img"
    r"|vhdx?|wim|swm|esd|udf|uue?|hqx)[ .]*\Z",
    re.IGNORECASE,
)


class Kind(Enum):
    """What is worth hiding from a filter."""

    EXECUTABLE = "executable"
    ARCHIVE = "archive"


def kinds_of_types(types: Iterable[str]) -> frozenset[Kind]:
    """Return what the bytes can do, of the short names of decode.file_type."""
    found = set(types)
    kinds = [Kind.EXECUTABLE] * bool(found & EXECUTABLE_TYPES) + [Kind.ARCHIVE] * bool(found & _ARCHIVE_TYPES)
    return frozenset(kinds)


def kinds_of_name(name: str) -> frozenset[Kind]:
    """Return what a program will take a file of this name for."""
    if _EXECUTABLE_ENDING.search(name):
        return frozenset({Kind.EXECUTABLE})
    return frozenset({Kind.ARCHIVE}) if _ARCHIVE_ENDING.search(name) else frozenset()
