"""What a shell may complete: Click's classes in this process, and the shells themselves."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adcli.cli import candidates, completion
from adcli.cli.main import COMMANDS, main

PROGRAM = "half(t) = t/2\nf(alpha, w[2] = [1, 2], beta = 0.5) = half(alpha)*w[1] + beta\n"
SCRIPTS = {"bash": "bash -n", "zsh": "zsh -n", "fish": "fish --no-execute"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with programs and tables, good and bad."""
    (tmp_path / "models").mkdir()
    for name, text in {
        "models/one.ad": PROGRAM,
        "my model.ad": PROGRAM,
        "broken.ad": "f(alpha = = 2",
        "new\nline.ad": PROGRAM,
        ".hidden.ad": PROGRAM,
        "rows.csv": "x\n1\n",
        "rows.Parquet": "",
        "rows.txt": "",
        "point.json": "{}",
        "long.ad": "x + " * candidates.MOST_CHARACTERS + "x",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.ad").write_bytes(b"f(alpha) = \xff")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ad")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(*words: str) -> list[str]:
    """What may stand in place of the last word, as Fish is told."""
    fish = completion.shell("fish")
    return [item.value for item in fish.get_completions(list(words[:-1]), words[-1])]


FILES = ["broken.ad", "latin.ad", "long.ad", "models/", "my model.ad", "pipe.ad"]
P = "models/one.ad"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([""], [*COMMANDS]),
        (["gra"], ["grad", "graph"]),
        (["--v"], ["--version"]),
        (["grad", "x", "--form"], ["--format"]),
        (["trace", "x", "--notation", ""], ["textbook", "dual"]),
        (["trace", "x", "--notation=d"], ["--notation=dual"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["rules", "sq"], ["sqrt"]),
        # Files.
        (["grad", ""], FILES),
        (["grad", "m"], ["models/", "my model.ad"]),
        (["grad", "models/"], ["models/one.ad"]),
        (["grad", ".h"], [".hidden.ad"]),
        (["grad", "@ro"], ["@rows.Parquet", "@rows.csv", "@rows.txt"]),
        (["grad", "no/such/folder/"], []),
        (["grad", "x^2 + y"], []),
        (["batch", "x", ""], ["models/", "rows.Parquet", "rows.csv"]),
        (["grad", "x", "--at", "p"], ["point.json"]),
        (["grad", "x", "--at=p"], ["--at=point.json"]),
        (["grad", "x", "-o", "rows"], ["rows.Parquet", "rows.csv", "rows.txt"]),
        (["batch", "x", "t.csv", "--errors", "rows.t"], ["rows.txt"]),
        (["check", "x", "--gradient", "b"], ["broken.ad"]),
        # Inputs.
        (["grad", P, ""], ["alpha=", "w=", "beta="]),
        (["grad", "my model.ad", ""], ["alpha=", "w=", "beta="]),
        (["grad", f"@{P}", "b"], ["beta="]),
        (["grad", P, "alpha=2", ""], ["w=", "beta="]),
        (["grad", P, "alpha=2", "w=[1,2]", "beta=1", ""], []),
        (["grad", P, "alpha=", "w"], ["w="]),
        (["grad", P, "alpha=2"], []),
        (["grad", "alpha*x1 + x2", "x1=2", ""], ["alpha=", "x2="]),
        (["grad", "-alpha*x", "x=1", "al"], ["alpha="]),
        (["grad", "--digits", "3", P, "al"], ["alpha="]),
        (["batch", P, "rows.csv", "al"], ["alpha="]),
        (["grad", P, "--function", "half", ""], ["t="]),
        (["grad", P, "--function", ""], ["half", "f"]),
        (["grad", P, "--function", "h"], ["half"]),
        # Names in lists.
        (["grad", P, "--wrt", ""], ["alpha", "w", "beta"]),
        (["grad", P, "--wrt", "alpha,"], ["alpha,w", "alpha,beta"]),
        (["grad", P, "--wrt=alpha,w,b"], ["--wrt=alpha,w,beta"]),
        (["jvp", P, "--direction", ""], ["alpha=", "w=", "beta="]),
        (["jvp", P, "--direction", "alpha=1,"], ["alpha=1,w=", "alpha=1,beta="]),
        (["hvp", P, "--direction", "al"], ["alpha="]),
        (["trace", P, "--seed", "al"], ["alpha="]),
        (["check", P, "--seed", ""], []),
        (["check", P, "--range", "b"], ["beta="]),
        (["vjp", "p = x; q = x*y; p, q", "--weights", "p=1,"], ["p=1,q="]),
        (["grad", "p = x; q = x*y; p, q", "--result", ""], ["p", "q"]),
        # Nothing to go by.
        (["grad", "broken.ad", ""], []),
        (["grad", "broken.ad", "--wrt", ""], []),
        (["grad", "broken.ad", "--function", ""], []),
        (["grad", "latin.ad", ""], []),
        (["grad", "missing.ad", ""], []),
        (["grad", "models/", ""], []),
        (["grad", "pipe.ad", ""], []),
        (["grad", "@pipe.ad", ""], []),
        (["grad", "long.ad", ""], []),
        (["grad", "-", ""], []),
        (["grad", P, "--function", "none", "al"], []),
        (["nonsense", ""], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value, list) else None,
)
@pytest.mark.usefixtures("folder")
def test_completed(words: list[str], expected: list[str]) -> None:
    try:
        got = completed(*words)
    except Exception:
        got = []  # as `answer` has it
    assert got == expected


