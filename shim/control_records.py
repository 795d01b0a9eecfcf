"""What a filter appends to a control file, so that Courier delivers to others than the envelope said.

No I/O. Indexes count from 0 in each control file. The records are those that Courier writes itself for aliases and
for failed deliveries (``courier/libs/comctlfile.h``); after the reply ``courierd`` reads them.
"""


class ControlRecordError(ValueError):
    """A record that cannot be written: it would be read as another one."""


def discard_record(index: int, now: int) -> bytes:
    """Mark a recipient as done. Without a letter behind the time no DSN is made, not even a wanted one."""
    return f"I{index} R 250 Ok - kept back by the mail filter.\nS{index} {now}\n".encode("ascii")


def bounce_record(index: int, now: int, text: str) -> bytes:
    """Mark a recipient as failed: Courier sends its sender a DSN with the text.

    Raises:
        ControlRecordError: the text is not one line of printable ASCII.
    """
    if not (text.isascii() and text.isprintable()):
        raise ControlRecordError(f"want one line of printable ASCII, got {text!r}")
    return f"I{index} R {text}\nF{index} {now}\n".encode("ascii")


def added_recipient_record(address: str) -> bytes:
    """Add a recipient, for whom no DSN is ever made: the sender did not write to them. Aliases are not expanded.

    Raises:
        ControlRecordError: an address that is empty, has no bytes, or would end its line.
    """
    try:
        value = address.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ControlRecordError(f"want an address, got {address!r}") from error
    if not value or any(byte < 0x20 or byte == 0x7F for byte in value):
        raise ControlRecordError(f"want an address, got {address!r}")
    return b"r" + value + b"\nR\nNN\n"
