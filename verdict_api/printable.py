"""Strangers' text, made fit for a log line, an SMTP reply or a page."""


def printable(text: str) -> str:
    r"""Return printable ASCII only; every other byte, and the backslash itself, becomes ``\xNN``.

    Bytes that were not UTF-8 arrive here as surrogates (PEP 383) and come out as the bytes they were.
    The result cannot break a line, start an escape sequence, or be mistaken for another text.
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if " " <= character <= "~" and character != "\\":
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