@pytest.mark.usefixtures("folder")
def test_descriptions() -> None:
    fish = completion.shell("fish")
    assert {item.value: item.help for item in fish.get_completions([], "")} == COMMANDS
    inputs = {item.value: item.help for item in fish.get_completions(["grad", P], "")}
    assert inputs == {"alpha=": None, "w=": "w[2] = [1, 2]", "beta=": "beta = 0.5"}
    kinds = {item.value: item.type for item in fish.get_completions(["grad"], "m")}
    assert kinds == {"models/": "folder", "my model.ad": "path"}


LINES = {
    "bash": {"COMP_WORDS": "adcli {line}", "COMP_CWORD": "{word}"},
    "zsh": {"COMP_WORDS": "adcli {line}", "COMP_CWORD": "{number}"},
    "fish": {"COMP_WORDS": "adcli {line}", "COMP_CWORD": "{word}"},
}


def asked(monkeypatch: pytest.MonkeyPatch, shell: str, line: str) -> None:
    """Set the environment as a script does; the words of the line have no spaces."""
    words = line.split(" ")
    values = {"line": line, "word": words[-1], "number": len(words)}
    for name, value in LINES[shell].items():
        monkeypatch.setenv(name, value.format(**values))
    monkeypatch.setenv("_ADCLI_COMPLETE", f"{shell}_complete")


BROKEN = [
    "nonsense ", "grad broken.ad ", "grad 'x + ", 'grad "x ', "grad x\\", "grad -- ", "grad --wrt",
    "grad x --nonsense --wrt ", "grad f(x)=f(x) ", "grad /dev/stdin ", "grad ~nobody/x.ad ",
    "grad x=[ --function ", "batch ((( rows.csv ", "grad x --at= ",
    "vjp , --weights ",
]  # fmt: skip


@pytest.mark.parametrize("shell", list(SCRIPTS))
@pytest.mark.parametrize("line", BROKEN)
@pytest.mark.usefixtures("folder")
def test_never_an_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], shell: str, line: str
) -> None:
    try:
        asked(monkeypatch, shell, line)
    except ValueError:
        pytest.skip("no environment holds that")
    main([])
    out, err = capfd.readouterr()
    assert err == ""
    assert "Traceback" not in out


@given(st.lists(st.text(max_size=12), max_size=4), st.text(max_size=8))
def test_an_answer_to_any_line(words: list[str], last: str) -> None:
    for command in ("grad", "vjp", "batch"):
        line = shlex.join(["adcli", command, *words, last]).replace("\0", "")
        environment = {
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) + 2),
            "_ADCLI_COMPLETE": "zsh_complete",
        }
        output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stderr(io.StringIO()) as err,
        ):
            patch.setattr(os, "environ", {**os.environ, **environment})
            patch.setattr(sys, "stdout", output)
            assert main([]) in (0, 1)
        assert err.getvalue() == ""
        got = output.buffer.getvalue().decode().split("\n")  # type: ignore[attr-defined]
        assert len(got) % 3 == 0 or got == [""]


