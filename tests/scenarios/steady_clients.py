"""Clients that send one mail after the other in the background, and keep what each of them was answered."""

import threading
from collections.abc import Callable


class SteadyClients:
    """So many clients at once, until told to end."""

    def __init__(self, count: int, send: Callable[[], str]) -> None:
        self._send = send
        self._replies: list[str] = []
        self._errors: list[Exception] = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._send_often, name=f"client {one}") for one in range(count)]
        for thread in self._threads:
            thread.start()

    def end(self) -> list[str]:
        """Return all replies, once each client has its last one; raise what went wrong meanwhile."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self._replies

    def _send_often(self) -> None:
        try:
            while not self._is_over.is_set():
                self._replies.append(self._send())
        except Exception as e:  # noqa: BLE001 - raised again in `end`, where the scenario can fail
            self._errors.append(e)
