"""Columns: values, gradients and Hessians of many rows, against the same at each point.

What a row has is what `eval`, `grad` and `hessian` say there: the same conventions, nan and
infinities in the same places, the same errors. What is checked against references from
outside too is a selection: rows are what the point says, and that is checked elsewhere.
"""

# ruff: noqa: E501  # a program reads better on one line

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from generated_programs import Generator, Program, Reference, seeded
from halves import half
from hypothesis import given, settings
from hypothesis import strategies as st

import adcli
from adcli.differentiate import columns
from adcli.differentiate.columns import Columns
from adcli.errors import AdcliError, InputError, LimitError, ProgramError
from adcli.evaluate.room import Room
from adcli.graph.program import element_names

INF, NAN = math.inf, math.nan
RELATIVE = 1e-12
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.ad"))

Point = dict[str, Any]


@pytest.fixture(autouse=True)
def _short_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of some hundreds of turns are computed one by one, to save compiling for each."""
    monkeypatch.setattr("adcli.differentiate.columns._LONGEST_STAGE", 8_000)


def array(*numbers: Any) -> Any:
    """A column."""
    return np.array(numbers, float)


def at_point(
    program: adcli.Program, at: Mapping[str, Any], wrt: list[str], hessian: bool
) -> dict[str, float]:
    """What a row should have, by the names of the columns."""
    run = program.run(at)
    found = dict(run.values())
    labels = [label for item in run.wanted(wrt) for label in item.labels()]
    for name in run.results:
        numbers = program.grad(at, mode="reverse", wrt=wrt, result=name).numbers
        found.update({f"d{name}_d{label}": x for label, x in zip(labels, numbers, strict=True)})
    if hessian:
        ((name, _),) = run.results.items()
        matrix = program.hessian(at, wrt=wrt).hessian
        for i, row in enumerate(matrix):
            for j in range(i, len(row)):
                found[f"d2{name}_d{labels[i]}_d{labels[j]}"] = row[j]
    return found


def assert_alike(got: float, expected: float, what: object, relative: float = RELATIVE) -> None:
    """Nan and infinities in the same places, else close."""
    said = (what, float(got), expected)
    if math.isnan(expected):
        assert math.isnan(got), said
    elif math.isinf(expected):
        assert got == expected, said
    else:
        # What cancels to almost nothing may be off by some roundings of 10,000.
        assert abs(got - expected) <= relative * abs(expected) + 2.0**-38, said


def assert_rows(
    text: str, points: list[Point], *, hessian: bool | None = None, relative: float = RELATIVE
) -> dict[str, Any]:
    """Columns are what each point says, for each row."""
    program = adcli.load(text)
    if hessian is None:
        hessian = len(program.eval(points[0])) == 1
    columns = {name: np.array([at[name] for at in points], float) for name in points[0]}
    found = program.columns(columns, hessian=hessian)
    for row, at in enumerate(points):
        expected = at_point(program, at, list(columns), hessian)
        assert list(found) == list(expected)
        for name, number in expected.items():
            assert_alike(found[name][row], number, (text, at, name), relative)
    return found


X: list[Point] = [{"x": x} for x in (-2.0, -1.0, -0.5, -0.0, 0.0, 0.25, 1.0, 1.5, 2.0, 3.0, NAN)]
ENDS: list[Point] = [{"x": INF}, {"x": -INF}]
XY: list[Point] = [
    {"x": x, "y": y} for x in (-2.0, -0.5, 0.0, 0.3, 1.0, 2.0, NAN) for y in (-2.0, 0.0, 0.3, 2.0)
]

# Branches, conventions and edges.
OF_X = {
    "guarded root": "if x > 0 then sqrt(x) else 0",
    "guarded division": "if x != 0 then sin(x)/x else 1",
    "guarded logarithm": "f(x) = { y = 0; if x > 0 { y = x*ln(x) }; y }",
    "guarded twice": "if x > 0 then (if x > 1 then sqrt(x - 1) else ln(x)) else (if x > -1 then 3 else 1/(x + 3))",
    "guarded power": "if x > 0 then x^0.5 + x^-1.5 else x^2",
    "guards in sequence": "(if x > 0 then sqrt(x) else 1)*(if x > 1 then ln(x - 1) else x)",
    "overflow in the other arm": "if x > 2.5 then exp(exp(10*x)) else x^3",
    "and": "if x > 0 and 1/x > 0.6 then x^2 else x",
    "or": "if x <= 0 or ln(x) < 0 then x^2 else ln(x)",
    "not": "if not x > 1 then x^2 else 2*x",
    "equal": "if x == 1 then 5*x else x^2",
    "not equal": "if x != x then 7 else x^2",
    "chain": "if -1 <= x < 1 then x^3 else sqrt(abs(x))",
    "abs": "abs(x)*x",
    "abs at 0": "abs(x)",
    "sign": "sign(x)*x^2",
    "max": "max(x, 1)*x",
    "max of equal": "max(x, x^2)",
    "min": "min(x, 0.25)^2",
    "hypot": "hypot(x, 0)",
    "floor": "floor(x)*x + ceil(x) + round(x)*x^2",
    "mod": "mod(x, 1)*x",
    "root": "sqrt(x)", "logarithm": "ln(x)", "inverse": "1/x", "square root of square": "sqrt(x^2)",
    "cubic root": "cbrt(x)", "power": "x^1.5", "zeroth power": "x^0", "power of itself": "x^x",
    "minus a half": "x^-0.5", "cubed": "x^3", "fourth": "x^4", "minus two": "x^-2",
    "asin": "asin(x)", "acosh": "acosh(x)", "atanh": "atanh(x)", "log1p": "log1p(x)",
    "exp": "exp(-1/x^2)", "prelude": "relu(x) + softplus(x) + sigmoid(x)*silu(x)",
    "clamp": "clamp(x, 0, 1)^2", "logsumexp": "logsumexp([x, 1, 2*x])",
    "element assigned": "f(x) = { v = [x, 2, 3]; if x > 0 { v[2] = x^2 }; v[1]*v[2] }",
    "loop in an arm": "f(x) = { y = x; if x > 0 { for i in 1..3 { y = y*x + i } } else { y = 2 }; y }",
    "arms in a loop": "f(x) = { y = x; for i in 1..3 { if x > i { y += x^2 } else { y = y*x } }; y }",
    "no input": "f(x) = 3",
    "several": "f(x) = { a = x^2; b = if x > 0 then a else 3; a, b }",
    "a vector": "f(x) = [x, x^2, if x > 1 then 1/x else 0]",
}  # fmt: skip

OF_XY = {
    "compared": "if x > y then x*y^2 else x + y",
    "sorted": "f(x, y) = { a = x; b = y; if a > b { a = y; b = x }; a - 3*b^2 }",
    "both": "if x > 0 and y > 0 then sqrt(x)*ln(y) else x*y",
    "tie": "max(x, y)*min(x, y)",
    "norm": "norm([x, y])",
    "atan2": "atan2(x, y)",
    "quotient": "x/y",
    "power": "x^y",
    "guarded power": "if x > 0 then x^y else y^2",
    "flags": "f(x, y) = { c = 0; if x > 0 { c = 1 }; d = 0; if c == 1 and y > 0 { d = sqrt(x*y) }; d*y + c*x }",
    "matrix": "f(x, y) = { A = [[x, 1], [y, x]]; b = A @ [x, y]; b[1]*b[2] }",
    "swap": "f(x, y) = { v = [x, y]; if v[1] > v[2] { t = v[1]; v[1] = v[2]; v[2] = t }; v[1] - v[2]^2 }",
}


@pytest.mark.parametrize("name", OF_X)
def test_of_one_input(name: str) -> None:
    assert_rows(OF_X[name], X)


@pytest.mark.parametrize("name", OF_XY)
def test_of_two_inputs(name: str) -> None:
    assert_rows(OF_XY[name], XY)


@pytest.mark.parametrize("name", OF_X)
def test_at_infinities(name: str) -> None:
    assert_rows(OF_X[name], ENDS, hessian=False)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("exp(x)*max(y, 0)", {"x": 1000.0, "y": -1.0}),
        ("exp(x)*min(x, 2)", {"x": 1000.0}),
        ("x*min(x, 2)", {"x": INF}),
        ("exp(x)*relu(y)", {"x": 1000.0, "y": -1.0}),
        ("exp(x)*abs(y)", {"x": 1000.0, "y": 0.0}),
        ("exp(x)*(if y > 0 then y else 0)", {"x": 1000.0, "y": -1.0}),
    ],
)
def test_zeros_that_meet_an_overflow(text: str, at: Point) -> None:
    """What an input does not reach is 0, whatever it is multiplied by."""
    assert_rows(text, [at], hessian=False)
    assert_rows(text, [at], hessian=True)


def test_nothing_of_the_arm_not_taken() -> None:
    """At 0 everything of `sqrt` is infinite, and 0 is what comes out, to second order."""
    found = adcli.load("if x > 0 then sqrt(x) else 0").columns(
        {"x": array(0, 4, -1, NAN)}, hessian=True
    )
    assert {name: column.tolist() for name, column in found.items()} == {
        "f": [0.0, 2.0, 0.0, 0.0],
        "df_dx": [0.0, 0.25, 0.0, 0.0],
        "d2f_dx_dx": [0.0, -0.03125, 0.0, 0.0],
    }


def test_against_references() -> None:
    """Values and derivatives by mpmath, where they are known in closed form or by differences."""
    xs, ys = array(0.3, 1.7, 2.9, 11.0), array(-1.0, 0.4, 2.0, 3.0)
    found = adcli.load("exp(-x)*sin(x*y) + ln(x)*y^3").columns({"x": xs, "y": ys}, hessian=True)

    def function(x: Any, y: Any) -> Any:
        return mpmath.exp(-x) * mpmath.sin(x * y) + mpmath.log(x) * y**3

    orders = {
        "f": (0, 0), "df_dx": (1, 0), "df_dy": (0, 1),
        "d2f_dx_dx": (2, 0), "d2f_dx_dy": (1, 1), "d2f_dy_dy": (0, 2),
    }  # fmt: skip
    assert list(found) == list(orders)
    with mpmath.workdps(50):
        for name, order in orders.items():
            for row, point in enumerate(zip(xs, ys, strict=True)):
                exact = mpmath.diff(function, point, order) if sum(order) else function(*point)
                assert_alike(found[name][row], float(exact), (name, point))


# Samples and generated programs.


def moved(value: Any, by: float) -> Any:
    """An input a little elsewhere."""
    return [moved(x, by) for x in value] if isinstance(value, list) else value * (1 + by) + by / 9


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All samples, at points of their references and around them."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "samples")
    from sample_references import REFERENCES

    program = adcli.load(path)
    points = REFERENCES[path.stem].points
    for shapes in {repr([np.shape(x) for x in at.values()]) for at in points}:
        alike = [
            {name: moved(value, by) for name, value in at.items()}
            for at in points
            if repr([np.shape(x) for x in at.values()]) == shapes
            for by in (0.0, 1e-3)
        ]
        columns = {name: np.array([at[name] for at in alike], float) for name in alike[0]}
        hessian = len(program.eval(alike[0])) == 1
        found = program.columns(columns, hessian=hessian)
        for row, at in enumerate(alike):
            expected = at_point(program, at, list(columns), hessian)
            assert list(found) == list(expected)
            # What cancels is measured against the largest of its kind.
            sizes = {k: max(abs(x) for n, x in expected.items() if kind(n) == k) for k in range(3)
                     if any(kind(n) == k for n in expected)}  # fmt: skip
            for name, number in expected.items():
                allowed = 1e-11 * sizes[kind(name)]
                assert abs(found[name][row] - number) <= allowed, (at, name)


def kind(name: str) -> int:
    """The order of the derivative that a column is."""
    return 2 if name.startswith("d2") else 1 if "_d" in name else 0


@cache
def generated() -> list[tuple[int, Program, Reference]]:
    """Well-conditioned programs with a reference."""
    return list(seeded(60))


@pytest.mark.parametrize("index", half(range(40)))
def test_generated_programs(index: int) -> None:
    """Value and gradient by 60-digit differences; the other rows do not matter."""
    _, program, reference = generated()[index]
    compiled = adcli.load(program.text)
    points = [{n: moved(x, by) for n, x in program.at.items()} for by in (0.01, 0.0, -0.01, 0.0)]
    points[1] = points[3] = program.at
    columns = {name: np.array([at[name] for at in points], float) for name in program.at}
    hessian = index % 3 == 0
    found = columns_of(compiled, columns, hessian=hessian)
    if found is None:
        return
    names = [label for n, x in program.at.items() for label in element_names(n, np.shape(x))]
    (result,) = compiled.eval(program.at)
    wanted = [result, *(f"d{result}_d{label}" for label in names)]
    for name, exact in zip(wanted, reference.numbers(), strict=True):
        assert_alike(found[name][1], float(exact), (program.text, name), 2e-12)
    for column in found.values():
        assert column[1:2].tobytes() == column[3:4].tobytes()
    if hessian:
        expected = at_point(compiled, program.at, list(columns), True)
        largest = max(abs(x) for name, x in expected.items() if kind(name) == 2)
        for name, number in expected.items():
            if kind(name) == 2:
                assert abs(found[name][1] - number) <= 1e-9 * largest, (program.text, name)


def columns_of(
    program: adcli.Program, columns: dict[str, Any], **options: Any
) -> dict[str, Any] | None:
    """The columns of a program; None if a value decides a recursion of it."""
    try:
        return program.columns(columns, **options)
    except ProgramError as error:
        if "recursion" not in str(error):
            raise
        return None


def test_most_generated_programs_have_columns() -> None:
    """Only a recursion that a value decides has none."""
    refused = 0
    for seed in range(40):
        program = Generator(random.Random(seed)).program()
        columns = {name: np.array([x, x], float) for name, x in program.at.items()}
        found = columns_of(adcli.load(program.text), columns, values_only=True)
        refused += found is None
    assert refused < 20


numbers = st.floats(-4, 4).map(lambda x: round(x * 64) / 64)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20), st.sampled_from(list(OF_XY)))
def test_any_rows(points: list[tuple[float, float]], name: str) -> None:
    """Rows that nobody chose, edges among them."""
    assert_rows(OF_XY[name], [{"x": x, "y": y} for x, y in points], relative=1e-11)


# Loops and indices that depend on the row.

RANGES = [
    (4, 3, 1e10), (3, 4, 1e10), (0, 0.3, 0.1), (0, 1, 0.1), (1, 5, 1), (5, 1, -1), (1, 1, 1),
    (3, 4, 0.5), (4, 3, 0.5), (4, 3, -0.5), (1e15, 1e15 + 2, 1), (-2.5, 2.5, 1), (0, 6, 4),
    (0.1, 0.1, 7), (2, 1.9999999999, 1),
]  # fmt: skip


def test_terms_of_a_range_are_those_at_the_point() -> None:
    """With whole ends as exact as integers, with others nearly as many as meant."""
    text = "f(m, n, by) = { s = 0; k = 0; for i in m..n by by { s += i; k += 1 }; s, k }"
    points: list[Point] = [dict(zip(("m", "n", "by"), map(float, x), strict=True)) for x in RANGES]
    found = assert_rows(text, points)
    assert found["k"].tolist() == [0, 1, 4, 11, 5, 5, 1, 3, 0, 3, 3, 6, 2, 1, 0]


# What a variable was before it was assigned again, under conditions that exclude each other.
OVERWRITTEN: list[tuple[str, Point]] = [
    ("f(k, y) = { p = [1, 1]; p[k] = sqrt(y); p[k] = y^2; sum(p) }", {"k": 1.0, "y": -3.0}),
    (
        "f(c, y) = { a = 0; b = 0; if c > 0 { a = sqrt(y) }; if c > 1 { b = sqrt(y) }; "
        "if c > 0 { a = y }; if c > 1 { b = 1 }; a + b }",
        {"c": 2.0, "y": -3.0},
    ),
    (
        "f(c, y) = { a = max(y, 0); if c > 0 { a = 1/y }; if c > 0 { a = a*0 + y }; exp(a)*a }",
        {"c": 1.0, "y": 0.5},
    ),
    (
        "f(c, y) = { a = y; for i in 1..c { a = sqrt(-y) }; if c > 0 { a = y }; a^2 }",
        {"c": 2.0, "y": 3.0},
    ),
]


@pytest.mark.parametrize(("text", "at"), OVERWRITTEN)
def test_what_was_overwritten_does_not_count(text: str, at: Point) -> None:
    found = assert_rows(text, [at], hessian=True)
    (derivative,) = found["df_dy"]
    numeric = adcli.load(text)
    h = 1e-6
    above, below = ({**at, "y": at["y"] + d} for d in (h, -h))
    quotient = (numeric.eval(above)["f"] - numeric.eval(below)["f"]) / (2 * h)
    assert derivative == pytest.approx(quotient, rel=1e-6)


def test_constants_are_numbers_in_every_row() -> None:
    """Also in rows that are computed alone, and where a value is not finite."""
    text = "f(n, x, m) = { s = 0; for i in 1..m { s += 1 }; n^sqrt(x) + s }"
    columns = {"x": np.array([0.0, 0.0]), "m": np.array([2.0, 900_000.0])}
    found = adcli.load(text).columns(columns, constants={"n": 1}, wrt="x")
    assert found["df_dx"].tolist() == [0.0, 0.0]


def test_second_derivatives_of_values_only() -> None:
    with pytest.raises(InputError, match="values_only differentiates nothing"):
        adcli.load("f(x) = x").columns({"x": np.ones(2)}, values_only=True, hessian=True)


def test_columns_from_several_threads() -> None:
    """Each gets its own, and little is kept."""
    program = adcli.load("f(c, x) = c*x^2")
    wrong: list[object] = []

    def work(start: int) -> None:
        for i in range(start, start + 25):
            found = program.columns({"x": np.array([2.0])}, constants={"c": i})
            if found["f"].tolist() != [4.0 * i]:
                wrong.append((i, found))

    threads = [threading.Thread(target=work, args=(7 * i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_graph_that_would_take_too_long_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert columns._MOST_COMPILED == 2_000_000
    monkeypatch.setattr(columns, "_MOST_COMPILED", 20_000)
    text = "f(x) = { s = x; for i in 1..7000 { s = sin(s) + x }; s }"
    with pytest.raises(LimitError, match="more than 20,000 operations"):
        adcli.load(text).columns({"x": np.ones(2)})


COUNTS: list[Point] = [
    {"n": n, "x": x}
    for n, x in ((3.0, 0.5), (0.0, 0.7), (-2.0, 0.9), (4.0, 1.0), (5.0, 0.25), (1.0, 0.75),
                 (2.5, 1.25), (40.0, 0.9), (9.0, -1.0), (17.0, 0.5), (8.0, 0.3))
]  # fmt: skip
LOOPS = {
    "for": "f(n, x) = { s = 1; for i in 1..n { s = s*x + i }; s }",
    "for down": "f(n, x) = { s = 1; for i in n..1 by -1 { s = s*x + i }; s }",
    "for from the row": "f(n, x) = { s = 0; for i in x..n { s += i^2*x }; s }",
    "for with a step": "f(n, x) = { s = 0; for i in 0..n by abs(x) { s += i*x }; s }",
    "while": "f(n, x) = { s = 0; i = 0; while i < n { s += sin(x*i); i += 1 }; s }",
    "while on a value": "f(n, x) = { y = abs(x) + n^2; while y > 1 { y = y/2 }; y*x }",
    "nested": "f(n, x) = { s = 0; for i in 1..n/4 { for j in 1..i { s += x^2*j } }; s }",
    "while in a for": "f(n, x) = { s = 0; for i in 1..n/4 { k = i; while k > 0 { s += x*k; k -= 1 } }; s }",
    "known in a row's": "f(n, x) = { s = x; for i in 1..n { for j in 1..2 { s = s*x + j } }; s }",
    "row's in a known": "f(n, x) = { s = x; for i in 1..2 { for j in 1..n { s = s*x/2 + j } }; s }",
    "in an arm": "f(n, x) = { s = x; if x > 0.6 { for i in 1..n { s = s*x } } else { s = x^2 }; s }",
    "in both arms": "f(n, x) = { s = x; if x > 0.6 { for i in 1..n { s = s*x } } else { while s < n { s += abs(x) + 1 } }; s }",
    "arm in it": "f(n, x) = { s = x; for i in 1..n { if s > 1 { s = s/2 } else { s = s*3 + x } }; s }",
    "guarded in it": "f(n, x) = { s = 0; for i in 1..n { if x > i/8 { s += sqrt(x - i/8) } }; s }",
    "in a function": "g(n, x) = { s = 0; for i in 1..n { s += x^i }; s }\nf(n, x) = g(n, x)*g(3, x)",
    "functions in functions": "h(n, x) = { while n > 2 { x = x*1.5; n -= 1 }; x }\ng(n, x) = { s = 0; for i in 1..n/3 { s += h(i, x) }; s }\nf(n, x) = g(n, x) + h(n, x)",
    "two in sequence": "f(n, x) = { s = 0; for i in 1..n { s += x }; for i in 1..s { s -= x/3 }; s }",
    "and or": "f(n, x) = { i = 0; s = x; while i < n and s < 50 or i < 2 { s = s*1.5 + 1; i += 1 }; s }",
    "vector in it": "f(n, x) = { v = [x, 1, 2*x]; for i in 1..n { v = [v[2]/2, v[3], v[1] + x] }; sum(v) }",
    "overflows beyond": "f(n, x) = { s = 2 + x; for i in 1..n/5 { s = exp(s) - s }; ln(s) }",
    "singular beyond": "f(n, x) = { s = 0; for i in 1..n/3 { s += sqrt(n - 3*i + 0.5)*x }; s }",
    "newton": "f(n, x) = { a = n^2 + 1; y = a; while abs(y*y - a) > 1e-9*a { y = (y + a/y)/2 }; y*x }",
    "several": "f(n, x) = { a = x; b = 1; for i in 1..n { a, b = b*x, a + 1 }; a, b }",
}  # fmt: skip


@pytest.mark.parametrize("name", LOOPS)
def test_loops(name: str) -> None:
    """Loops whose length depends on the row, from no turn to some tens of turns."""
    assert_rows(LOOPS[name], COUNTS, relative=1e-11)


@pytest.mark.parametrize("name", ["for", "while", "in an arm"])
def test_each_number_of_turns(name: str) -> None:
    """0 to 70 turns: every boundary between the stages."""
    points = [{"n": float(n), "x": 0.75} for n in range(71)]
    assert_rows(LOOPS[name], points, relative=1e-11, hessian=False)


@pytest.mark.parametrize("longest", [8_000, pytest.param(100_000, marks=pytest.mark.thorough)])
def test_thousands_of_turns(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More turns than any code has: such rows are computed as at a point."""
    monkeypatch.setattr("adcli.differentiate.columns._LONGEST_STAGE", longest)
    text = "f(n, x, y) = { s = 0; for i in 1..n { s += x*sin(y)^2 }; s*x }"
    program = adcli.load(text)
    rows = [3000.0, 2.0, 20000.0, 0.0, 700.0]
    given = {"y": np.full(5, 0.5), "n": np.array(rows), "x": np.arange(1.0, 6)}
    found = program.columns(given, hessian=True)
    for row, n in enumerate(rows):
        x, sine, cosine = row + 1.0, math.sin(0.5), math.cos(0.5)
        expected = {
            "f": n * x**2 * sine**2, "df_dn": 0.0, "df_dx": 2 * n * x * sine**2,
            "df_dy": 2 * n * x**2 * sine * cosine, "d2f_dx_dx": 2 * n * sine**2,
            "d2f_dx_dy": 4 * n * x * sine * cosine, "d2f_dn_dx": 0.0,
        }  # fmt: skip
        for name, number in expected.items():
            assert_alike(found[name][row], number, (n, name), 1e-10)
    assert (
        found["f"][1:2].tobytes()
        == program.columns({name: column[1:2] for name, column in given.items()}, hessian=True)[
            "f"
        ].tobytes()
    )


