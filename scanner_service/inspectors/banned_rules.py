"""The rules of what may not come by mail, and the list that holds where nobody says otherwise.

The list is of what runs, or makes something run, when a person opens it: each entry with its reason, which is what
a user asks for whose mail was refused. What developers send each other (source, jar) is not in it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scanner_service.model.message import Part, PartMark


@dataclass(frozen=True, slots=True)
class BannedRule:
    """It fits a part if one of its tests does, or if it has none but ``inside``; ``allow`` lets the part go.

    An allowed part is let go whatever later rules say.

    ``extensions`` are without dot and in lower case; ``types`` are of the content, as decode.file_type gives them;
    ``content_types`` are declared ones; ``names`` is searched in every name that the part may go by. ``inside``: only
    parts that lie, at any depth, in a container with one of these types. ``observe``: it is on trial, what it fits is
    only told of, and later rules still count.
    """

    name: str
    reason: str
    extensions: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    content_types: frozenset[str] = frozenset()
    names: re.Pattern[str] | None = None
    marks: frozenset[PartMark] = frozenset()
    allow: bool = False
    inside: frozenset[str] = frozenset()
    observe: bool = False

    def fits(self, part: Part, *, by_name: bool = True, around: frozenset[str] = frozenset()) -> str | None:
        """Return what of the part it fits, for the reply; None if nothing.

        ``by_name``: whether names count; ``around``: the types of the containers that it lies in.
        """
        if self.inside and not self.inside & around:
            return None
        return next(self._hits(part, by_name=by_name), None)

    def _hits(self, part: Part, *, by_name: bool) -> Iterator[str]:
        shown = part.names[0] if part.names else ""
        if by_name:
            for name in part.names:
                if self._extension_of(name) in self.extensions or (self.names and self.names.search(name)):
                    yield name
        for kind in part.types:
            if kind in self.types:
                yield f"{shown} .{kind}".strip()
        if part.content_type.lower() in self.content_types:
            yield f"{shown} {part.content_type.lower()}".strip()
        for mark in part.marks & self.marks:
            yield f"{shown} {mark}".strip()
        if not (self.extensions or self.types or self.content_types or self.names or self.marks) and self.inside:
            yield shown or part.content_type

    @staticmethod
    def _extension_of(name: str) -> str:
        return name.rpartition(".")[2].rstrip(" .").lower() if "." in name else ""


class RuleSet:
    """Rules in their order: the first that fits a part decides.

    Most parts of mail have no name and are text, and no rule is about them; that is seen at once.
    """

    def __init__(self, rules: Iterable[BannedRule]) -> None:
        self.rules = tuple(rules)
        self._types = frozenset(kind for rule in self.rules for kind in rule.types)
        self._content_types = frozenset(kind for rule in self.rules for kind in rule.content_types)

    def is_about(self, part: Part, *, is_inside: bool) -> bool:
        """Return whether any rule may fit this part; ``is_inside``: whether it lies in a container."""
        return (
            is_inside
            or bool(part.names or part.marks)
            or not self._types.isdisjoint(part.types)
            or part.content_type.lower() in self._content_types
        )


def _rule(name: str, reason: str, extensions: str = "", types: str = "", content_types: str = "") -> BannedRule:
    return BannedRule(
        name, reason, frozenset(extensions.split()), frozenset(types.split()), frozenset(content_types.split())
    )


DEFAULT_RULES = (
    _rule(
        "windows program",
        "runs when it is opened",
        "exe com scr pif cpl dll ocx sys drv msi msp mst appx appxbundle msix msixbundle appinstaller application "
        "appref-ms gadget",
        "exe-ms dll",
        "application/x-msdownload application/x-msdos-program application/x-ms-installer application/x-msi",
    ),
    _rule(
        "script of Windows",
        "Windows runs it with the rights of whoever opens it",
        "bat cmd vb vbs vbe js jse ws wsf wsh wsc sct ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psm1 msh msh1 msh2 mshxml",
    ),
    _rule("HTML application", "runs with no sandbox of a browser", "hta", content_types="application/hta"),
    _rule(
        "shortcut",
        "starts a program or fetches one, and shows another icon",
        "lnk url scf library-ms search-ms searchconnector-ms settingcontent-ms website theme themepack "
        "deskthemepack desktop inetloc fileloc",
        "lnk",
    ),
    _rule(
        "disk image",
        "what is in it loses the mark of coming from the network",
        "iso img vhd vhdx udf wim swm esd",
        "iso vhd wim",
        "application/x-iso9660-image",
    ),
    _rule("OneNote notebook", "holds files that run at a click on a picture", "one onepkg", "one"),
    _rule("compiled help", "runs scripts when it is opened", "chm hlp", "chm"),
    _rule(
        "setting of Windows",
        "changes the system or starts programs",
        "reg inf ins isp job msc msu diagcab diagcfg diagpkg ppkg webpnp grp xnk its "
        "mad maf mag mam maq mar mas mat mau mav maw mcf prf "
        "printerexport rdp",
    ),
    _rule(
        "add-in or database of Office",
        "brings a program along",
        "xll xla xlam wll ppa ppam ade adp accda accde accdu mda mde mdt mdw mdz iqy dqy oqy rqy slk vsto",
    ),
    BannedRule("macro document", "brings a program along", marks=frozenset({PartMark.MACROS})),
    _rule("Java web start", "fetches and runs a program", "jnlp"),
    _rule(
        "program of Unix or macOS",
        "runs when it is opened",
        "dmg pkg mpkg app command workflow osx action terminal tool",
        "exe-unix",
        "application/x-executable application/x-mach-binary",
    ),
    BannedRule(
        "class identifier",
        "Windows takes it for a hidden extension",
        names=re.compile(r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?\s*\.?$", re.IGNORECASE),
    ),
)
