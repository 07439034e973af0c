"""The console script. An interrupt is silent from the first moment on, imports included."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import NoReturn

from adcli.cli import signals


def entry() -> None:
    """Run the program and exit with its code."""
    signals.hear()
    from adcli.cli.main import main

    _end(main())


def _end(code: int) -> NoReturn:
    """Leave without taking the interpreter apart, which the system does faster."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # none, closed, or full
            stream.flush()
    os._exit(code)
