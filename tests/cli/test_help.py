"""--help and --version."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import adcli
from adcli.cli import exits, version
from adcli.cli.main import COMMANDS, group, main
from adcli.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ROOT)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return code, out, err

    return run


def command(name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_run(name: str) -> None:
    text = (command(name).help or "").split("Example:\n")[1]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    for line in text.strip().split("\n"):
        assert re.search(rf"\badcli {name}\b", line)
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line.strip()}"],
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout


# How each exit code comes about that can be provoked at once; SOURCE is a program for all.
PROVOKED = {
    ExitCode.USAGE: ["--no-such-option"],
    ExitCode.PROGRAM: ["x +"],
    ExitCode.NON_FINITE: ["1/x", "x=0", "--strict"],
    ExitCode.FILE: ["no/such/file.ad"],
    ExitCode.LIMIT: ["f(x) = f(x + 1)", "x=1", "--max-operations", "1000"],
}
ASIDE = {"batch", "each", "completion", "manual", "rules"}  # that do not begin with SOURCE
NEEDED = {
    "jvp": ["--direction", "x=1"],
    "hvp": ["--direction", "x=1"],
    "vjp": ["--weights", "f=1"],
}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ASIDE])
def test_exit_codes_of_the_help_are_those_that_come(run: Run, name: str) -> None:
    said = exits.codes(command(name))
    for code, arguments in PROVOKED.items():
        got, _, err = run(name, *arguments, *NEEDED.get(name, []))
        if code in said:
            assert got == code, err
        else:
            assert got == ExitCode.USAGE, err  # there is no such option


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_codes_of_a_command(run: Run, name: str) -> None:
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    shown = " ".join(out.split("Exit codes:")[1].split())
    for possible in ExitCode:
        listed = re.search(rf"(?<!\d){possible:d} [-a-z]", shown) is not None
        assert listed == (possible in exits.codes(command(name)))
    assert out.split("Exit codes:")[1].count("\n") <= 2
    assert shown.endswith("; see adcli --help")


def test_exit_codes_of_all(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    shown = out.split("Exit codes:\n")[1]
    for possible in ExitCode:
        assert f"  {possible:<5d}{exits.MEANINGS[possible]}\n" in shown


def test_who_can_say_no() -> None:
    can = {name for name in COMMANDS if ExitCode.NO in exits.codes(command(name))}
    assert can == {"check", "batch", "each"} & set(COMMANDS)


def test_a_failed_check_says_no(run: Run) -> None:
    assert run("check", "x^2", "x=3", "--gradient", "3*x")[0] == ExitCode.NO


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_fits_a_page(run: Run, name: str | None) -> None:
    _, out, _ = run(*([name] if name else []), "--help")
    assert all(len(line) <= 80 for line in out.split("\n"))
    assert out.isascii()


def test_version(run: Run) -> None:
    code, out, err = run("--version")
    assert (code, err) == (0, "")
    first, language, vectors, python, *rest = out.rstrip("\n").split("\n")
    assert first == f"adcli {adcli.__version__}"
    assert re.fullmatch(r"grammar [0-9a-f]{12} \(.*\)", language)
    assert re.fullmatch(r"vector library: \w.*, [248] doubles in a vector", vectors)
    assert python.startswith(f"Python {sys.version.split()[0]}, ")
    assert len(rest) <= 1


def test_the_hash_is_that_of_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    from adcli.language import grammar

    texts = {name: grammar.read(name) for name in ("adcli.lark", "derivatives.ad", "prelude.ad")}
    seen = {version.text().split("\n")[1]}
    for name in texts:
        changed = {**texts, name: texts[name] + "\n"}
        monkeypatch.setattr(grammar, "read", changed.__getitem__)
        seen.add(version.text().split("\n")[1])
    assert len(seen) == 4


def test_version_of_a_broken_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    from adcli.language import grammar

    def missing(name: str) -> str:
        raise RuntimeError(f"{name} is missing")

    def unknown(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(grammar, "read", missing)
    monkeypatch.setattr(metadata, "requires", lambda name: ["click>=8", "mpmath; extra == 'x'"])
    monkeypatch.setattr(metadata, "version", unknown)
    monkeypatch.setitem(sys.modules, "adcli.evaluate.target", None)
    lines = version.text().split("\n")
    assert lines[0] == f"adcli {adcli.__version__}"
    assert lines[1].startswith("grammar missing")
    assert lines[2] == "vector library: unknown (ModuleNotFoundError)"
    assert lines[4] == "click missing"
    monkeypatch.setattr(metadata, "requires", unknown)
    assert len(version.text().split("\n")) == 4
