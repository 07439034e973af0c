"""Jacobian times vector and vector times Jacobian: against the matrix, and each other.

The matrix is the one of reference, from mpmath; nothing is compared with the package's own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from derivative_graphs import flatten, same
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from mpmath import mpf
from reference_machine import Rejected
from test_jacobian import CASES, COUNT, Table, case_table, flat, generated, make, owner, slack

import adcli
from adcli.differentiate import products
from adcli.graph.program import Run

INF, NAN = math.inf, math.nan
RELATIVE = 1e-12


# The products and the identity between them.

# Below this doubles have few digits.
UNDERFLOW = mpf("1e-300")


def close(got: float, terms: Sequence[mpf], more: float = 0.0) -> None:
    """A sum, to 1e-12 of the absolute sum of its terms and some more."""
    right = sum(terms, mpf(0))
    allowed = RELATIVE * sum(map(abs, terms), mpf(0)) + more
    assert abs(mpf(got) - right) <= allowed + UNDERFLOW, f"{got!r}, not {float(right)!r}"


def weighted(x: Sequence[float], numbers: Sequence[float]) -> float:
    """What the slack of single entries adds up to."""
    return math.fsum(abs(a) * b for a, b in zip(x, numbers, strict=True))


def check_products(
    run: Run,
    table: Table,
    v: Mapping[str, float],
    w: Mapping[str, float],
    more: Sequence[Sequence[float]],
) -> None:
    """J v, w J, and <w, J v> = <w J, v>, for a direction and weights by element."""
    pushed = products.jvp(run, v)
    pulled = products.vjp(run, w)
    values = run.values()
    assert pushed.values == pulled.values == values
    assert list(pushed.jvp) == list(values) == list(w)
    assert (pushed.direction, pulled.weights) == (v, w)
    backward = dict(flatten(pulled.vjp))
    assert list(backward) == list(v)
    assert list(backward.values()) == pulled.numbers
    directions, weights = list(v.values()), list(w.values())

    forward = list(pushed.jvp.values())
    for got, row, extra in zip(forward, table, more, strict=True):
        terms = [entry * mpf(x) for entry, x in zip(row, directions, strict=True)]
        close(got, terms, weighted(directions, extra))
    for j, got in enumerate(backward.values()):
        terms = [row[j] * mpf(x) for row, x in zip(table, weights, strict=True)]
        close(got, terms, weighted(weights, [extra[j] for extra in more]))

    products_of_both = [
        [abs(a * entry * b) for entry, b in zip(row, directions, strict=True)]
        for a, row in zip(weights, table, strict=True)
    ]
    left = sum((mpf(a) * mpf(b) for a, b in zip(weights, forward, strict=True)), mpf(0))
    right = sum(
        (mpf(a) * mpf(b) for a, b in zip(backward.values(), directions, strict=True)), mpf(0)
    )
    extra = math.fsum(abs(a) * weighted(directions, b) for a, b in zip(weights, more, strict=True))
    allowed = RELATIVE * sum(flat(products_of_both), mpf(0)) + 2 * extra
    assert abs(left - right) <= allowed + UNDERFLOW


def random_numbers(chooser: random.Random, names: Sequence[str]) -> dict[str, float]:
    """A number for each name, some of them 0 and some large or small."""
    kinds = [lambda: 0.0, lambda: 1.0, lambda: chooser.uniform(-2, 2)]
    kinds += [lambda: chooser.uniform(-2, 2) * 10.0 ** chooser.randrange(-6, 7)]
    return {name: chooser.choice(kinds)() for name in names}


@pytest.mark.parametrize("index", range(COUNT))
def test_generated(index: int) -> None:
    """Generated programs, random directions and weights."""
    made = generated()[index]
    run = adcli.load(made.program.text).run(made.program.at)
    chooser = random.Random(f"directions {index}")
    for _ in range(3):
        v = random_numbers(chooser, made.program.columns)
        w = random_numbers(chooser, list(run.results))
        check_products(run, made.table, v, w, slack(run))


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_any_program(chooser: random.Random) -> None:
    """The same, with the choices left to hypothesis."""
    try:
        made = make(chooser)
    except Rejected:
        reject()
    run = adcli.load(made.program.text).run(made.program.at)
    v = random_numbers(chooser, made.program.columns)
    w = random_numbers(chooser, list(run.results))
    check_products(run, made.table, v, w, slack(run))


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    """Programs made by hand, along random directions."""
    case = CASES[name]
    run = adcli.load(case.text).run(case.at)
    chooser = random.Random(name)
    for _ in range(3):
        v, w = random_numbers(chooser, case.columns), random_numbers(chooser, case.rows)
        check_products(run, case_table(name), v, w, [[0.0] * len(v)] * len(w))


@pytest.mark.parametrize("name", CASES)
def test_rows_and_columns(name: str) -> None:
    """Along one input it is a column of the matrix, with one weight a row, entry by entry."""
    case = CASES[name]
    program, table = adcli.load(case.text), case_table(name)
    for j, column in enumerate(case.columns):
        found = program.jvp(case.at, direction={column: 1.0})
        assert list(found.jvp) == case.rows
        for got, row in zip(found.jvp.values(), table, strict=True):
            assert abs(mpf(got) - row[j]) <= RELATIVE * abs(row[j])
    for row, right in zip(case.rows, table, strict=True):
        pulled = program.vjp(case.at, weights={row: 1.0})
        for got, entry in zip(pulled.numbers, right, strict=True):
            assert abs(mpf(got) - entry) <= RELATIVE * abs(entry)
        for name_ in case.at:
            own = [
                x for x, c in zip(pulled.numbers, case.columns, strict=True) if owner(c) == name_
            ]
            alone = program.vjp(case.at, weights={row: 1.0}, wrt=name_)
            assert list(alone.vjp) == [name_]
            assert alone.numbers == own
            assert list(dict(flatten(alone.vjp)).values()) == own


def test_one_pass_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many results and inputs there are."""
    made = []
    for name in ("forward", "reverse"):
        inner = getattr(products, name)

        def counted(*arguments: Any, inner: Any = inner, name: str = name) -> Any:
            made.append(name)
            return inner(*arguments)

        monkeypatch.setattr(products, name, counted)
    program = adcli.load("f(x[]) = sin(x)")
    at = {"x": [0.1 * i for i in range(50)]}
    program.jvp(at, direction={"x": [1.0] * 50})
    assert made == ["forward"]
    program.vjp(at, weights={"f": [1.0] * 50})
    assert made == ["forward", "reverse"]


