"""Lists ``name=value; …`` of DKIM and DMARC (RFC 6376 §3.2)."""

import re

MOST_TAGS = 50

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TagListError(ValueError):
    """It is no such list."""


def read_tags(text: bytes) -> dict[str, str]:
    """Return the tags in their order, blanks taken off the ends of their values.

    Raises:
        TagListError: see there.
    """
    specs = text.decode("ascii", "surrogateescape").split(";")
    if specs and not specs[-1].strip():
        specs.pop()
    if len(specs) > MOST_TAGS:
        raise TagListError(f"more than {MOST_TAGS} tags")
    tags: dict[str, str] = {}
    for spec in specs:
        name, equals, value = (one.strip() for one in spec.partition("="))
        if not equals or not _NAME.fullmatch(name) or name in tags:
            raise TagListError("a tag that is none, or comes twice")
        tags[name] = value
    return tags


def without_value_of(name: bytes, text: bytes) -> bytes:
    """Return the list as it stands, with the value of one tag and all blanks around it taken out (RFC 6376 §3.7)."""
    specs = text.split(b";")
    return b";".join(
        spec.partition(b"=")[0] + b"=" if spec.partition(b"=")[0].strip() == name else spec for spec in specs
    )
