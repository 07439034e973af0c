"""The table "Derivatives at the edges" of the conventions, row by row, in every mode.

A row is a program, a point, and what its derivatives are there. One body runs each row in
forward and reverse mode, and a second body differentiates twice, in all four combinations.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from derivative_graphs import MODES, derivative, path_name, paths, same

import adcli
from adcli.differentiate.gradient import Mode

INF, NAN = math.inf, math.nan
MODE = pytest.mark.parametrize("mode", MODES)

Row = tuple[str, dict[str, Any], dict[str, Any]]

# A program, its inputs, and its derivatives.
PIECEWISE: list[Row] = [
    ("abs(x)", {"x": 0.0}, {"x": 0.0}),
    ("abs(x)", {"x": -0.0}, {"x": 0.0}),
    ("abs(x)", {"x": -2.0}, {"x": -1.0}),
    ("abs(x)", {"x": 5e-324}, {"x": 1.0}),
    ("abs(x)", {"x": -INF}, {"x": -1.0}),
    ("abs(x)", {"x": NAN}, {"x": NAN}),
    ("abs(x - y)", {"x": 3.0, "y": 3.0}, {"x": 0.0, "y": 0.0}),
    ("sign(x)", {"x": 0.0}, {"x": 0.0}),
    ("sign(x)", {"x": -3.0}, {"x": 0.0}),
    ("sign(x)", {"x": INF}, {"x": 0.0}),
    ("floor(x)", {"x": 2.0}, {"x": 0.0}),
    ("floor(x)", {"x": 2.5}, {"x": 0.0}),
    ("floor(x)", {"x": INF}, {"x": 0.0}),
    ("ceil(x)", {"x": 2.0}, {"x": 0.0}),
    ("ceil(x)", {"x": -2.5}, {"x": 0.0}),
    ("round(x)", {"x": 2.5}, {"x": 0.0}),
    ("round(x)", {"x": -INF}, {"x": 0.0}),
    # What is constant piece by piece adds nothing, whatever it meets.
    ("x + floor(x)", {"x": 2.0}, {"x": 1.0}),
    ("x*sign(x)", {"x": -3.0}, {"x": -1.0}),
    ("floor(1/x)", {"x": 0.0}, {"x": 0.0}),
    ("floor(sqrt(x))", {"x": 0.0}, {"x": 0.0}),
    ("x + sign(ln(x))", {"x": 0.0}, {"x": 1.0}),
]

TIES: list[Row] = [
    ("max(x, y)", {"x": 1.0, "y": 1.0}, {"x": 0.5, "y": 0.5}),
    ("min(x, y)", {"x": 1.0, "y": 1.0}, {"x": 0.5, "y": 0.5}),
    ("max(x, y)", {"x": 0.0, "y": -0.0}, {"x": 0.5, "y": 0.5}),
    ("min(x, y)", {"x": -0.0, "y": 0.0}, {"x": 0.5, "y": 0.5}),
    ("max(x, y)", {"x": INF, "y": INF}, {"x": 0.5, "y": 0.5}),
    ("min(x, y)", {"x": -INF, "y": -INF}, {"x": 0.5, "y": 0.5}),
    ("max(x, 0)", {"x": 0.0}, {"x": 0.5}),
    ("min(0, x)", {"x": 0.0}, {"x": 0.5}),
    ("max(x, y)", {"x": 2.0, "y": 1.0}, {"x": 1.0, "y": 0.0}),
    ("min(x, y)", {"x": 2.0, "y": 1.0}, {"x": 0.0, "y": 1.0}),
    ("max(x, y)", {"x": NAN, "y": 1.0}, {"x": NAN, "y": NAN}),
    ("min(x, y)", {"x": 1.0, "y": NAN}, {"x": NAN, "y": NAN}),
    ("max(x, x)", {"x": 3.0}, {"x": 1.0}),
    ("max(x*x, x)", {"x": 1.0}, {"x": 1.5}),
    ("max([x, y, z])", {"x": 1.0, "y": 0.0, "z": 1.0}, {"x": 0.5, "y": 0.0, "z": 0.5}),
    ("clamp(x, 0, 1)", {"x": 0.0}, {"x": 0.5}),
    ("clamp(x, 0, 1)", {"x": 2.0}, {"x": 0.0}),
    ("relu(x)", {"x": 0.0}, {"x": 0.0}),
    ("relu(x)", {"x": -0.0}, {"x": 0.0}),
    ("relu(x)", {"x": 5e-324}, {"x": 1.0}),
    ("relu(x)", {"x": -3.0}, {"x": 0.0}),
    # The side that loses is a structural zero.
    ("max(sqrt(x), 1)", {"x": 0.0}, {"x": 0.0}),
    ("min(1/x, 1)", {"x": 0.0}, {"x": 0.0}),
]

VERTICAL: list[Row] = [
    ("sqrt(x)", {"x": 0.0}, {"x": INF}),
    ("-sqrt(x)", {"x": 0.0}, {"x": -INF}),
    ("3*sqrt(x)", {"x": 0.0}, {"x": INF}),
    ("cbrt(x)", {"x": 0.0}, {"x": INF}),
    ("cbrt(x)", {"x": -0.0}, {"x": INF}),
    ("-cbrt(x)", {"x": 0.0}, {"x": -INF}),
    ("asin(x)", {"x": 1.0}, {"x": INF}),
    ("asin(x)", {"x": -1.0}, {"x": INF}),
    ("acos(x)", {"x": 1.0}, {"x": -INF}),
    ("acos(x)", {"x": -1.0}, {"x": -INF}),
    ("acosh(x)", {"x": 1.0}, {"x": INF}),
    ("atanh(x)", {"x": 1.0}, {"x": INF}),
    ("atanh(x)", {"x": -1.0}, {"x": INF}),
    ("ln(x)", {"x": 0.0}, {"x": INF}),
    ("log1p(x)", {"x": -1.0}, {"x": INF}),
    ("1/x", {"x": 0.0}, {"x": -INF}),
    ("1/x", {"x": -0.0}, {"x": -INF}),
    ("x^0.5", {"x": 0.0}, {"x": INF}),
    ("x^-1", {"x": 0.0}, {"x": -INF}),
    ("x^(1/3)", {"x": 0.0}, {"x": INF}),
]

NORMS: list[Row] = [
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}),
    ("hypot(x, y)", {"x": -0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}),
    ("hypot(x, 0)", {"x": 0.0}, {"x": 0.0}),
    ("hypot(x, y)", {"x": 0.0, "y": -2.0}, {"x": 0.0, "y": -1.0}),
    ("norm([x])", {"x": 0.0}, {"x": 0.0}),
    ("norm([x, y])", {"x": 0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}),
    ("norm(v)", {"v": [0.0, 0.0, 0.0]}, {"v": [0.0, 0.0, 0.0]}),
    ("norm(v)", {"v": [0.0, 0.0, 0.0, 0.0, -2.0]}, {"v": [0.0, 0.0, 0.0, 0.0, -1.0]}),
    ("norm(v - w)", {"v": [1.0, 2.0], "w": [1.0, 2.0]}, {"v": [0.0, 0.0], "w": [0.0, 0.0]}),
    ("norm(v)", {"v": [1e-200, 0.0]}, {"v": [1.0, 0.0]}),
    ("norm(v)", {"v": [0.0, -(2.0**700), 0.0]}, {"v": [0.0, -1.0, 0.0]}),
    ("atan2(x, y)", {"x": 0.0, "y": 0.0}, {"x": NAN, "y": NAN}),
    ("atan2(x, y)", {"x": -0.0, "y": -0.0}, {"x": NAN, "y": NAN}),
    ("atan2(x, y)", {"x": 0.0, "y": 2.0}, {"x": 0.5, "y": 0.0}),
    ("atan2(x, y)", {"x": 0.0, "y": -2.0}, {"x": -0.5, "y": 0.0}),
    ("atan2(x, y)", {"x": 4.0, "y": 0.0}, {"x": 0.0, "y": -0.25}),
]

POWERS: list[Row] = [
    # c*x^(c - 1), without a logarithm.
    ("x^2", {"x": 0.0}, {"x": 0.0}),
    ("x^2", {"x": -3.0}, {"x": -6.0}),
    ("x^3", {"x": -2.0}, {"x": 12.0}),
    ("x^1", {"x": 0.0}, {"x": 1.0}),
    ("x^1", {"x": -INF}, {"x": 1.0}),
    ("x^1.5", {"x": 0.0}, {"x": 0.0}),
    ("x^-2", {"x": -2.0}, {"x": 0.25}),
    ("x^-3", {"x": 0.0}, {"x": -INF}),
    ("x^(-3)", {"x": -0.0}, {"x": -INF}),
    # x^0 gives 0 everywhere.
    ("x^0", {"x": 0.0}, {"x": 0.0}),
    ("x^0", {"x": -2.0}, {"x": 0.0}),
    ("x^0", {"x": INF}, {"x": 0.0}),
    ("x^0", {"x": NAN}, {"x": 0.0}),
    ("x + (1/x)^0", {"x": 0.0}, {"x": 1.0}),
    # Towards the exponent.
    ("x^y", {"x": 0.0, "y": 2.0}, {"x": 0.0, "y": 0.0}),
    ("x^y", {"x": 0.0, "y": 1.0}, {"x": 1.0, "y": 0.0}),
    ("x^y", {"x": 0.0, "y": 0.5}, {"x": INF, "y": 0.0}),
    ("x^y", {"x": -0.0, "y": 3.0}, {"x": 0.0, "y": 0.0}),
    ("0^y", {"y": 2.0}, {"y": 0.0}),
    ("0^y", {"y": 1e-300}, {"y": 0.0}),
    ("0^y", {"y": INF}, {"y": 0.0}),
    ("1^y", {"y": 3.0}, {"y": 0.0}),
    ("x^y", {"x": 1.0, "y": 3.0}, {"x": 3.0, "y": 0.0}),
    ("x^y", {"x": -2.0, "y": 3.0}, {"x": 12.0, "y": NAN}),
    ("x^y", {"x": -2.0, "y": 2.0}, {"x": -4.0, "y": NAN}),
    ("x^y", {"x": -2.0, "y": -1.0}, {"x": -0.25, "y": NAN}),
    ("x^y", {"x": -1.0, "y": 1.0}, {"x": 1.0, "y": NAN}),
    ("x^y", {"x": -2.0, "y": 0.0}, {"x": 0.0, "y": NAN}),
    ("(-2)^y", {"y": 3.0}, {"y": NAN}),
    ("x^y", {"x": -8.0, "y": 1 / 3}, {"x": NAN, "y": NAN}),
    ("x^y", {"x": 5.0, "y": 0.0}, {"x": 0.0, "y": math.log(5)}),
    # Both at once, through one variable: x^x.
    ("x^x", {"x": 1.0}, {"x": 1.0}),
    ("x^x", {"x": -2.0}, {"x": NAN}),
]

REMAINDERS: list[Row] = [
    ("mod(a, b)", {"a": 7.5, "b": 2.0}, {"a": 1.0, "b": -3.0}),
    ("mod(a, b)", {"a": -7.5, "b": 2.0}, {"a": 1.0, "b": 4.0}),
    ("mod(a, b)", {"a": 7.5, "b": -2.0}, {"a": 1.0, "b": 4.0}),
    ("mod(a, b)", {"a": -7.5, "b": -2.0}, {"a": 1.0, "b": -3.0}),
    ("mod(a, b)", {"a": 6.0, "b": 2.0}, {"a": 1.0, "b": -3.0}),
    ("mod(a, b)", {"a": 0.0, "b": 2.0}, {"a": 1.0, "b": 0.0}),
    ("mod(a, b)", {"a": 1.0, "b": 0.0}, {"a": NAN, "b": NAN}),
    ("mod(a, 3)", {"a": 10.0}, {"a": 1.0}),
    ("mod(10, b)", {"b": 3.0}, {"b": -3.0}),
]

# Outside of its domain a primitive's partials are nan like its value.
OUTSIDE: list[Row] = [
    ("ln(x)", {"x": -1.0}, {"x": NAN}),
    ("ln(x)", {"x": -INF}, {"x": NAN}),
    ("log2(x)", {"x": -1.0}, {"x": NAN}),
    ("log10(x)", {"x": -1.0}, {"x": NAN}),
    ("log1p(x)", {"x": -2.0}, {"x": NAN}),
    ("sqrt(x)", {"x": -1.0}, {"x": NAN}),
    ("asin(x)", {"x": 2.0}, {"x": NAN}),
    ("asin(x)", {"x": -INF}, {"x": NAN}),
    ("acos(x)", {"x": -2.0}, {"x": NAN}),
    ("acosh(x)", {"x": 0.5}, {"x": NAN}),
    ("acosh(x)", {"x": -1.0}, {"x": NAN}),
    ("acosh(x)", {"x": -2.0}, {"x": NAN}),
    ("atanh(x)", {"x": 2.0}, {"x": NAN}),
    ("atanh(x)", {"x": INF}, {"x": NAN}),
    ("x^(1/3)", {"x": -8.0}, {"x": NAN}),
    ("x^0.5", {"x": -1.0}, {"x": NAN}),
    ("x^-0.5", {"x": -1.0}, {"x": NAN}),
    ("mod(x, 0)", {"x": 1.0}, {"x": NAN}),
    ("sin(x)", {"x": INF}, {"x": NAN}),
    ("ln(x) + y", {"x": -1.0, "y": 2.0}, {"x": NAN, "y": 1.0}),
    ("log(x, b)", {"x": -1.0, "b": 2.0}, {"x": NAN, "b": NAN}),
]

# Structural zeros contribute nothing, whatever they meet.
STRUCTURAL: list[Row] = [
    ("sqrt(a) + b", {"a": 0.0, "b": 3.0}, {"a": INF, "b": 1.0}),
    ("sqrt(a)*b", {"a": 0.0, "b": 3.0}, {"a": INF, "b": 0.0}),
    ("ln(a) + b", {"a": 0.0, "b": 3.0}, {"a": INF, "b": 1.0}),
    ("a + b/0", {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": INF}),
    ("max(sqrt(a), b)", {"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 1.0}),
    ("[sqrt(a), b] @ [0, 1] + 0*b", {"a": 4.0, "b": 1.0}, {"a": 0.0, "b": 1.0}),
    # An arm that was not taken.
    ("if x > 0 then sqrt(x) else 0", {"x": 0.0}, {"x": 0.0}),
    ("if x > 0 then sqrt(x) else 0", {"x": -0.0}, {"x": 0.0}),
    ("if x > 0 then sqrt(x) else 0", {"x": 4.0}, {"x": 0.25}),
    ("if x > 0 then sqrt(x) else 0", {"x": NAN}, {"x": 0.0}),
    ("if x > 0 then sqrt(x) else x", {"x": 0.0}, {"x": 1.0}),
    ("if x == 0 then 1 else sin(x)/x", {"x": 0.0}, {"x": 0.0}),
    ("f(x) = { y = x; if x > 0 { y = x*ln(x) }; y }", {"x": 0.0}, {"x": 1.0}),
    ("f(x) = { y = 0; if x > 0 { y = x*ln(x) } else { y = 0 }; y }", {"x": 0.0}, {"x": 0.0}),
    # A value that was overwritten, or never used.
    ("f(x) = { y = sqrt(x); y = x; y }", {"x": 0.0}, {"x": 1.0}),
    ("f(x) = { v = [1/x, x]; v[1] = 2; v[1] + v[2] }", {"x": 0.0}, {"x": 1.0}),
    ("f(x) = { y = 1; for i in 1..0 { y = y/x }; y + x }", {"x": 0.0}, {"x": 1.0}),
    # A result that depends on nothing.
    ("f(x) = 3", {"x": 0.0}, {"x": 0.0}),
    ("f(x) = x^0", {"x": 0.0}, {"x": 0.0}),
    ("f(x, y) = y", {"x": INF, "y": 1.0}, {"x": 0.0, "y": 1.0}),
]

# Zeros that were computed obey IEEE: 0*inf is nan, and no rule hides it.
COMPUTED: list[Row] = [
    ("sqrt(x^2)", {"x": 0.0}, {"x": NAN}),
    ("sqrt(x*x)", {"x": 0.0}, {"x": NAN}),
    ("sqrt(x)*0", {"x": 0.0}, {"x": NAN}),
    ("0*sqrt(x) + y", {"x": 0.0, "y": 1.0}, {"x": NAN, "y": 1.0}),
    ("sqrt(a)*b", {"a": 0.0, "b": 0.0}, {"a": NAN, "b": 0.0}),
    ("x*ln(x)", {"x": 0.0}, {"x": NAN}),
    ("cbrt(x)^2", {"x": 0.0}, {"x": NAN}),
    ("sqrt(x) - sqrt(x)", {"x": 0.0}, {"x": NAN}),
    ("exp(-1/x^2)", {"x": 0.0}, {"x": NAN}),
    ("[sqrt(a), b] @ [0, 1]", {"a": 0.0, "b": 1.0}, {"a": NAN, "b": 1.0}),
    ("x*y", {"x": 0.0, "y": INF}, {"x": INF, "y": 0.0}),
]

ROWS = [
    *PIECEWISE, *TIES, *VERTICAL, *NORMS, *POWERS, *REMAINDERS, *OUTSIDE, *STRUCTURAL, *COMPUTED,
]  # fmt: skip


def _name(row: Row) -> str:
    text, at, _ = row
    return f"{text} at {', '.join(f'{x}' for x in at.values())}"


def _flat(gradient: dict[str, Any]) -> list[float]:
    numbers: list[float] = []
    for value in gradient.values():
        numbers += value if isinstance(value, list) else [value]
    return numbers


@MODE
@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_derivatives(row: Row, mode: Mode) -> None:
    """Each row of the table, in each mode."""
    text, at, expected = row
    found = adcli.load(text).grad(at, mode=mode)
    assert list(found.gradient) == list(expected)
    for got, wanted in zip(_flat(found.gradient), _flat(expected), strict=True):
        assert same(got, wanted), found.gradient


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_modes_agree(row: Row) -> None:
    """Forward and reverse give the same doubles: nan for nan, and infinities of one sign."""
    text, at, _ = row
    one, other = (adcli.load(text).grad(at, mode=mode) for mode in MODES)
    assert same(one.value, other.value)
    for got, wanted in zip(_flat(one.gradient), _flat(other.gradient), strict=True):
        assert same(got, wanted), (one.gradient, other.gradient)


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_inputs_alone(row: Row) -> None:
    """What is not differentiated changes nothing for what is."""
    text, at, expected = row
    for name, wanted in expected.items():
        for mode in MODES:
            found = adcli.load(text).grad(at, mode=mode, wrt=[name]).gradient
            assert list(found) == [name]
            for got, number in zip(_flat(found), _flat({name: wanted}), strict=True):
                assert same(got, number), (name, mode)


# Exponents that are inputs but not differentiated.
@MODE
@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (-2.0, 3.0, 12.0),
        (-2.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (INF, 0.0, 0.0),
        (NAN, 0.0, 0.0),
        (0.0, 1.0, 1.0),
        (0.0, 2.0, 0.0),
        (-0.5, -1.0, -4.0),
    ],
)
def test_power_towards_the_base_only(x: float, y: float, expected: float, mode: Mode) -> None:
    """No logarithm is taken for an exponent that is not differentiated, and none warned of."""
    found = adcli.load("x^y").grad(x=x, y=y, wrt=["x"], mode=mode)
    assert same(found.gradient["x"], expected)
    assert not [warning for warning in found.warnings if warning.kind == "derivative"]


# Towards twice: text, inputs, the pair of names, the derivative.
SecondRow = tuple[str, dict[str, Any], tuple[str, str], float]

SECOND: list[SecondRow] = [
    ("abs(x)", {"x": 0.0}, ("x", "x"), 0.0),
    ("abs(x)^2", {"x": 0.0}, ("x", "x"), 0.0),
    ("x*abs(x)", {"x": -2.0}, ("x", "x"), -2.0),
    ("sign(x)", {"x": 0.0}, ("x", "x"), 0.0),
    ("floor(x)*x^2", {"x": 2.0}, ("x", "x"), 4.0),
    ("ceil(x)", {"x": 2.0}, ("x", "x"), 0.0),
    ("round(x)", {"x": 2.5}, ("x", "x"), 0.0),
    ("max(x, y)", {"x": 1.0, "y": 1.0}, ("x", "y"), 0.0),
    ("max(x*x, x)", {"x": 1.0}, ("x", "x"), 1.0),
    ("min(x*x, x)", {"x": 1.0}, ("x", "x"), 1.0),
    ("max(x^2, y^2)", {"x": 1.0, "y": 1.0}, ("x", "x"), 1.0),
    ("max(x^2, y^2)", {"x": 1.0, "y": 1.0}, ("x", "y"), 0.0),
    ("relu(x)", {"x": 0.0}, ("x", "x"), 0.0),
    ("relu(x)^2", {"x": 0.0}, ("x", "x"), 0.0),
    ("relu(x)^2", {"x": 1.0}, ("x", "x"), 2.0),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, ("x", "x"), 0.0),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, ("x", "y"), 0.0),
    ("hypot(x, y)", {"x": 0.0, "y": 2.0}, ("x", "x"), 0.5),
    ("norm(v)", {"v": [0.0, 0.0, 0.0]}, ("v[1]", "v[1]"), 0.0),
    ("norm(v)^2", {"v": [0.0, 0.0]}, ("v[1]", "v[2]"), 0.0),
    ("atan2(x, y)", {"x": 0.0, "y": 0.0}, ("x", "x"), NAN),
    ("atan2(x, y)", {"x": 0.0, "y": 0.0}, ("x", "y"), NAN),
    ("sqrt(x)", {"x": 0.0}, ("x", "x"), -INF),
    ("ln(x)", {"x": 0.0}, ("x", "x"), -INF),
    ("1/x", {"x": 0.0}, ("x", "x"), INF),
    # Powers: c*(c - 1)*x^(c - 2), and 0 once the exponent has been used up.
    ("x^2", {"x": 0.0}, ("x", "x"), 2.0),
    ("x^3", {"x": 0.0}, ("x", "x"), 0.0),
    ("x^3", {"x": -2.0}, ("x", "x"), -12.0),
    ("x^1", {"x": 0.0}, ("x", "x"), 0.0),
    ("x^0", {"x": 0.0}, ("x", "x"), 0.0),
    ("x^2.5", {"x": 0.0}, ("x", "x"), 0.0),
    ("x^1.5", {"x": 0.0}, ("x", "x"), INF),
    ("x^0.5", {"x": 0.0}, ("x", "x"), -INF),
    ("x^2", {"x": -3.0}, ("x", "x"), 2.0),
    ("0^y", {"y": 2.0}, ("y", "y"), 0.0),
    ("x^y", {"x": -2.0, "y": 3.0}, ("x", "x"), -12.0),
    ("x^y", {"x": 0.0, "y": 3.0}, ("x", "x"), 0.0),
    ("x^y", {"x": 0.0, "y": 2.0}, ("x", "x"), 2.0),
    ("x^y", {"x": 0.0, "y": 2.0}, ("y", "y"), 0.0),
    ("x^y", {"x": -2.0, "y": 3.0}, ("y", "y"), NAN),
    ("(-2)^y", {"y": 3.0}, ("y", "y"), NAN),
    ("x^y", {"x": 3.0, "y": 1.0}, ("x", "y"), 1 + math.log(3)),
    ("x^y", {"x": 3.0, "y": 1.0}, ("x", "x"), 0.0),
    # An exponent that is 0 but an input: y*x^(y - 1) is 0 there and does not stay 0.
    ("x^y", {"x": 4.0, "y": 0.0}, ("x", "y"), 0.25),
    ("x^y", {"x": 4.0, "y": 0.0}, ("y", "x"), 0.25),
    ("x^y", {"x": 4.0, "y": 0.0}, ("x", "x"), 0.0),
    ("x^y", {"x": 1.0, "y": 0.0}, ("x", "y"), 1.0),
    ("x^y", {"x": 1.0, "y": 0.0}, ("y", "x"), 1.0),
    ("mod(a, b)", {"a": 7.5, "b": 2.0}, ("a", "b"), 0.0),
    ("mod(a, b)^2", {"a": 7.5, "b": 2.0}, ("a", "b"), -6.0),
    ("mod(a, b)^2", {"a": 7.5, "b": 2.0}, ("b", "b"), 18.0),
    # nan stays nan.
    *((text, at, ("x", "x"), NAN) for text, at, expected in OUTSIDE
      if expected["x"] != expected["x"]),
    ("mod(x, 0)^2", {"x": 1.0}, ("x", "x"), NAN),
    # Structural zeros stay structural.
    ("sqrt(a) + b^2", {"a": 0.0, "b": 3.0}, ("b", "b"), 2.0),
    ("sqrt(a) + b^2", {"a": 0.0, "b": 3.0}, ("a", "b"), 0.0),
    ("sqrt(a)*b", {"a": 0.0, "b": 3.0}, ("b", "b"), 0.0),
    ("sqrt(a)*b", {"a": 0.0, "b": 3.0}, ("a", "b"), INF),
    ("sqrt(a)*b", {"a": 0.0, "b": 3.0}, ("b", "a"), INF),
    ("if x > 0 then sqrt(x) else 0", {"x": 0.0}, ("x", "x"), 0.0),
    ("if x > 0 then sqrt(x) else x^2", {"x": 0.0}, ("x", "x"), 2.0),
    ("if x == 0 then 1 else sin(x)/x", {"x": 0.0}, ("x", "x"), 0.0),
    ("f(x) = { y = 1/x; y = x^3; y }", {"x": 0.0}, ("x", "x"), 0.0),
    ("max(1/x, x^2)", {"x": -2.0}, ("x", "x"), 2.0),
]  # fmt: skip


def _second_name(row: SecondRow) -> str:
    text, at, towards, _ = row
    return f"{text} at {', '.join(f'{x}' for x in at.values())} towards {', '.join(towards)}"


@pytest.mark.parametrize("path", paths(2), ids=path_name)
@pytest.mark.parametrize("row", SECOND, ids=_second_name)
def test_second_derivatives(row: SecondRow, path: tuple[str, str]) -> None:
    """The conventions hold when a derivative is differentiated, in any two modes."""
    text, at, towards, expected = row
    got = derivative(text, at, towards, path)
    if math.isfinite(expected):
        assert got == pytest.approx(expected, rel=1e-14, abs=0)
    else:
        assert same(got, expected)


@pytest.mark.parametrize("path", paths(2), ids=path_name)
def test_cube_root_has_no_second_derivative_at_0(path: tuple[str, str]) -> None:
    """From the left it would be inf, from the right -inf; either is not a number here."""
    assert not math.isfinite(derivative("cbrt(x)", {"x": 0.0}, ("x", "x"), path))


# An infinite derivative that meets a computed zero is nan. The chain rule adds up along
# each path in forward mode and spreads over all paths in reverse, so that it can depend on
# the mode whether they meet: inf*(1 - 1) is nan where inf*1 - inf*1 is, but
# inf*(0 + 2) is inf where inf*0 + inf*2 is not.


@pytest.mark.parametrize(
    ("x", "name", "expected"),
    [(1.0, "asin", INF), (-1.0, "asin", -INF), (1.0, "acos", -INF), (-1.0, "acos", INF)],
)
def test_second_derivatives_at_vertical_ends(x: float, name: str, expected: float) -> None:
    """Forward mode last gives the infinity; reverse mode last gives it, or nan."""
    for path in paths(2):
        got = derivative(f"{name}(x)", {"x": x}, ("x", "x"), path)
        assert same(got, expected) or (path[-1] == "reverse" and got != got), path


def test_a_sum_that_cancels_before_an_infinity() -> None:
    """The one place where modes may differ: forward is inf, reverse is nan; never finite."""
    program = adcli.load("sqrt(sin(x) - sin(x) + 2*x)")
    assert program.grad(x=0.0, mode="forward").gradient == {"x": INF}
    assert not math.isfinite(program.grad(x=0.0, mode="reverse").gradient["x"])
    program = adcli.load("sqrt((x + 1)*x - x)")
    assert not math.isfinite(program.grad(x=0.0, mode="forward").gradient["x"])
    assert not math.isfinite(program.grad(x=0.0, mode="reverse").gradient["x"])


@pytest.mark.parametrize("path", paths(3), ids=path_name)
@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("x^3", {"x": 0.0}, 6.0),
        ("x^2", {"x": 0.0}, 0.0),
        ("abs(x)", {"x": 0.0}, 0.0),
        ("relu(x)^3", {"x": 0.0}, 0.0),
        ("hypot(x, 0)", {"x": 0.0}, 0.0),
        ("if x > 0 then sqrt(x) else x^3", {"x": 0.0}, 6.0),
        ("ln(x)", {"x": -1.0}, NAN),
        ("max(x^3, x)", {"x": 1.0}, 3.0),
    ],
)
def test_third_derivatives(
    text: str, at: dict[str, float], expected: float, path: tuple[str, ...]
) -> None:
    """And once more."""
    assert same(derivative(text, at, ("x", "x", "x"), path), expected)


# What is said about it.

CONVENTIONS = [
    ("abs(x)", {"x": 0.0}, "abs has no derivative at 0; using 0"),
    ("sign(x)", {"x": 0.0}, "sign"),
    ("floor(x)", {"x": 2.0}, "floor"),
    ("ceil(x)", {"x": 2.0}, "ceil"),
    ("round(x)", {"x": 2.5}, "round"),
    ("max(x, 0)", {"x": 0.0}, "1/2"),
    ("min(x, y)", {"x": 1.0, "y": 1.0}, "1/2"),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, "using 0"),
    ("norm(x)", {"x": [0.0, 0.0, 0.0]}, "using 0"),
    ("norm([x])", {"x": 0.0}, "using 0"),
    ("relu(x)", {"x": 0.0}, "using 0"),
]


@MODE
@pytest.mark.parametrize(("text", "at", "said"), CONVENTIONS, ids=lambda x: str(x))
def test_a_convention_is_said(text: str, at: dict[str, Any], said: str, mode: Mode) -> None:
    """A note says when a derivative is a convention; it makes no error of it."""
    warnings = adcli.load(text).grad(at, mode=mode).warnings
    notes = [warning for warning in warnings if warning.kind == "convention"]
    assert len(notes) == 1
    assert said in notes[0].message
    assert notes[0].severity == "note"
    assert not notes[0].is_non_finite


@MODE
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("abs(x)", {"x": 1.0}),
        ("max(x, y)", {"x": 1.0, "y": 2.0}),
        ("if x > 0 then abs(x) else 0", {"x": 0.0}),
        ("f(x) = { y = abs(x); x }", {"x": 0.0}),
        ("x + abs(0)", {"x": 0.0}),
        ("hypot(x, y)", {"x": 0.0, "y": 1.0}),
        ("floor(x)", {"x": 2.5}),
        ("x^0", {"x": 0.0}),
    ],
)
def test_no_convention_no_note(text: str, at: dict[str, float], mode: Mode) -> None:
    """Nothing is said about kinks elsewhere, or that the result does not depend on."""
    assert adcli.load(text).grad(at, mode=mode).warnings == []


@MODE
@pytest.mark.parametrize(
    ("text", "at", "node"),
    [
        # The operation that made the derivative non-finite, not the ones it went through.
        ("3*sqrt(x) + x", {"x": 0.0}, "sqrt"),
        ("sqrt(p) - log1p(-p)", {"p": 0.0}, "sqrt"),
        ("log1p(-p) - sqrt(p)", {"p": 0.0}, "sqrt"),
        ("sqrt(x) + x^2", {"x": 0.0}, "sqrt"),
        ("x^2 + sqrt(x)", {"x": 0.0}, "sqrt"),
        ("exp(x) + sqrt(x) + sin(x)", {"x": 0.0}, "sqrt"),
        ("x*y + cbrt(x)*3", {"x": 0.0, "y": 1.0}, "cbrt"),
        ("asin(x) + 1/(x + 1)", {"x": 1.0}, "asin"),
    ],
)
def test_blame_for_a_derivative(text: str, at: dict[str, float], node: str, mode: Mode) -> None:
    """A derivative that is not finite is blamed on the operation that has it."""
    warnings = adcli.load(text).grad(at, mode=mode).warnings
    blamed = [warning for warning in warnings if warning.kind == "derivative"]
    assert len(blamed) == 1
    assert blamed[0].message.startswith(f"the derivative of {node} is "), blamed[0].message
    assert blamed[0].is_non_finite


@MODE
@pytest.mark.parametrize(
    ("text", "x", "held"),
    [
        ("if x == 0 then 1 else sin(x)/x", 0.0, True),
        ("if x == 0 then 1 else sin(x)/x", 1.0, False),
        ("if x != 0 then sin(x)/x else 1", 0.0, True),
        ("if x != 0 then sin(x)/x else 1", 1.0, False),
        ("if x == 2 or x > 5 then x else 2*x", 2.0, True),
        ("if not (x == 2) then x else 2*x", 2.0, True),
        ("f(x) = { n = 3; if n == 3 { x = 2*x }; x }", 1.0, False),
        ("f(x) = { for i in 1..3 { if i == 2 { x = 2*x } }; x }", 1.0, False),
        ("f(x) = { while x != 0 { x = x - 1 }; x }", 2.0, True),
        ("f(x, n = 3) = if n == 0 then 1 else x*f(x, n - 1)", 2.0, True),
    ],
)
def test_a_path_that_holds_on_one_point(text: str, x: float, held: bool, mode: Mode) -> None:
    """An equality of inputs that held is warned of, and only then."""
    warnings = adcli.load(text).grad(x=x, mode=mode).warnings
    found = [warning for warning in warnings if warning.kind == "equality"]
    assert bool(found) is held
    assert all(warning.severity == "warning" for warning in found)