# How directions and weights may be written. The program is linear in each, so that the
# numbers are whole and known: f1 = x[1] + 2 s, f2 = 3 x[2] + 10 A[1,2] + 100 A[2,1].

PROGRAM = "f(x[2], A[2,2], s) = [x[1] + 2*s, 3*x[2] + 10*A[1,2] + 100*A[2,1]], s"
AT: dict[str, Any] = {"x": [1.0, 2.0], "A": [[3.0, 4.0], [5.0, 6.0]], "s": 7.0}

DIRECTIONS: list[tuple[dict[str, Any], dict[str, float], list[float]]] = [
    ({}, {}, [0, 0, 0]),
    ({"s": 1}, {"s": 1}, [2, 0, 1]),
    ({"s": -2.5}, {"s": -2.5}, [-5, 0, -2.5]),
    ({"x": [1, 2]}, {"x[1]": 1, "x[2]": 2}, [1, 6, 0]),
    ({"x": (1, 2)}, {"x[1]": 1, "x[2]": 2}, [1, 6, 0]),
    ({"x": range(1, 3)}, {"x[1]": 1, "x[2]": 2}, [1, 6, 0]),
    ({"x[1]": 1, "x[2]": 2}, {"x[1]": 1, "x[2]": 2}, [1, 6, 0]),
    ({"x[2]": 2, "x[1]": 1}, {"x[2]": 2, "x[1]": 1}, [1, 6, 0]),
    ({"x[2]": 2}, {"x[2]": 2}, [0, 6, 0]),
    ({"A": [[1, 2], [3, 4]]}, {"A[1,1]": 1, "A[1,2]": 2, "A[2,1]": 3, "A[2,2]": 4}, [0, 320, 0]),
    ({"A[2,1]": 3, "A[1,2]": 2}, {"A[2,1]": 3, "A[1,2]": 2}, [0, 320, 0]),
    ({"A[1,1]": 5}, {"A[1,1]": 5}, [0, 0, 0]),
    (
        {"s": 1, "A[2,1]": 1, "x": [0, 5], "A[1,2]": 0},
        {"s": 1, "A[2,1]": 1, "x[1]": 0, "x[2]": 5, "A[1,2]": 0},
        [2, 115, 1],
    ),
    (
        {"x": np.array([1.0, 2.0]), "A": np.eye(2), "s": np.float64(1)},
        {"x[1]": 1, "x[2]": 2, "A[1,1]": 1, "A[1,2]": 0, "A[2,1]": 0, "A[2,2]": 1, "s": 1},
        [3, 6, 1],
    ),
]


