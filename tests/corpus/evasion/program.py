"""What the evasions hide: a program, or in a process that is told so, the EICAR test file."""

import os

from tests.fakes.clamd import EICAR

CHOSEN_BY = "COURIERGATE_EVASIONS_HIDE"  # an environment variable

# A program that does nothing: the DOS mark, and where it points, the PE mark.
_DOS_PROGRAM = b"MZ".ljust(0x3C, b"\0") + (0x40).to_bytes(4, "little") + b"PE\0\0" + bytes(40) + b"harmless"
PROGRAM = EICAR if os.environ.get(CHOSEN_BY) == "eicar" else _DOS_PROGRAM
