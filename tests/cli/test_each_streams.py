"""`adcli each` among pipes, signals, disks and processes that mean harm."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from usual_signals import usual_signals

ADCLI = (sys.executable, "-m", "adcli", "each")
# In one process and in several, in which a thread reads the lines.
JOBS = ("1", "2")
# Both ways in which Python opens standard output; containers often ask for the second.
BUFFERINGS = ("", "1")
# So long a command may take before it is said to hang.
PATIENCE = 60.0
# Nobody waits for the end of this one.
ENDLESS = "i = 0; while i < 10^12 { i += x }; i\n"

Start = Callable[..., "subprocess.Popen[bytes]"]


# What the lines come from, and the processes.
PIPES = [("standard input", "1"), ("standard input", "2"), ("a named pipe", "1")]
LAST = ("a named pipe", "2")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def environment(unbuffered: str = "") -> dict[str, str]:
    made = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return made | ({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {})


def is_clean(errors: bytes) -> bool:
    return not any(word in errors for word in (b"Traceback", b"Fatal")) and errors.count(b"\n") < 10


def running(group: int) -> list[int]:
    """The processes of a group that have not ended."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == group and not row[2].startswith("Z")]


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    return [pid for pid in running(process.pid) if pid != process.pid]


def until(condition: Callable[[], Any]) -> bool:
    """Wait until something holds, or for so long that it never will."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command with its processes as a group, and ends that whatever happens."""
    begun: list[subprocess.Popen[bytes]] = []

    def made(*arguments: str, unbuffered: str = "", **options: Any) -> subprocess.Popen[bytes]:
        given: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        given |= {"preexec_fn": usual_signals} | options
        process = subprocess.Popen(
            [*ADCLI, *arguments],
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(unbuffered),
            start_new_session=True,
            **given,
        )
        begun.append(process)
        return process

    yield made
    for process in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with process:
            pass


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """The exit code and what stands on stderr."""
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pytest.fail("it goes on")
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)  # a process that goes on may have it too
    return code, process.stderr.read() or b""


class Live:
    """A command between two live pipes."""

    def __init__(self, process: subprocess.Popen[bytes], lines: BinaryIO) -> None:
        self.process = process
        self.lines = lines

    def say(self, data: bytes) -> None:
        self.lines.write(data)
        self.lines.flush()

    def hear(self, count: int) -> list[dict[str, Any]]:
        """So many answers."""
        seen = b""
        output = self.process.stdout
        assert output is not None
        while seen.count(b"\n") < count:
            assert select.select([output], [], [], PATIENCE)[0], seen
            data = os.read(output.fileno(), 1 << 16)
            assert data, seen
            seen += data
        return [json.loads(line) for line in seen.splitlines()]

    def is_silent(self) -> bool:
        return not select.select([self.process.stdout], [], [], 0.2)[0]