@pytest.mark.parametrize(("given_", "by_element", "expected"), DIRECTIONS)
def test_directions(
    given_: dict[str, Any], by_element: dict[str, float], expected: list[float]
) -> None:
    """By input in its shape, by element, and both; what is left out is 0."""
    found = adcli.load(PROGRAM).jvp(AT, direction=given_)
    assert found.direction == by_element
    assert list(found.jvp.items()) == list(zip(["f[1][1]", "f[1][2]", "s"], expected, strict=True))
    assert found.values == adcli.load(PROGRAM).eval(AT)
    assert found.warnings == []


WEIGHTS: list[tuple[str, dict[str, Any], dict[str, float], dict[str, Any]]] = [
    ("f(x, y) = x + 2*y", {"f": 3}, {"f": 3}, {"x": 3, "y": 6}),
    ("f(x, y) = x + 2*y", {}, {}, {"x": 0, "y": 0}),
    ("f(x, y) = x, 2*y", {"x": 3, "f[1]": 1}, {"x": 3, "f[1]": 1}, {"x": 3, "y": 2}),
    ("f(x, y) = x, 2*y", {"f[1]": 1}, {"f[1]": 1}, {"x": 0, "y": 2}),
    ("f(x, y) = 3*x, [y, 2*y]", {"f[2]": [1, 10]}, {"f[2][1]": 1, "f[2][2]": 10},
     {"x": 0, "y": 21}),
    ("f(x, y) = 3*x, [y, 2*y]", {"f[2][2]": 10, "f[1]": 1}, {"f[2][2]": 10, "f[1]": 1},
     {"x": 3, "y": 20}),
    ("f(x, y) = x + y, 2*y", {"f": [1, 10]}, {"f[1]": 1, "f[2]": 10}, {"x": 1, "y": 21}),
    ("f(x, y) = [x + y, 2*y]", {"f": [1, 10]}, {"f[1]": 1, "f[2]": 10}, {"x": 1, "y": 21}),
    ("f(x, y) = [x + y, 2*y]", {"f[2]": 10}, {"f[2]": 10}, {"x": 0, "y": 20}),
    ("f(x, y) = [x + y, 2*y]", {"f[2]": 10, "f[1]": 0}, {"f[2]": 10, "f[1]": 0},
     {"x": 0, "y": 20}),
    ("f(v[]) = v", {"f": np.array([1.0, 2.0])}, {"f[1]": 1, "f[2]": 2}, {"v": [1, 2]}),
    ("f(v[]) = v, 2*v[2], 3", {"v": [1, 2], "f[1]": 5, "f[2]": 9},
     {"v[1]": 1, "v[2]": 2, "f[1]": 5, "f[2]": 9}, {"v": [1, 12]}),
    ("f(v[]) = v, 2*v[2], 3", {"f": [5, 9], "v[2]": 2}, {"f[1]": 5, "f[2]": 9, "v[2]": 2},
     {"v": [0, 12]}),
    ("f(v[]) = { t = 2*v; u = v[1]; u, t }", {"t": [1, 10], "u": 5},
     {"t[1]": 1, "t[2]": 10, "u": 5}, {"v": [7, 20]}),
    ("f(A[2,2]) = transpose(A)", {"f": [[1, 2], [3, 4]]},
     {"f[1,1]": 1, "f[1,2]": 2, "f[2,1]": 3, "f[2,2]": 4}, {"A": [[1, 3], [2, 4]]}),
    ("f(A[2,2]) = transpose(A)", {"f[1,2]": 2}, {"f[1,2]": 2}, {"A": [[0, 0], [2, 0]]}),
    ("f(A[2,2], y) = y + A[2,1]", {"f": -0.5}, {"f": -0.5}, {"A": [[0, 0], [-0.5, 0]], "y": -0.5}),
]  # fmt: skip

