"""What the names of a zip's members say of it: which kind of document it is, and whether it brings macros along.

The members themselves are opened as those of any zip; an embedded object among them is a compound file of its own.
"""

from collections.abc import Iterable

# The short types are amavisd-new's where it has one.
_TYPE_OF_MEMBER = {
    "word/document.xml": ("docx",),
    "xl/workbook.xml": ("xlsx",),
    "xl/workbook.bin": ("xlsb",),
    "ppt/presentation.xml": ("pptx",),
    "visio/document.xml": ("vsdx",),
    "META-INF/MANIFEST.MF": ("jar",),
    "AndroidManifest.xml": ("apk",),
    "doc.kml": ("kmz",),
    "appxmanifest.xml": ("appx",),
}
DOCUMENT_TYPES = frozenset(kind for types in _TYPE_OF_MEMBER.values() for kind in types)
_MACRO_MEMBERS = ("vbaproject.bin", "vbadata.xml")
_MACRO_SHEETS = "xl/macrosheets/"  # of Excel's old language
_OPEN_DOCUMENT = "content.xml"
_OPEN_DOCUMENT_MACROS = ("basic/", "scripts/")  # which in a zip as any other may be anything


def document_types(names: Iterable[str]) -> tuple[str, ...]:
    """Return the short types of the document that a zip of these members is; none for a zip as any other."""
    types = (_TYPE_OF_MEMBER.get(name.replace("\\", "/"), ()) for name in names)
    return tuple(dict.fromkeys(one for several in types for one in several))


def has_macros(names: Iterable[str]) -> bool:
    """Tell whether one of the members is where a document of Office or LibreOffice keeps its macros."""
    members = {name.replace("\\", "/").lower() for name in names}
    folders = (_MACRO_SHEETS, *(_OPEN_DOCUMENT_MACROS if _OPEN_DOCUMENT in members else ()))
    return any(
        name.endswith(_MACRO_MEMBERS) or (name.startswith(folders) and not name.endswith("/")) for name in members
    )
