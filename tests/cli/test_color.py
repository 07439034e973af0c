"""Whether escape sequences are used: the rule as a table, and all commands on a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adcli.cli.environment import Environment
from adcli.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
ESCAPE = "\x1b"


class Stream(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


# The option, the variables, and whether there is colour on a terminal and in a pipe.
RULE: list[tuple[list[str], dict[str, str], bool, bool]] = [
    ([], {}, True, False),
    ([], {"TERM": "xterm-256color"}, True, False),
    ([], {"TERM": "dumb"}, False, False),
    ([], {"NO_COLOR": "1"}, False, False),
    ([], {"NO_COLOR": "0"}, False, False),
    ([], {"NO_COLOR": ""}, True, False),
    ([], {"CLICOLOR": "0"}, False, False),
    ([], {"CLICOLOR": "1"}, True, False),
    ([], {"CLICOLOR": ""}, True, False),
    ([], {"CLICOLOR_FORCE": "1"}, True, True),
    ([], {"CLICOLOR_FORCE": "0"}, True, False),
    ([], {"CLICOLOR_FORCE": ""}, True, False),
    ([], {"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, True, True),
    ([], {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True, True),
    ([], {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
    ([], {"CLICOLOR": "1", "NO_COLOR": "1"}, False, False),
    ([], {"FORCE_COLOR": "1"}, True, False),
    ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    (["--color", "auto"], {"NO_COLOR": "1"}, False, False),
    (["--color", "always"], {"NO_COLOR": "1", "TERM": "dumb", "CLICOLOR": "0"}, True, True),
    (["--color=always"], {"NO_COLOR": "1"}, True, True),
    (["--color", "never"], {"CLICOLOR_FORCE": "1"}, False, False),
    (["--color", "never", "--color", "always"], {}, True, True),
    (["--", "--color", "always"], {}, True, False),
]


@pytest.mark.parametrize(("option", "variables", "on_terminal", "in_pipe"), RULE)
def test_rule(
    option: list[str], variables: dict[str, str], on_terminal: bool, in_pipe: bool
) -> None:
    environment = Environment(["eval", "x", *option])
    environment.variables = variables  # type: ignore[assignment]
    assert environment.colored(Stream(is_terminal=True)) == on_terminal
    assert environment.colored(Stream(is_terminal=False)) == in_pipe


# Of each command something on stdout, and of most a warning or an error on stderr.
POINT = ["ln(x)*sqrt(y - 4)", "x=2", "y=4"]
LINES: dict[str, list[list[str]]] = {
    **{name: [[name, *POINT]] for name in ("eval", "grad", "trace", "jacobian", "hessian")},
    "graph": [["graph", *POINT, "--mode", "reverse"]],
    "jvp": [["jvp", *POINT, "--direction", "x=1"]],
    "hvp": [["hvp", *POINT, "--direction", "x=1"]],
    "vjp": [["vjp", *POINT, "--weights", "f=1"]],
    "taylor": [["taylor", "ln(1 + x)", "x=-1"]],
    "diff": [["diff", "x^2", "--format", "text"]],
    "compare": [["compare", *POINT, "--steps"]],
    "check": [["check", "x^2", "x=3", "--gradient", "3*x"]],
    "batch": [
        ["batch", "samples/baydin.ad", "samples/points.csv"],
        ["batch", "ln(x1 - 1)", "samples/points.csv", "-o", os.devnull],
    ],
    "each": [["each", "samples/baydin.ad"]],
    "rules": [["rules", "sqrt"]],
    "completion": [["completion", "zsh"]],
    "manual": [["manual"]],
}
ERRORS = [["eval", "sine(x)", "x=1"], ["evaluate"], ["grad", "x"], ["grad", "x", "--nonsense"], []]
HELP = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
STYLED = {"eval", "grad", "trace", "graph", "jacobian", "hessian", "rules"}

# What Rich looks at, and what must not reach it.
RICH = {
    "FORCE_COLOR": "1",
    "TTY_COMPATIBLE": "1",
    "TTY_INTERACTIVE": "1",
    "COLORTERM": "truecolor",
    "JUPYTER_COLUMNS": "20",
    "JUPYTER_LINES": "5",
    "LINES": "3",
}
OFF: list[tuple[list[str], dict[str, str]]] = [
    ([], {"NO_COLOR": "1"}),
    ([], {"TERM": "dumb"}),
    ([], {"CLICOLOR": "0"}),
    (["--color", "never"], {"CLICOLOR_FORCE": "1"}),
]
KNOW_COLOR = set(COMMANDS) - {"completion", "manual"}
# All in one process for each way to turn colour off, which is what takes time.
RUN = """
import json, sys
from adcli.cli.main import main
for line in json.loads(sys.argv[1]):
    main(line)
    sys.stdout.flush()
    print(f"<{' '.join(line)}>", flush=True)
