"""Inputs that mean harm end in time, in bounded memory, with a message that helps."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import unicodedata
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path
from typing import NamedTuple

import hostile_inputs
import pytest
from hostile_inputs import Row
from usual_signals import usual_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals, pipes and limits")

# Starts the command and measures it. A process of its own, for two reasons: the peak that the
# system keeps for a child begins with that of its parent before exec, and pytest is large. And
# it is the peak itself that is measured: a limit on memory, which counts what is reserved but
# never used as well, would hide in "the memory is used up" that nobody estimated anything. There
# is one only so that a row that goes wrong does not take the machine along.
LAUNCHER = """
import json, os, resource, signal, sys, time
report, ready, delay, number, closed, *command = sys.argv[1:]
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if closed == "closed":
        os.close(1)
    os.execvp(command[0], command)
if int(number):
    os.close(1)
    os.read(int(ready), 1)
    time.sleep(float(delay))
    os.kill(child, int(number))
_, status, usage = os.wait4(child, 0)
code = os.waitstatus_to_exitcode(status)
with open(report, "w") as file:
    json.dump([code, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6], file)
"""
# No signal is meant for the interpreter that is still starting, which answers for itself.
ENTRY = (
    "import os; from adcli.cli import signals, start; signals.hear(); "
    "os.write({0}, b'.'); os.close({0}); start.entry()"
)
TURNS = 3

NAMES_OF_ERRORS = re.compile(
    r"Traceback|\b[A-Z]\w*(?:Error|Exception|Interrupt|Warning)\b|\b(?:lark|pyarrow|orjson|click)\b"
)
# What separates one message from the next on standard error.
MESSAGE = re.compile(r"^(?=(?:error|warning|note): )", re.MULTILINE)


class Done(NamedTuple):
    """What became of a command."""

    code: int
    out: str
    err: str
    megabytes: float


def run(row: Row, folder: Path, report: Path, delay: float = 0) -> Done:
    """Run a row's command in a folder."""
    variables = {
        name: value
        for name, value in {**os.environ, "NO_COLOR": "1", **row.variables}.items()
        if value is not None
    }
    if row.variables.get("XDG_CACHE_HOME"):
        variables["XDG_CACHE_HOME"] = str(folder / str(row.variables["XDG_CACHE_HOME"]))
    command, ready, pass_fds = list(hostile_inputs.ADCLI), -1, ()
    if row.number:
        ready, writing = os.pipe()
        pass_fds = (ready, writing)  # type: ignore[assignment]
        command = [sys.executable, "-c", ENTRY.format(writing)]
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(report), str(ready), str(delay)]
    launcher += [str(int(row.number or 0)), row.stdout]
    stdin = folder.parent / "stdin"
    stdin.write_bytes(hostile_inputs.content(row.stdin))
    stdout, terminal = _opened(row.stdout)
    with open(stdin, "rb") as given:
        process = subprocess.Popen(
            [*launcher, *command, *row.arguments],
            stdin=given,
            stdout=stdout,
            stderr=stdout if terminal is not None else subprocess.PIPE,
            cwd=folder,
            env=variables,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=usual_signals,
        )
    if row.number:
        for descriptor in pass_fds:
            os.close(descriptor)
    if stdout is not subprocess.PIPE:
        os.close(stdout)
    shown: list[bytes] = []
    reader = threading.Thread(target=_read, args=(terminal, shown))
    if terminal is not None:
        reader.start()
    try:
        out, err = process.communicate(timeout=row.seconds)
    except subprocess.TimeoutExpired:
        pytest.fail(f"it takes more than {row.seconds} s")
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        if terminal is not None:
            reader.join()
            os.close(terminal)
    if terminal is not None:
        out = b"".join(shown).replace(b"\r\n", b"\n")
    code, megabytes = json.loads(report.read_text())
    texts = [(data or b"").decode("utf-8", "surrogateescape") for data in (out, err)]
    return Done(code, *texts, megabytes)


def _opened(stdout: str) -> tuple[int, int | None]:
    """Where standard output goes, and the other end of it if that is a terminal."""
    if stdout == "full":
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full")
        return os.open("/dev/full", os.O_WRONLY), None
    if stdout == "gone":
        reading, writing = os.pipe()
        os.close(reading)
        return writing, None
    if stdout == "terminal":
        terminal, stream = pty.openpty()
        ioctl(stream, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        return stream, terminal
    return subprocess.PIPE, None


def _read(terminal: int, shown: list[bytes]) -> None:
    try:
        while data := os.read(terminal, 65536):
            shown.append(data)
    except OSError:  # how Linux says that nobody writes any more
        pass


def is_visible(character: str) -> bool:
    """Whether a character can be printed: it neither hides nor moves others."""
    return character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp")


def check(row: Row, done: Done) -> None:
    """What is said of a row holds, and what holds for all."""
    codes: Sequence[int] = (row.code,) if isinstance(row.code, int) else row.code
    assert done.code in codes, done.err[:2000]
    assert row.says in done.err
    if row.says == "" and row.stdout != "terminal" and row.number is None:
        assert done.err == ""
    assert (row.shows or "") in done.out
    if row.shows is None:
        assert done.out == ""
    assert not NAMES_OF_ERRORS.search(done.err)
    assert row.is_data or not NAMES_OF_ERRORS.search(done.out)
    hidden = {c for c in (done.err if row.is_data else done.err + done.out) if not is_visible(c)}
    assert not hidden
    for message in MESSAGE.split(done.err):
        assert message.count("\n") < 10
        assert len(message) < 2000
    assert done.err.count("\n") < (10 if done.code else 30)
    if done.code == 3:
        assert re.search(r"^ *--> .+:\d+:\d+$", done.err + done.out, re.MULTILINE)
    assert done.megabytes < row.megabytes


def _marked(row: Row) -> object:
    marks = [pytest.mark.thorough] if row.slow else []
    return pytest.param(row, id=row.name.encode("unicode_escape").decode(), marks=marks)


@pytest.mark.parametrize("row", [_marked(row) for row in hostile_inputs.table()])
def test_hostile_input(row: Row, tmp_path: Path) -> None:
    moments = [random.uniform(0, 0.6) for _ in range(TURNS)] if row.number else [0.0]
    for turn, moment in enumerate(moments):
        folder = tmp_path / str(turn) / "work"
        folder.mkdir(parents=True)
        for name, data in row.files.items():
            (folder / name).write_bytes(hostile_inputs.content(data))
        if row.prepare:
            row.prepare(folder)
        done = run(row, folder, tmp_path / "report.json", moment)
        try:
            check(row, done)
            if row.after:
                row.after(folder)
            if row.number:  # nothing is left half done
                assert set(os.listdir(folder)) <= {"t.csv", "o.csv"}
        except AssertionError as error:
            error.add_note(f"at {moment:.3f} s: {done.code}, {done.megabytes:.0f} MB")
            raise
