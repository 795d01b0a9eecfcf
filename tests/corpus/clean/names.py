"""Names of attachments as they come: in all scripts, and in all the wrong codings."""

import base64
import functools
from urllib.parse import quote

from tests.corpus.clean import files
from tests.corpus.clean.compose import in_base64, mail, mixed
from tests.corpus.clean.message import CleanMessage, Shelf

MESSAGES = Shelf()


def _document(disposition: str, type_parameters: str = "") -> bytes:
    fields = f"Content-Type: application/pdf{type_parameters}\nContent-Disposition: attachment{disposition}"
    return mail(mixed(in_base64(files.pdf(), fields)))


def _word(text: str, charset: str = "utf-8") -> str:
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode('ascii')}?="


def _extended(text: str, charset: str = "utf-8") -> str:
    return f"{charset}''{quote(text.encode(charset), safe='')}"


def _raw(text: str, charset: str) -> str:
    """The bytes as they are; they come out of the composer as they went in."""
    return text.encode(charset).decode("utf-8", "surrogateescape")


_HARMLESS = {
    "name_with_brackets": ("Brackets round and square.", '; filename="report [draft] (2).pdf"'),
    "name_with_quotation_marks": (
        "Quotation marks escaped by backslashes.",
        '; filename="the \\"final\\" report.pdf"',
    ),
    "name_with_percent_signs": ("A percent sign that begins no coding.", '; filename="100% of 5%20 boats.pdf"'),
    "name_with_blanks": ("Blanks inside, two of them together.", '; filename="report  of the  harbour.pdf"'),
    "name_with_several_dots": ("Several dots, with endings that are none.", '; filename="report.v1.2.final.pdf"'),
    "name_with_apostrophe": ("An apostrophe, unquoted, that RFC 2231 would split at.", "; filename=harbour's.pdf"),
    "name_with_semicolon": ("A semicolon inside of quotation marks.", '; filename="north; south.pdf"'),
    "name_with_equals_sign": ("An equals sign and a question mark: no encoded word.", '; filename="a=b?=c.pdf"'),
    "name_with_plus_and_ampersand": ("Characters of forms.", '; filename="north+south & east.pdf"'),
    "name_with_underscore_and_hash": ("Characters of addresses.", '; filename="#1_report~2.pdf"'),
    "name_with_path_of_windows": (
        "A whole path, as an old program sends it.",
        '; filename="C:\\\\Reports\\\\March.pdf"',
    ),
    "name_of_only_an_ending": ("A name that begins with its dot.", '; filename=".pdf"'),
    "name_with_comma": ("A comma, unquoted.", "; filename=north,south.pdf"),
    "name_in_capitals": ("An ending in capital letters.", '; filename="REPORT.PDF"'),
    "name_like_a_web_address": ("An address of the web as name.", '; filename="www.example.com.pdf"'),
    "name_without_ending": ("No ending at all.", '; filename="README"'),
    "name_with_a_year_as_ending": ("A number where an ending is expected.", '; filename="Report 2.2026"'),
    "name_japanese_extended": ("Japanese in RFC 2231.", f"; filename*={_extended('港の報告書.pdf')}"),
    "name_chinese_extended_gb": (
        "Chinese in RFC 2231, in GB 2312.",
        f"; filename*={_extended('港口报告.pdf', 'gb2312')}",
    ),
    "name_korean_word": ("Korean in an encoded word.", f'; filename="{_word("항구 보고서.pdf")}"'),
    "name_japanese_word_jis": (
        "Japanese in an encoded word of ISO-2022-JP.",
        f'; filename="{_word("報告書.pdf", "iso-2022-jp")}"',
    ),
    "name_russian_word_koi8": (
        "Russian in an encoded word of KOI8-R.",
        f'; filename="{_word("отчёт.pdf", "koi8-r")}"',
    ),
    "name_arabic_extended": (
        "Written from right to left, without marks of direction.",
        f"; filename*={_extended('تقرير الميناء.pdf')}",
    ),
    "name_hebrew_raw": ("Hebrew, as it stands, in UTF-8.", '; filename="דוח הנמל.pdf"'),
    "name_greek_raw": ("Greek, as it stands, in UTF-8.", '; filename="έκθεση λιμανιού.pdf"'),
    "name_emoji_raw": ("Emoji, one of them joined of three.", '; filename="🚢 👩‍✈️ report.pdf"'),
    "name_emoji_extended": ("Emoji in RFC 2231.", f"; filename*={_extended('🚢 report.pdf')}"),
    "name_thai_extended_in_pieces": (
        "Thai in three pieces, cut in the middle of a letter.",
        (
            ";\n filename*0*=utf-8''%E0%B8%A3%E0%B8%B2%E0%B8;\n filename*1*=%A2%E0%B8%87%E0%B8%B2;\n"
            " filename*2*=%E0%B8%99.pdf"
        ),
    ),
    "name_in_many_pieces": (
        "A long name in a dozen pieces.",
        "".join(f';\n filename*{number}="part {number} of the name "' for number in range(12))
        + ';\n filename*12=".pdf"',
    ),
    "name_very_long": (
        "250 characters, as long as a file system takes.",
        f'; filename="{"harbour " * 30}report.pdf"',
    ),
    "name_of_two_encoded_words": (
        "Two encoded words in one quoted value, the line folded between them.",
        f'; filename="{_word("Bericht über die ")}\n {_word("Häfen.pdf")}"',
    ),
    "name_in_hungarian_quoted": (
        "An encoded word in the Q coding.",
        '; filename="=?iso-8859-2?Q?jelent=E9s=5F2026.pdf?="',
    ),
    "name_with_language": ("RFC 2231 with a language.", "; filename*=iso-8859-1'de'Bericht%20M%E4rz.pdf"),
    "name_also_plain": (
        "A plain one for old programs beside the extended one.",
        f'; filename="Uebersicht.pdf"; filename*={_extended("Übersicht.pdf")}',
    ),
}
for _name, (_why, _disposition) in _HARMLESS.items():
    MESSAGES.add(CleanMessage(_name, _why, functools.partial(_document, _disposition)))

_IN_UNTOLD_CHARSETS = {
    "name_raw_latin_1": ("Latin-1 as it stands, with no charset told.", "Übersicht.pdf", "latin-1"),
    "name_raw_gb2312": ("GB 2312 as it stands.", "港口报告.pdf", "gb2312"),
    "name_raw_shift_jis": ("Shift JIS as it stands: second bytes may be a backslash.", "港の表示.pdf", "shift_jis"),
    "name_raw_koi8_r": ("KOI8-R as it stands.", "отчёт.pdf", "koi8-r"),
}
for _name, (_why, _text, _charset) in _IN_UNTOLD_CHARSETS.items():
    MESSAGES.add(CleanMessage(_name, _why, functools.partial(_document, f'; filename="{_raw(_text, _charset)}"')))


@MESSAGES.clean
def name_folded_inside_quotation_marks() -> bytes:
    """A fold in the middle of a quoted value: one program shows a blank, another a tab."""
    return _document(';\n filename="report of the\n\tharbour.pdf"')


@MESSAGES.clean
def name_with_comment_after_it() -> bytes:
    """A comment behind the value (RFC 822 allows it everywhere)."""
    return _document('; filename="report.pdf" (the final one)')
