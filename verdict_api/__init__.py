"""The wire: what the shim asks, what the scanning service answers. Standard library only."""
