"""Several processes that serve one listener; the parent hands a SIGHUP on, so that each reads its policies anew."""

import contextlib
import os
import signal

from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """uvicorn's, which would replace each worker at SIGHUP."""

    def handle_hup(self) -> None:
        """Have each worker reload; one that has just died is replaced, and starts with what is new."""
        for process in self.processes:
            if process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)