@pytest.mark.parametrize("wrt", [["y", "x"], ["x"], "y", ("x", "y")])
@pytest.mark.parametrize("n", [3.0, 30000.0])
def test_wrt_with_loops(wrt: Any, n: float) -> None:
    """The order of columns and derivatives is that of the program, in every stage."""
    program = adcli.load("f(x, y, n) = { s = 0; for i in 1..n { s += x*y^2 }; s }")
    found = program.columns(
        {"n": array(n), "y": array(3.0), "x": array(2.0)}, wrt=wrt, hessian=True
    )
    exact = {
        "f": 18 * n, "df_dx": 9 * n, "df_dy": 12 * n,
        "d2f_dx_dx": 0.0, "d2f_dx_dy": 6 * n, "d2f_dy_dy": 4 * n,
    }  # fmt: skip
    named = [wrt] if isinstance(wrt, str) else wrt
    kept = [
        name for name in exact
        if all(part in named for part in name.partition("_d")[2].split("_d") if part)
    ]  # fmt: skip
    assert list(found) == kept
    for name in kept:
        assert_alike(found[name][0], exact[name], name)


V = [1.5, -2.0, 3.0]
INDICES = {
    "read": "f(v, k, x) = v[k]*x",
    "read twice": "f(v, k, x) = v[k]*v[4 - k] + x",
    "written": "f(v, k, x) = { v[k] = x^2; v[1] + 10*v[2] + 100*v[3]*v[1] }",
    "written and read": "f(v, k, x) = { w = v; w[k] = x; w[k] *= 3; w[2]*v[k] }",
    "computed": "f(v, k, x) = v[1 + mod(k, 3)]^2*x",
    "in an arm": "f(v, k, x) = if k < 3 then v[k + 1]*x else v[k]^2",
    "guarded": "f(v, k, x) = if k < 2.5 then v[k + 1]*x else x",
    "matrix": "f(v, k, x) = { A = [v, 2*v, v^2]; A[k,2]*A[2,k]*A[k,k]*x }",
    "row of a matrix": "f(v, k, x) = { A = [v, 2*v, v^2]; sum(A[k])*x }",
    "matrix written": "f(v, k, x) = { A = [v, 2*v, v^2]; A[k,1] = x; A[2,k] = 2*x; A[k,k] = 5; sum(A[1])*sum(A[2]) - sum(A[3]) }",
    "in a loop": "f(v, k, x) = { s = 0; i = k; while i >= 1 { s += v[i]*x; i -= 1 }; s }",
    "walks": "f(v, k, x) = { i = k; s = 0; for j in 1..5 { s += v[i]*j; i = if v[i] > 0 then 2 else 3 }; s*x }",
}  # fmt: skip


