"""The table "Derivatives at the edges" of the conventions, as one table in all engines.

A row is a program, a point, its gradient and Hessian there, and what is said about them. It
is differentiated forward and in reverse, twice, as a series and as a formula; and on the
command line, where JSON carries the blame and the notes and `--strict` makes errors of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pytest

import adcli
from adcli.cli.main import main
from adcli.differentiate.gradient import Mode
from adcli.differentiate.hessian import Hessian

INF, NAN = math.inf, math.nan
# Some infinity or nan: which one depends on the order of what meets.
NOT_FINITE = None
MODES: tuple[Mode, ...] = ("forward", "reverse")
MODE = pytest.mark.parametrize("mode", MODES)

# What is said: kind, node, line, column, message; as in JSON.
Said = tuple[str, str | None, int, int, str]
Numbers = dict[str, Any]


class Edge(NamedTuple):
    """A point where a convention holds.

    Attributes:
        row: the row of the table.
        text: a program.
        at: its inputs.
        gradient: its derivatives, by name and in the shape of the inputs.
        hessian: its second derivatives, None where one is not a finite number.
        said: the warnings and notes.
        formula: whether the symbolic derivative has the convention too: outside of a domain
            it is the formula, which may have a value there.
    """

    row: str
    text: str
    at: Numbers
    gradient: Numbers
    hessian: list[list[float | None]]
    said: tuple[Said, ...] = ()
    formula: bool = True


def kink(message: str, node: str | None = "v1", column: int = 1) -> tuple[Said, ...]:
    """A note."""
    return (("convention", node, 1, column, message),)


def value(message: str, column: int = 1) -> Said:
    """A warning about a value."""
    return ("value", "v1", 1, column, message)


def slope(message: str, column: int = 1) -> Said:
    """A warning about a derivative."""
    return ("derivative", "v1", 1, column, f"the derivative of {message}")


def undefined(name: str, text: str, x: float, shown: str) -> Edge:
    """A function of one argument outside of its domain."""
    said = (value(f"{name} is undefined at {x:g} (v₁ = {shown})"),)
    has_formula = name not in ("ln", "log2", "log10", "log1p", "atanh")
    return Edge("outside its domain", text, {"x": x}, {"x": NAN}, [[NAN]], said, has_formula)


NO_SLOPE = [[0.0]]
ZEROS = [[0.0, 0.0], [0.0, 0.0]]
ABS = "abs has no derivative at 0; using 0"
MAX = "max has no derivative at a tie; using 1/2 for each"
MIN = "min has no derivative at a tie; using 1/2 for each"
NORM = "the norm (hypot) has no derivative at 0; using 0"
WHOLE = "jumps at whole numbers; using 0"
EQUAL = "this comparison for equality depends on the inputs: the path taken holds on one point only"

TABLE: list[Edge] = [
    # abs at 0; sign floor ceil round anywhere: 0.
    Edge("abs, sign, ...", "abs(x)", {"x": 0.0}, {"x": 0.0}, NO_SLOPE, kink(ABS)),
    Edge("abs, sign, ...", "abs(x)", {"x": -0.0}, {"x": 0.0}, NO_SLOPE, kink(ABS)),
    Edge("abs, sign, ...", "x + 3*abs(x)", {"x": 0.0}, {"x": 1.0}, NO_SLOPE, kink(ABS, column=7)),
    Edge("abs, sign, ...", "x*abs(x)", {"x": 0.0}, {"x": 0.0}, NO_SLOPE, kink(ABS, column=3)),
    Edge("abs, sign, ...", "abs(x)", {"x": -2.0}, {"x": -1.0}, NO_SLOPE),
    Edge(
        "abs, sign, ...", "sign(x)", {"x": 0.0}, {"x": 0.0}, NO_SLOPE,
        kink("sign jumps at 0; using 0"),
    ),
    Edge("abs, sign, ...", "sign(x)", {"x": -2.5}, {"x": 0.0}, NO_SLOPE),
    Edge("abs, sign, ...", "floor(x)", {"x": 2.0}, {"x": 0.0}, NO_SLOPE, kink(f"floor {WHOLE}")),
    Edge("abs, sign, ...", "floor(x)", {"x": 2.5}, {"x": 0.0}, NO_SLOPE),
    Edge("abs, sign, ...", "ceil(x)", {"x": -1.0}, {"x": 0.0}, NO_SLOPE, kink(f"ceil {WHOLE}")),
    Edge("abs, sign, ...", "ceil(x)", {"x": 0.25}, {"x": 0.0}, NO_SLOPE),
    Edge(
        "abs, sign, ...", "round(x)", {"x": 2.5}, {"x": 0.0}, NO_SLOPE,
        kink("round jumps between whole numbers; using 0"),
    ),
    Edge("abs, sign, ...", "round(x)", {"x": 0.25}, {"x": 0.0}, NO_SLOPE),
    Edge("abs, sign, ...", "floor(x)*x^2", {"x": 2.5}, {"x": 10.0}, [[4.0]]),
    # max, min at a tie: 1/2 each.
    Edge("max, min", "max(x, y)", {"x": 1.0, "y": 1.0}, {"x": 0.5, "y": 0.5}, ZEROS, kink(MAX)),
    Edge("max, min", "min(x, y)", {"x": -2.0, "y": -2.0}, {"x": 0.5, "y": 0.5}, ZEROS, kink(MIN)),
    Edge("max, min", "max(x, y)", {"x": 2.0, "y": 1.0}, {"x": 1.0, "y": 0.0}, ZEROS),
    Edge("max, min", "max(x, 0)", {"x": 0.0}, {"x": 0.5}, NO_SLOPE, kink(MAX)),
    Edge(
        "max, min", "max(x^2, y^2)", {"x": 1.0, "y": 1.0}, {"x": 1.0, "y": 1.0},
        [[1.0, 0.0], [0.0, 1.0]], kink(MAX, "v3"),
    ),
    Edge(
        "max, min", "max(a)", {"a": [3.0, 1.0, 3.0]}, {"a": [0.5, 0.0, 0.5]}, [[0.0] * 3] * 3,
        kink(MAX, "v2"),
    ),
    Edge(
        "max, min", "min(a)", {"a": [3.0, 1.0, 1.0]}, {"a": [0.0, 0.5, 0.5]}, [[0.0] * 3] * 3,
        kink(MIN, "v2"),
    ),
    # relu at 0: 0.
    Edge(
        "relu", "relu(x)", {"x": 0.0}, {"x": 0.0}, NO_SLOPE,
        kink("relu has no derivative at 0; using 0", None),
    ),
    Edge(
        "relu", "relu(x)^2 + x^2", {"x": 0.0}, {"x": 0.0}, [[2.0]],
        kink("relu has no derivative at 0; using 0", None),
    ),
    Edge("relu", "relu(x)", {"x": 2.0}, {"x": 1.0}, NO_SLOPE),
    # sqrt, cbrt at 0; asin, acos at 1 and -1: infinite, with a sign.
    Edge(
        "sqrt, cbrt, asin, acos", "sqrt(x)", {"x": 0.0}, {"x": INF}, [[-INF]],
        (slope("sqrt is inf at 0 (v₁ = √v₀)"),),
    ),
    Edge(
        "sqrt, cbrt, asin, acos", "2 + 3*sqrt(x)", {"x": 0.0}, {"x": INF}, [[-INF]],
        (slope("sqrt is inf at 0 (v₁ = √v₀)", 7),),
    ),
    Edge(
        "sqrt, cbrt, asin, acos", "cbrt(x)", {"x": 0.0}, {"x": INF}, [[NOT_FINITE]],
        (slope("cbrt is inf at 0 (v₁ = ∛v₀)"),),
    ),
    Edge(
        "sqrt, cbrt, asin, acos", "asin(x)", {"x": 1.0}, {"x": INF}, [[NOT_FINITE]],
        (slope("asin is inf at 1 (v₁ = asin(v₀))"),),
    ),
    Edge(
        "sqrt, cbrt, asin, acos", "asin(x)", {"x": -1.0}, {"x": INF}, [[NOT_FINITE]],
        (slope("asin is inf at -1 (v₁ = asin(v₀))"),),
    ),
    Edge(
        "sqrt, cbrt, asin, acos", "acos(x)", {"x": 1.0}, {"x": -INF}, [[NOT_FINITE]],
        (slope("acos is -inf at 1 (v₁ = acos(v₀))"),),
    ),
    Edge(
        "sqrt, cbrt, asin, acos", "acos(x)", {"x": -1.0}, {"x": -INF}, [[NOT_FINITE]],
        (slope("acos is -inf at -1 (v₁ = acos(v₀))"),),
    ),
    # norm, hypot at 0: 0.
    Edge("norm, hypot", "hypot(x, y)", {"x": 0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}, ZEROS,
         kink(NORM)),
    Edge("norm, hypot", "hypot(x, 0)", {"x": 0.0}, {"x": 0.0}, NO_SLOPE, kink(NORM)),
    Edge("norm, hypot", "norm(a)", {"a": [0.0, 0.0]}, {"a": [0.0, 0.0]}, ZEROS, kink(NORM)),
    Edge(
        "norm, hypot", "norm(a)", {"a": [0.0, 0.0, 0.0]}, {"a": [0.0, 0.0, 0.0]}, [[0.0] * 3] * 3,
        kink(NORM),
    ),
    Edge("norm, hypot", "hypot(x, y)", {"x": 0.0, "y": 2.0}, {"x": 0.0, "y": 1.0},
         [[0.5, 0.0], [0.0, 0.0]]),
    # atan2(0, 0): nan.
    Edge(
        "atan2(0, 0)", "atan2(x, y)", {"x": 0.0, "y": 0.0}, {"x": NAN, "y": NAN},
        [[NAN, NAN], [NAN, NAN]], (slope("atan2 is nan at 0, 0 (v₁ = atan2(v₋₁, v₀))"),),
    ),
    # x^c: c*x^(c - 1), without ln(x); x^0 gives 0 everywhere.
    Edge("x^c", "x^2", {"x": 0.0}, {"x": 0.0}, [[2.0]]),
    Edge("x^c", "x^1", {"x": 0.0}, {"x": 1.0}, NO_SLOPE),
    Edge("x^c", "x^3", {"x": -2.0}, {"x": 12.0}, [[-12.0]]),
    Edge("x^c", "x^-1", {"x": -2.0}, {"x": -0.25}, [[-0.25]]),
    Edge("x^c", "x^2.5", {"x": 0.0}, {"x": 0.0}, NO_SLOPE),
    Edge("x^c", "x^0", {"x": 0.0}, {"x": 0.0}, NO_SLOPE),
    Edge("x^c", "x^0", {"x": -3.0}, {"x": 0.0}, NO_SLOPE),
    Edge("x^c", "x^0", {"x": INF}, {"x": 0.0}, NO_SLOPE),
    Edge("x^c", "x^0", {"x": NAN}, {"x": 0.0}, NO_SLOPE),
    Edge(
        "x^c", "x^0.5", {"x": 0.0}, {"x": INF}, [[-INF]],
        (slope("pow is inf at 0, 0.5 (v₁ = v₀^0.5)"),),
    ),
    Edge(
        "x^c", "x^-2", {"x": 0.0}, {"x": -INF}, [[INF]],
        (value("0⁻² is inf (v₁ = v₀⁻²)"), slope("pow is -inf at 0, -2 (v₁ = v₀⁻²)")),
    ),
    # x^y towards y: 0 at x = 0 for y > 0; nan for x < 0, where the x part is right.
    Edge("0^y", "x^y", {"x": 0.0, "y": 2.0}, {"x": 0.0, "y": 0.0}, [[2.0, 0.0], [0.0, 0.0]]),
    Edge("0^y", "0^y", {"y": 2.0}, {"y": 0.0}, NO_SLOPE),
    Edge("0^y", "0^y", {"y": 1e-300}, {"y": 0.0}, NO_SLOPE),
    Edge(
        "0^y", "x^y", {"x": 0.0, "y": 0.5}, {"x": INF, "y": 0.0},
        [[-INF, NOT_FINITE], [NOT_FINITE, 0.0]],
        (slope("pow is inf at 0, 0.5 (v₁ = v₋₁^v₀)"),),
    ),
    Edge(
        "x^y, x < 0", "x^y", {"x": -2.0, "y": 3.0}, {"x": 12.0, "y": NAN},
        [[-12.0, NAN], [NAN, NAN]], (slope("pow is nan at -2, 3 (v₁ = v₋₁^v₀)"),),
    ),
    Edge(
        "x^y, x < 0", "x^y", {"x": -2.0, "y": 0.0}, {"x": 0.0, "y": NAN},
        [[0.0, NAN], [NAN, NAN]], (slope("pow is nan at -2, 0 (v₁ = v₋₁^v₀)"),),
    ),
    Edge(
        "x^y, x < 0", "(-2)^y", {"y": 3.0}, {"y": NAN}, [[NAN]],
        (slope("pow is nan at -2, 3 (v₁ = (-2)^v₀)"),),
    ),
    # mod(a, b): 1, -floor(a/b).
    Edge("mod", "mod(a, b)", {"a": 7.5, "b": 2.0}, {"a": 1.0, "b": -3.0}, ZEROS),
    Edge("mod", "mod(a, b)", {"a": -7.5, "b": 2.0}, {"a": 1.0, "b": 4.0}, ZEROS),
    Edge("mod", "mod(a, b)", {"a": 7.5, "b": -2.0}, {"a": 1.0, "b": 4.0}, ZEROS),
    Edge(
        "mod", "mod(a, b)", {"a": 6.0, "b": 2.0}, {"a": 1.0, "b": -3.0}, ZEROS,
        kink("mod jumps at a multiple; using the derivative from the right"),
    ),
    Edge("mod", "mod(a, b)^2", {"a": 7.5, "b": 2.0}, {"a": 3.0, "b": -9.0},
         [[2.0, -6.0], [-6.0, 18.0]]),
    # Outside of a domain the partials are nan like the value.
    undefined("ln", "ln(x)", -1.0, "ln(v₀)"),
    undefined("log2", "log2(x)", -1.0, "log2(v₀)"),
    undefined("log10", "log10(x)", -1.0, "log10(v₀)"),
    undefined("log1p", "log1p(x)", -2.0, "log1p(v₀)"),
    undefined("sqrt", "sqrt(x)", -1.0, "√v₀"),
    undefined("asin", "asin(x)", 2.0, "asin(v₀)"),
    undefined("acos", "acos(x)", -2.0, "acos(v₀)"),
    undefined("acosh", "acosh(x)", 0.5, "acosh(v₀)"),
    undefined("atanh", "atanh(x)", 2.0, "atanh(v₀)"),
    Edge(
        "outside its domain", "x^0.5", {"x": -1.0}, {"x": NAN}, [[NAN]],
        (value("(-1)^0.5 is undefined (v₁ = v₀^0.5)"),),
    ),
    Edge(
        "outside its domain", "mod(a, b)", {"a": 1.0, "b": 0.0}, {"a": NAN, "b": NAN},
        [[NAN, NAN], [NAN, NAN]], (value("mod is undefined at 1, 0 (v₁ = v₋₁ mod v₀)"),), False,
    ),
    Edge(
        "outside its domain", "ln(x) + y", {"x": -1.0, "y": 2.0}, {"x": NAN, "y": 1.0},
        [[NAN, 0.0], [0.0, 0.0]], (value("ln is undefined at -1 (v₁ = ln(v₋₁))"),), False,
    ),
    # An equality that held.
    Edge(
        "==", "if x == 0 then 1 else sin(x)/x", {"x": 0.0}, {"x": 0.0}, NO_SLOPE,
        (("equality", None, 1, 4, EQUAL),),
    ),
    Edge(
        "==", "if x != 0 then sin(x)/x else 1", {"x": 0.0}, {"x": 0.0}, NO_SLOPE,
        (("equality", None, 1, 4, EQUAL),),
    ),
    Edge("==", "if x == 0 then 1 else x^2", {"x": 3.0}, {"x": 6.0}, [[2.0]]),
    Edge("==", "n = 3; if n == 3 then x^2 else 1", {"x": 3.0}, {"x": 6.0}, [[2.0]]),
    # Structural zeros contribute nothing, whatever they meet.
    Edge(
        "structural zero", "sqrt(a) + b", {"a": 0.0, "b": 3.0}, {"a": INF, "b": 1.0},
        [[-INF, 0.0], [0.0, 0.0]], (slope("sqrt is inf at 0 (v₁ = √v₋₁)"),),
    ),
    Edge("structural zero", "if x > 0 then sqrt(x) else 0", {"x": 0.0}, {"x": 0.0}, NO_SLOPE),
    Edge("structural zero", "if x > 0 then sqrt(x) else x^2", {"x": 0.0}, {"x": 0.0}, [[2.0]]),
    Edge("structural zero", "max(sqrt(a), b)", {"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 1.0}, ZEROS),
    Edge("structural zero", "min(1/x, 1)", {"x": 0.0}, {"x": 0.0}, NO_SLOPE),
    # Zeros that were computed obey IEEE.
    Edge(
        "computed zero", "sqrt(x^2)", {"x": 0.0}, {"x": NAN}, [[NAN]],
        (("derivative", "v2", 1, 1, "the derivative of sqrt is inf at 0 (v₂ = √v₁)"),),
    ),
]  # fmt: skip


def rows(edges: Iterable[Edge]) -> pytest.MarkDecorator:
    """A test of some rows, each by its name."""
    return pytest.mark.parametrize(
        "edge",
        list(edges),
        ids=lambda edge: f"{edge.text} at {', '.join(map(str, edge.at.values()))}",
    )


def is_finite(matrix: list[list[float | None]]) -> bool:
    """Whether all numbers of a matrix are."""
    return all(x is not None and math.isfinite(x) for row in matrix for x in row)


ROWS = rows(TABLE)


def flat(numbers: Mapping[str, Any]) -> list[float]:
    """The numbers of all inputs, in order."""
    found: list[float] = []
    for one in numbers.values():
        found += one if isinstance(one, list) else [one]
    return found


def same(got: float, expected: float | None) -> bool:
    """Whether a number is the one expected: the same, nan for nan, or just not finite."""
    if expected is NOT_FINITE:
        return not math.isfinite(got)
    return got == pytest.approx(expected, rel=1e-15, abs=0, nan_ok=True)


def all_same(got: list[float], expected: list[Any]) -> bool:
    """The same for lists of one length."""
    return len(got) == len(expected) and all(map(same, got, expected))


def evaluated(text: str, at: Numbers) -> float:
    """The value of an expression at a point; it need not have all inputs."""
    program = adcli.load(text)
    (number,) = program.eval({name: at[name] for name in program.inputs}).values()
    return number


# The numbers.


def test_every_row_of_the_table_is_there() -> None:
    """So many rows has the table; and each has a point where it applies."""
    assert len({edge.row for edge in TABLE}) == 14
    assert len(TABLE) == len({(edge.text, str(edge.at)) for edge in TABLE})


@MODE
@ROWS
def test_gradient(edge: Edge, mode: Mode) -> None:
    """Forward and in reverse, all inputs at once and each alone."""
    program = adcli.load(edge.text)
    found = program.grad(edge.at, mode=mode).gradient
    assert list(found) == list(edge.at)
    assert all_same(flat(found), flat(edge.gradient)), found
    for name in edge.at:
        alone = program.grad(edge.at, mode=mode, wrt=[name]).gradient
        assert all_same(flat(alone), flat({name: edge.gradient[name]})), alone


@ROWS
def test_hessian(edge: Edge) -> None:
    """In second order: the convention is a constant, whose own derivatives are 0."""
    found: Hessian = adcli.load(edge.text).hessian(edge.at)
    assert all_same(flat(found.gradient), flat(edge.gradient)), found.gradient
    for row, expected in zip(found.hessian, edge.hessian, strict=True):
        assert all_same(row, expected), found.hessian


@rows(edge for edge in TABLE if is_finite(edge.hessian))
def test_hessian_vector_products(edge: Edge) -> None:
    """A column of the Hessian; where it is not finite, 0*inf would be nan."""
    program = adcli.load(edge.text)
    for column, name in enumerate(elements(edge)):
        found = program.hvp(edge.at, direction={name: 1.0}).hvp
        assert all_same(flat(found), [row[column] for row in edge.hessian]), found


@ROWS
def test_series(edge: Edge) -> None:
    """The coefficient of order 1 of a series in each element."""
    program = adcli.load(edge.text)
    for name, expected in zip(elements(edge), flat(edge.gradient), strict=True):
        found = program.taylor(edge.at, order=1, direction={name: 1.0}).coefficients
        assert same(found[1], expected), (name, found)


@ROWS
def test_products(edge: Edge) -> None:
    """A derivative along an axis, and the gradient of the result times 1."""
    program = adcli.load(edge.text)
    for name, expected in zip(elements(edge), flat(edge.gradient), strict=True):
        (found,) = program.jvp(edge.at, direction={name: 1.0}).jvp.values()
        assert same(found, expected), name
    (result,) = program.eval(edge.at)
    assert all_same(flat(program.vjp(edge.at, weights={result: 1.0}).vjp), flat(edge.gradient))
    (row,) = program.jacobian(edge.at).jacobian
    assert all_same(row, flat(edge.gradient))


@rows(edge for edge in TABLE if edge.formula)
def test_formulas(edge: Edge) -> None:
    """The symbolic derivative, as text, evaluated at the edge."""
    derivatives = adcli.load(edge.text).diff(edge.at).derivatives
    assert list(derivatives) == list(edge.at)
    texts = flat(derivatives)
    for text, expected in zip(texts, flat(edge.gradient), strict=True):
        assert same(evaluated(str(text), edge.at), expected), text


def elements(edge: Edge) -> list[str]:
    """The names of the elements of all inputs."""
    return [
        f"{name}[{i}]" if isinstance(one, list) else name
        for name, one in edge.at.items()
        for i in range(1, 1 + (len(one) if isinstance(one, list) else 1))
    ]


# What is said about them.


def bindings(at: Numbers) -> list[str]:
    """NAME=VALUE for each input."""
    return [f"{name}={str(one).replace(' ', '')}" for name, one in at.items()]


def non_finite(edge: Edge) -> list[Said]:
    """What `--strict` makes an error of."""
    return [one for one in edge.said if one[0] in ("value", "derivative")]


@MODE
@ROWS
def test_json(edge: Edge, mode: Mode, capfd: pytest.CaptureFixture[str]) -> None:
    """null for what is not finite; `warnings` with kind, node, line, column and message."""
    arguments = ["grad", edge.text, *bindings(edge.at), "--mode", mode, "--format", "json"]
    assert main(arguments) == adcli.ExitCode.DONE
    out, err = capfd.readouterr()
    loaded = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    expected = [x if math.isfinite(x) else None for x in flat(edge.gradient)]
    assert flat(loaded["gradient"]) == expected
    said = [
        (one["kind"], one["node"], one["line"], one["column"], one["message"])
        for one in loaded["warnings"]
    ]
    assert len(said) == len(edge.said), said
    for got, wanted in zip(said, edge.said, strict=True):
        # Which infinity or nan it was is another test.
        assert got[:4] == wanted[:4]
        assert without_number(got[4]) == without_number(wanted[4])
        word = "note" if wanted[0] == "convention" else "warning"
        assert f"{word}: {got[4]}\n" in err
        assert f" --> expression:{wanted[2]}:{wanted[3]}\n" in err
    assert bool(err) == bool(edge.said)


def without_number(message: str) -> str:
    """A message about a derivative without the number that it is."""
    return re.sub(r"(the derivative of \w+) is \S+", r"\1", message)


@MODE
@ROWS
def test_strict(edge: Edge, mode: Mode, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit code 4 for what is not finite; conventions and equalities are no failures."""
    code = main(["grad", edge.text, *bindings(edge.at), "--mode", mode, "--strict"])
    out, err = capfd.readouterr()
    first = next(iter(non_finite(edge)), None)
    if first is None:
        assert code == adcli.ExitCode.DONE
        assert not err.startswith("error")
    else:
        assert (code, out) == (adcli.ExitCode.NON_FINITE, "")
        assert without_number(err.splitlines()[0]) == without_number(f"error: {first[4]}")
        assert err.splitlines()[1] == f" --> expression:{first[2]}:{first[3]}"


