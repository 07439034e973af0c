"""Signals as a shell gives them to a command, whatever whoever runs the tests ignores."""

from __future__ import annotations

import signal
from collections.abc import Collection

# What asks a process to end, where the system has it.
REQUESTS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def usual_signals(ignored: Collection[int] = ()) -> None:
    """Begin with no request ignored, but for some: a `preexec_fn` of processes.

    A process inherits what is ignored, as it is by `nohup` and of what runs in the background.
    """
    for number in REQUESTS:
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