@pytest.mark.parametrize("name", INDICES)
def test_indices(name: str) -> None:
    """Indices that depend on the row, read and written."""
    points = [{"v": V, "k": k, "x": x} for k in (1.0, 2.0, 3.0) for x in (0.5, 2.0)]
    assert_rows(INDICES[name], points)


@pytest.mark.parametrize("longest", [1, 2, 3, 4, 5, 7, 12])
def test_a_loop_over_as_many_elements_as_the_row_says(longest: int) -> None:
    """Turns that no row takes have no elements, and none are missing."""
    v = [0.5 + i for i in range(longest)]
    points = [{"v": v, "n": float(n)} for n in range(longest + 1)]
    assert_rows("f(v, n) = { s = 0; for i in 1..n { s += v[i]^2*i }; s }", points)
    assert_rows("f(v, n) = { w = zeros(len(v)); for i in 1..n { w[i] = v[i]^2 }; sum(w) }", points)
    assert_rows("f(v, n) = { s = 0; i = 1; while i <= n { s += v[i]^2; i += 1 }; s }", points)


def same_error(text: str, points: list[Point], bad: int) -> None:
    """The first row that has no result says what the point says, and which row it is."""
    program = adcli.load(text)
    for at in points[:bad]:
        program.eval(at)
    with pytest.raises(AdcliError) as there:
        program.eval(points[bad])
    columns = {name: np.array([at[name] for at in points], float) for name in points[0]}
    for options in ({}, {"values_only": True}, {"hessian": True}):
        with pytest.raises(type(there.value)) as found:
            program.columns(columns, **options)  # type: ignore[arg-type]
        assert str(found.value) == str(there.value)
        assert found.value.details[-1] == f"in row {bad:,}, counted from 0"