@ROWS
def test_the_same_is_said_in_second_order(edge: Edge) -> None:
    """A Hessian comes with the notes and warnings of its gradient."""
    said = [
        (one.kind, one.node or None, without_number(one.message))
        for one in adcli.load(edge.text).hessian(edge.at).warnings
    ]
    for kind, node, _, _, message in edge.said:
        assert (kind, node, without_number(message)) in said
    expected = bool(non_finite(edge)) or not is_finite(edge.hessian)
    assert any(kind in ("value", "derivative") for kind, _, _ in said) is expected


@MODE
@pytest.mark.parametrize(
    ("text", "x"),
    [
        *((edge.text, edge.at["x"]) for edge in TABLE
          if list(edge.at) == ["x"] and edge.text.endswith("(x)") and non_finite(edge)),
        # What came in or out of the operation is not its derivative.
        ("-sqrt(x)", 0.0),
        ("asin(x) - acos(x)", 1.0),
        ("sqrt(x^2)", 0.0),
        ("0*sqrt(x)", 0.0),
        ("exp(x)^2", 400.0),
        ("x^2 - cbrt(x)", 0.0),
    ],
)  # fmt: skip
def test_blame_is_true_of_the_operation(text: str, x: float, mode: Mode) -> None:
    """ "the derivative of sqrt is inf at 0": it is, whatever it was multiplied by."""
    for warning in adcli.load(text).grad(x=x, mode=mode).warnings:
        match = re.match(r"the derivative of (\w+) is (\S+) at (\S+) ", warning.message)
        if match is None or match[1] in ("pow", "mul", "div"):
            continue
        exact = adcli.load(f"{match[1]}(x)").grad(x=float(match[3])).gradient["x"]
        assert same(float(match[2]), exact), warning.message


