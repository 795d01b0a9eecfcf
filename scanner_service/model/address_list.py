"""The addresses in a field such as From (RFC 5322 §3.4), as mail programs show them.

Strangers write these fields. A reader sees the address in angle brackets, whatever else looks like one: in
``ceo@bank.example <a@example.net>`` only the latter counts. Each byte is looked at a few times at the most.
"""

import re
from collections.abc import Iterator

LONGEST_FIELD_BYTES = 2048

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|\\.|[()<>,;:"\\]|[^()<>,;:"\\]+', re.DOTALL)
# a . b @ c is an address, too (RFC 5322 §4.4). The look back spares trying a run of blanks from each of them.
_BLANKS_WITHIN = re.compile(r'("(?:[^"\\]|\\.)*+"|\\.)|(?<!\s)\s++(?=[.@])|(?<=[.@])\s++', re.DOTALL)
_ATOM = r'[^\s"(),:;<>@\[\]\\\x00-\x1f\x7f]'
_QUOTED = r'"(?:[^"\\]|\\.)++"'
_ADDRESS = re.compile(rf"(?<!\S)((?:{_ATOM})+|{_QUOTED})@((?:{_ATOM})+|\[[^\]\s]+\])(?!\S)", re.DOTALL)
_NEEDLESSLY_QUOTED = re.compile(rf'\A"((?:{_ATOM})+)"\Z')


def addresses_in(value: bytes) -> tuple[str, ...]:
    """Return the addresses of an unfolded value in their order; none of what makes no sense.

    Bytes that are not UTF-8 come as surrogates. ``"bob"@example.com`` is ``bob@example.com``.
    """
    text = value[:LONGEST_FIELD_BYTES].decode("utf-8", "surrogateescape")
    return tuple(address for bare, angles in _mailboxes(text) for address in _addresses(bare, angles))


def _addresses(bare: str, angles: list[str]) -> list[str]:
    """Return what is in angle brackets; where that is nothing, what stands beside them."""
    return [one for angle in angles for one in _addresses_of(angle)] or _addresses_of(bare)


def _addresses_of(text: str) -> list[str]:
    joined = _BLANKS_WITHIN.sub(lambda found: found[1] or "", text)
    return [_NEEDLESSLY_QUOTED.sub(r"\1", local) + "@" + domain for local, domain in _ADDRESS.findall(joined)]


def _mailboxes(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield for each entry of the list what stands outside of angle brackets, and in each pair of them."""
    bare, angles, is_open = "", list[str](), False
    for token in _without_comments(text):
        match token:
            case "<":
                if is_open:
                    angles.pop()  # of <<a@b>> the inner pair counts
                angles.append("")
                is_open = True
            case ">":
                is_open = False
            case ":" if is_open:
                angles[-1] = ""  # it was a route (RFC 5322 §4.4)
            case ":":
                bare = ""  # it was the name of a group
            case "," | ";" if not is_open:
                yield bare, angles
                bare, angles = "", []
            case _ if is_open:
                angles[-1] += token
            case _:
                bare += token
    yield bare, angles


def _without_comments(text: str) -> Iterator[str]:
    """Yield the tokens outside of comments; a comment without an end goes to the end."""
    depth = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token == "(":
            depth += 1
        elif token == ")" and depth:
            depth -= 1
            yield " "
        elif not depth:
            yield token
