"""Plays a dialog on a stage, and says which line of it did not come true."""

import pytest

from tests.scenarios.dialog_format import (
    ClientSays,
    ClientSends,
    Dialog,
    Does,
    Repeats,
    Sees,
    ServerReplies,
    Step,
    matches,
)
from tests.scenarios.program import ProgramError
from tests.scenarios.sentences import ACTIONS, CHECKS
from tests.scenarios.stage import MismatchError, Stage

_GOODBYE = "221 "  # RFC 5321 section 3.8: the server closes the session after it


class DialogPlayer:
    """Takes the client's part in one dialog."""

    def __init__(self, stage: Stage, path: str) -> None:
        self._stage = stage
        self._path = path
        self._outstanding_replies = 1  # the greeting

    def play(self, dialog: Dialog) -> None:
        self._play_all(dialog.steps)

    def _play_all(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            try:
                self._play_step(step)
            except (MismatchError, ProgramError, OSError) as e:
                # The report shows the transcript; a traceback through the player would only push it out of sight.
                raise pytest.fail.Exception(f"{self._path}, line {step.line}: {e}", pytrace=False) from None

    def _play_step(self, step: Step) -> None:
        match step:
            case ClientSays(commands=commands):
                self._stage.connection().send_commands(commands)
                self._outstanding_replies = len(commands)
            case ClientSends(file=file):
                self._stage.connection().send_message(self._stage.message(file))
                self._outstanding_replies = 1
            case ServerReplies(pattern=pattern):
                self._expect_replies(pattern)
            case Does(text=text, sentence=sentence, arguments=arguments):
                self._stage.transcript.add("!", text)
                ACTIONS[sentence](self._stage, *arguments)
            case Sees(text=text, sentence=sentence, arguments=arguments):
                self._stage.transcript.add("?", text)
                CHECKS[sentence](self._stage, *arguments)
            case Repeats(times=times, steps=steps):
                self._play_all(steps * times)

    def _expect_replies(self, pattern: str) -> None:
        for _ in range(self._outstanding_replies):
            reply = self._stage.connection().read_reply()
            if not matches(pattern, reply):
                raise MismatchError(f"want reply {pattern!r}, got {reply!r}")
            if reply.startswith(_GOODBYE):
                self._stage.disconnect()
        self._outstanding_replies = 1