# The first operation that made it so.

Place = tuple[str | None, int | None, int | None]

FIRST_VALUE: list[tuple[str, Numbers, Place, str]] = [
    # A program of several lines, where; node, line and column; the message's beginning.
    ("a = ln(x)\nb = a*2\nc = b + y\nc^2", {"x": -1.0, "y": 3.0}, ("v1", 1, 5), "ln is undefined"),
    ("a = 1/x\nb = a - a\nb + 1", {"x": 0.0}, ("v1", 1, 5), "1 / 0 is inf"),
    ("a = exp(x)\nb = a/a\nb", {"x": 1000.0}, ("v1", 1, 5), "exp is inf at 1000"),
    ("a = exp(x)\nb = 1\na^2 + b", {"x": 400.0}, ("v2", 3, 1), "5.221469689764144e+173² is inf"),
    # nan comes of the nan, whatever infinity stands beside it.
    ("ln(x) + sqrt(y - 2)", {"x": 0.0, "y": 1.0}, ("v3", 1, 9), "sqrt is undefined at -1"),
    ("sqrt(y - 2) + ln(x)", {"y": 1.0, "x": 0.0}, ("v2", 1, 1), "sqrt is undefined at -1"),
    # The turn of a loop, the call of a function, the function of the prelude.
    ("s = 0\nfor i in 1..3 { s = s + ln(i - x) }\ns", {"x": 2.0}, ("v2", 2, 25), "ln is undefined"),
    ("s = 1\nfor i in 1..9 { s = s*1e200 }\ns*x", {"x": 1.0}, (None, 2, 21), "1e+200 × 1e+200"),
    ("g(u) = 1/(u - 1)\nf(x) = { y = g(x); y*y }", {"x": 1.0}, ("v2", 1, 8), "1 / 0 is inf"),
    ("a = x\nsigmoid(ln(a))", {"x": -1.0}, ("v1", 2, 9), "ln is undefined at -1"),
    ("norm(x/0)", {"x": [1.0, 2.0]}, ("v1", 1, 6), "1 / 0 is inf"),
    # What is not the program's doing.
    ("x*(1e300*1e300)", {"x": 1.0}, (None, 1, 4), "1e+300 × 1e+300 is inf"),
    ("y + x^2", {"y": 1.0, "x": INF}, (None, None, None), "input x is inf"),
    ("a = x + 1\na*y", {"x": NAN, "y": 0.0}, (None, None, None), "input x is nan"),
]
FIRST_DERIVATIVE: list[tuple[str, Numbers, Place, Place, str]] = [
    # A program, where; forward and in reverse node, line and column; the operation.
    ("a = x - 2\nb = sqrt(a)\nexp(b) + 1/x", {"x": 2.0}, ("v2", 2, 5), ("v2", 2, 5), "sqrt"),
    ("a = x*x\nb = sqrt(a)\nb", {"x": 0.0}, ("v2", 2, 5), ("v2", 2, 5), "sqrt"),
    (
        "a = x^2\nb = cbrt(a)\nc = sin(b)\nc*y", {"x": 0.0, "y": 2.0},
        ("v2", 2, 5), ("v2", 2, 5), "cbrt",
    ),
    ("h(u) = asin(u)\ny = h(x)^2\ny*x", {"x": 1.0}, ("v1", 1, 8), ("v1", 1, 8), "asin"),
    ("s = 1\nfor i in 1..2 { s = s + sqrt(i*x) }\ns", {"x": 0.0}, ("v1", 2, 25), ("v4", 2, 25),
     "sqrt"),
    # Of two, forward mode meets the first that is executed, reverse mode the last.
    ("a = sqrt(x)\nb = cbrt(x)\na + b", {"x": 0.0}, ("v1", 1, 5), ("v2", 2, 5), "(sqrt|cbrt)"),
    ("a = acos(x)\nb = asin(x)\na*b", {"x": 1.0}, ("v1", 1, 5), ("v2", 2, 5), "(acos|asin)"),
    # What the result does not depend on is not blamed.
    ("a = sqrt(x)\nb = x - 1\nasin(b + 2) + x", {"x": 0.0}, ("v4", 3, 1), ("v4", 3, 1), "asin"),
]  # fmt: skip


