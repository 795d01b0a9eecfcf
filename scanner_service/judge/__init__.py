"""JUDGE: from findings to destinies. Pure: no clock, no I/O, no randomness."""
