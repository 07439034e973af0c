"""Hessians: right, symmetric, sparse, and never silent about what is not finite.

The references are differences of mpmath's values, closed forms, or integers. The samples
have a file of their own.
"""

from __future__ import annotations

import copy
import math
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from derivative_graphs import derivative as by_path
from derivative_graphs import element_nodes, flatten, path_name, paths, same
from generated_programs import Program, make, seeded
from halves import half
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from mpmath import mpf
from mpmath_functions import PRIMITIVES
from reference_machine import Rejected
from test_edges import SECOND, SecondRow
from test_prelude import SCALAR, VECTOR, allowed, derivative
from test_second_order import CASES, Case

import adcli
from adcli.differentiate.forward import forward
from adcli.differentiate.hessian import Hessian, Hvp
from adcli.differentiate.hessian import hessian as hessian_of_run
from adcli.differentiate.hessian import hvp as hvp_of_run
from adcli.differentiate.reverse import reverse
from adcli.errors import InputError, LimitError
from adcli.evaluate.floats import over_floats, over_graph
from adcli.graph.primitives import OPERATORS, TABLE
from adcli.graph.program import Run

INF, NAN = math.inf, math.nan


# What holds of every Hessian.


def check_sound(found: Hessian) -> None:
    """Symmetric to the last bit, its entries where they are listed, and not silent."""
    matrix = found.hessian
    size = len(found.columns)
    assert [len(row) for row in matrix] == [size] * size
    for row, column in zip(matrix, zip(*matrix, strict=True), strict=True):
        assert struct.pack(f"{size}d", *row) == struct.pack(f"{size}d", *column)
    for row, columns, numbers in zip(matrix, found.matrix.rows, found.matrix.numbers, strict=True):
        assert list(columns) == sorted(set(columns))
        assert all(map(same, [row[j] for j in columns], numbers))
        assert all(x == 0 for j, x in enumerate(row) if j not in set(columns))
    assert 0 <= found.colors <= size
    check_said(found, [x for row in matrix for x in row])


def check_said(found: Hessian | Hvp, numbers: Sequence[float]) -> None:
    """What is not finite comes with a warning that says so, and only that."""
    everything = [found.value, *found.numbers, *numbers]
    said = {warning.kind for warning in found.warnings} & {"value", "derivative"}
    assert bool(said) is not all(map(math.isfinite, everything)), found.warnings
    if math.isfinite(found.value):
        assert "value" not in said


def check_places(found: Hessian | Hvp) -> None:
    """Each warning of what is not finite says where, if it is not an input or a number."""
    for warning in found.warnings:
        given = warning.message.startswith("input ") or warning.message.endswith("its text says")
        if warning.is_non_finite and not given:
            assert warning.span is not None, warning
            assert warning.span.text, warning


def numbers_of(found: Hvp) -> list[float]:
    """The product, in one list."""
    return [x for _, x in flatten(found.hvp)]


# Edges.


def _edge_name(row: SecondRow) -> str:
    text, at, towards, _ = row
    return f"{text} at {', '.join(f'{x}' for x in at.values())} towards {', '.join(towards)}"


@pytest.mark.parametrize("row", SECOND, ids=_edge_name)
def test_an_entry_at_an_edge(row: SecondRow) -> None:
    """The table of second derivatives at edges holds for the matrix and for products."""
    text, at, (first, second), expected = row
    program = adcli.load(text)
    found = program.hessian(at)
    check_sound(found)
    check_places(found)
    i, j = found.columns.index(first), found.columns.index(second)
    product = program.hvp(at, direction={second: 1.0})
    check_said(product, numbers_of(product))
    check_places(product)
    for got in (found.hessian[i][j], numbers_of(product)[i]):
        if math.isfinite(expected):
            assert got == pytest.approx(expected, rel=1e-14, abs=0)
        else:
            assert same(got, expected)


# Program, inputs, gradient, Hessian, and the kinds of what is said. A gradient and a row
# are those of all elements of the inputs, in order.
Row = tuple[str, dict[str, Any], list[float], list[list[float]], set[str]]

NONE: set[str] = set()
D, V, C = {"derivative"}, {"value", "derivative"}, {"convention"}
Z3 = [[0.0] * 3] * 3

NORMS: list[Row] = [
    ("norm(v)", {"v": [0.0, 0.0, 0.0]}, [0.0, 0.0, 0.0], Z3, C),
    ("norm(v)", {"v": [0.0, -0.0]}, [0.0, 0.0], [[0.0, 0.0]] * 2, C),
    ("norm(v)", {"v": [0.0]}, [0.0], [[0.0]], C),
    ("hypot(x, y)", {"x": 0.0, "y": 0.0}, [0.0, 0.0], [[0.0, 0.0]] * 2, C),
    ("hypot(x, y) + x*y", {"x": 0.0, "y": 0.0}, [0.0, 0.0], [[0.0, 1.0], [1.0, 0.0]], C),
    ("norm(v - w)", {"v": [1.0, 2.0], "w": [1.0, 2.0]}, [0.0] * 4, [[0.0] * 4] * 4, C),
    ("norm(v)", {"v": [0.0, 2.0, 0.0]}, [0.0, 1.0, 0.0],
     [[0.5, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.5]], NONE),
    ("norm(v)", {"v": [3.0, 4.0]}, [0.6, 0.8],
     [[16 / 125, -12 / 125], [-12 / 125, 9 / 125]], NONE),
    ("hypot(x, y)", {"x": -3.0, "y": 4.0}, [-0.6, 0.8],
     [[16 / 125, 12 / 125], [12 / 125, 9 / 125]], NONE),
    ("hypot(x, y)", {"x": 3e200, "y": 4e200}, [0.6, 0.8],
     [[0.128e-200, -0.096e-200], [-0.096e-200, 0.072e-200]], NONE),
    ("hypot(x, y)", {"x": 3e-150, "y": 4e-150}, [0.6, 0.8],
     [[0.128e150, -0.096e150], [-0.096e150, 0.072e150]], NONE),
    ("norm(v)^2", {"v": [0.0, 0.0]}, [0.0, 0.0], [[0.0, 0.0]] * 2, C),
    ("dot(v, v)", {"v": [0.0, 0.0]}, [0.0, 0.0], [[2.0, 0.0], [0.0, 2.0]], NONE),
]  # fmt: skip

# c*(c - 1)*x^(c - 2).
POWERS: list[Row] = [
    ("x^0", {"x": 0.0}, [0.0], [[0.0]], NONE),
    ("x^1", {"x": 0.0}, [1.0], [[0.0]], NONE),
    ("x^2", {"x": 0.0}, [0.0], [[2.0]], NONE),
    ("x^3", {"x": 0.0}, [0.0], [[0.0]], NONE),
    ("x^4", {"x": 0.0}, [0.0], [[0.0]], NONE),
    ("x^2.5", {"x": 0.0}, [0.0], [[0.0]], NONE),
    ("x^1.5", {"x": 0.0}, [0.0], [[INF]], D),
    ("x^0.5", {"x": 0.0}, [INF], [[-INF]], D),
    ("x^-1", {"x": 0.0}, [-INF], [[INF]], V),
    ("x^-2", {"x": 0.0}, [-INF], [[INF]], V),
    ("-x^1.5", {"x": 0.0}, [-0.0], [[-INF]], D),
    ("x^1", {"x": -INF}, [1.0], [[0.0]], {"value"}),
    ("x^2", {"x": -3.0}, [-6.0], [[2.0]], NONE),
    ("x^3", {"x": -3.0}, [27.0], [[-18.0]], NONE),
    ("x^-1", {"x": -2.0}, [-0.25], [[-0.25]], NONE),
    ("x^-2", {"x": -2.0}, [0.25], [[0.375]], NONE),
    ("x^2.5", {"x": -1.0}, [NAN], [[NAN]], {"value"}),
    ("x^2 + y^1.5 + z", {"x": 0.0, "y": 0.0, "z": 0.0}, [0.0, 0.0, 1.0],
     [[2.0, 0.0, 0.0], [0.0, INF, 0.0], [0.0, 0.0, 0.0]], D),
    ("x^y", {"x": -2.0, "y": 3.0}, [12.0, NAN], [[-12.0, NAN], [NAN, NAN]], D),
    ("x^y", {"x": 0.0, "y": 3.0}, [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]], NONE),
    ("x^y", {"x": 0.0, "y": 2.0}, [0.0, 0.0], [[2.0, 0.0], [0.0, 0.0]], NONE),
    ("x^y", {"x": 1.0, "y": 0.0}, [0.0, 0.0], [[0.0, 1.0], [1.0, 0.0]], NONE),
    ("x^y", {"x": 1.0, "y": 3.0}, [3.0, 0.0], [[6.0, 1.0], [1.0, 0.0]], NONE),
    ("2^y", {"y": 0.0}, [math.log(2)], [[math.log(2) ** 2]], NONE),
    ("0^y", {"y": 2.0}, [0.0], [[0.0]], NONE),
]  # fmt: skip

