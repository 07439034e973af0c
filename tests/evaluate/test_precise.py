"""The graph over mpmath numbers, against mpmath itself: values, rules, edges.

The reference knows neither the rules nor the kernels of the package: values are those of
`mpmath_functions`, derivatives are differences of them at 250 digits.
"""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import pytest
from mpmath import mpf
from mpmath_functions import PRIMITIVES

import adcli
from adcli.differentiate.compare import REVERSE_MODE
from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.evaluate.precise import DIGITS, over_precise, precision
from adcli.graph.primitives import CONSTANT, FIRST_UNARY, INPUT, TABLE, Primitive, compute, row_of
from adcli.graph.program import Run

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*.ad"))
INF, NAN = math.inf, math.nan

# Of the reference: so many digits, and a step of 10^-70, whose square is what is lost.
REFERENCE_DIGITS = 250
STEP = mpf(10) ** -70
# Digits that must be right: three of the 50 are for what a rule loses.
RIGHT = mpf(10) ** (3 - DIGITS)
# Of whole programs, in which digits may cancel.
SMALL = mpf(10) ** -40

ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
OPERATORS = {
    "add": "u + w",
    "sub": "u - w",
    "mul": "u*w",
    "div": "u/w",
    "pow": "u^w",
    "neg": "-u",
}


def call(row: Primitive, point: tuple[float, ...]) -> Run:
    """One primitive at a point."""
    names = "u, w" if row.arity == 2 else "u"
    body = OPERATORS.get(row.name, f"{row.name}({names})")
    return adcli.load(f"f({names}) = {body}").run(dict(zip("uw", point, strict=False)))


def close(got: Any, expected: Any, bound: Any = RIGHT) -> bool:
    """Whether two numbers agree, relative to the second; 0 is to be hit."""
    with mpmath.workdps(REFERENCE_DIGITS):
        return bool(abs(mpf(got) - expected) <= bound * abs(expected))


def partials(run: Run, mode: str) -> list[Any]:
    """The derivatives of the only result towards all elements; None is a structural zero."""
    (output,) = run.results.values()
    nodes = list(run.elements.values())
    with precision():
        over = over_precise(run.graph)
        if mode == "reverse":
            v_bar = reverse(run.graph, {output: 1.0}, nodes, over)
            return [v_bar[node] for node in nodes]
        return [forward(run.graph, {node: 1.0}, over)[output] for node in nodes]


def no_complex(numbers: list[Any]) -> bool:
    """Whether no number is complex."""
    return not any(isinstance(x, (complex, mpmath.mpc)) for x in numbers)


# The primitives at their samples.


@ROWS
def test_values(row: Primitive) -> None:
    """Every primitive at its samples, to 47 digits and more."""
    for point in row.samples:
        run = call(row, point)
        (output,) = run.results.values()
        with precision():
            got = over_precise(run.graph).primal[output]
        with mpmath.workdps(REFERENCE_DIGITS):
            expected = PRIMITIVES[row.name](*map(mpf, point))
        assert isinstance(got, mpf)
        assert close(got, expected), (point, got, expected)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@ROWS
def test_partials(row: Primitive, mode: str) -> None:
    """Every rule at the samples, to 47 digits and more: erf's, too, whose rule has pi."""
    for point in row.samples:
        found = partials(call(row, point), mode)
        assert len(found) == row.arity
        for position, got in enumerate(found):
            expected = difference(row.name, point, position)
            assert close(0 if got is None else got, expected), (point, position)