@MODE
@pytest.mark.parametrize(("text", "at", "place", "message"), FIRST_VALUE)
def test_the_first_value(text: str, at: Numbers, place: Place, message: str, mode: Mode) -> None:
    """The first operation whose value is not finite is named, and only that."""
    (warning,) = (one for one in adcli.load(text).grad(at, mode=mode).warnings
                  if one.kind == "value")  # fmt: skip
    assert warning.message.startswith(message), warning.message
    assert found_at(warning) == place
    (evaluated_only,) = adcli.load(text).run(at).values().values()
    assert not math.isfinite(evaluated_only)


@pytest.mark.parametrize(("text", "at", "forward", "reverse", "name"), FIRST_DERIVATIVE)
def test_the_first_derivative(
    text: str, at: Numbers, forward: Place, reverse: Place, name: str
) -> None:
    """The first operation whose derivative is not finite, in the order of the pass."""
    for mode, place in zip(MODES, (forward, reverse), strict=True):
        found = adcli.load(text).grad(at, mode=mode)
        assert math.isfinite(found.value)
        (warning,) = found.warnings
        assert warning.kind == "derivative"
        assert re.match(f"the derivative of {name} is ", warning.message), warning.message
        assert found_at(warning) == place, mode


def found_at(warning: Any) -> Place:
    """Node, line and column of a warning, as JSON has them."""
    span = warning.span
    return warning.node or None, span and span.line, span and span.column


