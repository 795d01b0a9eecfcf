"""The names of a part, by every way in which a mail program might read them.

Programs disagree on duplicate and split parameters, on what is quoted, and on encodings where none may be, so a name
that only one of them sees is a name. All candidates come back, each as it stands and as it would reach a disk.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from urllib.parse import unquote_to_bytes

VALUE_LIMIT_CHARACTERS = 20_000  # of one header field; a longer one is read this far
_HINT = "name"  # is in whatever names a part, in any case of letters: most parts have none
CANDIDATES_LIMIT = 200

# A parameter as most programs read it: the quoted string where there is one, else all up to the next semicolon.
_PARAMETER = re.compile(
    r';\s*((?:file)?name(?:\*\d{1,3})?\*?)\s*=\s*("(?:[^"\\]|\\.)*+"|[^;]*+)', re.IGNORECASE | re.DOTALL
)
# As the simple-minded do: whatever follows `name=`, up to a quote, a blank or the end, wherever it stands.
_ANYWHERE = re.compile(r"""name\s*=\s*(?:"([^"]*)|'([^']*)|([^\s;"]+))""", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# Characters that nobody sees and some programs drop: bidirectional controls, zero width, soft hyphen.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def names_of(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the names that these field values (of Content-Disposition and Content-Type) give, without repetition."""
    fields = _that_may_name(fields)
    # Once each: most readings of an honest name are the same, and its forms on disk cost most.
    return forms_of(dict.fromkeys(name for value in fields for name in _readings(value[:VALUE_LIMIT_CHARACTERS])))


def forms_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name as it stands and as it would reach a disk, without repetition and without empty ones."""
    found: dict[str, None] = {}
    for name in names:
        for form in (name, *_as_on_disk(name)):
            if form and len(found) < CANDIDATES_LIMIT:
                found[form] = None
    return tuple(found)


def declared_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Return what each parameter says by itself, to see whether two of them contradict each other.

    The union of names_of has pieces and raw forms as well: a part would seem to be called what nobody calls it.
    """
    found: dict[str, None] = {}
    for field in _that_may_name(fields):
        value = field[:VALUE_LIMIT_CHARACTERS]
        sections: dict[str, list[tuple[int, str]]] = {}
        for key, raw in _PARAMETER.findall(value):
            base, star, number = key.lower().partition("*")
            if number.rstrip("*"):
                sections.setdefault(base, []).append((int(number.rstrip("*")), _without_quotes(raw)))
                continue
            for text in _ends_of(raw):
                found[_extended(text) if star else _encoded_words_decoded(_text_of(_bytes_of(text)))] = None
        for pieces in sections.values():
            found[_extended("".join(text for _, text in sorted(pieces)))] = None
    return tuple(found)


def _that_may_name(fields: Iterable[str]) -> list[str]:
    return [field for field in fields if _HINT in field.lower()]


def _ends_of(raw: str) -> Iterator[str]:
    """Yield a value up to the semicolon and, where it is not quoted, up to the first blank."""
    yield _without_quotes(raw)
    if not raw.startswith('"') and raw.strip():
        yield raw.split(maxsplit=1)[0]


def _readings(value: str) -> Iterator[str]:
    sections: dict[str, list[tuple[int, bytes]]] = {}
    for key, raw in _PARAMETER.findall(value):
        text = _without_quotes(raw)
        base, star, number = key.lower().partition("*")
        if number.rstrip("*"):  # RFC 2231 §3: one value in several parameters
            is_encoded = number.endswith("*")
            piece = _percent_decoded(text) if is_encoded else _bytes_of(text)
            sections.setdefault(base, []).append((int(number.rstrip("*")), piece))
        elif star:
            yield _extended(text)
        yield from _decoded(text)
    for pieces in sections.values():
        yield _extended_bytes(b"".join(piece for _, piece in sorted(pieces, key=lambda one: one[0])))
        yield _extended_bytes(b"".join(piece for _, piece in pieces))
    for groups in _ANYWHERE.findall(value):
        for text in groups:
            yield from _decoded(text)


def _decoded(text: str) -> Iterator[str]:
    """Yield a plain value as it stands, and what programs make of encodings that do not belong into one."""
    yield _text_of(_bytes_of(text))
    if "=?" in text:  # RFC 2047 §5 forbids it here, and most programs decode it
        yield _encoded_words_decoded(text)
    if "%" in text:
        yield _text_of(_percent_decoded(text))


def _encoded_words_decoded(text: str) -> str:
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):  # base64 of a length that cannot be
        return text
    return "".join(
        piece if isinstance(piece, str) else _text_of(piece, charset or "ascii") for piece, charset in pieces
    )


def _extended(text: str) -> str:
    """Read ``charset'language'percent-encoded`` (RFC 2231 §4)."""
    return _extended_bytes(_percent_decoded(text))


def _extended_bytes(data: bytes) -> str:
    charset, quote, rest = data.partition(b"'")
    _, second, value = rest.partition(b"'")
    if quote and second and len(charset) < 40:
        return _text_of(value, charset.decode("ascii", "replace"))
    return _text_of(data)


def _without_quotes(raw: str) -> str:
    text = raw.strip()
    if text.startswith('"'):
        text = text[1:].removesuffix('"')
        return _ESCAPED.sub(r"\1", text)
    return text


def _percent_decoded(text: str) -> bytes:
    return unquote_to_bytes(_bytes_of(text))


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text_of(data: bytes, charset: str = "utf-8") -> str:
    for name in (charset, "utf-8"):
        try:
            return data.decode(name)
        except (LookupError, ValueError):  # unknown, or not of this charset
            continue
    return data.decode("latin-1")


def _as_on_disk(name: str) -> Iterator[str]:
    """Yield what a program or a file system makes of a name: Windows drops trailing blanks and dots."""
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name))
    for whole in (visible, visible.partition("\0")[0]):
        clean = _CONTROL.sub("", whole)
        for last in {re.split(r"[/\\]", clean)[-1], re.split(r"[/\\:]", clean)[0], clean}:
            yield last.strip().rstrip(" .")
