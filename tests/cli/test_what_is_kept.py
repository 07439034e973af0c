"""Files that are read are never written over, and streams are written as they come."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
from usual_signals import usual_signals

from adcli.cli.main import main

# Seconds after which something will never happen.
PATIENCE = 60
ADCLI = (sys.executable, "-m", "adcli")
FILES = {
    "t.csv": "x\n1\nfoo\n",
    "at.json": '{"y": 1}',
    "by_hand.txt": "2*x",
    "p.txt": "f(x, y) = x*y",
    "lines": "x\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all files, in which the commands run."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "x^2", "x=1", "--gradient", "@by_hand.txt", "-o", "by_hand.txt"], "is read too"),
        (
            ["check", "x^2", "x=1", "--gradient", "@by_hand.txt", "-o", "link", "--format", "json"],
            "is read too",
        ),
        (["eval", "@p.txt", "x=1", "y=1", "-o", "p.txt"], "is read too"),
        (["batch", "@p.txt", "t.csv", "y=1", "--errors", "p.txt"], "is read too"),
        (["batch", "@p.txt", "t.csv", "--at", "at.json", "--errors", "at.json"], "is read too"),
        (["batch", "@p.txt", "t.csv", "y=1", "--errors", "./t.csv"], "is the table"),
        (["batch", "x", "t.csv", "-o", "new.csv", "--errors", "./new.csv"], "is the output"),
        (["batch", "x", "t.csv", "--errors", "-"], "'-' is no file"),
        (["each", "lines", "x=1", "-o", "lines", "--to", "jsonl"], "is read too"),
    ],
)
def test_nothing_that_is_read_is_written_over(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    (folder / "link").symlink_to("by_hand.txt")
    more = ["--on-error", "skip"] if arguments[0] == "batch" else []
    assert main([*arguments, *more]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert {name: (folder / name).read_text() for name in FILES} == FILES
    assert sorted(os.listdir()) == sorted([*FILES, "link"])


def test_a_table_may_take_its_own_place(folder: Path) -> None:
    assert main(["batch", "f(x) = x^2", "t.csv", "-o", "t.csv", "--on-error", "skip"]) == 1
    assert (folder / "t.csv").read_text() == "x,f,df_dx\n1,1,2\n"


def test_a_link_to_itself_is_no_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "loop.json").symlink_to("loop.json")
    assert main(["eval", "x", "x=1", "-o", "loop.json"]) == 5
    assert "cannot write 'loop.json'" in capsys.readouterr().err
    assert os.readlink(folder / "loop.json") == "loop.json"


@pytest.mark.skipif(os.name == "nt", reason="named pipes")
def test_answers_come_one_by_one_in_a_named_pipe(folder: Path) -> None:
    os.mkfifo(folder / "answers")
    process = subprocess.Popen(
        [*ADCLI, "each", "-", "x=1", "-o", "answers", "--to", "jsonl"], stdin=subprocess.PIPE
    )
    reader = subprocess.Popen(["cat", "answers"], stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert reader.stdout is not None
    patience = threading.Timer(PATIENCE, reader.kill)  # then there is nothing to read
    patience.start()
    with process, reader:
        for number in (1, 2, 3):
            process.stdin.write(f"x + {number}\n".encode())
            process.stdin.flush()
            assert json.loads(reader.stdout.readline())["value"] == 1 + number
        process.stdin.close()
    patience.cancel()
    assert process.returncode == 0


@pytest.mark.parametrize("arguments", [["each", "-", "é=2"], ["each", "-", "é=2", "--jobs", "2"]])
@pytest.mark.parametrize(
    ("ascii_only", "variables"), [([], {"LC_ALL": "C"}), (["--ascii"], {"LC_ALL": "C.UTF-8"})]
)
def test_json_may_be_of_ascii_only(
    arguments: list[str], ascii_only: list[str], variables: dict[str, str]
) -> None:
    done = subprocess.run(
        [*ADCLI, *arguments, *ascii_only],
        input="é^2\nö\n".encode(),
        capture_output=True,
        env={**os.environ, **variables},
        check=False,
    )
    assert done.stdout.isascii()
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {"line": 1, "source": "é^2", "value": 4.0, "gradient": {"é": 4.0}}
    assert second["source"] == "ö"


@pytest.mark.parametrize(
    "arguments",
    [
        ["taylor", "exp(x)", "x=0"],
        ["hvp", "x*y", "x=1", "y=2", "--direction", "x=1"],
        ["hessian", "ln(a)*b", "a=2", "b=5"],
        ["rules"],
        ["grad", "é*λ", "é=1", "λ=2"],
    ],
)
@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_ascii_holds_for_all_that_people_read(
    capsys: pytest.CaptureFixture[str], arguments: list[str], form: str
) -> None:
    assert main([*arguments, "--ascii", "--format", form]) == 0
    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize("place", [0, 1, 3])
def test_color_and_ascii_count_before_the_arguments_end(
    capsys: pytest.CaptureFixture[str], place: int
) -> None:
    """The program's own -- before a command is not the end of the command's options."""
    line = ["grad", "λ^2", "λ=1", "--color", "always", "--ascii"]
    line.insert(place, "--")
    assert main(line) == (0 if place == 0 else 2)
    out = capsys.readouterr().out
    assert place or ("\x1b[" in out and out.isascii())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["jvp", "5", "--direction", "x=1"], "the program has no inputs"),
        (["hvp", "5", "--direction", "x=1"], "the program has no inputs"),
        (["vjp", "x[1..0]", "x=[1]", "--weights", "f=1"], "the program has no results"),
        (["grad", "[x][1..0]", "x=1", "--result", "f"], "the program has no results"),
        (["eval", "x", "-o"], "see adcli eval --help"),
        (["grad", "x", "--color"], "see adcli grad --help"),
        (["grad", "x", "--quiet=1"], "see adcli grad --help"),
    ],
)
def test_hints_have_an_end(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


# Shows progress behind each block.
EAGER = (
    "import adcli.batch.pipeline as pipeline; pipeline._SECONDS = 0\n"
    "from adcli.cli.start import entry; entry()"
)
SLOW = "f(x) = { s = 0; i = 0; while i < x { s = s + sin(i); i = i + 1 }; s }"


@pytest.mark.skipif(sys.platform != "linux", reason="how a terminal is stopped")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_terminal_holds_nobody_up(folder: Path, number: int) -> None:
    """Ctrl-S, while progress is on it."""
    (folder / "t.csv").write_text("x\n" + "1\n" * 2_000_000 + "900000\n" * 2000)
    outer, inner = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", EAGER, "batch", SLOW, "t.csv", "-o", "o.csv", "--jobs", "1"],
        stderr=inner,
        preexec_fn=usual_signals,
    )
    try:
        assert select.select([outer], [], [], PATIENCE)[0]
        assert b"rows" in os.read(outer, 1000)
        time.sleep(0.5)
        termios.tcflow(inner, termios.TCOOFF)
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == 128 + number
    finally:
        process.kill()
        process.wait()
        os.close(inner)
        os.close(outer)
    assert sorted(os.listdir(folder)) == sorted(FILES)
