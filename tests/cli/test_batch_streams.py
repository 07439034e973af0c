"""`adcli batch` among pipes, signals, disks and terminals that mean harm."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from usual_signals import usual_signals

ADCLI = (sys.executable, "-m", "adcli")
# The same in blocks of a thousand bytes, so that the first rows are there at once.
SMALL_BLOCKS = (
    sys.executable,
    "-c",
    "from adcli.batch import source\n"
    "source.BLOCK = 1000\n"
    "from adcli.cli.start import entry\n"
    "entry()",
)
FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")
BINARY = ("parquet", "arrow")
# Both ways in which Python opens standard output; containers often ask for the second.
BUFFERINGS = ("", "1")
# So long a command may take before it is said to hang.
PATIENCE = 60


def environment(unbuffered: str = "") -> dict[str, str]:
    made = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return made | ({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {})


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment()}
    return subprocess.run(
        [*ADCLI, "batch", *arguments], timeout=PATIENCE, check=False, **{**given, **options}
    )


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """A command of bash; "adcli" is the one under test, and `$?` of the first is on stderr."""
    start = f'adcli() {{ "{sys.executable}" -m adcli "$@"; }}; '
    return subprocess.run(
        ["bash", "-c", start + command],
        capture_output=True,
        timeout=PATIENCE,
        cwd=folder,
        env=environment(),
        check=False,
    )


def table(folder: Path, rows: int) -> Path:
    path = folder / "t.csv"
    path.write_text("x\n" + "".join(f"{i}\n" for i in range(rows)))
    return path


def is_clean(errors: bytes) -> bool:
    return b"Traceback" not in errors and b"Exception" not in errors and errors.count(b"\n") < 10


def never_waits(descriptor: int) -> None:
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_NONBLOCK)


class TestNothingIsLost:
    """Every row is written, or it is an error."""

    @pytest.mark.parametrize("unbuffered", BUFFERINGS)
    @pytest.mark.parametrize("to", FORMATS)
    def test_a_disk_that_gets_full_in_the_middle(
        self, tmp_path: Path, to: str, unbuffered: str
    ) -> None:
        path = table(tmp_path, 20_000)
        for limit in (1000, 100_000):

            def shorten(limit: int = limit) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            with open(tmp_path / "out", "wb") as output:
                done = run(
                    *("f(x) = sin(x)", str(path), "--to", to),
                    stdout=output,
                    env=environment(unbuffered),
                    preexec_fn=shorten,
                )
            assert done.returncode == 5, (limit, (tmp_path / "out").stat().st_size)
            assert done.stderr.startswith(b"error: cannot write to standard output")
            named = run(
                *("f(x) = sin(x)", str(path), "-o", str(tmp_path / f"o.{to}")),
                env=environment(unbuffered),
                preexec_fn=shorten,
            )
            assert named.returncode == 5
            assert sorted(os.listdir(tmp_path)) == ["out", "t.csv"]

    @pytest.mark.parametrize("unbuffered", BUFFERINGS)
    @pytest.mark.parametrize("to", ["csv", "jsonl"])
    def test_a_pipe_that_does_not_wait(self, tmp_path: Path, to: str, unbuffered: str) -> None:
        rows = 50_000
        path = table(tmp_path, rows)
        reading, writing = os.pipe()
        never_waits(writing)
        started = subprocess.Popen(
            [*ADCLI, "batch", "f(x) = 3*x", str(path), "--to", to],
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment(unbuffered),
        )
        os.close(writing)
        assert started.stderr is not None
        with started, open(reading, "rb") as pipe:
            # Nobody reads until it has ended or waits.
            time.sleep(2)
            lines = pipe.read().count(b"\n")
            errors = started.stderr.read()
        assert is_clean(errors)
        if started.returncode == 0:
            assert lines == rows + (to == "csv")
        else:
            assert started.returncode == 5

    @pytest.mark.parametrize("unbuffered", BUFFERINGS)
    def test_a_writer_that_is_stopped_and_goes_on(self, tmp_path: Path, unbuffered: str) -> None:
        """Ctrl-Z and fg: a write to a pipe may come back half done."""
        rows = 100_000
        path = table(tmp_path, rows)
        started = subprocess.Popen(
            [*ADCLI, "batch", "f(x) = 3*x", str(path)],
            stdout=subprocess.PIPE,
            env=environment(unbuffered),
        )
        assert started.stdout is not None
        with started:
            lines = os.read(started.stdout.fileno(), 1000).count(b"\n")
            for _ in range(3):
                time.sleep(0.1)  # until the pipe is full
                started.send_signal(signal.SIGSTOP)
                time.sleep(0.05)
                started.send_signal(signal.SIGCONT)
                time.sleep(0.05)
                lines += os.read(started.stdout.fileno(), 1 << 16).count(b"\n")
            lines += started.stdout.read().count(b"\n")
        assert started.returncode == 0
        assert lines == rows + 1

    @pytest.mark.parametrize("more", [(), ("--line-buffered",)])
    @pytest.mark.parametrize("form", ["csv", "jsonl"])
    def test_an_input_that_does_not_wait(self, form: str, more: tuple[str, ...]) -> None:
        """That nothing is there yet is not the end of the table."""
        lines = [b"%d\n" % i if form == "csv" else b'{"x":%d}\n' % i for i in range(1, 5)]
        lines[0] = (b"x\n" if form == "csv" else b"") + lines[0]
        reading, writing = os.pipe()
        never_waits(reading)
        started = subprocess.Popen(
            [*ADCLI, "batch", "f(x) = 3*x", "-", "--from", form, "--to", "csv", *more],
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        os.close(reading)
        with open(writing, "wb", buffering=0) as pipe:
            for line in lines:
                try:
                    pipe.write(line)
                except BrokenPipeError:
                    break
                time.sleep(0.8)
        output, errors = started.communicate(timeout=PATIENCE)
        assert is_clean(errors), errors
        if started.returncode == 0:
            assert output.count(b"\n") == 5
        else:
            assert started.returncode == 5


class TestOutputs:
    def test_a_dash_is_standard_output(self, tmp_path: Path) -> None:
        path = table(tmp_path, 2)
        done = run("f(x) = x", str(path), "-o", "-", cwd=tmp_path)
        assert os.listdir(tmp_path) == ["t.csv"]
        assert (done.returncode, done.stdout) == (0, b"x,f,df_dx\n0,0,1\n1,1,1\n")

    def test_what_follows_on_the_same_output_does_not_overwrite_it(self, tmp_path: Path) -> None:
        table(tmp_path, 2)
        command = "{ echo before; adcli batch 'f(x) = x' t.csv -o /dev/stdout; echo after; } > all"
        assert shell(command, tmp_path).returncode == 0
        assert (tmp_path / "all").read_text() == "before\nx,f,df_dx\n0,0,1\n1,1,1\nafter\n"

    @pytest.mark.parametrize("to", FORMATS)
    @pytest.mark.parametrize("more", ["", "--on-error skip --errors e.jsonl", "-o /dev/stdout"])
    def test_a_pipe_that_closes(self, tmp_path: Path, more: str, to: str) -> None:
        table(tmp_path, 300_000)
        command = (
            f"adcli batch 'f(x) = sin(x)' t.csv --to {to} --jobs 2 {more} | head -c 9 > /dev/null"
        )
        done = shell(command + '; echo "${PIPESTATUS[0]}"', tmp_path)
        assert (done.stdout, done.stderr) == (b"141\n", b"")
        assert os.listdir(tmp_path) == ["t.csv"]

    def test_the_stream_that_is_full_is_named(self, tmp_path: Path) -> None:
        table(tmp_path, 2)
        command = "adcli batch 'f(x) = x' t.csv --on-error skip --errors e.jsonl > /dev/full"
        done = shell(command, tmp_path)
        assert done.returncode == 5
        assert done.stderr.startswith(b"error: cannot write to standard output")

    def test_closed_streams(self, tmp_path: Path) -> None:
        table(tmp_path, 2)
        for command, code in (
            ("adcli batch 'f(x) = x' - <&-", 5),
            ("adcli batch 'f(x) = x' /dev/stdin <&-", 5),
            ("adcli batch 'f(x) = x' t.csv >&-", 5),
            ("adcli batch 'f(x) = x' t.csv 2>&- >/dev/null", 0),
            ("adcli batch 'f(x) = x' t.csv <&- >/dev/null", 0),
            ("adcli batch 'f(x) = x' no.csv 2>&-", 5),
        ):
            done = shell(command, tmp_path)
            assert done.returncode == code, command
            assert is_clean(done.stderr), command

    def test_cells_that_are_not_utf_8_among_the_errors(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_bytes(b"x,s\n\xff,a\n2,b\n")
        log = tmp_path / "e.jsonl"
        done = run("f(x) = x", str(tmp_path / "t.csv"), "--on-error", "skip", "--errors", str(log))
        assert is_clean(done.stderr)
        assert (done.returncode, done.stdout) == (1, b"x,s,f,df_dx\n2,b,2,1\n")
        (entry,) = map(json.loads, log.read_text().splitlines())
        assert (entry["line"], entry["column"]) == (2, "x")


SLOW = """f(x) = {
  s = 0
  i = 0
  while i < x {
    s = s + sin(i)
    i = i + 1
  }
  s
}
"""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A folder with a program that takes minutes on a few rows, behind some that are quick."""
    (tmp_path / "slow.ad").write_text(SLOW)
    (tmp_path / "t.csv").write_text("x\n" + "1\n" * 600 + "900000\n" * 2000)
    return tmp_path