def difference(name: str, point: tuple[float, ...], position: int) -> Any:
    """A partial derivative by mpmath.diff."""
    with mpmath.workdps(REFERENCE_DIGITS):

        def along(x: Any) -> Any:
            return PRIMITIVES[name](
                *map(mpf, point[:position]), x, *map(mpf, point[position + 1 :])
            )

        x = mpf(point[position])
        scale = abs(x) if x != 0 else mpf(1)
        found = mpmath.diff(along, x, h=scale * STEP)
        # A difference of numbers of 250 digits, divided by 10^-70: below is rounding.
        return mpmath.chop(found, abs(along(x)) / scale * mpf(10) ** -150)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("erf", lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
        ("erfc", lambda x: -2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
        ("exp2", lambda x: mpf(2) ** x * mpmath.ln(2)),
        ("log2", lambda x: 1 / (x * mpmath.ln(2))),
        ("log10", lambda x: 1 / (x * mpmath.ln(10))),
    ],
)
def test_constants_of_rules_have_all_digits(name: str, exact: Callable[[Any], Any]) -> None:
    """A rule's pi and ln(2) are those of mathematics, not the doubles next to them."""
    (got,) = partials(adcli.load(f"{name}(x)").run(x=0.5), "reverse")
    with mpmath.workdps(REFERENCE_DIGITS):
        expected = exact(mpf(0.5))
    assert close(got, expected)


def test_constants_of_programs_are_doubles() -> None:
    """The graph is the program's: its pi and 0.1 are the doubles that it computes with."""
    (pi,) = partials(adcli.load("pi*x").run(x=2.0), "reverse")
    (tenth,) = partials(adcli.load("0.1*x").run(x=2.0), "reverse")
    with mpmath.workdps(REFERENCE_DIGITS):
        assert pi == mpf(math.pi) != mpmath.pi
        assert tenth == mpf(0.1) != mpf(1) / 10


# Special values.

FINITE = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)


def applied(row: Primitive, point: tuple[float, ...]) -> Any:
    """The value of a primitive of inputs."""
    run = call(row, point)
    (output,) = run.results.values()
    with precision():
        return over_precise(run.graph).primal[output]


def assert_as_ieee(row: Primitive, point: tuple[float, ...]) -> None:
    """The double nearest to the value is that of the kernel; nan for nan."""
    got, expected = applied(row, point), compute(row.code, *point)
    assert no_complex([got]), (point, got)
    if expected != expected:
        assert mpmath.isnan(got), (point, got)
    else:
        assert float(got) == pytest.approx(expected, rel=1e-15, abs=0), (point, got)


@ROWS
def test_values_at_special_points(row: Primitive) -> None:
    """At zeros, poles and ends of domains values are those of IEEE, never complex."""
    for point in itertools.product(FINITE, repeat=row.arity):
        assert_as_ieee(row, point)


@ROWS
def test_values_of_nan(row: Primitive) -> None:
    """What is nan in doubles is nan with 50 digits."""
    for other in FINITE[: 1 if row.arity == 1 else None]:
        for point in [(NAN, other)[: row.arity], (other, NAN)[-row.arity :]]:
            assert_as_ieee(row, point)


@pytest.mark.parametrize(
    "name", [row.name for row in TABLE if row.arity == 1] + ["add", "sub", "mul", "max", "min"]
)
def test_values_of_infinities(name: str) -> None:
    """Functions of one argument, sums and products at infinities."""
    (row,) = (row for row in TABLE if row.name == name)
    for point in itertools.product((INF, -INF, 1.0), repeat=row.arity):
        assert_as_ieee(row, point)


OUTSIDE = [
    ("ln(x)", -1.0), ("log2(x)", -1.0), ("log10(x)", -1.0), ("log1p(x)", -2.0),
    ("sqrt(x)", -1.0), ("asin(x)", 2.0), ("asin(x)", -2.0), ("acos(x)", 2.0),
    ("acos(x)", -2.0), ("acosh(x)", 0.5), ("acosh(x)", -2.0), ("atanh(x)", 2.0),
    ("atanh(x)", -2.0), ("x^(1/3)", -8.0), ("x^0.5", -1.0), ("x^-0.5", -1.0),
    ("mod(x, 0)", 1.0), ("sin(x)", INF), ("exp(ln(x))", -1.0), ("sqrt(x)^2", -4.0),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("text", "x"), OUTSIDE)