PIECEWISE: list[Row] = [
    ("abs(x)", {"x": 0.0}, [0.0], [[0.0]], C),
    ("abs(x)", {"x": -0.0}, [0.0], [[0.0]], C),
    ("abs(x)", {"x": -2.0}, [-1.0], [[0.0]], NONE),
    ("abs(x)^3", {"x": -2.0}, [-12.0], [[12.0]], NONE),
    ("abs(x)*y", {"x": 0.0, "y": 3.0}, [0.0, 0.0], [[0.0, 0.0]] * 2, C),
    ("abs(x)*y", {"x": -1.0, "y": 3.0}, [-3.0, 1.0], [[0.0, -1.0], [-1.0, 0.0]], NONE),
    # A tie is 1/2 of each, of the first derivatives as of the second.
    ("max(x^2, y^2)", {"x": 1.0, "y": 1.0}, [1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]], C),
    ("max(x*y, x + y)", {"x": 2.0, "y": 2.0}, [1.5, 1.5], [[0.0, 0.5], [0.5, 0.0]], C),
    ("min(x*y, x + y)", {"x": 2.0, "y": 2.0}, [1.5, 1.5], [[0.0, 0.5], [0.5, 0.0]], C),
    ("min(x*y, x + y)", {"x": 1.0, "y": 2.0}, [2.0, 1.0], [[0.0, 1.0], [1.0, 0.0]], NONE),
    ("max(x*y, x + y)", {"x": 1.0, "y": 2.0}, [1.0, 1.0], [[0.0, 0.0], [0.0, 0.0]], NONE),
    ("max(x, 0)^2", {"x": 0.0}, [0.0], [[0.5]], C),
    ("max(v)^2", {"v": [3.0, 3.0]}, [3.0, 3.0], [[0.5, 0.5], [0.5, 0.5]], C),
    ("max(v)^2", {"v": [3.0, 4.0]}, [0.0, 8.0], [[0.0, 0.0], [0.0, 2.0]], NONE),
    ("relu(x)", {"x": 0.0}, [0.0], [[0.0]], C),
    ("relu(x)^2", {"x": 0.0}, [0.0], [[0.0]], C),
    ("relu(x)^2", {"x": 0.5}, [1.0], [[2.0]], NONE),
    ("relu(x)^2", {"x": -0.5}, [0.0], [[0.0]], NONE),
    ("relu(x*y)", {"x": 2.0, "y": 3.0}, [3.0, 2.0], [[0.0, 1.0], [1.0, 0.0]], NONE),
    ("floor(x)*x^2 + y^2", {"x": 2.5, "y": 1.0}, [10.0, 2.0], [[4.0, 0.0], [0.0, 2.0]], NONE),
    ("floor(x)*x^2", {"x": 2.0}, [8.0], [[4.0]], C),
    ("sign(x)*x^3", {"x": -1.0}, [-3.0], [[6.0]], NONE),
    # clamp: the bound it is at takes half.
    ("clamp(x, 0, 1)*x", {"x": 0.5}, [1.0], [[2.0]], NONE),
    ("clamp(x, 0, 1)*x", {"x": 2.0}, [1.0], [[0.0]], NONE),
    ("mod(a, b)", {"a": 7.5, "b": 2.0}, [1.0, -3.0], [[0.0, 0.0]] * 2, NONE),
    ("mod(a, b)^2", {"a": 7.5, "b": 2.0}, [3.0, -9.0], [[2.0, -6.0], [-6.0, 18.0]], NONE),
    ("mod(a, b)^2", {"a": -7.5, "b": 2.0}, [1.0, 4.0], [[2.0, 8.0], [8.0, 32.0]], NONE),
    ("mod(a, b)*c", {"a": 6.0, "b": 2.0, "c": 5.0}, [5.0, -15.0, 0.0],
     [[0.0, 0.0, 1.0], [0.0, 0.0, -3.0], [1.0, -3.0, 0.0]], C),
    ("mod(a, b)", {"a": 1.0, "b": 0.0}, [NAN, NAN], [[NAN, NAN], [NAN, NAN]], {"value"}),
]  # fmt: skip

# (y, x): [-2xy, y^2 - x^2; y^2 - x^2, 2xy]/r^4
ANGLES: list[Row] = [
    ("atan2(y, x)", {"y": 4.0, "x": 3.0}, [0.12, -0.16],
     [[-24 / 625, 7 / 625], [7 / 625, 24 / 625]], NONE),
    ("atan2(y, x)", {"y": -4.0, "x": 3.0}, [0.12, 0.16],
     [[24 / 625, 7 / 625], [7 / 625, -24 / 625]], NONE),
    ("atan2(y, x)", {"y": 4.0, "x": -3.0}, [-0.12, -0.16],
     [[24 / 625, 7 / 625], [7 / 625, -24 / 625]], NONE),
    ("atan2(y, x)", {"y": 0.0, "x": 2.0}, [0.5, 0.0], [[0.0, -0.25], [-0.25, 0.0]], NONE),
    ("atan2(y, x)", {"y": 0.0, "x": -2.0}, [-0.5, 0.0], [[0.0, -0.25], [-0.25, 0.0]], NONE),
    ("atan2(y, x)", {"y": 2.0, "x": 0.0}, [0.0, -0.5], [[0.0, 0.25], [0.25, 0.0]], NONE),
    ("atan2(y, x)", {"y": 0.0, "x": 0.0}, [NAN, NAN], [[NAN, NAN], [NAN, NAN]], D),
]  # fmt: skip

# Arms and iterations that were not taken are structural zeros, to second order too.
PATHS: list[Row] = [
    ("if x > 0 then sqrt(x) else 0", {"x": 0.0}, [0.0], [[0.0]], NONE),
    ("if x > 0 then sqrt(x) else 0", {"x": -1.0}, [0.0], [[0.0]], NONE),
    ("if x > 0 then sqrt(x) else 0", {"x": 0.25}, [1.0], [[-2.0]], NONE),
    ("if x > 0 then sqrt(x) else x*y", {"x": 0.0, "y": 2.0}, [2.0, 0.0],
     [[0.0, 1.0], [1.0, 0.0]], NONE),
    ("if x > 0 then y*ln(x) else x*y^2", {"x": -3.0, "y": 2.0}, [4.0, -12.0],
     [[0.0, 4.0], [4.0, -6.0]], NONE),
    ("if x > 0 then ln(x) else x^2", {"x": -3.0}, [-6.0], [[2.0]], NONE),
    ("f(x) = { y = 0; if x > 0 { y = 1/x } else { y = x^3 }; y }", {"x": 0.0}, [0.0], [[0.0]],
     NONE),
    ("f(x) = { y = ln(x); y = x^3; y }", {"x": -1.0}, [3.0], [[-6.0]], NONE),
    ("f(x) = { v = [ln(x), x^2]; v[1] = x^3; sum(v) }", {"x": -1.0}, [1.0], [[-4.0]], NONE),
    # Three halvings of 5: 3*(x/8)^2. At 9 four: 4*(x/16)^2.
    *(
        ("f(x) = { n = 0; while x > 1 { x /= 2; n += 1 }; n*x^2 }", {"x": x},
         [2 * n * x / 4**n], [[2 * n / 4**n]], NONE)
        for x, n in ((5.0, 3), (9.0, 4), (1.0, 0))
    ),
    # As many times x*y as it takes to reach 2: (n*x*y)^2.
    *(
        ("f(x, y) = { s = 0; while s < 2 { s += x*y }; s^2 }", {"x": x, "y": y},
         [2 * n * n * x * y * y, 2 * n * n * x * x * y],
         [[2 * n * n * y * y, 4 * n * n * x * y], [4 * n * n * x * y, 2 * n * n * x * x]], NONE)
        for x, y, n in ((0.75, 1.0, 3), (0.5, 2.0, 2), (3.0, 1.0, 1))
    ),
    ("f(x, n) = { y = 1; while n > 0 { y = y*x; n -= 1 }; y }", {"x": -2.0, "n": 3.0},
     [12.0, 0.0], [[-12.0, 0.0], [0.0, 0.0]], NONE),
    ("f(x) = if x > 1 then x*f(x/2) else x^2", {"x": 3.0}, [4 * 27 / 32], [[12 * 9 / 32]], NONE),
    ("f(x) = if x > 1 then x*f(x/2) else x^2", {"x": 1.0}, [2.0], [[2.0]], NONE),
]  # fmt: skip

