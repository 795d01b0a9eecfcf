"""DECODE: what any mail program would see in a message. Pure Python, bounded, no I/O."""
