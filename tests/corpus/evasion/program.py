"""What the evasions hide."""

# A program that does nothing: the DOS mark, and where it points, the PE mark.
PROGRAM = b"MZ".ljust(0x3C, b"\0") + (0x40).to_bytes(4, "little") + b"PE\0\0" + bytes(40) + b"harmless"