@pytest.mark.parametrize("k", [0.0, 4.0, -1.0, 1.5, NAN, INF, -INF, 1e300, 1 + 2.0**-52])
@pytest.mark.parametrize("name", ["read", "written", "matrix", "row of a matrix", "matrix written"])
def test_indices_outside(name: str, k: float) -> None:
    points = [{"v": V, "k": n, "x": 1.0} for n in (1.0, 3.0, k, 2.0, 0.0)]
    same_error(INDICES[name], points, 2)


@pytest.mark.parametrize("text", [
    "f(n) = { s = 0; for i in 1..n { s += i }; s }",
    "f(n) = { s = 0; for i in n..9 { s += i }; s }",
    "f(n) = { s = 0; for i in 1..9 by n { s += i }; s }",
    "f(n) = { s = 0; if n != 2 { for i in 1..9 by n { s += i } }; s }",
])  # fmt: skip
@pytest.mark.parametrize("n", [NAN, -INF])
def test_ranges_that_are_none(text: str, n: float) -> None:
    same_error(text, [{"n": 1.0}, {"n": 2.0}, {"n": n}], 2)


def test_a_step_of_nothing() -> None:
    same_error("f(n) = { s = 0; for i in 1..9 by n { s += i }; s }", [{"n": 1.0}, {"n": 0.0}], 1)


def test_a_row_that_does_not_end() -> None:
    """It is an error, and of the right row."""
    text = "f(n) = { s = 0; for i in 1..n { s += i }; s }"
    with pytest.raises(LimitError) as found:
        adcli.load(text).columns({"n": array(1, 2, 1e12)})
    assert found.value.details[-1] == "in row 2, counted from 0"


def test_errors_of_later_blocks() -> None:
    """Of several rows without results the first is told, with as many threads as there are."""
    rows = 200_000
    k = np.ones(rows)
    k[150_000] = 3
    k[66_000] = 4
    program = adcli.load("f(v, k) = v[k]")
    for jobs in (1, 4):
        with pytest.raises(ProgramError, match="index 4 is outside") as found:
            program.columns({"v": np.ones((rows, 2)), "k": k}, jobs=jobs)
        assert found.value.details[-1] == "in row 66,000, counted from 0"
    k[:] = 2
    assert (program.columns({"v": np.ones((rows, 2)), "k": k})["f"] == 1).all()