@pytest.mark.parametrize("instruction", ["bash", "bash_nonsense", "tcsh_complete", "_"])
def test_an_unknown_shell_gets_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], instruction: str
) -> None:
    monkeypatch.setenv("_ADCLI_COMPLETE", instruction)
    assert main(["grad", "x", "x=1"]) == 1
    assert capfd.readouterr() == ("", "")


def test_nobody_asks_with_an_empty_variable(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_ADCLI_COMPLETE", "")
    assert main(["eval", "x", "x=1", "--format", "csv"]) == 0
    assert capfd.readouterr() == ("f\n1.0\n", "")


@pytest.mark.usefixtures("folder")
def test_an_answer_imports_only_what_it_needs() -> None:
    heavy = ("numpy", "pyarrow", "llvmlite", "rich", "lark", "orjson")
    code = (
        "import sys; from adcli.cli.main import main; main([]); "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    environment = {
        **os.environ,
        "COMP_WORDS": f"adcli batch {P} rows.csv ",
        "COMP_CWORD": "",
        "_ADCLI_COMPLETE": "fish_complete",
    }
    for _ in range(2):  # the first may have to build the parser's tables
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
    assert done.stderr == ""
    assert done.stdout.endswith("[]\n")
    assert "alpha=" in done.stdout


@pytest.mark.parametrize("shell", list(SCRIPTS))
def test_scripts(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    shell: str,
) -> None:
    assert main(["completion", shell]) == 0
    sys.stdout.flush()
    out, err = capfd.readouterr()
    assert err == ""
    monkeypatch.setenv("_ADCLI_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    sys.stdout.flush()
    assert capfd.readouterr().out == out
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    script = tmp_path / "script"
    script.write_text(out, encoding="utf-8")
    done = subprocess.run(
        [*SCRIPTS[shell].split(), str(script)], capture_output=True, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# The shells themselves. A key is bound to write the line into a file.
START = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "bind 'set bell-style none'\n"
        'eval "$(adcli completion bash)"\n'
        """report() { printf '%s' "$READLINE_LINE" > "$ADCLI_REPORT.tmp"; """
        """mv "$ADCLI_REPORT.tmp" "$ADCLI_REPORT"; }\n"""
        """bind -x '"\\C-t": report'\n""",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit && compinit -u -D\nunsetopt list_beep beep\n"
        'eval "$(adcli completion zsh)"\n'
        """report() { print -rn -- "$BUFFER" > "$ADCLI_REPORT.tmp"; """
        """mv "$ADCLI_REPORT.tmp" "$ADCLI_REPORT" }\n"""
        "zle -N report\nbindkey '^T' report\n",
    ),
}


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self, shell: str, folder: Path, tmp: Path) -> None:
        import pty

        self.report = tmp / "report"
        start = tmp / "start"
        command, text = START[shell]
        start.write_text(text + "echo BE''GIN\n", encoding="utf-8")
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            environment = {
                "HOME": os.environ.get("HOME", "/"),
                "PATH": path,
                "TERM": "xterm",
                "LANG": "C.UTF-8",
                "ADCLI_REPORT": str(self.report),
                "ADCLI_START": str(start),
            }
            os.execvpe(command[0], command, environment)
        self.shown = b""
        os.write(self.terminal, b'. "$ADCLI_START"\n')
        self.wait(lambda: b"BEGIN" in self.shown)

    def wait(self, is_done: object) -> None:
        end = time.monotonic() + 30
        while not is_done():  # type: ignore[operator]
            assert time.monotonic() < end, self.shown
            if select.select([self.terminal], [], [], 0.02)[0]:
                self.shown += os.read(self.terminal, 65536)

    def complete(self, typed: str) -> str:
        """The line after a TAB."""
        self.report.unlink(missing_ok=True)
        os.write(self.terminal, b"\x15" + typed.encode() + b"\t\x14")
        self.wait(self.report.exists)
        return self.report.read_text(encoding="utf-8")

    def close(self) -> None:
        import signal

        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "models").mkdir()
    for name in ("models/one.ad", "my model.ad", "do$lar.ad", "new\nline.ad"):
        (folder / name).write_text(PROGRAM, encoding="utf-8")
    (folder / "rows.csv").write_text("x\n", encoding="utf-8")
    (folder / "notes.txt").write_text("x\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=list(START))
def terminal(
    request: pytest.FixtureRequest, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param}")
    if not shutil.which("adcli", path=os.path.dirname(sys.executable)):
        pytest.skip("adcli is not installed")
    opened = Terminal(request.param, files, tmp_path_factory.mktemp(request.param))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("adcli jac", "adcli jacobian "),
        ("adcli grad x --form", "adcli grad x --format "),
        ("adcli grad x --format js", "adcli grad x --format json "),
        ("adcli grad x --format=js", "adcli grad x --format=json "),
        ("adcli completion f", "adcli completion fish "),
        ("adcli grad mod", "adcli grad models/"),
        ("adcli grad models/", "adcli grad models/one.ad "),
        ("adcli grad my", r"adcli grad my\ model.ad "),
        (r"adcli grad my\ m", r"adcli grad my\ model.ad "),
        ('adcli grad "my', 'adcli grad "my model.ad" '),
        ("adcli grad do", r"adcli grad do\$lar.ad "),
        ("adcli grad new", "adcli grad new"),
        ("adcli grad @models/o", "adcli grad @models/one.ad "),
        ("adcli batch x ro", "adcli batch x rows.csv "),
        ("adcli grad x -o no", "adcli grad x -o notes.txt "),
        ("adcli grad models/one.ad al", "adcli grad models/one.ad alpha="),
        ("adcli eval models/one.ad w=[1,2] al", "adcli eval models/one.ad w=[1,2] alpha="),
        (r"adcli grad my\ model.ad al", r"adcli grad my\ model.ad alpha="),
        ('adcli grad "x1*long" x1=2 ', 'adcli grad "x1*long" x1=2 long='),
        ('adcli grad "x*long" --wrt x,', 'adcli grad "x*long" --wrt x,long '),
        ('adcli grad "x*long" --wrt=x,', 'adcli grad "x*long" --wrt=x,long '),
        ('adcli jvp "x*long" --direction x=1,', 'adcli jvp "x*long" --direction x=1,long='),
        ('adcli grad "x +" ', 'adcli grad "x +" '),
        ("echo x | adcli grad - ", "echo x | adcli grad - "),
    ],
)  # fmt: skip
def test_a_shell(terminal: Terminal, typed: str, expected: str) -> None:
    got = terminal.complete(typed)
    if "@" in typed:
        got = got.replace(r"\@", "@")  # which Bash may quote
    assert got == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("adcli jac", [f"jacobian\t{COMMANDS['jacobian']}"]),
        ("adcli grad x --format=js", ["--format=json"]),
        ("adcli grad m", ["models/", "my model.ad"]),
        ("adcli grad 'my model.ad' al", ["alpha="]),
        ("adcli grad models/one.ad alpha=2 ", ["beta=\tbeta = 0.5", "w=\tw[2] = [1, 2]"]),
        ("adcli grad 'x*long' --wrt x,", ["x,long"]),
        ("adcli jvp 'x*long' --direction x=1,", ["x=1,long="]),
        ("adcli grad x -o no", ["notes.txt"]),
        ("adcli grad new", []),
        ("adcli grad 'x +' ", []),
    ],
)
def test_fish(files: Path, tmp_path: Path, typed: str, expected: list[str]) -> None:
    if not shutil.which("fish"):
        pytest.skip("no fish")
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    code = f"adcli completion fish | source; complete -C {shlex.quote(typed)}"
    code = re.sub(r"'\"'\"'", r"\\'", code)  # Fish knows \' inside of quotes
    done = subprocess.run(
        ["fish", "--no-config", "-c", code],
        cwd=files,
        env={**os.environ, "PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == sorted(expected)
