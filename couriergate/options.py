"""The options that all commands have, and what their exit status says."""

from enum import IntEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Url: TypeAlias = Annotated[
    str, typer.Option(envvar="COURIERGATE_URL", help="http://HOST:PORT, https://HOST:PORT or unix:/PATH.")
]
TokenFile: TypeAlias = Annotated[Path | None, typer.Option(help="A file with the token; else COURIERGATE_TOKEN.")]


class ReplayStatus(IntEnum):
    """What a draft of a policy would change."""

    NOTHING = 0
    SOMETHING = 1
    ERROR = 2
