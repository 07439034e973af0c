"""What fuzzing found, each in its shortest form."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from commands import run
from targets import compute

import adcli
from adcli.batch.job import Job
from adcli.differentiate.rows import Wanted
from adcli.errors import Source
from adcli.graph.program import Program

SQUARE = Program(Source("f(x) = x^2"))


@pytest.mark.parametrize("command", ["check", "compare"])
@pytest.mark.parametrize("x", ["1", "1.5", "-1"])
def test_quotients_that_overflow(command: str, x: str) -> None:
    """The differences of x*1e308 are too large for a double: no quotient says anything."""
    answer = run([command, "x*1e308", f"x={x}"])
    assert answer.code == 0
    assert "1e+308" in answer.out


@pytest.mark.parametrize("text", ["atan(x*inf)", "atan(x*nan)", "atan(1e200*x)", "(1e200*x)^3"])
@pytest.mark.parametrize("command", ["diff", "compare"])
def test_coefficients_that_are_not_finite(text: str, command: str) -> None:
    """A formula with a coefficient that is not finite, or whose power is not, is one as well."""
    at = ["x=0"] if command == "compare" else []
    answer = run([command, text, *at])
    assert answer.code in (0, 1)
    assert answer.out


def test_coefficients_that_underflow() -> None:
    """At x = 1e150 the derivative is 2e-250, not 0."""
    found = adcli.load("(1e-200*x)^2").diff().found
    assert found.evaluate({"x": 1e150}) == pytest.approx([2e-250], rel=1e-12, abs=0)


def test_arms_with_recursions_in_a_loop() -> None:
    """A recursion that the row decides is refused, or the limit of operations reached, soon."""
    text = """f(x) = { for i in 0..x {
        if x < 1 or x != x { if x > 2 { x = f(x) } } else if x > 3 { x = 2 }
    }; x }"""
    code = (
        "import adcli, numpy\n"
        "try: adcli.load(%r).columns({'x': numpy.array([0.75])})\n"
        "except adcli.AdcliError: pass"
    )
    subprocess.run([sys.executable, "-c", code % text], check=True, timeout=60)


def made(data: bytes, form: str, target: str, block: int = 1 << 21) -> Any:
    return compute(data, form, target, SQUARE, "skip", block)


def test_a_mark_of_encoding_in_the_first_row() -> None:
    """A mark is left out at the start of the file; elsewhere it is no part of a number."""
    first = made(b"x\n\xef\xbb\xbf1\n2\n", "csv", "csv")
    second = made(b"x\n2\n\xef\xbb\xbf1\n", "csv", "csv")
    assert first[0] == second[0] == b"x,f,df_dx\n2,4,4\n"
    assert first[1] == second[1].replace(b'"line":3', b'"line":2')


def test_the_lines_of_json_with_returns_in_them() -> None:
    """Lines of JSON end with LF alone: a CR is white space between its signs."""
    data = b'{"x":1,\r"y":2}\n{"x":"z"}\n'
    job = Job(Wanted(1), {}, on_error="skip", jobs=1, as_they_come=True)
    stream = io.BufferedReader(_Pieces(data.splitlines(keepends=True)))
    reader = job.read(stream, "jsonl", SQUARE)
    output, log = io.BytesIO(), io.BytesIO()
    job.run(reader, job.compile(SQUARE, reader), output, "jsonl", log)
    assert log.getvalue().startswith(b'{"line":2,')


class _Pieces(io.RawIOBase):
    """A pipe that gives a line at a time."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = [b"".join(parts[:-1]), parts[-1]]

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._parts:
            return 0
        part = self._parts.pop(0)
        into[: len(part)] = part
        return len(part)


@pytest.mark.parametrize("later", ["[13]", "[[13]]", "13"])
def test_a_shape_that_a_later_line_says(later: str) -> None:
    """It does not depend on how much was read at a time."""
    text = b'{"x": null, "v": [1, 2]}\n{"x": %b, "v": [1, 2]}\n' % later.encode()
    program = Program(Source("f(x, v[2]) = x*v[1] + sin(v[2])"))
    one, other = (compute(text, "jsonl", "jsonl", program, "null", size) for size in (5, 1 << 21))
    assert not isinstance(one, Exception)
    assert one[:2] == other[:2]
    assert b"13" in one[0]