@pytest.fixture(params=["standard input", "a named pipe"])
def live(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Iterator[Any]:
    """Starts the command on lines that are written as the test goes on."""
    opened: list[BinaryIO] = []

    def made(*arguments: str, **options: Any) -> Live:
        if request.param == "standard input":
            process = start("-", "x=3", *arguments, **options)
            assert process.stdin is not None
            return Live(process, process.stdin)
        os.mkfifo(tmp_path / "lines")
        process = start("lines", "x=3", *arguments, stdin=subprocess.DEVNULL, **options)
        opened.append(open(tmp_path / "lines", "wb", buffering=0))  # noqa: SIM115  (below)
        return Live(process, opened[0])

    yield made
    for file in opened:
        file.close()


@pytest.mark.parametrize("unbuffered", BUFFERINGS)
@pytest.mark.parametrize("jobs", JOBS)
def test_a_line_is_answered_before_the_next_comes(live: Any, jobs: str, unbuffered: str) -> None:
    pipe = live("--jobs", jobs, unbuffered=unbuffered)
    pipe.say(b"x^2\n")
    assert [answer["value"] for answer in pipe.hear(1)] == [9.0]
    pipe.say(b"x\nx + 1\n# half a \xe2")  # several in one write, and half a letter
    assert [answer["value"] for answer in pipe.hear(2)] == [3.0, 4.0]
    pipe.say(b"\x82\xac\n\nx +")
    assert pipe.is_silent()
    pipe.say(b" 5\n")
    assert [(answer["line"], answer["value"]) for answer in pipe.hear(1)] == [(6, 8.0)]
    pipe.say(b"x + 9")
    assert pipe.is_silent()
    pipe.lines.close()
    assert [(answer["line"], answer["value"]) for answer in pipe.hear(1)] == [(7, 12.0)]
    assert ended(pipe.process) == (0, b"")


class TestLivePipesThatEnd:
    """Whatever ends a command ends it also while a thread waits for lines."""

    @pytest.mark.parametrize(
        ("live", "jobs", "number"),
        [
            *((*pipe, number) for pipe in PIPES for number in SIGNALS),
            *((*LAST, number) for number in SIGNALS),
        ],
        indirect=["live"],
    )
    def test_by_a_signal(self, live: Any, number: signal.Signals, jobs: str) -> None:
        pipe = live("--jobs", jobs)
        pipe.say(b"x\n")
        pipe.hear(1)
        pipe.process.send_signal(number)
        assert ended(pipe.process) == (128 + number, b"")
        assert until(lambda: not running(pipe.process.pid))

    @pytest.mark.parametrize(("live", "jobs"), [*PIPES, LAST], indirect=["live"])
    def test_by_a_reader_who_goes_away(self, live: Any, jobs: str) -> None:
        pipe = live("--jobs", jobs)
        pipe.say(b"x\n")
        pipe.hear(1)
        pipe.process.stdout.close()
        pipe.say(b"x\n")
        assert ended(pipe.process) == (141, b"")

    @pytest.mark.parametrize(("live", "jobs"), [*PIPES, LAST], indirect=["live"])
    def test_by_a_full_disk(self, live: Any, jobs: str) -> None:
        with open("/dev/full", "wb") as full:
            pipe = live("--jobs", jobs, stdout=full)
            pipe.say(b"x\n")
            code, errors = ended(pipe.process)
        assert code == 5
        assert errors.startswith(b"error: cannot write to standard output")

    @pytest.mark.parametrize("live", ["standard input", "a named pipe"], indirect=True)
    def test_by_the_end_of_a_process(self, live: Any) -> None:
        pipe = live("--jobs", "2")
        pipe.say(b"x\n")
        pipe.hear(1)
        for worker in workers(pipe.process):
            os.kill(worker, signal.SIGKILL)
        pipe.say(b"x\nx\n")
        code, errors = ended(pipe.process)
        assert code == 6
        assert errors.startswith(b"error: a process that shares the work was ended")
        assert is_clean(errors)


class TestEndlessPrograms:
    @pytest.fixture
    def busy(self, start: Start, tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
        """Computes something that never ends, in all of its processes."""

        def made(jobs: str) -> subprocess.Popen[bytes]:
            (tmp_path / "lines").write_text("x\n" + ENDLESS * 4_000)
            (tmp_path / "o.csv").write_text("before")
            arguments = ("lines", "x=3", "--jobs", jobs, "-o", "o.csv")
            process = start(*arguments, "--max-operations", str(10**15))
            assert until(lambda: list(tmp_path.glob(".adcli-*")))
            assert until(lambda: len(workers(process)) == (int(jobs) if jobs != "1" else 0))
            time.sleep(0.5)  # until they compute
            return process

        return made

    @pytest.mark.parametrize("everybody", [False, True])
    @pytest.mark.parametrize("jobs", JOBS)
    @pytest.mark.parametrize("number", SIGNALS)
    def test_are_given_up(
        self, busy: Any, tmp_path: Path, number: signal.Signals, jobs: str, everybody: bool
    ) -> None:
        """A terminal sends its signals to all processes, `kill` to one."""
        process = busy(jobs)
        (os.killpg if everybody else os.kill)(process.pid, number)
        assert ended(process) == (128 + number, b"")
        assert until(lambda: not running(process.pid))
        assert sorted(os.listdir(tmp_path)) == ["lines", "o.csv"]
        assert (tmp_path / "o.csv").read_text() == "before"

    def test_do_not_outlive_who_started_them(self, busy: Any) -> None:
        process = busy("2")
        process.kill()
        process.wait()
        assert until(lambda: not running(process.pid))


def test_an_interrupt_while_processes_start(start: Start, tmp_path: Path) -> None:
    """Ctrl-C reaches them before they know that it is not for them."""
    (tmp_path / "lines").write_text("x\n" * 100_000)
    for delay in (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12):
        process = start("lines", "x=3", "--jobs", "4", stdout=subprocess.DEVNULL)
        assert until(functools.partial(workers, process))
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        assert ended(process) == (130, b""), delay


class TestNothingIsLost:
    """Every line is answered, or it is an error."""

    @pytest.mark.parametrize("unbuffered", BUFFERINGS)
    @pytest.mark.parametrize("jobs", JOBS)
    def test_pipes_that_do_not_wait(self, start: Start, jobs: str, unbuffered: str) -> None:
        inward, lines = os.pipe()
        answers, outward = os.pipe()
        for descriptor in (inward, outward):
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        process = start(
            *("-", "x=3", "--jobs", jobs), stdin=inward, stdout=outward, unbuffered=unbuffered
        )
        os.close(inward)
        os.close(outward)
        with open(lines, "wb", buffering=0) as pipe, open(answers, "rb") as output:
            for _ in range(2):
                time.sleep(0.3)  # nothing is there yet, which is not the end
                pipe.write(b"x # " + b"-" * 200 + b"\n" + b"x\n" * 1_000)
            pipe.close()
            time.sleep(0.3)  # nobody reads yet
            assert output.read().count(b"\n") == 2_002
        assert ended(process) == (0, b"")

    @pytest.mark.parametrize("jobs", JOBS)
    @pytest.mark.parametrize("number", [None, *SIGNALS])
    def test_pipes_are_left_as_they_were(
        self, start: Start, number: signal.Signals | None, jobs: str
    ) -> None:
        """Whether they wait is common to all who have them, also when this ends."""
        inward, lines = os.pipe()
        answers, outward = os.pipe()
        for descriptor in (inward, outward):
            os.set_blocking(descriptor, False)
        process = start("-", "x=3", "--jobs", jobs, stdin=inward, stdout=outward)
        os.write(lines, b"x\n")
        assert select.select([answers], [], [], PATIENCE)[0]
        assert [os.get_blocking(descriptor) for descriptor in (inward, outward)] == [True, True]
        if number is not None:
            process.send_signal(number)
        os.close(lines)
        assert ended(process) == (128 + number if number else 0, b"")
        assert [os.get_blocking(descriptor) for descriptor in (inward, outward)] == [False, False]
        for descriptor in (inward, outward, answers):
            os.close(descriptor)

    @pytest.mark.parametrize(
        "unbuffered",
        ["", "1"],
    )
    def test_processes_that_are_stopped_and_go_on(
        self, start: Start, tmp_path: Path, unbuffered: str
    ) -> None:
        """Ctrl-Z and fg: a write to a pipe may come back half done."""
        (tmp_path / "lines").write_text(f"x # {'-' * 3_000_000}\n" * 12)
        process = start(*("lines", "x=3", "--jobs", "2", "-o", "o.jsonl"), unbuffered=unbuffered)
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            for number in (signal.SIGSTOP, signal.SIGCONT):
                for worker in workers(process):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(worker, number)
        assert ended(process) == (0, b"")
        assert (tmp_path / "o.jsonl").read_bytes().count(b"\n") == 12

    @pytest.mark.parametrize("jobs", JOBS)
    def test_a_disk_that_gets_full_in_the_middle(
        self, start: Start, tmp_path: Path, jobs: str
    ) -> None:
        (tmp_path / "lines").write_text("x\n" * 10_000)

        def shorten() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        process = start("lines", "x=3", "--jobs", jobs, "-o", "o.jsonl", preexec_fn=shorten)
        code, errors = ended(process)
        assert code == 5
        assert errors.startswith(b"error: cannot write 'o.jsonl'")
        assert os.listdir(tmp_path) == ["lines"]


@pytest.mark.parametrize("limit", [8, 12])
def test_processes_that_cannot_be_started(start: Start, tmp_path: Path, limit: int) -> None:
    """They need open files. Fewer of them may do; the output is not to blame."""
    (tmp_path / "lines").write_text("x\n" * 100_000)

    def shorten() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    process = start("lines", "x=3", "--jobs", "8", stdout=subprocess.DEVNULL, preexec_fn=shorten)
    code, errors = ended(process)
    assert code in (0, 6), errors
    assert b"standard output" not in errors
    assert is_clean(errors)


@pytest.mark.parametrize("jobs", JOBS)
@pytest.mark.parametrize(
    ("streams", "code"),
    [
        ("- <&-", 5),
        ("lines >&-", 5),
        ("lines 2>&- >/dev/null", 1),
        ("lines <&- >/dev/null", 1),
        ("lines <&- 2>&- >/dev/null", 1),
        ("lines <&- >&- 2>&-", 5),
        ("missing 2>&-", 5),
        ("lines > /dev/full", 5),
    ],
)
def test_closed_streams(tmp_path: Path, streams: str, code: int, jobs: str) -> None:
    (tmp_path / "lines").write_text("x\nq\n")
    words = f'"{sys.executable}" -m adcli each {streams} x=3 --jobs {jobs}'
    done = subprocess.run(
        ["bash", "-c", words],
        capture_output=True,
        timeout=PATIENCE,
        cwd=tmp_path,
        env=environment(),
        check=False,
    )
    assert done.returncode == code
    assert is_clean(done.stderr)


@pytest.mark.parametrize("python", [["-I"], ["-P"]])
def test_files_of_the_user_are_no_modules(tmp_path: Path, python: list[str]) -> None:
    """Neither of the command nor of its processes."""
    for name in ("adcli", "json", "signal", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    (tmp_path / "lines").write_text("x\n" * 3)
    done = subprocess.run(
        [ADCLI[0], *python, *ADCLI[1:], "lines", "x=3", "--jobs", "2"],
        capture_output=True,
        timeout=PATIENCE,
        cwd=tmp_path,
        env=environment() | ({"PYTHONPATH": str(tmp_path)} if python == ["-I"] else {}),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 3


def test_an_output_that_is_the_input(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("x\nx^2\n")
    done = subprocess.run(
        [*ADCLI, "lines.jsonl", "x=3", "-o", "lines.jsonl"],
        capture_output=True,
        timeout=PATIENCE,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert is_clean(done.stderr)
    assert path.read_text() == "x\nx^2\n"


@pytest.mark.parametrize("out", [(), ("-o", "/dev/stdout")])
def test_an_output_that_is_appended_to_the_input(tmp_path: Path, out: tuple[str, ...]) -> None:
    """As `cat` says: input file is output file."""
    path = tmp_path / "lines"
    path.write_text("x\n" * 1_000)

    def shorten() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    with open(path, "ab") as output:
        subprocess.run(
            [*ADCLI, "lines", "x=3", "--jobs", "1", "--to", "jsonl", *out],
            stdout=output,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            cwd=tmp_path,
            preexec_fn=shorten,
            check=False,
        )
    assert path.stat().st_size < 500_000
