"""The console script. An interrupt is silent from the first moment on, imports included."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def entry() -> None:
    """Run the program and exit with its code."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not where it is ignored, as in the background
        signal.signal(signal.SIGINT, _leave)
    from adcli.cli.main import main
    from adcli.errors import ExitCode

    try:
        signal.signal(signal.SIGINT, handler)
        code = main()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except SystemExit as request:  # a signal: threads are not waited for
        code = request.code if isinstance(request.code, int) else ExitCode.NO
    _end(code)


def _end(code: int) -> NoReturn:
    """Leave without taking the interpreter apart, which the system does faster."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # none, closed, or full
            stream.flush()
    os._exit(code)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(130)
