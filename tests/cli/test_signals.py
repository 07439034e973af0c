"""Requests to end: none gets lost, and what is half done is undone."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from usual_signals import usual_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Sends itself a signal in the callback of a weak reference, where an exception is thrown away.
LOST = """
import os, signal, sys, weakref
class Owner: pass
def lose(number):
    owner = Owner()
    reference = weakref.ref(owner, lambda _: (os.kill(os.getpid(), number), len("handled")))
    del owner
"""
# The same while the command imports a module.
WHILE_IMPORTING = (
    LOST
    + """
from importlib.abc import MetaPathFinder
class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            lose({number})
sys.meta_path.insert(0, Finder())
from adcli.cli.start import entry
entry()
"""
)


def python(
    text: str, *arguments: str, folder: Path | None = None, ignored: tuple[int, ...] = ()
) -> tuple[int, str, str]:
    """Exit code and output of a text of Python; it begins with signals as a shell gives them."""
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        check=False,
        preexec_fn=functools.partial(usual_signals, ignored),
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("number", ALL)
@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("pyarrow", ("batch", "f(x) = x^2", "t.csv", "-o", "out")),
        ("adcli.batch.pipeline", ("batch", "f(x) = x^2", "t.csv", "-o", "out", "--jobs", "2")),
        ("adcli.differentiate.reverse", ("each", "lines", "x=1", "-o", "out")),
        ("adcli.evaluate.processes", ("each", "lines", "x=1", "-o", "out", "--jobs", "2")),
    ],
)
def test_a_request_where_python_throws_exceptions_away(
    tmp_path: Path, module: str, command: tuple[str, ...], number: int
) -> None:
    (tmp_path / "t.csv").write_text("x\n" + "3\n" * 1_000)
    (tmp_path / "lines").write_text("x^2\n" * 1_000)
    (tmp_path / "out").write_text("before")
    text = WHILE_IMPORTING.format(module=module, number=int(number))
    code, out, err = python(text, *command, folder=tmp_path)
    assert (code, out, err) == (128 + number, "", "")
    assert sorted(os.listdir(tmp_path)) == ["lines", "out", "t.csv"]
    assert (tmp_path / "out").read_text() == "before"


START = LOST + "from adcli.cli import signals; signals.hear()\n"


@pytest.mark.parametrize("number", ALL)
def test_requests_are_silent_from_the_first_moment_on(number: int) -> None:
    assert python(START + f"lose({number:d}); print('goes on')") == (128 + number, "", "")


@pytest.mark.parametrize("number", ALL)
def test_what_is_half_done_is_undone_last_first(number: int) -> None:
    text = START + (
        "say = lambda text: os.write(1, text)\n"
        "with signals.undone(lambda: say(b'a')), signals.undone(lambda: 1 / 0):\n"
        "    with signals.undone(lambda: say(b'b')): pass\n"
        "    with signals.undone(lambda: say(b'c')):\n"
        f"        lose({number:d}); print('goes on')"
    )
    assert python(text) == (128 + number, "ca", "")


@pytest.mark.parametrize("number", ALL)
def test_what_is_undivided_is_done_whole(number: int) -> None:
    text = START + (
        "with signals.undone(lambda: os.write(1, b'undone')), signals.undivided():\n"
        "    with signals.undivided():\n"
        f"        lose({number:d}); os.write(1, b'whole ')\n"
        "    os.write(1, b'and ')\n"
        "print('goes on')"
    )
    assert python(text) == (128 + number, "whole and undone", "")


@pytest.mark.parametrize("number", ALL)
def test_what_is_ignored_stays_ignored(number: int) -> None:
    """As `nohup` asks for, and a shell for what runs in the background."""
    text = START + (
        "with signals.undone(lambda: os.write(1, b'undone')):\n"
        f"    lose({number:d})\n"
        "print('goes on')"
    )
    assert python(text, ignored=(number,)) == (0, "goes on\n", "")


def test_who_embeds_the_program_keeps_their_own_handlers() -> None:
    text = (
        "import signal; from adcli.cli import signals; from adcli.cli.main import main\n"
        "before = [signal.getsignal(n) for n in signal.Signals]\n"
        "with signals.undone(lambda: None): main(['eval', '1 + 1'])\n"
        "assert before == [signal.getsignal(n) for n in signal.Signals]"
    )
    assert python(text)[::2] == (0, "")


@pytest.mark.parametrize("number", ALL)
def test_a_request_that_does_not_wake_the_main_thread(number: int) -> None:
    """As one that comes just before it begins to wait."""
    text = START + (
        "import threading, time\n"
        "other = threading.Thread(target=time.sleep, args=(60,), daemon=True)\n"
        "other.start()\n"
        "tell = lambda: (time.sleep(0.5), signal.pthread_kill(other.ident, "
        + str(int(number))
        + "))\n"
        "threading.Thread(target=tell, daemon=True).start()\n"
        "threading.Lock().acquire() and threading.Event().wait()"
    )
    assert python(text) == (128 + number, "", "")
