"""Processes and calls, timed side by side: interleaved runs, medians, ratios."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Timed:
    """The runs of one command, or of one call.

    Attributes:
        seconds: wall time of each run.
        peak: the most memory any run of a command had, in bytes.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.peak = 0

    @property
    def median(self) -> float:
        """The median wall time in seconds."""
        return statistics.median(self.seconds)


def side_by_side(
    commands: Mapping[str, Sequence[str]], runs: int, warm_up: bool = True
) -> dict[str, Timed]:
    """Run commands in turn, A B C A B C ..., so that a slow moment hits all of them.

    The peak of a command is at least that of the process which started it: who wants to know
    memory calls this by `apart`.

    Args:
        commands: name -> argument list.
        runs: counted runs of each.
        warm_up: one more run of each first, not counted.

    Raises:
        RuntimeError: a command failed; a time of a failure means nothing.
    """
    timed = {name: Timed() for name in commands}
    for number in range(-int(warm_up), runs):
        for name, command in commands.items():
            start = time.perf_counter()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise RuntimeError(f"{name} failed: {command}")
            if number >= 0:
                timed[name].seconds.append(seconds)
                scale = 1 if sys.platform == "darwin" else 1024
                timed[name].peak = max(timed[name].peak, usage.ru_maxrss * scale)
    return timed


def in_turn(
    calls: Mapping[str, Callable[[], object]], runs: int, *, settle: bool = False
) -> dict[str, Timed]:
    """Call functions in turn, A B C A B C ..., in this process.

    Args:
        calls: name -> function.
        runs: counted calls of each.
        settle: whether each counted call follows one of the same function that is not: else
            who runs after a peer that takes a second in one thread pays for cores that have
            gone to sleep.
    """
    timed = {name: Timed() for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            if settle:
                call()
            start = time.perf_counter()
            result = call()
            timed[name].seconds.append(time.perf_counter() - start)
            del result  # not the next one's time
    return timed


def apart(function: Callable[..., T], *arguments: object) -> T:
    """Call a function in a process of its own, which takes its memory and threads with it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def adcli(*arguments: str) -> list[str]:
    """The command line of the installed program."""
    script = os.path.join(os.path.dirname(sys.executable), "adcli")
    return (
        [script, *arguments]
        if os.path.exists(script)
        else [sys.executable, "-m", "adcli", *arguments]
    )