POINT: dict[str, Any] = {"x": 2.0, "y": 3.0, "v": [2.0, 3.0], "A": [[1.0, 2.0], [3.0, 4.0]]}


@pytest.mark.parametrize(("text", "given_", "by_result", "expected"), WEIGHTS)
def test_weights(
    text: str, given_: dict[str, Any], by_result: dict[str, float], expected: dict[str, Any]
) -> None:
    """By result, by whole vector, and both; the answer has the shapes of the inputs."""
    program = adcli.load(text)
    at = {name: POINT[name] for name in program.inputs}
    found = program.vjp(at, weights=given_)
    assert found.weights == by_result
    assert found.vjp == expected
    assert found.values == program.eval(at)
    assert found.warnings == []


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [
        (None, {"x": [10.0, 3.0], "A": [[0.0, 10.0], [100.0, 0.0]], "s": 20.0}),
        ("A", {"A": [[0.0, 10.0], [100.0, 0.0]]}),
        (["s", "x"], {"x": [10.0, 3.0], "s": 20.0}),
        ([], {}),
    ],
)
def test_with_respect_to(wrt: Any, expected: dict[str, Any]) -> None:
    """The inputs asked for, in the program's order and in their shapes."""
    found = adcli.load(PROGRAM).vjp(AT, weights={"f[1]": [10, 1]}, wrt=wrt)
    assert list(found.vjp.items()) == list(expected.items())


# Results that are one node: x*y, y*x and x*y are one operation.


@pytest.mark.parametrize(
    ("weights", "factor"),
    [
        ({"f": [1, 1, 1]}, 3),
        ({"f[1]": 1, "f[3]": 1}, 2),
        ({"f[1]": 1, "f[2]": -1}, 0),
        ({"f[1]": 0.5, "f[2]": -1, "f[3]": 4}, 3.5),
        ({"f[2]": 1}, 1),
    ],
)
def test_one_node(weights: dict[str, Any], factor: float) -> None:
    """Their weights add up, and each has the tangent."""
    program = adcli.load("f(x, y) = x*y, y*x, x*y")
    assert len(set(program.run(x=2.0, y=3.0).results.values())) == 1
    assert program.vjp(x=2.0, y=3.0, weights=weights).vjp == {"x": 3 * factor, "y": 2 * factor}
    found = program.jvp(x=2.0, y=3.0, direction={"x": 1, "y": 10})
    assert found.jvp == {"f[1]": 23.0, "f[2]": 23.0, "f[3]": 23.0}


