"""Every sample against its reference in mpmath: values and gradients, in both modes.

The references are differentiated by mpmath, numerically, at a working precision of 60
digits (mpmath doubles it for the step); 50 of them are used.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import pytest
from sample_references import REFERENCES

import adcli

ROOT = Path(__file__).parents[2]
SAMPLES = {path.stem: path for path in sorted((ROOT / "samples").glob("*.ad"))}
# A sample without reference has a test of its own; here it would only be an error.
BOTH = sorted(SAMPLES.keys() & REFERENCES.keys())
CASES = [(name, position) for name in BOTH for position in range(3)]
DIGITS = 60
RELATIVE = mpmath.mpf("1e-12")
ZERO = mpmath.mpf("1e-50")


def leaves(value: Any) -> list[Any]:
    """The numbers in a number, a list, or a list of lists, in order."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def shaped(like: Any, numbers: list[Any]) -> Any:
    """Numbers, taken one by one from the front of a list, in the shape of `like`."""
    if isinstance(like, list):
        return [shaped(item, numbers) for item in like]
    return numbers.pop(0)


def shape(value: Any) -> Any:
    """What a value looks like without its numbers."""
    return [shape(item) for item in value] if isinstance(value, list) else None


@cache
def exact(name: str, position: int) -> tuple[list[Any], list[list[Any]]]:
    """The results of a reference, and for each its derivatives by all numbers of the inputs."""
    at = REFERENCES[name].points[position]
    shapes = list(at.values())

    def results(numbers: list[Any]) -> list[Any]:
        values = shaped(shapes, list(numbers))
        return leaves(REFERENCES[name].function(**dict(zip(at, values, strict=True))))

    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(number) for number in leaves(shapes)]
        values = results(numbers)

        def partial(result: int, i: int) -> Any:
            def along(number: Any) -> Any:
                return results([*numbers[:i], number, *numbers[i + 1 :]])[result]

            return mpmath.chop(mpmath.diff(along, numbers[i]), ZERO)

        partials = [[partial(k, i) for i in range(len(numbers))] for k in range(len(values))]
    return values, partials


def assert_close(got: float, expected: Any) -> None:
    """Compare relative to what is expected; 0 is to be hit exactly."""
    with mpmath.workdps(DIGITS):
        assert abs(mpmath.mpf(got) - expected) <= RELATIVE * abs(expected), (
            f"got {got!r}, expected {mpmath.nstr(expected, 20)}"
        )


def load(name: str) -> adcli.Program:
    """The program of a sample."""
    return adcli.load(SAMPLES[name])


def test_every_sample_has_a_reference() -> None:
    """A file in samples/ without a reference, or a reference without a file, fails here."""
    assert SAMPLES.keys() == REFERENCES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_begins_with_a_comment(name: str) -> None:
    """Each file says what it shows and where it comes from."""
    lines = SAMPLES[name].read_text(encoding="utf-8").splitlines()
    comment = lines[: lines.index("")]
    assert all(line.startswith("# ") for line in comment)
    assert any(line.startswith("# From: ") for line in comment)
    assert all(len(line) <= 100 for line in lines)


@pytest.mark.parametrize("name", BOTH)
def test_defaults(name: str) -> None:
    """The inputs and their defaults are those of the reference, to the last bit."""
    run = load(name).run()
    found = {
        item.name: item.arrange([run.graph.number(node) for node in item.nodes])
        for item in run.inputs
    }
    defaults = REFERENCES[name].points[0]
    assert list(found.items()) == list(defaults.items())


@pytest.mark.parametrize(("name", "position"), CASES)
def test_values(name: str, position: int) -> None:
    """All results of a sample."""
    values, _ = exact(name, position)
    found = load(name).eval(REFERENCES[name].points[position])
    assert len(found) == len(values)
    for got, expected in zip(found.values(), values, strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("name", "position"), CASES)
def test_gradients(name: str, position: int, mode: Any) -> None:
    """The gradient of each result by each input, without a warning."""
    program, at = load(name), REFERENCES[name].points[position]
    values, partials = exact(name, position)
    for result, value, expected in zip(program.eval(at), values, partials, strict=True):
        found = program.grad(at, mode=mode, result=result)
        assert found.mode == mode
        assert not found.warnings
        assert_close(found.value, value)
        assert list(found.gradient) == list(at)
        for key, given in at.items():
            assert shape(found.gradient[key]) == shape(given)
        for got, derivative in zip(leaves(list(found.gradient.values())), expected, strict=True):
            assert_close(got, derivative)


@pytest.mark.parametrize("name", BOTH)
def test_command_line(name: str) -> None:
    """`adcli grad samples/NAME.ad` runs without inputs and prints what the library finds."""
    program = load(name)
    results = list(program.eval())
    for result in results:
        choice = ["--result", result] if len(results) > 1 else []
        file = SAMPLES[name].relative_to(ROOT).as_posix()
        done = subprocess.run(
            [sys.executable, "-m", "adcli", "grad", file, "--format", "json", *choice],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        printed = json.loads(done.stdout)
        found = program.grad(result=result)
        assert printed["inputs"] == REFERENCES[name].points[0]
        assert printed["result"] == result
        assert printed["value"] == found.value
        assert printed["gradient"] == found.gradient
        assert printed["warnings"] == []
        assert_close(printed["value"], exact(name, 0)[0][results.index(result)])