NO_COLUMNS = {
    "recursion": ("g(n) = if n < 1 then 1 else n*g(n - 1)\nf(x) = g(x)", "recursion"),
    "recursion in a while": ("g(n) = { s = 1; i = 0; while i < n { s += g(n - 1); i += 1 }; s }\nf(x) = g(x)", "recursion"),
    "recursion in a for": ("g(n) = { s = 1; for i in 1..n { s += g(n - 1) }; s }\nf(x) = g(x)", "recursion"),
    "mutual": ("g(n) = if n < 1 then 1 else h(n - 1)\nh(n) = if n < 1 then 2 else g(n - 1)\nf(x) = g(x)", "recursion"),
    "comprehension": ("f(x) = sum([i for i in 1..x])", "length of a vector"),
    "zeros": ("f(x) = sum(zeros(x))", "depends on the inputs"),
    "slice": ("f(x) = { v = [1, 2, 3]; sum(v[1..x]) }", "depends on the inputs"),
    "an arm's": ("f(x) = { if x > 0 { v = [1, x] } else { v = [1, 2, x] }; sum(v) }", "a vector of 2 or a vector of 3"),
    "grows": ("f(x) = { v = [x]; n = 0; while n < x { v = [x, x]; n += 1 }; sum(v) }", "a vector of 2 or a vector of 1, as the inputs decide"),
    "grows turn by turn": ("f(x) = { v = [x]; n = 0; while n < x { v = [i for i in 1..len(v) + 1]; n += 1 }; sum(v) }", "a vector of 2 or a vector of 1, as the inputs decide"),
    "recursion in an arm in a loop": ("g(n) = { s = 1; for i in 1..2 { if n > i { s += g(n - 1) } }; s }\nf(x) = g(x)", "recursion"),
    "comprehension in an arm": ("f(x) = if x > 0 then sum([i for i in 1..x]) else x", "length of a vector"),
    "a number or results": ("g(x) = x, 2\nf(x) = { p, q = if x > 0 then x else 2; p }", "2 names but 1 value"),
    "behind a loop": ("f(x) = { for i in 1..x { y = i }; [1, 2][3] }", "index 3 is outside"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_COLUMNS)
def test_what_has_no_columns(name: str) -> None:
    """Recursions and shapes that depend on the row: said before anything is computed."""
    text, message = NO_COLUMNS[name]
    with pytest.raises(ProgramError, match=message):
        adcli.load(text).columns({"x": array(1, 2, 3)})


# Recursion that other values end, over branches that the row decides: to the depth given.
RECURSIONS = {
    "argument": "g(x, n) = if n == 0 then x else g(if x > 1 then x/2 else 3*x, n - 1)\nf(x) = g(x, 6)",
    "in both arms": "g(x, n) = if n == 0 then x else (if x > 1 then g(x/2, n - 1) else g(3*x, n - 1))\nf(x) = g(x, 6)",
    "with an end of its own": "g(x, n) = if n == 0 then x else (if x > 1 then x/n else g(3*x, n - 1))\nf(x) = g(x, 300)",
    "mutual": "g(x, n) = if n == 0 then x else (if x > 1 then h(x/2, n - 1) else h(3*x, n - 1))\nh(x, n) = if n == 0 then x else g(x, n - 1)\nf(x) = g(x, 8)",
    "in a loop": "g(x, n) = { for i in 1..x { if n > 0 { x = g(x/2, n - 1) } }; 2*x }\nf(x) = g(x, 3)",
    "of a constant": "g(x, n) = if n == 0 then x else (if x > 1 then g(x/2, n - 1) else x)\nf(x, n) = g(x, n)",
}  # fmt: skip


@pytest.mark.parametrize("name", RECURSIONS)
def test_recursion_to_a_depth_that_is_known(name: str) -> None:
    """What each point says, with slopes by differences: between its steps it is linear."""
    program = adcli.load(RECURSIONS[name])
    constants = {"n": 5} if name == "of a constant" else {}
    xs = array(-1.3, 0.013, 0.7, 1.7, 2.6, 40.3)
    found = program.columns({"x": xs}, constants=constants)
    for row, x in enumerate(xs.tolist()):
        assert found["f"][row] == program.eval(x=x, **constants)["f"]
        below, above = (program.eval(x=x + step, **constants)["f"] for step in (-1e-6, 1e-6))
        assert_alike(found["df_dx"][row], (above - below) / 2e-6, x, 1e-6)


# Errors of an arm or a turn are of the rows that take it.

ARMS: dict[str, tuple[str, list[float], float]] = {
    "index": ("if x > 0 then [x, 1][3] else x^2", [-1, 0], 2),
    "index in the other": ("if x > 0 then x^2 else [x, 1][0]", [1, 2], -1),
    "index assigned": ("f(x) = { v = [x, 1]; if x > 0 { v[3] = 2 }; sum(v) }", [-1, 0], 1),
    "range as an index": ("f(x) = { v = [x, 1]; y = x; if x > 0 { y = sum(v[2..4]) }; y }", [-1], 1),
    "step": ("f(x) = { y = x; if x > 0 { for i in 1..3 by 0 { y += i } }; y }", [-1], 1),
    "shapes": ("f(x) = { y = x; if x > 0 { y = sum([x, 1] + [1, 2, 3]) }; y }", [-1], 1),
    "names": ("g(x) = x, 1\nf(x) = { y = x; if x > 0 { a, b, d = g(x); y = a }; y }", [-1], 1),
    "no value": ("f(x) = { if 1 > 2 { z = 1 }; y = x; if x > 0 { y = z }; y }", [-1], 1),
    "in a function": ("g(v, k) = v[k]\nf(x) = { y = x; if x > 0 { y = g([x], 2) }; y }", [-1], 1),
    "in an arm of an arm": ("if x > 0 then (if x > 1 then [x][2] else x) else x^2", [-1, 0.5], 2),
    "in both arms of an arm": ("if x > 0 then (if x > 1 then [x][2] else [x][3]) else x^2", [-1, 0], 0.5),
    "empty": ("f(x) = { v = [1, 2]; y = x; if x > 0 { y = max(v[2..1]) }; y }", [-1], 1),
    "a turn": ("f(x) = { s = x; for i in 1..x { s += [1, 2, 3][i] }; s }", [0, 1, 3], 4),
    "a turn of a while": ("f(x) = { s = 0; i = 1; while i <= x { s += [1, 2, 3][i]*x; i += 1 }; s }", [0, 3], 7),
    "assigned in a turn": ("f(x) = { v = zeros(2); for i in 1..x { v[i] = x }; sum(v) }", [0, 2], 3),
    "in an arm of a turn": ("f(x) = { s = x; for i in 1..x { if i == 3 { s = [s][2] } }; s }", [0, 2], 5),
    "of a value": ("f(x) = { s = 0; for i in 1..9 { if i < x { s += [x, 1][i] } }; s }", [0, 3], 4),
    "too long": ("f(x) = if x > 0 then sum(i for i in 1..10^9) else x", [-1], 1),
    "too large": ("f(x) = if x > 0 then sum(zeros(10^9)) else x", [-1], 1),
    "no end": ("g(n) = g(n + 1)\nf(x) = if x > 0 then g(1) else x", [-1], 1),
    "only a loop makes it": ("f(x) = { n = 0; while n < x { t = x*n; n += 1 }; t }", [1, 7], 0),
    "the last of a loop": ("f(x) = { for i in 1..x { y = i }; i*y*x }", [1, 9], 0.5),
    "made by the turn before": ("f(x) = { s = 1; for i in 1..x { if i > 1 { s += t }; t = s*x }; s + t }", [1, 6], 0),
    "a vector only a loop makes": ("f(x) = { for i in 1..x { v = [i, x]; v[1] = x }; v[1]*v[2] }", [1, 5], -1),
    "not by an if": ("f(x) = { n = 0; while n < x { t = n; n += 1 }; if x < 1 { t = x }; t }", [1, 7], 0),
    "behind a loop": ("f(x) = { m = 0; for i in 1..x { if i > 5 { m = 1 } }; [7*x, 8][m] }", [6, 300], 5),
    "before a longer loop": ("f(x) = { y = [x, 1][x]; for i in 1..100*x { y += 1 }; y }", [1, 2], 3),
}  # fmt: skip


@pytest.mark.parametrize("name", ARMS)
def test_errors_of_an_arm(name: str) -> None:
    """Those of the rows that take it, as at the point; the others have their results."""
    text, good, bad = ARMS[name]
    points = [{"x": float(x)} for x in good]
    assert_rows(text, points)
    same_error(text, [*points, {"x": float(bad)}], len(points))


def test_results_that_a_row_has_alone() -> None:
    """A row whose results have another shape than those of the others is an error of it."""
    text = "f(x) = { v = [x]; for i in 1..x { if i > 5 { v = [x, 2] } }; v }"
    program = adcli.load(text)
    assert list(program.columns({"x": array(1, 5)})) == ["f[1]", "df[1]_dx"]
    with pytest.raises(ProgramError, match=r"are f\[1\], f\[2\], of other inputs f\[1\]"):
        program.columns({"x": array(1, 7, 2)})


def kept(program: adcli.Program) -> Columns:
    """The code of a program that was compiled once."""
    (code,) = all_kept(program)
    return code


def all_kept(program: adcli.Program) -> list[Columns]:
    """What was compiled for a program."""
    assert program._columns is not None
    return list(program._columns.compiled.values())


@pytest.mark.parametrize("text", [
    "f(x) = { s = 0; for i in 1..x { s += i }; s }",
    "f(x) = { s = x; for i in 1..3 { s += [1, 2, 3][x] }; for i in 1..x { s += i }; s }",
    "f(x) = { s = x; for i in 0..2*x by x { s += i }; for i in 1..x { s += 1 }; s }",
])  # fmt: skip
@pytest.mark.parametrize("x", [1e12, NAN, INF])
def test_a_bad_row_is_told_at_once(text: str, x: float) -> None:
    """No code is made for more turns than the other rows take."""
    program = adcli.load(text)
    rows = np.ones(1000)
    rows[700] = x
    with pytest.raises(AdcliError) as there:
        program.eval(x=x)
    with pytest.raises(type(there.value)) as found:
        program.columns({"x": rows})
    assert str(found.value) == str(there.value)
    assert found.value.details[-1] == "in row 700, counted from 0"
    assert len(kept(program)._stages) == 1


def test_nothing_more_behind_the_first_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless all errors are wanted."""
    asked: list[float] = []
    at_point = Columns.at_point

    def counting(self: Columns, numbers: Any) -> list[float]:
        asked.append(numbers[0])
        return at_point(self, numbers)

    monkeypatch.setattr(Columns, "at_point", counting)
    x = np.arange(1.0, 200_001)
    for jobs in (1, 4):
        asked.clear()
        program = adcli.load("f(x) = if x > 150 then [x, 1][3] else x^2")
        with pytest.raises(ProgramError) as found:
            program.columns({"x": x}, jobs=jobs)
        assert found.value.details[-1] == "in row 150, counted from 0"
        assert asked.count(151) == 1
        assert len(asked) <= jobs
    asked.clear()
    _, errors = kept(program).compute({"x": x[100:300]}, 200)
    assert sorted(errors) == list(range(50, 200))
    assert asked == x[150:300].tolist()


def test_the_code_that_decides_is_the_rows_own() -> None:
    """Rows looked at one by one, for there are few, have the bits that many have."""
    text = "f(x, n) = { s = x; for i in 1..n { s = sin(s)*x + exp(-s) }; s }"
    n = np.repeat([1.0, 5.0, 40.0, 300.0, 900.0, 3000.0], 20)
    x = np.linspace(0.1, 0.9, len(n))
    expected = adcli.load(text).columns({"x": x, "n": n})
    for rows in (slice(0, 3), slice(38, 41), slice(59, 62), slice(78, 82), slice(99, 101), [119]):
        alone = adcli.load(text).columns({"x": x[rows], "n": n[rows]})
        assert bits(alone) == bits(expected, rows)


def test_constants_are_folded_when_rows_are_looked_at() -> None:
    """What constants alone take does not make a row too long for code."""
    waves = "sin(" * 12 + "v" + ")" * 12
    text = f"f(x, c) = {{ s = sum({waves} for v in c); n = 0; while n < x {{ s = s*x/9; n += 1 }}; s }}"
    program = adcli.load(text)
    constants = {"c": [k / 700 for k in range(1000)]}
    x = array(1, 2, 7)
    found = program.columns({"x": x}, constants=constants)
    assert len(kept(program)._stages) == 2
    values = [mpmath.mpf(v) for v in constants["c"]]
    for _ in range(12):
        values = [mpmath.sin(v) for v in values]
    total = float(mpmath.fsum(values))
    for row, n in enumerate(x):
        assert_alike(found["f"][row], total * (n / 9) ** n, n, 1e-11)
        assert_alike(found["df_dx"][row], total * n * (n / 9) ** (n - 1) / 9, n, 1e-11)


def test_the_recursion_limit_stays() -> None:
    before = sys.getrecursionlimit()
    text = "".join(f"if x < {i} then x + {i} else " for i in range(300)) + "x^2"

    def work() -> None:
        adcli.load(f"f(x) = {text}").columns({"x": array(1.5, 400)})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.getrecursionlimit() == before


def test_an_index_into_nothing() -> None:
    """An empty vector has no element, whatever the row says."""
    text = "f(x, v) = { w = v[2..1]; w[x] }"
    with pytest.raises(ProgramError) as there:
        adcli.load(text).eval(x=1, v=[1, 2])
    with pytest.raises(ProgramError) as found:
        adcli.load(text).columns({"x": array(1), "v": array([1, 2])})
    assert str(found.value) == str(there.value)


# A row's bits.

BITS = (
    "f(x, n) = { s = x; for i in 1..n { s = sin(s) + exp(-x)/i }; if x > 0.5 { s = s^1.7 }; s*x }"
)


def bits(found: Mapping[str, Any], rows: Any = slice(None)) -> list[bytes]:
    """The columns as bytes."""
    return [column[rows].tobytes() for column in found.values()]


@cache
def many() -> tuple[adcli.Program, dict[str, Any], dict[str, Any]]:
    """A program with a loop, columns for it, and what comes out."""
    chooser = np.random.default_rng(5)
    columns = {"x": chooser.uniform(-1, 2, 140_000), "n": chooser.integers(0, 12, 140_000) * 1.0}
    columns["n"][[7, 70_000]] = 3000
    program = adcli.load(BITS)
    return program, columns, program.columns(columns, jobs=4, hessian=True)


@pytest.mark.parametrize("jobs", half([1, 2, 3, 4, None]))
def test_bits_with_any_number_of_threads(jobs: int | None) -> None:
    program, columns, found = many()
    assert bits(program.columns(columns, jobs=jobs, hessian=True)) == bits(found)


@pytest.mark.parametrize("rows", half([1, 2, 7, 8, 9, 15, 17, 16, 65_535, 65_536, 65_537, 131_073]))
def test_bits_with_any_number_of_rows(rows: int) -> None:
    program, columns, found = many()
    for start in (0, 3, 140_000 - rows):
        there = slice(start, start + rows)
        few = program.columns({name: x[there] for name, x in columns.items()}, hessian=True)
        assert all(len(column) == rows for column in few.values())
        assert bits(few) == bits(found, there)


def test_bits_in_any_order() -> None:
    """A row is the same between other rows, from other code for the same program too."""
    _, columns, found = many()
    order = np.random.default_rng(1).permutation(140_000)
    program = adcli.load(BITS)
    mixed = program.columns({name: x[order] for name, x in columns.items()}, hessian=True)
    assert bits(mixed) == bits(found, order)


@pytest.mark.parametrize("given", [
    {"x": np.empty(0)}, {"x": []}, {"x": np.empty((0, 3))}, {"x": np.empty((0, 2, 2))},
    {"x[1]": [], "x[2]": []}, {"x": np.empty(0, int)},
])  # fmt: skip
def test_no_rows(given: dict[str, Any]) -> None:
    """Columns of no rows, with their names."""
    text = "f(x) = x^2" if list(given) == ["x"] and np.ndim(given["x"]) == 1 else "f(x) = sum(x)"
    found = adcli.load(text).columns(given)
    assert next(iter(found)) == "f"
    assert len(found) > 1
    assert all(column.shape == (0,) and column.dtype == np.float64 for column in found.values())


# What can be given.


def test_constants_and_defaults() -> None:
    program = adcli.load("f(x, a, b = 3, c[2] = [1, 2]) = x*a + b*x^2 + c[2]*sum(c)")
    found = program.columns({"x": array(1, 2)}, constants={"a": 5.0})
    assert {name: column.tolist() for name, column in found.items()} == {
        "f": [14.0, 28.0], "df_dx": [11.0, 17.0]
    }  # fmt: skip
    found = program.columns({"x": array(1), "b": array(4)}, constants={"a": 5, "c": [0, 1]})
    assert {name: column.tolist() for name, column in found.items()} == {
        "f": [10.0], "df_dx": [13.0], "df_db": [1.0]
    }  # fmt: skip
    found = program.columns({"a": array(1, 2)}, constants={"x": -1}, hessian=True)
    assert list(found) == ["f", "df_da", "d2f_da_da"]
    assert found["f"].tolist() == [8.0, 7.0]
    # A default that depends on nothing but is computed.
    text = "f(x, b = sqrt(16)) = x*b"
    assert adcli.load(text).columns({"x": array(2)})["df_dx"].tolist() == [4.0]


def test_constants_decide() -> None:
    """A loop and a length that only a constant decides are known."""
    program = adcli.load("f(x, n) = { s = 0; for v in [x*i for i in 1..n] { s += v }; s }")
    for n, total in ((3, 6.0), (10, 55.0), (0, 0.0)):
        found = program.columns({"x": array(2)}, constants={"n": n})
        assert (found["f"][0], found["df_dx"][0]) == (2 * total, total)


def test_zeros_as_constants_are_told_apart() -> None:
    program = adcli.load("f(x, c) = x/c")
    for c in (0.0, -0.0, 0.0):
        found = program.columns({"x": array(1)}, constants={"c": c})
        assert found["f"][0] == math.copysign(INF, c)


@pytest.mark.parametrize("change", [1e-9, 1e-12])
def test_arrays_as_constants_are_told_apart(change: float) -> None:
    """Constants that print alike are not the same."""
    program = adcli.load("f(x, c) = x*sum(c)")
    for c in (np.array([1.0, 2.0]), np.array([1.0, 2.0 + change]), np.array([1.0, 2.0])):
        assert program.columns({"x": array(1)}, constants={"c": c})["f"][0] == c[0] + c[1]


def test_long_arrays_as_constants_are_told_apart() -> None:
    program = adcli.load("f(x, c) = x*sum(c)")
    for middle in (0.0, 7.0, 0.0):
        c = np.zeros(2000)
        c[1000] = middle
        assert program.columns({"x": array(1)}, constants={"c": c})["f"][0] == middle


def test_a_constant_changed_by_its_owner() -> None:
    """What was given counts, and not what became of the list since."""
    program = adcli.load("f(x, c) = { s = 0; n = 0; while n < x { s += sum(c); n += 1 }; s }")
    c = [1.0, 2.0]
    assert program.columns({"x": array(3)}, constants={"c": c})["f"].tolist() == [9.0]
    c[0] = 100.0
    again = program.columns({"x": array(3, 10, 50_000)}, constants={"c": [1.0, 2.0]})
    assert again["f"].tolist() == [9.0, 30.0, 150_000.0]
    changed = program.columns({"x": array(3, 10)}, constants={"c": c})
    assert changed["f"].tolist() == [306.0, 1020.0]


def test_options() -> None:
    program = adcli.load("f(x, y) = x^2*y")
    given = {"y": array(3, 4), "x": array(1, 2)}
    assert list(program.columns(given, values_only=True)) == ["f"]
    assert list(program.columns(given)) == ["f", "df_dx", "df_dy"]
    assert list(program.columns(given, wrt="y")) == ["f", "df_dy"]
    found = program.columns(given, wrt=["x"], hessian=True)
    assert {name: column.tolist() for name, column in found.items()} == {
        "f": [3.0, 16.0], "df_dx": [6.0, 16.0], "d2f_dx_dx": [6.0, 8.0]
    }  # fmt: skip
    assert list(program.columns(given, hessian=True)) == [
        "f", "df_dx", "df_dy", "d2f_dx_dx", "d2f_dx_dy", "d2f_dy_dy"
    ]  # fmt: skip


def test_several_results() -> None:
    program = adcli.load("f(x, y) = { p = x*y; q = [x, y^2]; p, q }")
    found = program.columns({"x": array(2, 3), "y": array(5, 7)})
    assert {name: column.tolist() for name, column in found.items()} == {
        "p": [10.0, 21.0], "q[1]": [2.0, 3.0], "q[2]": [25.0, 49.0],
        "dp_dx": [5.0, 7.0], "dp_dy": [2.0, 3.0], "dq[1]_dx": [1.0, 1.0], "dq[1]_dy": [0.0, 0.0],
        "dq[2]_dx": [0.0, 0.0], "dq[2]_dy": [10.0, 14.0],
    }  # fmt: skip
    with pytest.raises(InputError, match="second derivatives are of one result; the program has 3"):
        program.columns({"x": array(2), "y": array(5)}, hessian=True)


def test_vectors_and_matrices() -> None:
    """As a whole, or a column for each element, in any order."""
    program = adcli.load("f(v[3], A[2,3]) = sum((A @ v)^2)")
    v = np.random.default_rng(1).normal(size=(11, 3))
    matrix = np.random.default_rng(2).normal(size=(11, 2, 3))
    found = program.columns({"v": v, "A": matrix}, hessian=True)
    parts = {f"A[{i},{j}]": matrix[:, i - 1, j - 1] for i in (2, 1) for j in (3, 1, 2)}
    parts |= {f"v[{i}]": v[:, i - 1] for i in (2, 3, 1)}
    apart = program.columns(parts, hessian=True)
    assert set(apart) == set(found)
    assert len(found) == 1 + 9 + 45
    assert all(apart[name].tobytes() == found[name].tobytes() for name in found)
    for row in range(11):
        product = matrix[row] @ v[row]
        assert found["f"][row] == pytest.approx(product @ product, rel=1e-12)
        for j in range(3):
            exact = 2 * product @ matrix[row][:, j]
            assert found[f"df_dv[{j + 1}]"][row] == pytest.approx(exact, rel=1e-11)
            exact = 2 * product[1] * v[row, j]
            assert found[f"df_dA[2,{j + 1}]"][row] == pytest.approx(exact, rel=1e-11)
        exact = 2 * matrix[row][:, 0] @ matrix[row][:, 2]
        assert found["d2f_dv[1]_dv[3]"][row] == pytest.approx(exact, rel=1e-11)


ARRAYS = {
    "steps": lambda x: np.repeat(x, 3)[::3],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "of a table": lambda x: np.stack([x, x + 1, x], axis=1)[:, 2],
    "read-only": lambda x: np.frombuffer(x.tobytes(), np.float64),
    "list": lambda x: x.tolist(),
    "other byte order": lambda x: x.astype(">f8"),
    "not aligned": lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(np.float64),
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "integers": lambda x: x.astype(np.int64),
    "bytes": lambda x: x.astype(np.int8),
    "long doubles": lambda x: x.astype(np.longdouble),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_kind(name: str) -> None:
    program = adcli.load("f(x, y) = x^3*y")
    x = np.arange(-9.0, 12.0)
    expected = program.columns({"x": x, "y": x + 1})
    kept = x.copy()
    found = program.columns({"x": ARRAYS[name](x), "y": ARRAYS[name](x + 1)})
    assert bits(found) == bits(expected)
    assert x.tobytes() == kept.tobytes()


def test_arrays_of_vectors_of_every_kind() -> None:
    program = adcli.load("f(v[2]) = v[1]*v[2]^2")
    v = np.arange(20.0).reshape(10, 2)
    expected = bits(program.columns({"v": v}))
    assert bits(program.columns({"v": np.asfortranarray(v)})) == expected
    assert bits(program.columns({"v": v.astype(np.int32)})) == expected
    assert bits(program.columns({"v": v[::-1, ::-1].copy()[::-1, ::-1]})) == expected
    assert bits(program.columns({"v": v.tolist()})) == expected


def test_truths_are_numbers() -> None:
    found = adcli.load("f(x) = 2*x").columns({"x": np.array([True, False])})
    assert found["f"].tolist() == [2.0, 0.0]


ONE = array(1.0, 2.0)
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "missing": ({"x": ONE}, {}, "'y'.*'v'"),
    "one missing": ({"x": ONE, "y": ONE}, {}, "input has neither a column nor a value: 'v'"),
    "unknown": ({"x": ONE, "z": ONE}, {}, "'z'"),
    "unknown element": ({"x": ONE, "z[1]": ONE}, {}, "'z"),
    "unknown constant": ({"x": ONE}, {"constants": {"z": 1}}, "'z'"),
    "twice": ({"x": ONE}, {"constants": {"x": 1}}, "'x' is a constant and a column"),
    "lengths": ({"x": ONE, "y": array(1)}, {}, "columns of 1 and of 2 rows"),
    "none": ({}, {}, "no column is given"),
    "text": ({"x": np.array(["1", "2"])}, {}, "'x' is not a column of numbers"),
    "complex": ({"x": np.array([1j])}, {}, "'x' is not a column of numbers"),
    "objects": ({"x": np.array([None, 1.0])}, {}, "'x' is not a column of numbers"),
    "a number": ({"x": 1.0}, {}, "'x' is not a column of numbers"),
    "four dimensions": ({"x": np.zeros((2, 2, 2, 2))}, {}, "'x' is not a column of numbers"),
    "ragged": ({"x": [[1, 2], [3]]}, {}, "'x' is not a column of numbers"),
    "ragged arrays": ({"x": [np.ones(2), np.ones(3)]}, {}, "'x' is not a column of numbers"),
    "too large": ({"x": [10**400, 1.0]}, {}, "'x' is not a column of numbers"),
    "a set": ({"x": {1.0, 2.0}}, {}, "'x' is not a column of numbers"),
    "named fields": ({"x": np.zeros(2, "i4,f8")}, {}, "'x' is not a column of numbers"),
    "masked": ({"x": np.ma.array([1.0, 2.0], mask=[0, 1])}, {}, "'x' has masked values"),
    "no name": ({1: ONE}, {}, "no input is called '1'"),
    "no name of a constant": ({"x": ONE}, {"constants": {1: 2}}, "no input is called '1'"),
    "ragged constant": ({"x": ONE, "y": ONE}, {"constants": {"v": [[1, 2], [3]]}}, "rows of 1 and 2"),
    "text as a constant": ({"x": ONE, "y": ONE}, {"constants": {"v": "12"}}, "'v' is not a number"),
    "far element": ({"v[10000000]": ONE}, {}, r"'v\[1\]' is missing"),
    "far element of a matrix": ({"v[1,1]": ONE, "v[999999999,2]": ONE}, {}, r"'v\[1,2\]' is missing"),
    "an element of a constant": ({"v[1]": ONE, "v[2]": ONE}, {"constants": {"v": [1, 2]}}, "'v' is a constant and a column"),
    "no elements, other rows": ({"x": ONE, "y": np.empty((3, 0))}, {}, "columns of 2 and of 3 rows"),
    "wrt no name": ({"x": ONE, "y": ONE, "v": np.ones((2, 2))}, {"wrt": [["x"]]}, "no input is called"),
    "dates": ({"x": np.array(["2020-01-01"], "M8[D]")}, {}, "'x' is not a column of numbers"),
    "vector for an element": ({"v[1]": np.ones((2, 2))}, {}, "one number in each row"),
    "element missing": ({"v[1]": ONE, "v[3]": ONE}, {}, r"'v\[2\]' is missing"),
    "whole and element": ({"v": np.ones((2, 2)), "v[1]": ONE}, {}, "as a whole and by its elements"),
    "element 0": ({"v[0]": ONE}, {}, r"'v\[0\]' is no element of 'v'"),
    "element with a name": ({"v[i]": ONE}, {}, "is no element of 'v'"),
    "one index and two": ({"v[1]": ONE, "v[1,1]": ONE}, {}, "one index and with two"),
    "declared length": ({"x": ONE, "y": ONE, "v": np.ones((2, 3))}, {}, "'v'"),
    "declared vector": ({"x": ONE, "y": ONE, "v": ONE}, {}, "'v'"),
    "wrt": ({"x": ONE, "y": ONE, "v": np.ones((2, 2))}, {"wrt": "q"}, "no input is called 'q'"),
    "wrt a constant": ({"x": ONE, "v": np.ones((2, 2))}, {"wrt": "y", "constants": {"y": 1}}, "'y'"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_inputs(name: str) -> None:
    given, options, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        adcli.load("f(x, y, v[2]) = x*y*v[1]").columns(given, **options)


@pytest.mark.parametrize("rows", [3, 200_000])
@pytest.mark.parametrize("jobs", [-1, -7, 0, 1.5, "2", NAN])
def test_wrong_numbers_of_threads(rows: int, jobs: Any) -> None:
    """They are told, whatever the number of rows."""
    with pytest.raises(InputError, match="jobs"):
        adcli.load("f(x) = x^2").columns({"x": np.ones(rows)}, jobs=jobs)


def test_towards_nothing() -> None:
    """No derivatives, also of rows that are computed one by one."""
    program = adcli.load("f(x) = { n = 0; while n < x { n += 1 }; n }")
    found = program.columns({"x": array(1, 90_000)}, wrt=[])
    assert {name: column.tolist() for name, column in found.items()} == {"f": [1.0, 90_000.0]}
    assert list(program.columns({"x": array(1, 90_000)}, wrt=(), hessian=True)) == ["f"]


def test_vectors_of_nothing() -> None:
    """They have rows, and no elements."""
    program = adcli.load("f(v, x) = sum(v) + x^2")
    found = program.columns({"v": np.empty((2, 0)), "x": array(1, 3)})
    assert {name: column.tolist() for name, column in found.items()} == {
        "f": [1.0, 9.0], "df_dx": [2.0, 6.0]
    }  # fmt: skip
    alone = adcli.load("f(v) = sum(v)").columns({"v": np.empty((3, 0))})
    assert {name: column.tolist() for name, column in alone.items()} == {"f": [0.0] * 3}


def test_long_doubles_that_are_too_large() -> None:
    x = np.array([1, 1e308], np.longdouble) * 10
    assert adcli.load("f(x) = x").columns({"x": x})["f"].tolist() == [10.0, INF]


# Memory, threads, kept code.


def test_results_stay() -> None:
    """Results and parts of them are nobody else's while somebody holds them."""
    program = adcli.load("f(x) = x + 1")
    held: list[tuple[Any, Any]] = []
    for k in range(60):
        rows = 1000 + 7 * (k % 5)
        found = program.columns({"x": np.full(rows, float(k))})
        part = found["f"][5::3] if k % 2 else found["f"][100:200].reshape(10, 10)
        view = memoryview(found["df_dx"]) if k % 3 else found["df_dx"]
        held.append((part, view))
        del found
        if k % 4 == 3:
            del held[k // 8]
        for part, view in held:
            assert part.min() == part.max() == part.flat[0]
            assert np.asarray(view).tolist() == [1.0] * len(view)
    firsts = [part.flat[0] for part, _ in held]
    assert firsts == sorted(set(firsts))


def test_memory_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody holds is taken for the next results, and what is held is not."""
    monkeypatch.setattr("adcli.evaluate.blocks.ROOM", Room())
    program = adcli.load("f(x) = x + 1")
    x = np.arange(50_021.0)
    first = program.columns({"x": x})
    places = [column.ctypes.data for column in first.values()]
    second = program.columns({"x": x})
    last = first["f"][-1:]
    del first
    third = program.columns({"x": x})
    for others in (second, third):
        assert set(places).isdisjoint(column.ctypes.data for column in others.values())
    assert last[0] == 50_021
    del last
    again = program.columns({"x": x})
    assert [column.ctypes.data for column in again.values()] == places


def test_results_do_not_overlap() -> None:
    """Columns of one call are apart, can be written, and begin at multiples of 64 bytes."""
    found = adcli.load("f(x, y) = x*y").columns({"x": np.ones(13), "y": np.ones(13)})
    for position, column in enumerate(found.values()):
        assert column.ctypes.data % 64 == 0
        column[:] = position
    assert [column.tolist() for column in found.values()] == [[float(k)] * 13 for k in range(3)]


def test_results_as_inputs() -> None:
    """A result can be an input of the next call."""
    program = adcli.load("f(x) = x*2")
    x = np.ones(1000)
    for _ in range(10):
        x = program.columns({"x": x})["f"]
    assert (x == 1024).all()


def test_from_several_threads() -> None:
    """The same program, and others, at once: compiled and run."""
    shared = adcli.load(BITS)
    x = np.linspace(-1, 2, 70_000)
    n = np.arange(70_000) % 23 * 1.0
    expected = bits(adcli.load(BITS).columns({"x": x, "n": n}))
    wrong: list[object] = []

    def work(k: int) -> None:
        try:
            for _ in range(3):
                if bits(shared.columns({"x": x, "n": n}, jobs=1 + k % 3)) != expected:
                    wrong.append("shared")
            own = adcli.load(f"f(x, n) = x*{k} + n")
            if not (own.columns({"x": x, "n": n})["f"] == x * k + n).all():
                wrong.append("own")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_code_is_kept() -> None:
    """The same object serves later calls; another choice of inputs or options has its own."""
    program = adcli.load("f(x, y) = x*y")
    given = {"x": array(1, 2), "y": array(3, 4)}
    program.columns(given)
    (kept,) = all_kept(program)
    program.columns({name: np.ones(1000) for name in given}, jobs=3)
    assert all_kept(program) == [kept]
    program.columns(given, hessian=True)
    program.columns(given, values_only=True)
    program.columns(given, wrt="x")
    program.columns({"x": array(1)}, constants={"y": 3.0})
    program.columns({"x": array(1)}, constants={"y": -0.0})
    program.columns({"x": array(1)}, constants={"y": 0.0})
    program.columns({"x": array(1)}, constants={"y": NAN})
    assert len(all_kept(program)) == 8
    for same in (3.0, 3, np.array(3), np.float32(3), float("nan"), np.nan, 0, -0.0):
        program.columns({"x": array(1)}, constants={"y": same})
    program.columns({"y": array(3), "x": array(1)}, wrt=["x"])
    program.columns({"y": array(3), "x": array(1)}, wrt=["x", "x"])
    assert len(all_kept(program)) == 8
    assert all_kept(program)[0] is kept


# Long programs.


@pytest.mark.parametrize("turns", [700, 5_000])
def test_long_programs(turns: int) -> None:
    """Of more than 2,000 and more than 10,000 operations: the same as at a point."""
    text = f"f(x) = {{ y = x; for i in 1..{turns} {{ y = sin(y) + x/i }}; y }}"
    assert_rows(text, [{"x": x} for x in (-1.0, 0.0, 0.3, 2.0)], hessian=False)


# The main thread may have a stack of 1 MiB only: as large values as make up more than that.
_MANY_VALUES = """
import resource
hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, hard))
import numpy, adcli
f = adcli.load("f(x) = { y = x; for i in 1..20000 { y = sin(y) + x }; y }")
found = f.columns({"x": numpy.array([0.5])})
exact = f.grad(x=0.5)
assert abs(found["df_dx"][0] - exact.gradient["x"]) < 1e-9, found
print("right")
"""


def test_many_values_at_once() -> None:
    """What is handed on between functions does not have to fit a thread's stack."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY_VALUES], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr[-500:]