# Zeros by structure stay 0 beside infinities; zeros that were computed obey IEEE.
STRUCTURE: list[Row] = [
    ("sqrt(a) + b", {"a": 0.0, "b": 3.0}, [INF, 1.0], [[-INF, 0.0], [0.0, 0.0]], D),
    ("sqrt(a) + b^2", {"a": 0.0, "b": 3.0}, [INF, 6.0], [[-INF, 0.0], [0.0, 2.0]], D),
    ("sqrt(a)*b", {"a": 0.0, "b": 3.0}, [INF, 0.0], [[-INF, INF], [INF, 0.0]], D),
    ("sqrt(a)*b + c^2*b", {"a": 0.0, "b": 3.0, "c": 2.0}, [INF, 4.0, 12.0],
     [[-INF, INF, 0.0], [INF, 0.0, 4.0], [0.0, 4.0, 6.0]], D),
    ("a^1.5 + b*c", {"a": 0.0, "b": 3.0, "c": 2.0}, [0.0, 2.0, 3.0],
     [[INF, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], D),
    ("ln(a) + b*c", {"a": -1.0, "b": 3.0, "c": 2.0}, [NAN, 2.0, 3.0],
     [[NAN, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], {"value"}),
    ("f(v[4]) = v[1]^1.5 + v[2]*v[3] + exp(v[4])", {"v": [0.0, 3.0, 2.0, 0.0]},
     [0.0, 2.0, 3.0, 1.0],
     [[INF, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]], D),
    ("max(sqrt(a), b^2)", {"a": 0.0, "b": 1.0}, [0.0, 2.0], [[0.0, 0.0], [0.0, 2.0]], NONE),
    ("floor(1/a) + b^2", {"a": 0.0, "b": 1.0}, [0.0, 2.0], [[0.0, 0.0], [0.0, 2.0]],
     {"value", "convention"}),
    # Computed.
    ("0*a^1.5", {"a": 0.0}, [0.0], [[NAN]], D),
    ("a^1.5*b", {"a": 0.0, "b": 0.0}, [0.0, 0.0], [[NAN, 0.0], [0.0, 0.0]], D),
    ("a^1.5*b + c^2", {"a": 0.0, "b": 0.0, "c": 1.0}, [0.0, 0.0, 2.0],
     [[NAN, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]], D),
    ("a^1.5 - a^1.5", {"a": 0.0}, [0.0], [[NAN]], D),
    # Overflow on the way: the gradient is finite.
    ("1/x", {"x": 1e-110}, [-1e220], [[INF]], D),
    ("exp(x)*y", {"x": 710.0, "y": 1.0}, [INF, INF], [[INF, INF], [INF, 0.0]],
     {"value"}),
]  # fmt: skip

EDGES = [*NORMS, *POWERS, *PIECEWISE, *ANGLES, *PATHS, *STRUCTURE]


@pytest.mark.parametrize(
    "row", EDGES, ids=lambda row: f"{row[0]} at {', '.join(map(str, row[1].values()))}"
)
def test_edges(row: Row) -> None:
    """Each row of the tables: gradient, all entries, and what is said about them."""
    text, at, gradient, matrix, kinds = row
    program = adcli.load(text)
    found = program.hessian(at)
    check_sound(found)
    check_places(found)
    everything = [*found.numbers, *(x for row in found.hessian for x in row)]
    expected = [*gradient, *(x for row in matrix for x in row)]
    for got, wanted in zip(everything, expected, strict=True):
        close = same(got, wanted) or got == pytest.approx(wanted, rel=4e-15, abs=0)
        assert close, (found.numbers, found.hessian)
    assert {warning.kind for warning in found.warnings} == kinds
    # Each column is the product with a unit vector.
    for j, label in enumerate(found.columns):
        product = program.hvp(at, direction={label: 1.0})
        check_said(product, numbers_of(product))
        check_places(product)
        for got, row_of in zip(numbers_of(product), matrix, strict=True):
            assert same(got, row_of[j]) or got == pytest.approx(row_of[j], rel=4e-15, abs=0)


@pytest.mark.parametrize(
    ("x", "y"), [(x, y) for x in (-3.0, -0.5, 0.0, 2.0) for y in (-2.0, -1.0, 0.0, 1.0, 2.0, 5.0)]
)
def test_power_towards_the_base(x: float, y: float) -> None:
    """x^y with a whole y that is not differentiated: y*(y - 1)*x^(y - 2), of any sign of x."""
    found = adcli.load("x^y").hessian(x=x, y=y, wrt="x")
    check_sound(found)
    assert found.columns == ["x"]
    if x != 0:
        assert found.hessian == [[pytest.approx(y * (y - 1) * x ** (y - 2), rel=1e-15, abs=0)]]
        assert found.warnings == []
    elif y >= 0:
        assert found.hessian == [[2.0 if y == 2 else 0.0]]
        assert found.warnings == []
    else:
        assert found.hessian == [[INF if y == -2 else y * INF * -1]]
        assert {warning.kind for warning in found.warnings} == {"value", "derivative"}


# Away from edges.


def case_entries(case: Case) -> Iterator[tuple[int, int, mpf]]:
    """The entries of a case's Hessian, from mpmath."""
    names = list(case.elements)
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            yield i, j, _case_entry(case, *sorted((first, second)))


@cache
def _case_entry(case: Case, first: str, second: str) -> mpf:
    return case.reference((first, second))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases(case: Case) -> None:
    """The programs of `test_second_order`, by way of the colours and of the public functions."""
    program = adcli.load(case.text)
    found = program.hessian(case.at)
    check_sound(found)
    assert found.columns == list(case.elements)
    expected = list(case_entries(case))
    largest = max(abs(x) for _, _, x in expected)
    for i, j, exact in expected:
        got = found.hessian[i][j]
        assert abs(got - exact) <= 1e-13 * abs(exact) + 1e-14 * largest, (i, j, got, float(exact))
    gradient = program.grad(case.at, mode="reverse")
    assert (found.value, found.gradient) == (gradient.value, gradient.gradient)


DIRECTIONS = st.lists(
    st.floats(-10, 10).map(lambda x: round(x, 6)) | st.sampled_from([0.0, 1.0, -1.0, 1e-8, 1e8]),
    min_size=6,
    max_size=6,
)


def check_product(program: adcli.Program, at: Any, direction: dict[str, float]) -> None:
    """hvp(d) is H d, relative to the terms of the sum; an entry that cancels has some leave."""
    matrix = program.hessian(at).hessian
    found = program.hvp(at, direction=direction)
    check_said(found, numbers_of(found))
    assert found.direction == direction
    largest = max(abs(x) for row in matrix for x in row) * max(map(abs, direction.values()))
    for got, row in zip(numbers_of(found), matrix, strict=True):
        terms = [mpf(x) * mpf(y) for x, y in zip(row, direction.values(), strict=True)]
        bound = 1e-12 * sum(map(abs, terms)) + 1e-15 * largest
        assert abs(mpf(got) - sum(terms)) <= bound, (got, row)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CASES), DIRECTIONS)
