"""One setting changed in a file that is somebody's own, and not a byte besides."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.observe_setting import with_observe
from shim.settings import SettingsError


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("observe = false\n", "observe = true\n"),
        ("observe=false", "observe=true"),
        (" \tobserve\t=  false # not yet\r\nworkers = 2\r\n", " \tobserve\t=  true # not yet\r\nworkers = 2\r\n"),
        ('"observe" = false\n', '"observe" = true\n'),
        ("# observe = false\n'observe' = false\n", "# observe = false\n'observe' = true\n"),
        ("workers = 2\nobserve = false\n[on_failure]\n", "workers = 2\nobserve = true\n[on_failure]\n"),
        ("observe = true # already\n", "observe = true # already\n"),
    ],
)
def test_only_the_value_is_changed(text: str, changed: str) -> None:
    assert with_observe(text, on=True, where="f") == changed


@pytest.mark.parametrize("text", ["", "workers = 2", "# caf\u00e9\r\n[on_failure]\r\nlocal = 'pass'\r\n"])
@pytest.mark.parametrize("on", [True, False])
def test_where_there_is_none_it_comes_on_top(text: str, *, on: bool) -> None:
    changed = with_observe(text, on=on, where="f")

    assert changed.endswith("\n" + text)
    assert tomllib.loads(changed) == {**tomllib.loads(text), "observe": on}


@pytest.mark.parametrize(
    "text",
    [
        '''user = """\nobserve = false\n"""\nobserve = false\n''',
        '"obs\\u0065rve" = false\n',
        "[observe]\n",
        "observe = 1\n",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^f: want a line `observe = true` there; write it by hand$"):
        with_observe(text, on=True, where="f")


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^f: not TOML: "):
        with_observe("observe", on=True, where="f")


_LINES = st.sampled_from(
    [
        "",
        "# observe = true",
        "workers = 2",
        "observe = false",
        " observe = true # x",
        "[on_failure]",
        'user = """',
        '"""',
    ]
)


@given(st.lists(_LINES), st.booleans())
def test_any_settings_keep_all_the_rest_or_are_refused(lines: list[str], on: bool) -> None:
    text = "\n".join(lines)

    try:
        changed = with_observe(text, on=on, where="f")
    except SettingsError:
        return

    assert tomllib.loads(changed) == {**tomllib.loads(text), "observe": on}
    assert with_observe(changed, on=on, where="f") == changed
