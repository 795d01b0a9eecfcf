"""A check that fails, for the proof that failures are seen."""


def check(data: bytes) -> None:
    if not data.startswith(b"plain"):
        raise ValueError("planted")