def test_products_of_cases(case: Case, numbers: list[float]) -> None:
    """Any direction at any of the cases."""
    direction = dict(zip(case.elements, numbers, strict=False))
    direction = {name: direction.get(name, 1.0) for name in case.elements}
    check_product(adcli.load(case.text), case.at, direction)


# Primitives from one end to the other. asin, acos and atanh near 0 have a difference of
# 1 + u and 1 - u; what is below the least normal number may be 0.
ALONG = [1e-8, 0.3, 0.75, 1.5, 3.0, 36.5, 300.0, 700.0, 800.0, 1e5]
ALONG += [-x for x in ALONG]
DOMAINS: dict[str, Callable[[float], bool]] = {
    **dict.fromkeys(["sqrt", "ln", "log2", "log10"], lambda x: x > 0),
    **dict.fromkeys(["asin", "acos", "atanh"], lambda x: abs(x) < 1),
    "log1p": lambda x: x > -1,
    "acosh": lambda x: x > 1,
    **dict.fromkeys(["exp", "expm1"], lambda x: x <= 700),
    **dict.fromkeys(["sinh", "cosh"], lambda x: abs(x) <= 700),
    "exp2": lambda x: abs(x) <= 1000,
    **dict.fromkeys(["erf", "erfc"], lambda x: abs(x) < 1e4),
}
SMOOTH = sorted(
    row.name for row in TABLE if len(row.samples[0]) == 1 and row.name not in OPERATORS
    and not row.kink
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "x"),
    [(name, x) for name in SMOOTH for x in ALONG if DOMAINS.get(name, lambda x: True)(x)],
)
def test_primitives(name: str, x: float) -> None:
    """A second derivative that is finite is found, also where terms of it would overflow."""
    found = adcli.load(f"{name}(x)").hessian(x=x)
    check_sound(found)
    assert found.warnings == []
    exact = derivative(PRIMITIVES[name], (x,), (0, 0))
    ((got,),) = found.hessian
    leave = 2.0**-53 if name in ("asin", "acos", "atanh") else 1e-300
    assert abs(mpf(got) - exact) <= mpf("1e-13") * abs(exact) + leave


# The prelude. What its own bound does not cover is a second derivative that is a difference
# of what is much larger: s*(1 - s)*(1 - 2*s) near s = 1/2 or 1, and that of 1/tan near its
# zeros, a difference of terms like 2*tan(x).
DIFFERENCES: dict[str, Callable[[Any], float]] = {
    "sigmoid": lambda x: 2.0**-52,
    "softmax": lambda x: 2.0**-50,
    "cot": lambda x: 2.0**-50 * abs(math.tan(x) + 1 / math.tan(x)),
}
MODERATE = [-17.0, -3.0, -1.0, -0.5, 0.5, 1.0, 3.0, 17.0]
FAR = [-1e300, -1000.0, -745.0, -700.0, -37.5, 37.5, 710.5, 1000.0, 1e300]
POINTS: dict[str, list[Any]] = {
    "sec": [0.0, 0.7, -1.5, 3.0, 11.0],
    "csc": [0.7, -1.5, 3.0, 11.0, 1e-100],
    "cot": [0.7, -1.5, 3.0, 11.0, 1.5707963],
    "sigmoid": [0.0, 1e-10, *MODERATE, *FAR],
    "softplus": [0.0, 1e-10, -1e-300, *MODERATE, *FAR],
    "relu": [*MODERATE, *FAR],
    "silu": [0.0, 1e-10, *MODERATE, *FAR],
    "logit": [1e-20, 0.1, 0.2499999, 0.25, 0.3, 0.5, 0.7, 0.75, 0.9, 1 - 1e-10],
    "clamp": [-2.0, 0.0, 2.499, 1e300],
    "normpdf": [0.0, 1e-300, 0.7, -2.0, 10.0, 37.5, -40.0, -1e308],
    "normcdf": [0.0, 1e-300, 0.7, -2.0, 8.0, -10.0, -37.5, -40.0],
    "log of a base": [1e-100, 0.1, 1.000001, 2.0, 1e100],
    "log": [[8.0, 2.0], [0.3, 10.0], [2.0, 1.0001]],
    "logbase": [[8.0, 2.0]],
    "clamp of three": [[0.5, -1.0, 1.0], [-3.0, -1.0, 1.0]],
    "logaddexp": [
        [0.0, 0.0], [1.0, -1.0], [1000.0, 999.0], [1000.0, -1000.0], [-1000.0, -1001.0],
        [-50.0, -1e-10], [1e4, -1e4], [3.0, 3.0],
    ],
    "logsumexp": [
        [0.0, 0.0], [1.0, -1.0, 0.5], [1000.0, 1000.0, 999.0], [-1000.3, -1001.0, -1000.5],
        [1e4, -1e4], [2.5], [0.1, -30.0], [3.0, 3.0, 3.0, 3.0], [-1e-10, -50.0],
    ],
    "softmax": [
        [0.0, 0.0], [1.0, -1.0, 0.5], [1000.0, 1000.0, 999.0], [700.2, 1000.7], [1000.7, 700.2],
        [5.0, -30.0], [-1000.3, -1001.0, -1000.5], [1e4, 1e4], [2.5],
    ],
}  # fmt: skip


def test_the_whole_prelude_is_here() -> None:
    """A function that has rows for its gradient has points for its Hessian."""
    assert POINTS.keys() == SCALAR.keys() | VECTOR.keys()


@pytest.mark.parametrize(
    ("name", "x"), [(name, x) for name, points in POINTS.items() for x in points], ids=str
)
def test_prelude(name: str, x: Any) -> None:
    """A few ulp, and what the argument's own rounding may change."""
    text, function, _ = (SCALAR | VECTOR)[name]
    point = tuple(x) if isinstance(x, list) else (x,)
    found = adcli.load(text).hessian(x=x)
    check_sound(found)
    assert not [warning for warning in found.warnings if warning.is_non_finite]
    for i in range(len(point)):
        for j in range(i + 1):
            exact, got = derivative(function, point, (j, i)), found.hessian[i][j]
            bound = allowed(function, point, (j, i)) + DIFFERENCES.get(name, lambda x: 0.0)(x)
            assert abs(mpf(got) - exact) <= bound, (i, j, got, float(exact))


@pytest.mark.parametrize("x", [-INF, INF])
@pytest.mark.parametrize("name", ["sigmoid", "softplus", "relu"])
def test_prelude_at_infinity(name: str, x: float) -> None:
    """Where they are straight lines, also of infinite length, second derivatives are 0."""
    found = adcli.load(f"{name}(x)").hessian(x=x)
    check_sound(found)
    assert found.hessian == [[0.0]]


# Programs that nobody wrote.

COUNT = 30
STEP = "1e-25"
# How far an entry may move if all values are off by a rounding, of what is allowed 1/20.
MOST_MOVED = 5e-13
PROGRAM_RELATIVE = 1e-11
assert MOST_MOVED * 20 <= PROGRAM_RELATIVE
# The differences are right to 1e-45; a program with an entry between these is turned down.
LEAST_BEND, ZERO = mpf("1e-12"), mpf("1e-38")