def test_an_input_twice() -> None:
    """Results that are an input, once by name and once not."""
    program = adcli.load("f(x, y) = x, y, x")
    found = program.vjp(x=2.0, y=3.0, weights={"x": 1, "f[1]": 10, "y": 5})
    assert found.vjp == {"x": 11.0, "y": 5.0}
    assert program.jvp(x=2.0, y=3.0, direction={"x": 4}).jvp == {"x": 4, "y": 0, "f[1]": 4}


# What is 0 or left out contributes nothing, whatever it would have met.

INFINITE = "f(x, y) = sqrt(x) + y, x, y*ln(x + 1)"


@pytest.mark.parametrize(
    ("direction", "expected", "warned"),
    [
        ({"y": 1}, [1, 0, 0], False),
        ({"y": 1, "x": 0}, [1, 0, 0], False),
        ({"y": 1, "x": -0.0}, [1, 0, 0], False),
        ({"x": 1}, [INF, 1, 2], True),
        ({"x": -1, "y": 1}, [-INF, -1, -2], True),
        ({"x": 1, "y": 5e-324}, [INF, 1, 2], True),
    ],
)
def test_infinite_tangents(
    direction: dict[str, float], expected: list[float], warned: bool
) -> None:
    """An infinite slope is met only along its own input."""
    found = adcli.load(INFINITE).jvp(x=0.0, y=2.0, direction=direction)
    assert all(map(same, found.jvp.values(), expected)), found
    assert bool(found.warnings) == warned


@pytest.mark.parametrize(
    ("weights", "wrt", "expected", "warned"),
    [
        ({"x": 1}, None, {"x": 1, "y": 0}, False),
        ({"x": 1, "f[1]": 0}, None, {"x": 1, "y": 0}, False),
        ({"x": 1, "f[1]": -0.0}, None, {"x": 1, "y": 0}, False),
        ({"f[1]": 1}, None, {"x": INF, "y": 1}, True),
        ({"f[1]": -2, "f[2]": 1}, None, {"x": -INF, "y": -2}, True),
        ({"f[1]": 1}, "y", {"y": 1}, False),
    ],
)
def test_infinite_adjoints(
    weights: dict[str, float], wrt: str | None, expected: dict[str, float], warned: bool
) -> None:
    """An infinite slope is met only from its own result, towards its own input."""
    found = adcli.load(INFINITE).vjp(x=0.0, y=2.0, weights=weights, wrt=wrt)
    assert list(found.vjp) == list(expected)
    assert all(map(same, found.vjp.values(), expected.values())), found
    assert bool(found.warnings) == warned


def test_values_of_no_weight() -> None:
    """A result that is nan is not warned of if it has no weight."""
    program = adcli.load("f(x, y) = ln(x), y")
    for weights in ({"y": 1}, {"y": 1, "f[1]": 0}):
        found = program.vjp(x=-1.0, y=2.0, weights=weights)
        assert found.vjp == {"x": 0.0, "y": 1.0}
        assert found.warnings == []
    assert program.vjp(x=-1.0, y=2.0, weights={"f[1]": 1}).warnings


# What is refused. Inputs x[2], A[2,2], speed; results f[1][1], f[1][2], speed.

REFUSED = "f(x[2], A[2,2], speed) = [x[1], A[1,2]], speed"
REFUSED_AT: dict[str, Any] = {"x": [1.0, 2.0], "A": [[3.0, 4.0], [5.0, 6.0]], "speed": 7.0}

