"""STORE: what must outlive a process, in a database or in files."""