class Second:
    """A generated program and its second derivatives, by element of the inputs.

    Raises:
        Rejected: what is asked is ill-conditioned, or a path ends nearby.
    """

    def __init__(self, program: Program, features: set[str]) -> None:
        self.program = program
        self.features = features
        self.labels = [label for label, _ in flatten(program.at)]
        with mpmath.workdps(110):
            self.entries = self._differences(None)
            for noise in (1, 2):
                for row, other in zip(self.entries, self._differences(noise), strict=True):
                    for x, y in zip(row, other, strict=True):
                        # What is not there moves by nothing; what cancels does.
                        if abs(y - x) > MOST_MOVED * abs(x):
                            raise Rejected("ill-conditioned")
                        if 0 < abs(x) < LEAST_BEND:
                            raise Rejected("a second derivative too small")

    def _differences(self, noise: int | None) -> list[list[mpf]]:
        program, step = self.program, mpf(STEP)
        elements = program.elements()
        middle, machine = program.evaluate(None, mpf(0), noise)

        def value(*moves: tuple[int, int]) -> mpf:
            moved = copy.copy(program)
            moved.at = {
                name: [mpf(x) for x in given] if isinstance(given, list) else mpf(given)
                for name, given in program.at.items()
            }
            for position, sign in moves:
                name, i = elements[position]
                if isinstance(moved.at[name], list):
                    moved.at[name][i] += sign * step
                else:
                    moved.at[name] += sign * step
            found, other = moved.evaluate(None, mpf(0), noise)
            if other.path != machine.path:
                raise Rejected("a path that ends")
            return found

        size = range(len(elements))
        # f(x + h) + f(x - h) - 2*f(x) along one element, or along two at once.
        bends = [value((i, 1)) + value((i, -1)) - 2 * middle for i in size]
        found = [[mpf(0)] * len(elements) for _ in elements]
        for i in size:
            found[i][i] = bends[i] / step**2
            for j in range(i):
                both = value((i, 1), (j, 1)) + value((i, -1), (j, -1)) - 2 * middle
                found[i][j] = found[j][i] = (both - bends[i] - bends[j]) / (2 * step**2)
        return [[mpmath.chop(x, ZERO) for x in row] for row in found]

    def check(self, absolute: float = 0.0) -> None:
        """The Hessian of the package is this one."""
        program = adcli.load(self.program.text)
        found = program.hessian(self.program.at)
        check_sound(found)
        assert not [warning for warning in found.warnings if warning.is_non_finite]
        assert sorted(found.columns) == sorted(self.labels)
        positions = [found.columns.index(label) for label in self.labels]
        largest = max(abs(x) for row in self.entries for x in row)
        for i, row in zip(positions, self.entries, strict=True):
            for j, exact in zip(positions, row, strict=True):
                got = found.hessian[i][j]
                bound = PROGRAM_RELATIVE * abs(exact) + absolute * largest + ZERO
                assert abs(mpf(got) - exact) <= bound, (
                    f"{found.columns[i]}, {found.columns[j]}: {got!r}, not {float(exact)!r}\n"
                    f"{self.program.at}\n{self.program.text}"
                )
        gradient = program.grad(self.program.at, mode="reverse")
        assert (found.value, found.gradient) == (gradient.value, gradient.gradient)

    def check_parts(self, chooser: random.Random) -> None:
        """Towards some of the inputs, and along some directions."""
        program, at = adcli.load(self.program.text), self.program.at
        wrt = [name for name in program.inputs if chooser.random() < 0.6] or [*at][:1]
        part = program.hessian(at, wrt=wrt)
        check_sound(part)
        columns = program.hessian(at).columns
        assert part.columns == [x for x in columns if x.partition("[")[0] in wrt]
        for i, first in enumerate(part.columns):
            for j, second in enumerate(part.columns):
                exact = self.entries[self.labels.index(first)][self.labels.index(second)]
                bound = PROGRAM_RELATIVE * abs(exact) + ZERO
                assert abs(mpf(part.hessian[i][j]) - exact) <= bound
        direction = {label: chooser.gauss(0, 1) for label in self.labels}
        direction[chooser.choice(self.labels)] = 0.0
        product = program.hvp(at, direction=direction)
        found = dict(flatten(product.hvp))
        for label, row in zip(self.labels, self.entries, strict=True):
            terms = [x * mpf(y) for x, y in zip(row, direction.values(), strict=True)]
            bound = PROGRAM_RELATIVE * sum(map(abs, terms)) + 10 * ZERO
            assert abs(mpf(found[label]) - sum(terms)) <= bound
        check_product(program, at, {label: direction[label] for label in columns})
        narrow = {label: x for label, x in direction.items() if label.partition("[")[0] in wrt}
        some = program.hvp(at, direction=narrow, wrt=wrt)
        for (_, got), row in zip(flatten(some.hvp), part.hessian, strict=True):
            terms = [x * narrow[y] for x, y in zip(row, part.columns, strict=True)]
            assert abs(got - math.fsum(terms)) <= 1e-12 * math.fsum(map(abs, terms))


@cache
def seconds() -> list[Second]:
    """The programs, the same in every run."""
    found = []
    for _, program, reference in seeded(COUNT + 5):
        try:
            found.append(Second(program, reference.features))
        except Rejected:
            continue
    return found[:COUNT]


@pytest.mark.parametrize("index", half(range(COUNT)))
def test_generated_programs(index: int) -> None:
    """All entries of programs with vectors, matrices, loops, branches, recursion."""
    second = seconds()[index]
    second.check()
    second.check_parts(random.Random(index))


def test_generated_programs_have_everything() -> None:
    """Enough of them executed what may go wrong, and have entries that are not 0."""
    executed = Counter(feature for second in seconds() for feature in second.features)
    for feature in (
        "for", "while", "while on a value", "if statement", "if expression", "recursion",
        "recursion on a value", "mutual recursion", "user function", "several results",
        "vector literal", "matrix literal", "@ of a matrix", "comprehension", "element assigned",
        "power", "variable exponent", "prelude", "max or min", "abs", "norm", "softmax",
    ):  # fmt: skip
        assert executed[feature], feature
    entries = [x != 0 for second in seconds() for row in second.entries for x in row]
    assert sum(entries) > 0.5 * len(entries) > 200


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same, with the choices left to hypothesis; a sum that cancels has some leave."""
    try:
        program, reference = make(chooser)
        second = Second(program, reference.features)
    except Rejected:
        reject()
    second.check(absolute=1e-13)


# Several results, and some of the inputs.

SEVERAL = "f(x, v[2], A[2,2]) = { p = x^2*v[1]; q = (A @ v)[2]*exp(x); [p, q, 3, v[1] + A[1,2]] }"
AT: dict[str, Any] = {"x": 0.5, "v": [2.0, -3.0], "A": [[1.0, 4.0], [0.25, -2.0]]}
# q is (A21*v1 + A22*v2)*exp(x).
E = math.exp(0.5)
Q: dict[tuple[str, str], float] = {
    ("x", "x"): 6.5 * E, ("x", "v[1]"): 0.25 * E, ("x", "v[2]"): -2.0 * E,
    ("x", "A[2,1]"): 2.0 * E, ("x", "A[2,2]"): -3.0 * E,
    ("v[1]", "A[2,1]"): E, ("v[2]", "A[2,2]"): E,
}  # fmt: skip
RESULTS: dict[str, dict[tuple[str, str], float]] = {
    "f[1]": {("x", "x"): 4.0, ("x", "v[1]"): 1.0},
    "f[2]": Q,
    "f[3]": {},
    "f[4]": {},
}
ALL = ["x", "v[1]", "v[2]", "A[1,1]", "A[1,2]", "A[2,1]", "A[2,2]"]


@pytest.mark.parametrize("wrt", [None, "x", "A", ["v"], ["A", "x"], ["v", "A"], ["A", "v", "x"]])
@pytest.mark.parametrize("result", RESULTS)
def test_several_results(result: str, wrt: Any) -> None:
    """One of several results, towards all inputs, one, or some, in the program's order."""
    program = adcli.load(SEVERAL)
    found = program.hessian(AT, result=result, wrt=wrt)
    check_sound(found)
    assert found.result == result
    assert found.warnings == []
    names = ["x", "v", "A"] if wrt is None else [wrt] if isinstance(wrt, str) else wrt
    assert found.columns == [label for label in ALL if label.partition("[")[0] in names]
    assert list(found.gradient) == [name for name in ("x", "v", "A") if name in names]
    entries = RESULTS[result] | {(j, i): x for (i, j), x in RESULTS[result].items()}
    for i, row in zip(found.columns, found.hessian, strict=True):
        for j, got in zip(found.columns, row, strict=True):
            assert got == pytest.approx(entries.get((i, j), 0.0), rel=1e-15, abs=0), (i, j)
    for i, row in zip(found.columns, found.matrix.rows, strict=True):
        assert [found.columns[j] for j in row] == [j for j in found.columns if (i, j) in entries]
    same_result = program.grad(AT, result=result, wrt=wrt, mode="reverse")
    assert (found.value, found.gradient) == (same_result.value, same_result.gradient)


