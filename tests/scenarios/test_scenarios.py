"""Every folder with a `dialog` is a test: it is played against the real Courier, clamd, shim and service."""

from pathlib import Path

import pytest

from tests.scenarios.courier_host import CourierHost
from tests.scenarios.dialog_format import Dialog, parse_dialog
from tests.scenarios.play_dialog import DialogPlayer
from tests.scenarios.sentences import VOCABULARY
from tests.scenarios.stage import Stage

_SHOWN_LOG_LINES = 30

DIALOGS = sorted(Path(__file__).parent.glob("*/dialog"))


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.parent.name)
def test_the_mail_host_does_what_the_dialog_says(
    path: Path, mail_host: CourierHost, request: pytest.FixtureRequest
) -> None:
    short_path = f"{path.parent.name}/{path.name}"
    dialog = parse_dialog(path.read_text(), short_path, VOCABULARY)
    stage = Stage(mail_host, path.parent)

    try:
        DialogPlayer(stage, short_path).play(dialog)
        assert stage.bug_reports() == []
    finally:
        stage.close()
        _keep_for_report(request.node, dialog, stage)


def _keep_for_report(test: pytest.Item, dialog: Dialog, stage: Stage) -> None:
    test.add_report_section("call", "transcript", f"{dialog.purpose}\n{stage.transcript}")
    for log in ("mail", "shim", "service"):
        test.add_report_section("call", f"{log} log", "\n".join(stage.log_lines(log)[-_SHOWN_LOG_LINES:]))
