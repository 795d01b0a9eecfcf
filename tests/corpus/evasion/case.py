"""One way of hiding something in a mail, and what must be found there all the same."""

import base64
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EvasionCase:
    """A whole message and what its part tree must show.

    ``parts`` are paths that must be in the tree. ``executables`` are paths of parts whose types have ``exe``, or that
    have a name with the ending of an executable. ``findings`` are full categories, as ``unchecked.encrypted``.
    """

    name: str
    why: str
    build: Callable[[], bytes]
    parts: tuple[str, ...]
    executables: tuple[str, ...]
    findings: frozenset[str] = frozenset()


def message_with(
    attachment_name: str, content: bytes, content_type: str = "application/octet-stream", text: str = "See below."
) -> bytes:
    """Return a mail with a text as part 1 and the attachment as part 2, in base64."""
    body = base64.encodebytes(content).replace(b"\n", b"\r\n")
    head = f"""\
From: Alice <alice@sender.example>
To: Bob <bob@example.com>
Subject: A file
Date: Mon, 02 Mar 2026 10:00:00 +0000
Message-ID: <evasion@sender.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_evasion"

--=_evasion
Content-Type: text/plain; charset=utf-8

{text}
--=_evasion
Content-Type: {content_type}
Content-Disposition: attachment; filename="{attachment_name}"
Content-Transfer-Encoding: base64

"""
    return head.replace("\n", "\r\n").encode() + body + b"--=_evasion--\r\n"