def test_shapes_of_products() -> None:
    """A product has the shapes of the inputs, a direction theirs or elements."""
    program = adcli.load(SEVERAL)
    by_input = program.hvp(AT, direction={"A": [[0, 0], [1, 2]], "x": 0}, result="f[2]")
    assert by_input.hvp == {
        "x": pytest.approx(2 * E - 6 * E, rel=1e-15),
        "v": [pytest.approx(E, rel=1e-15), pytest.approx(2 * E, rel=1e-15)],
        "A": [[0.0, 0.0], [0.0, 0.0]],
    }
    by_element = program.hvp(AT, direction={"A[2,2]": 2, "A[2,1]": 1}, result="f[2]")
    assert by_element.hvp == by_input.hvp
    assert by_element.gradient == program.grad(AT, result="f[2]", mode="reverse").gradient
    nothing = program.hvp(AT, direction={}, result="f[2]")
    assert numbers_of(nothing) == [0.0] * 7
    some = program.hvp(AT, direction={"v[2]": 1}, wrt=["v", "A"], result="f[2]")
    assert list(some.hvp) == ["v", "A"]
    assert some.hvp["A"] == [[0.0, 0.0], [0.0, pytest.approx(E, rel=1e-15)]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "4 results"),
        ({"result": "g"}, "no result is called 'g'"),
        ({"result": "f[1]", "wrt": "y"}, "'y'"),
    ],
)
def test_what_is_not_there(options: dict[str, Any], message: str) -> None:
    """No such result or input, or several results and none named."""
    program = adcli.load(SEVERAL)
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        program.hessian(AT, **options)
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        program.hvp(AT, direction={"x": 1}, **options)


@pytest.mark.parametrize(
    "direction", [{"y": 1}, {"v": 1}, {"v": [1, 2, 3]}, {"x": [1]}, {"v[3]": 1}, {"A[1]": 1}]
)
def test_directions_of_another_shape(direction: dict[str, Any]) -> None:
    """A direction has the shapes of the inputs."""
    with pytest.raises(InputError):
        adcli.load(SEVERAL).hvp(AT, direction=direction, result="f[1]")


def test_a_direction_in_what_is_not_differentiated() -> None:
    """The Hessian towards v has no column for x."""
    with pytest.raises(InputError, match="'x'"):
        adcli.load(SEVERAL).hvp(AT, direction={"x": 1, "v[1]": 1}, wrt="v", result="f[1]")


# Sparse structure.


