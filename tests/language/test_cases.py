"""The golden cases in `tests/cases/`: a program, command lines, and what they answer.

A case is a text file: the program, then for each run a command line and what it prints::

    ## What the case is about (optional).
    sin x
    # $ adcli eval SOURCE x=1
    # exit 3
    error: an operator is missing between 'sin' and 'x'
    ...

`SOURCE` in a command line stands for the program's text and `program.ad` for a file that
holds it; `-` reads it from standard input. `# file NAME` begins another file of the case.
Flags behind the name on a `# file` line say how it is written: `bom`, `crlf`, `latin-1`;
`escapes` that \\x07 and \\u200b in the program stand for those characters. `# inputs: x, y`
are the program's inputs, in order.

`errors/` holds what must fail: the exit code and all of stderr, compared exactly.
`programs/` holds what must work: a line `name = number` for each result, in order, the
doubles equal, or `name ~ number`, at most 4 ulp away. Its numbers were derived by hand or
with mpmath; they are not to be copied from the program's output.

With ADCLI_UPDATE_CASES=1 in the environment the files of `errors/` are rewritten to say
what the program says now. The numbers of `programs/` never are.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

import adcli
from adcli.cli.main import main

CASES = Path(__file__).parent.parent / "cases"
UPDATE = os.environ.get("ADCLI_UPDATE_CASES") == "1"
MOST_LINES = 9
ULPS = 4

_COMMAND = "# $ adcli "
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4}))")
_MARK = re.compile(r"# (?:\$ adcli |file |inputs:)")


class CommandRun:
    """A command line of a case, and the lines expected from it."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.lines: list[str] = []

    @property
    def expected_exit(self) -> int:
        """The exit code on the `# exit` line; 0 without one."""
        first = self.lines[0] if self.lines else ""
        return int(first.removeprefix("# exit ")) if first.startswith("# exit ") else 0

    @property
    def expected(self) -> list[str]:
        """The expected lines, the `# exit` line aside."""
        skip = 1 if self.lines and self.lines[0].startswith("# exit ") else 0
        return self.lines[skip:]


class Case:
    """A file of cases, cut into its parts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        self.head: list[str] = []
        self.runs: list[CommandRun] = []
        self.files: dict[str, tuple[list[str], frozenset[str]]] = {}
        self.flags: frozenset[str] = frozenset()
        self.inputs: list[str] | None = None
        program: list[str] = []
        part = program
        for line in lines:
            if not self.head and not program and line.startswith("## "):
                continue
            if not _MARK.match(line):
                part.append(line)
            elif line.startswith(_COMMAND):
                run = CommandRun(line.removeprefix(_COMMAND))
                self.runs.append(run)
                part = run.lines
            elif line.startswith("# file "):
                name, *flags = line.removeprefix("# file ").split()
                if name == "program.ad":
                    self.flags = frozenset(flags)
                else:
                    part = []
                    self.files[name] = (part, frozenset(flags))
            else:
                self.inputs = line.removeprefix("# inputs:").replace(",", " ").split()
        first = next(i for i, line in enumerate(lines) if line.startswith(_COMMAND))
        self.head = lines[:first]
        self.program = "\n".join(program)
        if "escapes" in self.flags:
            self.program = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)), self.program)

    def write_files(self, folder: Path) -> None:
        """Write the program and the other files of the case into a folder."""
        # The text of an argument has no last newline; that of a file has.
        files = {**self.files, "program.ad": ([self.program], self.flags)}
        for name, (lines, flags) in files.items():
            text = "\n".join(lines) + "\n"
            if "crlf" in flags:
                text = text.replace("\n", "\r\n")
            encoding = next(iter(flags & {"latin-1"}), "utf-8")
            mark = b"\xef\xbb\xbf" if "bom" in flags else b""
            (folder / name).write_bytes(mark + text.encode(encoding))

    def rewrite(self) -> None:
        """Write the file again from its parts."""
        lines = list(self.head)
        for run in self.runs:
            lines += [_COMMAND + run.command, *run.lines]
        self.path.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))


def cases(kind: str) -> list[object]:
    """A parameter for each command line of each file of a kind."""
    found = []
    for path in sorted((CASES / kind).glob("*.txt")):
        case = Case(path)
        for position, run in enumerate(case.runs, 1):
            name = path.stem if len(case.runs) == 1 else f"{path.stem}-{position}"
            found.append(pytest.param(case, run, id=name))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that says nothing about terminals."""
    monkeypatch.chdir(tmp_path)
    for name in ("LANG", "LC_CTYPE", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "dumb")
    return tmp_path


def answer(
    case: Case,
    run: CommandRun,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *more: str,
) -> tuple[int, str, str]:
    """What a command line answers: exit code, stdout, stderr."""
    case.write_files(folder)
    words = shlex.split(run.command)
    arguments = [case.program if word == "SOURCE" else word for word in words]
    stream = io.TextIOWrapper(io.BytesIO((folder / "program.ad").read_bytes()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stream)
    code = main([*arguments, *more])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(("case", "run"), cases("errors"))
def test_error(
    case: Case,
    run: CommandRun,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = answer(case, run, folder, monkeypatch, capsys)
    lines = err.removesuffix("\n").split("\n")
    if UPDATE:
        run.lines = [f"# exit {int(code)}", *lines]
        case.rewrite()
    assert lines == run.expected
    assert code == run.expected_exit
    assert code != adcli.ExitCode.DONE
    assert out == ""
    assert err.endswith("\n")
    assert len(lines) <= MOST_LINES


@pytest.mark.parametrize(("case", "run"), cases("programs"))
def test_program(
    case: Case,
    run: CommandRun,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = answer(case, run, folder, monkeypatch, capsys, "--format", "csv")
    assert err == ""
    assert code == adcli.ExitCode.DONE
    rows = list(csv.reader(io.StringIO(out)))
    names, numbers = rows if rows != [[], []] else ([], [])
    expected = [re.fullmatch(r"(\S+) ([=~]) (\S+)", line) for line in run.expected]
    assert names == [match[1] for match in expected if match]
    for match, name, text in zip(expected, names, numbers, strict=True):
        assert match, f"{case.path.name}: each line is 'name = number' or 'name ~ number'"
        wanted, got = float(match[3]), float(text)
        if match[2] == "=":
            assert repr(got) == repr(wanted), name
        else:
            assert abs(got - wanted) <= ULPS * math.ulp(wanted), name


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=path.stem)
        for path in sorted((CASES / "programs").glob("*.txt"))
        if (case := Case(path)).inputs is not None
    ],
)
def test_inputs(case: Case) -> None:
    assert adcli.load(case.program).inputs == case.inputs


def test_unknown_option(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Click's own words, which change with its version.
    assert main(["eval", "x", "x=1", "--stric"]) == adcli.ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: no such option")
    assert "--stric" in captured.err
    assert "--strict" in captured.err
    assert captured.err.endswith("see adcli eval --help\n")


def test_there_are_cases() -> None:
    assert len(cases("errors")) >= 70
    assert len(cases("programs")) >= 60
