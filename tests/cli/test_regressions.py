"""Faults that were found once, each by the shortest program that showed it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import adcli
from adcli.cli.main import main
from adcli.language import parser


def test_a_run_is_freed_at_once() -> None:
    gc.disable()
    try:
        run = adcli.load("sin(x)*x").run(x=1)
        array = weakref.ref(run.graph.value)  # freed with the graph
        del run
        assert array() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "program",
    [
        "if x > 0 { for i in 1..3 { t = i*x } } else { for i in 1..3 { t = 2*i } }; t",
        "if x > 0 { for i in 1..3 { t = i*x } } else { t = 1 }; t",
        "if x < 0 { t = 1 } else { t = x; while t < 3 { t = t + 1 } }; t",
    ],
)
def test_a_name_that_both_arms_assign_keeps_its_value(program: str) -> None:
    assert adcli.load(program).eval(x=1) == {"f": 3.0}


@pytest.mark.parametrize("x", [1, -1])
def test_a_name_that_one_arm_assigns_has_none(x: int) -> None:
    with pytest.raises(adcli.ProgramError, match="'t' has no value here"):
        adcli.load("if x > 0 { if x > 0 { t = 1 } } else { t = 2 }; t").eval(x=1)
    with pytest.raises(adcli.ProgramError, match="'t' has no value here"):
        adcli.load("if x > 0 { t = 1 }; t").eval(x=x)


def test_several_results_pass_through_a_deep_recursion() -> None:
    program = "h(n) = (if n > 0 then h(n-1) else 0), n\n"
    assert len(adcli.load(program + "h(3000)").eval()) == 3002
    with pytest.raises(adcli.ProgramError, match="2 names but 3002 values"):
        adcli.load(program + "a, b = h(3000); a").eval()
    assert adcli.load("g(a) = a, a^2\nf(x, y) = g(x), y").eval(x=2, y=5) == {
        "f[1]": 2.0,
        "f[2]": 4.0,
        "y": 5.0,
    }


@pytest.mark.parametrize(
    ("seed", "derivative"),
    [("x[1]=1,x[2]=1,y=0", 5.0), ("y=1,x[2]=1", 9.0), ("x=[1,2],y=max(1,2)", 21.0)],
)
def test_seeds_of_elements(seed: str, derivative: float, capfd: pytest.CaptureFixture[str]) -> None:
    # The gradient at this point is 3, 2 towards x and 7 towards y.
    arguments = ["--mode", "forward", "--seed", seed, "--format", "json"]
    assert main(["trace", "x[1]*x[2]*y + y", "x=[2,3]", "y=1", *arguments]) == 0
    assert f'"derivatives": {{"f": {derivative}}}' in capfd.readouterr().out


def test_the_memory_may_be_used_up(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("adcli.graph.program.Program.run", full)
    assert main(["eval", "x", "x=1"]) == 6
    assert capfd.readouterr() == ("", "error: the memory is used up\n")


def test_errors_obey_color_and_ascii(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "x₁ +", "--color", "always"]) == 3
    assert capfd.readouterr().err.startswith("\x1b[1;31merror:\x1b[0m ")
    assert main(["eval", "x₁ +", "--ascii"]) == 3
    assert capfd.readouterr().err.isascii()
    assert main(["eval", "x₁ +", "--color=always", "--colour"]) == 2
    assert capfd.readouterr().err.startswith("\x1b[1;31merror:\x1b[0m ")


def test_notes_are_only_about_what_was_differentiated() -> None:
    assert adcli.load("relu(x) + y").grad(x=0, y=1, wrt=["y"]).warnings == []
    assert adcli.load("if x == 0 then y else 2*y").grad(x=0, y=1, wrt=["y"]).warnings == []
    (note,) = adcli.load("relu(x) + y").grad(x=0, y=1).warnings
    assert note.message == "relu has no derivative at 0; using 0"


def test_one_operation_over_a_vector_is_one_warning() -> None:
    from adcli.differentiate.blame import value_warnings

    (warning,) = value_warnings(adcli.load("ln(x)").run(x=[-1.0] * 1000))
    assert warning.message.startswith("ln is undefined at -1 ")
    assert warning.message.endswith(", and 999 more from the same place")


def test_constants_in_vectors_are_blamed_too() -> None:
    from adcli.differentiate.blame import value_warnings

    (first,) = value_warnings(adcli.load("x + 1/[0, 0]").run(x=1))
    assert first.message.startswith("1 / 0 is inf")
    assert first.span is not None
    assert first.span.text == "1/[0, 0]"


def test_operations_are_counted_not_inputs_and_constants() -> None:
    program = adcli.load("2*x + 3*y + 4*z")
    assert program.run({"x": 1, "y": 1, "z": 1}, max_operations=5).values() == {"f": 9.0}
    with pytest.raises(adcli.LimitError, match="more than 4 operations"):
        program.run({"x": 1, "y": 1, "z": 1}, max_operations=4)


def test_inputs_of_many_kinds() -> None:
    from fractions import Fraction

    f = adcli.load("sum(x)")
    for given in ([1, 2], (1, 2.0), range(1, 3), [Fraction(1), 2]):
        assert f.eval(x=given) == {"f": 3.0}
    for given in ("12", [True, 2], [None], {1: 2}, [[1], [2, 3]]):
        with pytest.raises(adcli.InputError):
            f.eval(x=given)


def test_many_inputs_without_a_value_are_all_named(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"alpha{i}" for i in range(120)]
    assert main(["eval", "+".join(names)]) == 2
    assert set(names) <= set(capsys.readouterr().err.split("\n")[0].replace(",", "").split())


def test_programs_are_read_by_many_threads_at_once() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            parser._rules.cache_clear()
            with ThreadPoolExecutor(4) as pool:
                texts = ["x^2 + sin(x)*[1, 2][1]"] * 8
                found = list(pool.map(lambda text: adcli.load(text).eval(x=2), texts))
            assert found == found[:1] * 8
    finally:
        sys.setswitchinterval(interval)


def test_a_recursion_of_known_depth_for_many_elements() -> None:
    program = adcli.load(
        "g(x, n) = if x > 1 then (if n <= 0 then x else g(x/2, n - 1)) else x\n"
        "f(x) = sum(g(x*i, 3) for i in 1..2500)"
    )
    x = np.array([0.5, 1.5])
    found = program.columns({"x": x}, values_only=True)
    assert found["f"].tolist() == [program.eval(x=value)["f"] for value in x]


def test_what_is_chosen_is_said_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion"]) == 2
    assert "\\x0a" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--at", "é/p.json"], ["-o", "é/o.json"], ["-o", "é/o.csv"]])
def test_names_of_files_in_a_locale_of_ascii(arguments: list[str], tmp_path: Path) -> None:
    """They are bytes, whatever these mean."""
    (tmp_path / "é").mkdir()
    (tmp_path / "é" / "p.json").write_text('{"x": 2}')
    done = subprocess.run(
        [sys.executable, "-m", "adcli", "eval", "x^2", "x=3", *arguments],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