def check_column_by_column(run: Run, found: Hessian) -> None:
    """Compressed columns are those found one by one, by hand, over a recorded gradient.

    An entry and its mirror image may differ by hand, in rounding; one of them it is.
    """
    (output,) = run.results.values()
    graph, nodes = run.graph, list(element_nodes(run).values())
    assert type(output) is int
    v_bar = reverse(graph, {output: 1.0}, nodes, over_graph(graph))
    count = len(nodes)
    chosen = range(count) if count <= 60 else [0, 1, 2, count // 2, count // 2 + 1, count - 1]
    by_hand = {}
    for j in chosen:
        v_dot = forward(graph, {nodes[j]: 1.0}, over_floats(graph))
        column = [v_dot[v_bar[x]] if type(v_bar[x]) is int else None for x in nodes]
        by_hand[j] = [x or 0.0 for x in column]
    matrix = found.hessian
    for j, column in by_hand.items():
        for i, alone in enumerate(column):
            assert abs(matrix[i][j] - alone) <= 1e-12 * abs(alone), (i, j)
            if i in by_hand:
                assert matrix[i][j] in (alone, by_hand[i][j]), (i, j)


def _spread(count: int) -> list[float]:
    """Some numbers between -1 and 1, none of them 0."""
    return [math.sin(1 + 2.7 * i) for i in range(count)]


def _tridiagonal(x: Sequence[float]) -> dict[tuple[int, int], float]:
    """Of the chained function of Rosenbrock."""
    n = len(x)
    found = {}
    for i in range(n):
        found[i, i] = 0.0
        if i < n - 1:
            found[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
            found[i, i + 1] = found[i + 1, i] = -400 * x[i]
        if i > 0:
            found[i, i] += 200
    return found


def _arrow(hub: int) -> Callable[[Sequence[float]], dict[tuple[int, int], float]]:
    """Of the sum of (x[hub] + x[i])^3/6 for the others."""

    def entries(x: Sequence[float]) -> dict[tuple[int, int], float]:
        h = hub % len(x)
        others = [i for i in range(len(x)) if i != h]
        found = {(h, h): math.fsum(x[h] + x[i] for i in others)}
        for i in others:
            found[i, i] = found[h, i] = found[i, h] = x[h] + x[i]
        return found

    return entries


def _softmax_matrix(x: Sequence[float]) -> dict[tuple[int, int], float]:
    """diag(p) - p p^T."""
    total = math.fsum(map(math.exp, x))
    p = [math.exp(y) / total for y in x]
    return {
        (i, j): p[i] * (1 - p[i]) if i == j else -p[i] * p[j]
        for i in range(len(x))
        for j in range(len(x))
    }


# A program, how many inputs, the colours, and the entries in closed form.
SPARSE: dict[str, tuple[str, int, int, Callable[..., dict[tuple[int, int], float]]]] = {
    "tridiagonal": (
        "f(x[]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1)",
        1000, 3, _tridiagonal,
    ),
    "tridiagonal of 3": (
        "f(x[]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1)",
        3, 2, _tridiagonal,  # no path of four
    ),
    "diagonal": (
        "f(x[]) = sum(x[i]^4 for i in 1..len(x))",
        1000, 1, lambda x: {(i, i): 12 * y**2 for i, y in enumerate(x)},
    ),
    "pairs": (
        "f(x[]) = sum(x[2*i-1]*x[2*i] for i in 1..len(x)/2)",
        400, 2, lambda x: {(i, i ^ 1): 1.0 for i in range(len(x))},
    ),
    "arrow": (
        "f(x[]) = sum((x[1] + x[i])^3/6 for i in 2..len(x))", 500, 2, _arrow(0),
    ),
    "arrow the other way": (
        "f(x[]) = sum((x[len(x)] + x[i])^3/6 for i in 1..len(x)-1)", 500, 2, _arrow(-1),
    ),
    "dense": ("f(x[]) = logsumexp(x)", 40, 40, _softmax_matrix),
    "dense, in lanes": ("f(x[]) = logsumexp(x)", 130, 130, _softmax_matrix),
    "all but the diagonal": (
        "f(x[]) = { s = 0; t = 0; for y in x { t += s*y; s += y }; t }", 30, 30,
        lambda x: {(i, j): 1.0 for i in range(len(x)) for j in range(len(x)) if i != j},
    ),
    "one entry": ("f(x[]) = x[7]^3 + sum(x)", 300, 1, lambda x: {(6, 6): 6 * x[6]}),
    "linear": ("f(x[]) = sum(i*x[i] for i in 1..len(x)) - 3", 300, 0, lambda x: {}),
    "constant": ("f(x[]) = 3", 300, 0, lambda x: {}),
}  # fmt: skip


@pytest.mark.parametrize("name", SPARSE)
def test_structure(name: str) -> None:
    """The entries are exactly those in closed form, in as many passes as there are colours."""
    text, count, colors, entries = SPARSE[name]
    x = _spread(count)
    run = adcli.load(text).run(x=x)
    found = hessian_of_run(run)
    check_sound(found)
    assert found.colors == colors
    assert found.columns == [f"x[{i}]" for i in range(1, count + 1)]
    expected = entries(x)
    listed = [(i, j) for i, row in enumerate(found.matrix.rows) for j in row]
    assert listed == sorted(expected)
    numbers = [number for row in found.matrix.numbers for number in row]
    # Some entries are differences: of 1200*x^2 and 400*y, of the terms of a long sum.
    leave = 1e-15 * max(map(abs, expected.values()), default=0.0)
    for (i, j), got in zip(listed, numbers, strict=True):
        assert abs(got - expected[i, j]) <= 1e-12 * abs(expected[i, j]) + leave, (i, j)
    if type(run.results["f"]) is int and count * count <= 1_000_000:
        check_column_by_column(run, found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_column_by_column(case: Case) -> None:
    """The same for the programs of `test_second_order`, which have no entries that cancel."""
    run = adcli.load(case.text).run(case.at)
    check_column_by_column(run, hessian_of_run(run))


Terms = dict[tuple[int, ...], int]


@st.composite
def _polynomials(draw: Any) -> tuple[int, Terms, list[int], list[int]]:
    """How many variables, the terms by their variables, a point, and a direction: integers."""
    count = draw(st.integers(1, 9))
    variable = st.integers(0, count - 1)
    key = st.lists(variable, min_size=1, max_size=3).map(lambda x: tuple(sorted(x)))
    weight = st.integers(-4, 4).filter(bool)
    terms = draw(st.dictionaries(key, weight, min_size=1, max_size=14))
    numbers = st.lists(st.integers(-3, 3), min_size=count, max_size=count)
    return count, terms, draw(numbers), draw(numbers)


def _second_of(terms: Terms, x: Sequence[int]) -> dict[tuple[int, int], int]:
    """The second derivatives of a polynomial, in integers: entries that may be there."""
    found: dict[tuple[int, int], int] = {}
    for key, weight in terms.items():
        for p in range(len(key)):
            for q in range(len(key)):
                if p != q:
                    rest = [x[k] for r, k in enumerate(key) if r not in (p, q)]
                    entry = key[p], key[q]
                    found[entry] = found.get(entry, 0) + weight * math.prod(rest)
    return found


@settings(max_examples=200, deadline=None)
@given(_polynomials())
@example((4, {(0, 1): 1, (1, 2): 1, (2, 3): 1}, [0] * 4, [1] * 4))
@example((5, {(0, 1): 1, (0, 2): 1, (0, 3): 1, (0, 4): 1, (0, 0): 1}, [1] * 5, [1] * 5))
@example((4, {(0, 1): 1, (1, 2): 2, (2, 3): 3, (0, 3): 4}, [1] * 4, [1, 2, 3, 4]))
def test_polynomials(polynomial: tuple[int, Terms, list[int], list[int]]) -> None:
    """Any structure: entries are the integers they are, no others are listed."""
    count, terms, x, direction = polynomial
    text = " + ".join(
        f"({weight})*" + "*".join(f"x[{k + 1}]" for k in key) for key, weight in terms.items()
    )
    program = adcli.load(f"f(x[{count}]) = {text}")
    found = program.hessian(x=x)
    check_sound(found)
    expected = _second_of(terms, x)
    for i, row in enumerate(found.hessian):
        assert row == [expected.get((i, j), 0) for j in range(count)]
        assert set(found.matrix.rows[i]) == {j for k, j in expected if k == i}
    assert found.colors <= count
    product = program.hvp(x=x, direction={"x": direction})
    assert numbers_of(product) == [
        sum(a * b for a, b in zip(row, direction, strict=True)) for row in found.hessian
    ]


def test_too_large_to_be_written_out() -> None:
    """A sparse matrix may be larger than a dense one."""
    found = adcli.load("f(x[]) = sum(x[i]^3 for i in 1..len(x))").hessian(x=[0.5] * 4000)
    assert found.colors == 1
    assert [list(row) for row in found.matrix.numbers] == [[3.0]] * 4000
    with pytest.raises(LimitError, match="4,000 x 4,000"):
        _ = found.hessian
    with pytest.raises(LimitError, match="entries"):
        adcli.load("f(x[]) = sum(x)^2").hessian(x=[0.5] * 3200)


# Many passes at once.


def test_lanes_and_passes_alone_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many passes in vectors, and the same one by one."""
    from adcli.differentiate import passes
    from adcli.evaluate import lanes

    program = adcli.load("f(x[]) = logsumexp(x)*norm(x) + prod(sin(x[1..3]))")
    x = _spread(200)
    made = []
    monkeypatch.setattr(lanes, "quiet", lambda: made.append(1) or np.errstate(all="ignore"))
    at_once = program.hessian(x=x).hessian
    assert made
    made.clear()
    monkeypatch.setattr(passes, "_MANY_VISITS", math.inf)
    alone = program.hessian(x=x).hessian
    assert not made
    pack = struct.Struct("200d").pack
    assert [pack(*row) for row in at_once] == [pack(*row) for row in alone]


def test_infinities_in_lanes() -> None:
    """Lanes with what is not finite are made again: zeros by structure stay zero there."""
    n = 220
    program = adcli.load(f"f(x[{n}]) = x[1]^1.5*x[2] + logsumexp(x[3..{n}]) + x[4]^1.5")
    x = _spread(n)
    x[0], x[1], x[3] = 0.0, -2.0, 0.0
    found = program.hessian(x=x)
    assert found.colors * len(program.run(x=x).graph) > 200_000  # enough for lanes
    check_sound(found)
    check_places(found)
    smooth = _softmax_matrix(x[2:])
    for i, row in enumerate(found.hessian):
        for j, got in enumerate(row):
            if (i, j) == (0, 0):
                assert got == -INF
            elif (i, j) == (3, 3):
                assert got == INF
            elif min(i, j) < 2:
                assert got == 0
            else:
                assert got == pytest.approx(smooth[i - 2, j - 2], rel=1e-11)


# What is said.

# A program, a point, and the text blamed, its line and its column.
BLAMED: list[tuple[str, dict[str, Any], str, int, int]] = [
    ("x^1.5", {"x": 0.0}, "x^1.5", 1, 1),
    ("y = x^2\nz = y + x^1.5\nz*3", {"x": 0.0}, "x^1.5", 2, 9),
    ("3*sqrt(x) + x^2", {"x": 0.0}, "sqrt(x)", 1, 3),
    ("x^2*y + 1/z", {"x": 1.0, "y": 2.0, "z": 1e-120}, "1/z", 1, 9),
    ("g(a) = a^1.5\nf(x) = {\n    s = 0\n    for i in 1..3 { s += g(x) }\n    s\n}",
     {"x": 0.0}, "a^1.5", 1, 8),
    ("f(v[3]) = sum(v)^1.5", {"v": [0.0, 0.0, 0.0]}, "sum(v)^1.5", 1, 11),
    ("f(v[3]) = sum(v[i]^1.5 for i in 1..3)", {"v": [1.0, 0.0, 2.0]}, "v[i]^1.5", 1, 15),
    ("x*y + logit(p)", {"x": 1.0, "y": 1.0, "p": 0.0}, "logit(p)", 1, 7),
    ("x^2*1e200*1e108", {"x": 1e-160}, "x^2", 1, 1),
    ("if x >= 0 then x^1.5 else x", {"x": 0.0}, "x^1.5", 1, 16),
    # A note or a warning of another kind does not take the place of it.
    ("abs(y) + x^1.5", {"y": 0.0, "x": 0.0}, "x^1.5", 1, 10),
    ("if y == 2 then x^1.5 else x", {"y": 2.0, "x": 0.0}, "x^1.5", 1, 16),
    # The entry is infinite in the pass towards y and finite in that towards z.
    ("f(y, z) = 0*z/y + z^2", {"y": 1e-160, "z": 2.0}, "0*z/y", 1, 11),
]  # fmt: skip


@pytest.mark.parametrize("row", BLAMED, ids=lambda row: row[0])
def test_blame(row: tuple[str, dict[str, Any], str, int, int]) -> None:
    """A warning points at the operation whose first or second derivative is not finite."""
    text, at, blamed, line, column = row
    found = adcli.load(text).hessian(at)
    check_sound(found)
    assert not all(math.isfinite(x) for row in found.hessian for x in row)
    places = [
        (warning.span.text, warning.span.line, warning.span.column)
        for warning in found.warnings
        if warning.is_non_finite and warning.span
    ]
    assert (blamed, line, column) in places, found.warnings
    check_places(found)
    messages = [warning.message for warning in found.warnings if warning.kind == "derivative"]
    if all(map(math.isfinite, found.numbers)):
        assert [message.startswith("the second derivative") for message in messages] == [True]
    else:
        assert [message.startswith("the derivative of ") for message in messages] == [True]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x^1.5*y^2", {"x": 0.0, "y": 1.0}),
        ("x^1.5 + exp(y)", {"x": 0.0, "y": 1.0}),
        ("x^1.5 + sqrt(y)", {"x": 0.0, "y": 0.25}),
    ],
)
def test_a_finite_product_says_nothing(text: str, at: dict[str, float]) -> None:
    """Only a direction that meets what is not finite is warned of."""
    program = adcli.load(text)
    assert {warning.kind for warning in program.hessian(at).warnings} == {"derivative"}
    along_y = program.hvp(at, direction={"y": 1})
    assert all(map(math.isfinite, numbers_of(along_y)))
    assert along_y.warnings == []
    along_x = program.hvp(at, direction={"x": 1})
    check_said(along_x, numbers_of(along_x))
    check_places(along_x)
    assert {warning.kind for warning in along_x.warnings} == {"derivative"}
    assert program.hessian(at, wrt="y").warnings == []
    (warning,) = program.hessian(at, wrt="x").warnings
    assert warning.span.text == "x^1.5"


def test_a_zero_in_a_direction_is_structural() -> None:
    """An input that the direction leaves out, or has a zero for, meets no infinity."""
    program, at = adcli.load("sqrt(a)*c + b^2"), {"a": 0.0, "b": 3.0, "c": 1.0}
    for direction in ({"b": 1.0}, {"a": 0.0, "b": 1.0}, {"a": -0.0, "b": 1.0, "c": 0.0}):
        assert numbers_of(program.hvp(at, direction=direction)) == [0.0, 0.0, 2.0]
    assert numbers_of(program.hvp(at, direction={"a": 1.0, "b": 1.0})) == [-INF, INF, 2.0]


UNARY = [
    "sqrt", "cbrt", "abs", "ln", "exp", "sin", "asin", "acosh", "atanh", "log1p", "relu",
    "sigmoid", "softplus", "tanh", "erf", "normcdf", "silu", "round",
]  # fmt: skip
BINARY = ["max", "min", "atan2", "hypot", "mod", "logaddexp"]


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/^"), inner),
        st.builds("{}({})".format, st.sampled_from(UNARY), inner),
        st.builds("{}({}, {})".format, st.sampled_from(BINARY), inner, inner),
        st.builds("(if {} > {} then {} else {})".format, inner, inner, inner, inner),
    )


EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "y", "z", "x", "y", "z", "0", "1", "2", "0.5", "1.5", "-1"]),
    _extend,
    max_leaves=8,
)
ODD = st.sampled_from([0.0, 0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, 1e-160, 1e160, -1e-200, INF, NAN])


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS, st.tuples(ODD, ODD, ODD))
@example("(x ^ 1.5)", (0.0, 0.0, 0.0))
@example("((x + y) ^ z)", (0.0, 0.0, 0.0))
@example("((x * y) ^ z)", (0.0, 2.0, 1.5))
@example("(sqrt(x) * (y / z))", (0.0, 0.0, 1e-200))
def test_nothing_is_silent(text: str, point: tuple[float, float, float]) -> None:
    """Any expression at any point: symmetric, structural zeros 0, and no silent infinity."""
    program = adcli.load(f"f(x, y, z) = {text}")
    at = dict(zip("xyz", point, strict=True))
    found = program.hessian(at)
    check_sound(found)
    gradient = program.grad(at, mode="reverse")
    assert same(found.value, gradient.value)
    assert all(map(same, found.numbers, gradient.numbers))
    for name in at:
        product = program.hvp(at, direction={name: 1.0})
        check_said(product, numbers_of(product))
        check_places(product)
    # What does not occur has neither row nor column.
    for i, name in enumerate(at):
        if name not in text.replace("exp", "").replace("max", "").replace("hypot", ""):
            assert found.hessian[i] == [0.0, 0.0, 0.0]


# Sizes.

SCALABLE = {
    "rosenbrock": "f(x[]) = sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..len(x)-1)",
    "recurrence": "f(x[]) = { s = 0; for y in x { s = tanh(s + y) }; s }",
    "product": "f(x[]) = prod(x)",
    "neighbours": "f(x[]) = sum(sigmoid(x[i])*sin(x[i+1]) for i in 1..len(x)-1)",
    "norms": "f(x[]) = dot(x, x)/(1 + norm(x))",
    "softmax": "f(x[]) = { p = softmax(x); sum(p[i]*ln(p[i]) for i in 1..len(x)) }",
}


@pytest.mark.parametrize("name", SCALABLE)
def test_gradients_grow_with_the_program(name: str) -> None:
    """The operations of a gradient are at most 4 for each of the value, whatever the size."""
    program = adcli.load(SCALABLE[name])
    ratios = []
    for count in (10, 100, 1000):
        x = _spread(count)
        operations = program.hvp(x=x, direction={"x[1]": 1}).operations
        assert list(operations) == ["value", "gradient"]
        assert operations["value"] == sum(1 for _ in program.run(x=x).graph.operations())
        if count <= 100:
            assert program.hessian(x=x).operations == operations
        ratios.append(operations["gradient"] / operations["value"])
    assert max(ratios) <= 4
    assert max(ratios) < 1.2 * min(ratios)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradients_of_cases_are_small(case: Case) -> None:
    """At most 7 operations for each: those of x^y, and of the chain rule for it."""
    operations = adcli.load(case.text).hessian(case.at).operations
    assert operations["gradient"] <= 7 * operations["value"]


# A run is used again.


def test_again_in_the_same_run() -> None:
    """A gradient is recorded in the graph of a run; what comes after finds the same."""
    from adcli.differentiate.gradient import gradient
    from adcli.differentiate.jacobian import jacobian
    from adcli.differentiate.products import jvp

    program = adcli.load("f(x, v[2]) = x^2*exp(v[1]*v[2]) + sqrt(x*v[1])*sin(v[2])")
    at: dict[str, Any] = {"x": 0.75, "v": [1.25, -0.5]}
    fresh = program.run(at)
    first = hessian_of_run(fresh)
    untouched = program.run(at)
    used = program.run(at)
    for _ in range(3):
        again = hessian_of_run(used)
        assert (again.value, again.gradient) == (first.value, first.gradient)
        assert again.hessian == first.hessian
        product = hvp_of_run(used, {"x": 0.5, "v[2]": -1.5})
        assert product.hvp == hvp_of_run(program.run(at), {"x": 0.5, "v[2]": -1.5}).hvp
        part = hessian_of_run(used, wrt="v")
        assert part.hessian == hessian_of_run(program.run(at), wrt="v").hessian
        for mode in ("forward", "reverse"):
            assert gradient(used, mode).numbers == gradient(untouched, mode).numbers
            assert jacobian(used, mode).jacobian == jacobian(untouched, mode).jacobian
        assert jvp(used, {"x": 1}).jvp == jvp(untouched, {"x": 1}).jvp
        assert used.values() == untouched.values()


def test_too_many_operations() -> None:
    """What the gradient records counts."""
    program = adcli.load("f(x[]) = sum(sin(x[i])*exp(x[i]) for i in 1..len(x))")
    x = _spread(50)
    count = sum(1 for _ in program.run(x=x).graph.operations())
    found = hessian_of_run(program.run(x=x))
    both = sum(found.operations.values())
    assert found.operations["value"] == count
    hessian_of_run(program.run(x=x, max_operations=both))
    with pytest.raises(LimitError):
        hessian_of_run(program.run(x=x, max_operations=both - 1))


@pytest.mark.parametrize("path", paths(2), ids=path_name)
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x*y + ln(z)*x^2", {"x": 1.5, "y": -2.0, "z": 3.0}),
        ("atan2(x*y, z) + hypot(x, z)", {"x": 1.5, "y": -2.0, "z": 3.0}),
    ],
)
def test_other_orders_of_the_modes(text: str, at: dict[str, float], path: tuple[str, str]) -> None:
    """Forward over reverse is what other orders give, entry by entry."""
    found = adcli.load(text).hessian(at)
    for i, first in enumerate(at):
        for j, second in enumerate(at):
            expected = by_path(text, at, (first, second), path)
            assert found.hessian[i][j] == pytest.approx(expected, rel=1e-14, abs=1e-16)
