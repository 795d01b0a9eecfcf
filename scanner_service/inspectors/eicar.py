"""The EICAR test file, which every virus scanner finds and which harms nobody (eicar.org)."""

# Joined when the program runs: neither this file nor what Python compiles of it shall look infected.
EICAR_TEST_FILE = b"".join((rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", b"$H+H*"))
