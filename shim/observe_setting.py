"""Switch observe mode on and off in a settings file that is somebody's own: every other byte stays as it is.

No I/O.
"""

import re
import tomllib

from shim.settings import SettingsError

_LINES = """\
# Observe mode: with true, nothing is refused and everybody gets his mail; would_be= in the log says what would have
# become of it. To end it: couriergate-shim install --no-observe
observe = {value}

"""
_VALUE = re.compile(r"""^([ \t]*["']?observe["']?[ \t]*=[ \t]*)(?:true|false)\b""", re.MULTILINE)


def with_observe(text: str, *, on: bool, where: str) -> str:
    """Return the settings with observe mode on or off; a new line stands on top, before any table.

    Raises:
        SettingsError: the setting is written in a way that is not understood here, or the text is no TOML.
    """
    try:
        table = tomllib.loads(text)
        changed = _changed(text, on=on) if "observe" in table else _LINES.format(value=_toml(on=on)) + text
        result = tomllib.loads(changed)
        if result["observe"] is on and result == {**table, "observe": on}:
            return changed
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where}: not TOML: {error}") from error
    raise SettingsError(f"{where}: want a line `observe = {_toml(on=on)}` there; write it by hand")


def _changed(text: str, *, on: bool) -> str:
    """Change the first line that looks like it; it may stand in a text, so whoever asked looks again."""
    return _VALUE.sub(rf"\g<1>{_toml(on=on)}", text, count=1)


def _toml(*, on: bool) -> str:
    return "true" if on else "false"