@pytest.fixture
def started(slow: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the command, waits until it computes, and ends it whatever happens."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        made = subprocess.Popen(
            [*ADCLI, "batch", "slow.ad", "t.csv", "-o", "o.csv", *arguments],
            stderr=subprocess.PIPE,
            cwd=slow,
            env=environment(),
            **{"preexec_fn": usual_signals, **options},
        )
        running.append(made)
        count = arguments.count("--errors") + 1
        while len(list(slow.glob(".adcli-*"))) < count and made.poll() is None:
            time.sleep(0.02)
        time.sleep(1.5)
        return made

    yield start
    for one in running:
        one.kill()
        one.communicate()


class TestSignals:
    @pytest.mark.parametrize("jobs", ["1", "3"])
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_slow_rows_are_given_up(self, started: Any, number: signal.Signals, jobs: str) -> None:
        process = started("--jobs", jobs)
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail("it goes on")
        assert process.returncode == 128 + number
        assert errors == b""

    @pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
    def test_what_is_ignored_stays_ignored(self, started: Any, number: signal.Signals) -> None:
        """As `nohup` asks for."""
        ignore = functools.partial(usual_signals, (number,))
        process = started("--jobs", "1", preexec_fn=ignore)
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_files_are_as_they_were(self, slow: Path, started: Any, number: signal.Signals) -> None:
        (slow / "o.csv").write_text("before")
        process = started("--errors", "e.jsonl", "--on-error", "skip", "--jobs", "1")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 128 + number
        assert errors == b""
        assert sorted(os.listdir(slow)) == ["o.csv", "slow.ad", "t.csv"]
        assert (slow / "o.csv").read_text() == "before"


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_half_lines_and_half_letters_in_a_live_pipe(ending: bytes) -> None:
    letters = "é€😀".encode()
    started = subprocess.Popen(
        [*ADCLI, "batch", "f(x) = 3*x", "-", "--line-buffered", "--value-only"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert started.stdin is not None
    assert started.stdout is not None
    with started:
        whole = b"x,s" + ending + b"1," + letters + ending
        for i in range(len(whole)):
            started.stdin.write(whole[i : i + 1])
            started.stdin.flush()
        assert started.stdout.readline() == b"x,s,f" + ending
        assert started.stdout.readline() == b"1," + letters + b",3" + ending
        started.stdin.write(b'2,"a' + ending)
        started.stdin.flush()
        started.stdin.write(b'b"' + ending + b"3,")
        started.stdin.flush()
        assert started.stdout.readline() == b'2,"a' + ending
        assert started.stdout.readline() == b'b",6' + ending
        started.stdin.write(b"c")
        started.stdin.close()
        assert started.stdout.read() == b"3,c,9" + ending
    assert started.returncode == 0


def on_terminal(
    folder: Path, *arguments: str, command: tuple[str, ...] = ADCLI, both: bool = False
) -> tuple[int, bytes]:
    """What stands on a terminal that is stderr, and stdout too if `both`."""
    outer, inner = pty.openpty()
    made = subprocess.Popen(
        [*command, "batch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=inner if both else subprocess.DEVNULL,
        stderr=inner,
        cwd=folder,
        env=environment() | {"NO_COLOR": "1"},
    )
    os.close(inner)
    seen = b""
    while True:
        try:
            piece = os.read(outer, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(outer)
    return made.wait(), seen


def test_progress_is_gone_before_an_error(tmp_path: Path) -> None:
    path = table(tmp_path, 3_000_000)
    with open(path, "a") as file:
        file.write("z\n")
    code, seen = on_terminal(tmp_path, "f(x) = sin(x)", "t.csv", "--jobs", "1")
    assert code == 1
    progress, _, rest = seen.rpartition(b"\r" + b" " * 60 + b"\r")
    assert b"rows/s" in progress
    assert b"\n" not in progress
    assert rest.startswith(b"error: line 3,000,002, column 'x': 'z' is not a number")


@pytest.mark.parametrize("to", FORMATS)
def test_no_bytes_on_a_terminal(tmp_path: Path, to: str) -> None:
    """They would mean something to it."""
    table(tmp_path, 2)
    code, seen = on_terminal(tmp_path, "f(x) = x", "t.csv", "--to", to, both=True)
    if to in BINARY:
        assert code == 2
        assert seen.startswith(f"error: {to} is no text for a terminal".encode())
        assert seen.replace(b"\r\n", b"").isascii()
        assert seen.replace(b"\r\n", b"").decode().isprintable()
    else:
        assert (code, b"terminal" in seen) == (0, False)
    assert run("f(x) = x", "t.csv", "--to", to, cwd=tmp_path).returncode == 0


def test_no_progress_among_rows_on_the_same_terminal(tmp_path: Path) -> None:
    (tmp_path / "slow.ad").write_text(SLOW)
    (tmp_path / "t.csv").write_text("x,s\n" + f"900000,{'a' * 1000}\n" * 4)
    arguments = ("slow.ad", "t.csv", "--jobs", "1")
    code, seen = on_terminal(tmp_path, *arguments, command=SMALL_BLOCKS, both=True)
    assert code == 0
    assert b"rows/s" not in seen