def test_outside_of_a_domain(text: str, x: float, mode: str) -> None:
    """nan, value and derivative; nothing is continued into the complex plane."""
    run = adcli.load(text).run(x=x)
    (output,) = run.results.values()
    with precision():
        values = over_precise(run.graph).primal
    assert no_complex(values)
    assert mpmath.isnan(values[output])
    (derivative,) = partials(run, mode)
    assert no_complex([derivative])
    assert mpmath.isnan(derivative)


# The table "Derivatives at the edges" of numerics.md.
CONVENTIONS: list[tuple[str, dict[str, Any], list[float]]] = [
    ("abs(x)", {"x": 0.0}, [0.0]),
    ("sign(x)", {"x": 0.0}, [0.0]),
    ("floor(x)", {"x": 2.0}, [0.0]),
    ("ceil(x)", {"x": 2.0}, [0.0]),
    ("round(x)", {"x": 2.5}, [0.0]),
    ("max(x, y)", {"x": 1.0, "y": 1.0}, [0.5, 0.5]),
    ("min(x, y)", {"x": 1.0, "y": 1.0}, [0.5, 0.5]),
    ("max(v)", {"v": [3.0, 1.0, 3.0]}, [0.5, 0.0, 0.5]),
    ("relu(x)", {"x": 0.0}, [0.0]),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, [0.0, 0.0]),
    ("norm(v)", {"v": [0.0, 0.0, 0.0]}, [0.0, 0.0, 0.0]),
    ("atan2(x, y)", {"x": 0.0, "y": 0.0}, [NAN, NAN]),
    ("x^2", {"x": 0.0}, [0.0]),
    ("x^3", {"x": -2.0}, [12.0]),
    ("x^-3", {"x": -2.0}, [-0.1875]),
    ("x^0", {"x": 0.0}, [0.0]),
    ("x^0", {"x": -2.0}, [0.0]),
    ("x^y", {"x": 0.0, "y": 2.0}, [0.0, 0.0]),
    ("0^y", {"y": 2.0}, [0.0]),
    ("x^y", {"x": -2.0, "y": 3.0}, [12.0, NAN]),
    ("mod(a, b)", {"a": 7.5, "b": 2.0}, [1.0, -3.0]),
    ("mod(a, b)", {"a": -7.5, "b": 2.0}, [1.0, 4.0]),
    ("sqrt(a) + b", {"a": -1.0, "b": 2.0}, [NAN, 1.0]),
    ("if x > 0 then sqrt(x) else 0", {"x": 0.0}, [0.0]),
    ("max(sqrt(x), y)", {"x": 0.0, "y": 1.0}, [0.0, 1.0]),
    ("min(1/x, y)", {"x": 0.0, "y": 1.0}, [0.0, 1.0]),
]
VERTICAL: list[tuple[str, dict[str, Any], list[float]]] = [
    ("sqrt(x)", {"x": 0.0}, [INF]),
    ("-sqrt(x)", {"x": 0.0}, [-INF]),
    ("cbrt(x)", {"x": 0.0}, [INF]),
    ("asin(x)", {"x": 1.0}, [INF]),
    ("asin(x)", {"x": -1.0}, [INF]),
    ("acos(x)", {"x": 1.0}, [-INF]),
    ("acos(x)", {"x": -1.0}, [-INF]),
    ("1/x", {"x": 0.0}, [-INF]),
    ("1/(1 - x)", {"x": 1.0}, [INF]),
    # 0 has a sign in doubles only.
]


def edge(row: tuple[str, dict[str, Any], list[float]]) -> str:
    """A name for a row."""
    return f"{row[0]} at {list(row[1].values())}"


@pytest.mark.parametrize("row", [*CONVENTIONS, *VERTICAL], ids=edge)
def test_the_reference_keeps_the_conventions(
    row: tuple[str, dict[str, Any], list[float]],
) -> None:
    """One table, held by every engine: the reference has what the modes have."""
    text, at, expected = row
    found = adcli.load(text).compare(at)
    assert found.reference == pytest.approx(expected, nan_ok=True, abs=0)
    (reverse_mode,) = (x for x in found.methods if x.name == REVERSE_MODE)
    assert reverse_mode.numbers == pytest.approx(expected, nan_ok=True, abs=0)