BAD_DIRECTIONS: list[tuple[Any, str, str]] = [
    ({"x": [1]}, "the direction of 'x'", ""),
    ({"x": [1, 2, 3]}, "the direction of 'x'", ""),
    ({"x": []}, "the direction of 'x'", ""),
    ({"x": 1}, "the direction of 'x'", ""),
    ({"x": [[1, 2]]}, "the direction of 'x'", ""),
    ({"speed": [1]}, "the direction of 'speed'", ""),
    ({"speed": [[1]]}, "the direction of 'speed'", ""),
    ({"A": [1, 2, 3, 4]}, "the direction of 'A'", ""),
    ({"A": [[1, 2, 3, 4]]}, "the direction of 'A'", ""),
    ({"A": [[1], [2], [3], [4]]}, "the direction of 'A'", ""),
    ({"A": [[1, 2]]}, "the direction of 'A'", ""),
    ({"A": 1}, "the direction of 'A'", ""),
    ({"A": [[1, 2], [3]]}, "'A' has rows of 1 and 2 numbers", ""),
    ({"speed": INF}, "the direction of 'speed' is not finite", ""),
    ({"x": [1, NAN]}, "the direction of 'x' is not finite", ""),
    ({"A[1,1]": -INF}, "the direction of 'A[1,1]' is not finite", ""),
    ({"speed": 10**400}, "the direction of 'speed' is not finite", ""),
    ([1, 2], "by name", ""),
    ({"x": [1, 2], "x[1]": 1}, "the direction of 'x[1]' is given twice", ""),
    ({"x[2]": 1, "x": [1, 2]}, "the direction of 'x[2]' is given twice", ""),
    ({"A[2,1]": 1, "A": [[1, 2], [3, 4]]}, "the direction of 'A[2,1]' is given twice", ""),
    ({"y": 1}, "no input is called 'y'", ""),
    ({"sped": 1}, "no input is called 'sped'", "did you mean 'speed'?"),
    ({"Speed": 1}, "no input is called 'Speed'", "did you mean 'speed'?"),
    ({"X": [1, 2]}, "no input is called 'X'", "did you mean 'x'?"),
    ({"x[3]": 1}, "no input is called 'x[3]'", "did you mean 'x["),
    ({"x[0]": 1}, "no input is called 'x[0]'", "did you mean 'x["),
    ({"A[1]": [1, 2]}, "no input is called 'A[1]'", "did you mean 'A["),
    ({"speed[1]": 1}, "no input is called 'speed[1]'", "did you mean 'speed'?"),
    ({"f": 1}, "no input is called 'f'", ""),
    ({"": 1}, "no input is called ''", ""),
    ({"x[1]": [1]}, "'x[1]'", ""),
    ({"speed": "fast"}, "'speed' is not a number", ""),
    ({"speed": None}, "'speed' is not a number", ""),
    ({"speed": True}, "'speed' is not a number", ""),
    ({"x": [1, "2"]}, "'x' is not a number", ""),
    ({"x": [1, [2]]}, "'x' is not a number", ""),
]

BAD_WEIGHTS: list[tuple[Any, str, str]] = [
    ({"f[1]": [1]}, "the weight of 'f[1]'", ""),
    ({"f[1]": [1, 2, 3]}, "the weight of 'f[1]'", ""),
    ({"f[1]": [[1, 2]]}, "the weight of 'f[1]'", ""),
    ({"f[1]": 1}, "the weight of 'f[1]'", ""),
    ({"f[1]": [1, INF]}, "the weight of 'f[1]' is not finite", ""),
    ({"speed": NAN}, "the weight of 'speed' is not finite", ""),
    ({"speed": [1, 2]}, "'speed'", ""),
    ({"f[1]": [1, 2], "f[1][1]": 1}, "the weight of 'f[1][1]' is given twice", ""),
    ({"f[1][2]": 1, "f[1]": [1, 2]}, "the weight of 'f[1][2]' is given twice", ""),
    ({"g": 1}, "no result is called 'g'", ""),
    ({"F[1]": [1, 2]}, "no result is called 'F[1]'", "did you mean 'f[1]'?"),
    ({"sped": 1}, "no result is called 'sped'", "did you mean 'speed'?"),
    ({"f[1][3]": 1}, "no result is called 'f[1][3]'", "did you mean 'f[1]["),
    ({"x": [1, 2]}, "no result is called 'x'", ""),
    ({"speed": "fast"}, "'speed' is not a number", ""),
    ({"f[1]": [1, None]}, "'f[1]' is not a number", ""),
    ([1, 2], "by name", ""),
]


