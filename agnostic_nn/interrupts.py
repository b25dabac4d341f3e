"""Ctrl-C while training: at the end of the epoch, where training can be kept."""

from __future__ import annotations

import signal
import threading
from typing import Self


class Interrupts:
    """Ctrl-C waits for the end of the epoch, where training can be kept; a second one does not.

    Only in the main thread, which is where Python takes signals, and only where nobody has a
    handler of their own.
    """

    def __init__(self, *, wait: bool) -> None:
        self.seen = False
        self._waits = (
            wait
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )

    def __enter__(self) -> Self:
        if self._waits:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._waits:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.seen and kind is None:
            raise KeyboardInterrupt

    def _note(self, *_: object) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