# Programs.


def precise_values(run: Run, numbers: list[Any]) -> list[Any]:
    """The values of all nodes at other inputs, by the functions of mpmath."""
    graph = run.graph
    inputs = dict(zip(graph.inputs, numbers, strict=True))
    values: list[Any] = []
    nodes = zip(graph.op, graph.left, graph.right, graph.value, strict=True)
    for node, (code, x, y, value) in enumerate(nodes):
        if code == INPUT:
            values.append(inputs[node])
        elif code == CONSTANT:
            values.append(mpf(value))
        else:
            arguments = (values[x],) if code >= FIRST_UNARY else (values[x], values[y])
            values.append(PRIMITIVES[row_of(code).name](*arguments))
    return values


def derivative(run: Run, output: int, position: int) -> Any:
    """The derivative of what was recorded towards an input, by mpmath.diff."""
    with mpmath.workdps(REFERENCE_DIGITS):
        point = [mpf(run.graph.value[node]) for node in run.graph.inputs]

        def along(x: Any) -> Any:
            return precise_values(run, [*point[:position], x, *point[position + 1 :]])[output]

        return mpmath.diff(along, point[position], h=STEP)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples(path: Path) -> None:
    """All samples: the derivatives of what was recorded, to 40 digits and more."""
    run = adcli.load(path).run()
    for output in run.results.values():
        assert type(output) is int
        nodes = run.graph.inputs
        with precision():
            over = over_precise(run.graph)
            v_bar = reverse(run.graph, {output: 1.0}, nodes, over)
        with mpmath.workdps(REFERENCE_DIGITS):
            point = [mpf(run.graph.value[node]) for node in nodes]
            exact = precise_values(run, point)
            for got, expected in zip(over.primal, exact, strict=True):
                assert abs(got - expected) <= SMALL * max(1, abs(expected))
            for position, node in enumerate(nodes):
                expected = derivative(run, output, position)
                got = mpf(0 if v_bar[node] is None else v_bar[node])
                assert abs(got - expected) <= SMALL * max(1, abs(expected))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_reference_of_a_sample_is_exact(path: Path) -> None:
    """`compare` goes by these derivatives, rounded once, and says so."""
    run = adcli.load(path).run()
    for name, output in run.results.items():
        found = adcli.load(path).compare(result=name)
        assert found.reference_name == "reverse mode with 50 digits"
        assert type(output) is int
        for position, got in enumerate(found.reference):
            expected = derivative(run, output, position)
            with mpmath.workdps(REFERENCE_DIGITS):
                assert abs(got - expected) <= mpf(2) ** -53 * abs(expected) + mpf(10) ** -60


def test_it_sees_what_doubles_lose() -> None:
    """(1 - cos(x))/x^2 at 1e-8 is 0 in doubles: the reference is not fooled."""
    found = adcli.load("(1 - cos(x))/x^2").compare(x=1e-8)
    with mpmath.workdps(REFERENCE_DIGITS):
        exact = mpmath.diff(lambda x: (1 - mpmath.cos(x)) / x**2, mpf(1e-8), h=mpf(10) ** -78)
    assert found.reference == [pytest.approx(float(exact), rel=1e-15)]
    errors = {method.name: method.error for method in found.methods}
    assert errors["reverse mode"] > 0.1


def test_the_precision_ends_with_its_context() -> None:
    """Nothing of it is left behind for others that use mpmath."""
    before = mpmath.mp.dps
    with precision():
        assert mpmath.mp.dps == DIGITS == 50
    assert mpmath.mp.dps == before
    adcli.load("sin(x)").compare(x=1)
    assert mpmath.mp.dps == before


def test_numbers_beyond_all_bounds_are_infinite_at_once() -> None:
    """9^9^9^9 is inf at once, in the reference as in doubles, not a power by a huge integer."""
    command = [sys.executable, "-m", "adcli", "compare", "x^x^x^x", "x=9", "--format", "csv"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.fail("the reference computes with integers of a billion bits")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