def check_refused(call: Any, message: str, hint: str) -> None:
    """It is an InputError, which says so, with exit code 2."""
    with pytest.raises(adcli.InputError) as caught:
        call()
    assert caught.value.exit_code == 2
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint) if hint else True


@pytest.mark.parametrize(("direction", "message", "hint"), BAD_DIRECTIONS)
def test_bad_directions(direction: Any, message: str, hint: str) -> None:
    """Lengths, shapes, names, and what comes twice."""
    program = adcli.load(REFUSED)
    check_refused(lambda: program.jvp(REFUSED_AT, direction=direction), message, hint)


@pytest.mark.parametrize(("weights", "message", "hint"), BAD_WEIGHTS)
def test_bad_weights(weights: Any, message: str, hint: str) -> None:
    """Lengths, shapes, names, and what comes twice."""
    program = adcli.load(REFUSED)
    check_refused(lambda: program.vjp(REFUSED_AT, weights=weights), message, hint)


@pytest.mark.parametrize(
    ("wrt", "hint"), [("y", ""), (["x", "sped"], "did you mean 'speed'?"), ("x[1]", "'x' is taken")]
)
def test_bad_inputs(wrt: Any, hint: str) -> None:
    """Inputs to differentiate that there are not."""
    program = adcli.load(REFUSED)
    weights = {"speed": 1}
    check_refused(
        lambda: program.vjp(REFUSED_AT, weights=weights, wrt=wrt), "no input is called", hint
    )


@pytest.mark.parametrize("weights", [[[1, 2], [3, 4], [5, 6]], [1, 2, 3, 4, 5, 6], [[1]] * 6, 1])
def test_weights_of_another_shape(weights: Any) -> None:
    """Six numbers for a result of 2 by 3, but not two rows of three."""
    program = adcli.load("f(A[2,3]) = A")
    at = {"A": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}
    check_refused(lambda: program.vjp(at, weights={"f": weights}), "the weight of 'f'", "")


@pytest.mark.parametrize("direction", [{"A": [1, 2, 3, 4]}, {"A": [[1, 2, 3, 4]]}, {"speed": [1]}])
def test_message_about_a_shape(direction: dict[str, Any]) -> None:
    """What differs is said, not two numbers that are the same."""
    program = adcli.load(REFUSED)
    with pytest.raises(adcli.InputError) as caught:
        program.jvp(REFUSED_AT, direction=direction)
    given_, _, wanted = caught.value.message.partition(", the input ")
    assert wanted
    assert not given_.endswith(wanted)


# Known faults: each is to pass, and is not marked any more, when it is put right.


def test_weight_of_a_result_called_like_the_function() -> None:
    """The results are f and f[1]: f is one of them, and its weight one number."""
    program = adcli.load("f = x^2\nf, 2*x")
    assert list(program.eval(x=3.0)) == ["f", "f[1]"]
    assert program.vjp(x=3.0, weights={"f": 1}).vjp == {"x": 6.0}


def test_weights_of_numbers_around_a_vector() -> None:
    """The results are f[1], f[2][1], f[2][2] and f[3]; f has not three elements."""
    program = adcli.load("f(x) = x + 1, [x, x^2], 3*x")
    check_refused(lambda: program.vjp(x=2.0, weights={"f": [1, 2, 3]}), "'f'", "")


@pytest.mark.parametrize(
    ("method", "numbers"),
    [("jvp", {"direction": {"x[1]": [1]}}), ("vjp", {"weights": {"speed": [1]}})],
)
def test_a_list_for_one_number(method: str, numbers: dict[str, Any]) -> None:
    """There are an input x[1] and a result speed: what is wrong is the list."""
    product = getattr(adcli.load(REFUSED), method)
    with pytest.raises(adcli.InputError) as caught:
        product(REFUSED_AT, **numbers)
    assert "is called" not in caught.value.message
    assert caught.value.hint == ""