"""


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Ours, without what says something about colours."""
    names = ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS", *RICH)
    kept = {name: value for name, value in os.environ.items() if name not in names}
    # A pager that is called at all would end the run.
    pager = dict.fromkeys(("PAGER", "MANPAGER", "LESS"), "false")
    return {**kept, **pager, "LANG": "C.UTF-8", "TERM": "xterm-256color", **variables}


def on_terminal(lines: list[list[str]], variables: dict[str, str]) -> dict[str, str]:
    """What each command line shows on a terminal, stdout and stderr together."""
    pty = pytest.importorskip("pty")
    import json

    main_end, end = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(lines)],
        cwd=ROOT,
        env=environment({"COLUMNS": "100", **variables}),
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # which is how a terminal ends
        while piece := os.read(main_end, 65536):
            shown += piece
    os.close(main_end)
    assert started.wait(60) == 0, shown
    found, rest = {}, shown.decode().replace("\r\n", "\n")
    for line in lines:
        found[" ".join(line)], _, rest = rest.partition(f"<{' '.join(line)}>\n")
    assert rest == ""
    return found


def all_lines(option: list[str]) -> list[list[str]]:
    lines = [
        [*line, *(option if name in KNOW_COLOR else [])]
        for name in COMMANDS
        for line in LINES[name]
    ]
    return [*lines, *([*line, *(option if line else [])] for line in ERRORS), *HELP]


@pytest.mark.parametrize(("option", "variables"), OFF)
@pytest.mark.parametrize("more", [{}, RICH], ids=["", "rich"])
def test_no_escape_on_a_terminal(
    option: list[str], variables: dict[str, str], more: dict[str, str]
) -> None:
    lines = all_lines(option)
    for line, shown in on_terminal(lines, {**more, **variables}).items():
        assert shown, line
        assert ESCAPE not in shown, line


def test_colour_on_a_terminal() -> None:
    lines = all_lines([])
    shown = on_terminal(lines, {})
    for name in STYLED:
        assert f"{ESCAPE}[1m" in shown[" ".join(LINES[name][0])], name  # bold
    for line in ERRORS[:-1]:
        assert f"{ESCAPE}[1;31merror:{ESCAPE}[0m" in shown[" ".join(line)]
    for line in [*HELP, *LINES["batch"][:1], *LINES["manual"], *LINES["completion"]]:
        assert ESCAPE not in shown[" ".join(line)]


@pytest.mark.parametrize("variables", [RICH, {"COLUMNS": "20"}, {"COLUMNS": "20", **RICH}])
def test_a_pipe_has_no_escape_and_no_width(variables: dict[str, str]) -> None:
    import json

    aside = ("compare", "manual")  # which say how long it took, and the day
    lines = [line for name in COMMANDS for line in LINES[name] if name not in aside]

    def shown(variables: dict[str, str]) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps([*lines, *ERRORS[:-1]])],
            cwd=ROOT,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        assert done.returncode == 0
        return done.stdout, done.stderr

    plain = shown({})
    assert ESCAPE not in "".join(plain)
    assert shown(variables) == plain


@pytest.mark.parametrize("variables", [{"CLICOLOR_FORCE": "1"}, {"CLICOLOR_FORCE": "1", **RICH}])
def test_forced_colour_in_a_pipe(variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "adcli", "grad", *POINT],
        env=environment({**variables, "TERM": "dumb"}),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert f"{ESCAPE}[1m" in done.stdout
    assert f"{ESCAPE}[1;33mwarning:" in done.stderr


@pytest.mark.parametrize("name", ["table.txt", "data.json"])
def test_a_file_has_no_escape(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    subprocess.run(
        [sys.executable, "-m", "adcli", "grad", *POINT, "--color", "always", "-o", str(file)],
        env=environment({}),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert ESCAPE not in file.read_text(encoding="utf-8")


def test_the_table_has_every_command_and_way() -> None:
    assert set(LINES) >= set(COMMANDS)
    seen = {name for _, variables, *_ in RULE for name in variables}
    assert seen == {"TERM", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR"}


def test_nothing_calls_a_pager() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "adcli").rglob("*.py"))
    assert not [word for word in ("pager", "PAGER", "pydoc") if word in code]