@MODE
def test_the_values_that_met_are_behind_the_carets(mode: Mode) -> None:
    """x - 2 and y, by name and value, under the operation they met in."""
    found = adcli.load("atan2(x - 2, y)").grad(x=2.0, y=0.0, mode=mode)
    (warning,) = found.warnings
    assert warning.span is not None
    assert warning.span.text == "atan2(x - 2, y)"
    assert warning.hint == "v₁ = 0, y = 0"


@MODE
def test_every_kink_is_noted_once(mode: Mode) -> None:
    """Two places are two notes; a place that a loop comes to twice is one."""
    two = adcli.load("abs(x) + max(x, 2*x)").grad(x=0.0, mode=mode).warnings
    assert [one.message for one in two] == [ABS, MAX]
    loop = adcli.load("s = 0\nfor i in 1..5 { s = s + abs(i*x) }\ns").grad(x=0.0, mode=mode)
    assert [one.message for one in loop.warnings] == [ABS]
    other = adcli.load("abs(x) + y").grad(x=0.0, y=1.0, wrt=["y"], mode=mode)
    assert other.warnings == []


@MODE
def test_an_equality_of_what_is_not_differentiated_is_none(mode: Mode) -> None:
    """A flag that is compared is not warned of, if nobody differentiates towards it."""
    program = adcli.load("if n == 1 then x^2 else x^3")
    assert program.grad(x=2.0, n=1.0, wrt=["x"], mode=mode).warnings == []
    (warning,) = program.grad(x=2.0, n=1.0, mode=mode).warnings
    assert (warning.kind, warning.message) == ("equality", EQUAL)
