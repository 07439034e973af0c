"""Three ways to differentiate, measured: what each method of `compare` finds, and at what cost."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import pytest
from mpmath import mpf

import adcli
from adcli.differentiate import compare as module
from adcli.differentiate.check import metric
from adcli.differentiate.compare import STEPPED, STEPS, Comparison, Method
from adcli.differentiate.expressions import MOST_COUNTED
from adcli.differentiate.numeric import CENTRAL, EPSILON, FIVE_POINT, FORWARD, SCHEMES, Scheme
from adcli.render.compare import CompareTables, chart, data
from adcli.render.views import Look, to_json, to_separated

ROOT = Path(__file__).parents[2]
SAMPLES = {path.stem: path for path in sorted((ROOT / "samples").glob("*.ad"))}
RESULTS = [(name, result) for name, path in SAMPLES.items() for result in adcli.load(path).results]
# The vector of two that one sample returns.
RESULTS = [
    (name, one)
    for name, result in RESULTS
    for one in (["f[1]", "f[2]"] if name == "composition" else [result])
]
EVERY_RESULT = pytest.mark.parametrize(("name", "result"), RESULTS)

FORWARD_DIFFERENCE = "forward difference"
BACKWARD_DIFFERENCE = "backward difference"
CENTRAL_DIFFERENCE = "central difference"
FIVE_POINT_DIFFERENCE = "five-point difference"
METHODS = [
    FORWARD_DIFFERENCE,
    BACKWARD_DIFFERENCE,
    CENTRAL_DIFFERENCE,
    FIVE_POINT_DIFFERENCE,
    "richardson",
    "symbolic",
    "forward mode",
    "reverse mode",
]
EXACT = METHODS[5:]
NUMERICAL = METHODS[:5]

# Their third derivatives are so large against the first that a step relative to x is too
# large for five points: it is relative to 1000 in one, and the other is chaotic.
ROUGH = {"log_sum_exp", "logistic_map"}
# No formula.
WHILE = "newton"
INF, NAN = math.inf, math.nan


@cache
def sample(name: str, result: str) -> Comparison:
    """A sample at its defaults, compared once."""
    return adcli.load(SAMPLES[name]).compare(result=result)


def compared(text: str, at: dict[str, Any] | None = None, **options: Any) -> Comparison:
    """A program, compared."""
    return adcli.load(text).compare(at or {}, **options)


def methods(found: Comparison) -> dict[str, Method]:
    """The methods by name."""
    return {method.name: method for method in found.methods}


def value_operations(name: str) -> int:
    """How many operations a sample takes."""
    return sum(1 for _ in adcli.load(SAMPLES[name]).run().graph.operations())


# All samples.


def test_every_sample_is_compared() -> None:
    """No sample is left out, and the results are those of the programs."""
    assert {name for name, _ in RESULTS} == set(SAMPLES)
    for name, path in SAMPLES.items():
        assert list(adcli.load(path).eval()) == [one for other, one in RESULTS if other == name]


@EVERY_RESULT
def test_the_methods_are_those_of_the_issue(name: str, result: str) -> None:
    """By their names in JSON, each once, in this order."""
    assert [method.name for method in sample(name, result).methods] == METHODS


@EVERY_RESULT
def test_errors_of_exact_methods(name: str, result: str) -> None:
    """Symbolic, forward and reverse lose no more than rounding."""
    found = methods(sample(name, result))
    for method in EXACT:
        if method == "symbolic" and name == WHILE:
            continue
        assert found[method].error < 1e-12, method


@EVERY_RESULT
def test_errors_of_difference_quotients(name: str, result: str) -> None:
    """Central is better than 1e-6, and than one-sided; higher orders are better still."""
    error = {method: one.error for method, one in methods(sample(name, result)).items()}
    assert error[CENTRAL_DIFFERENCE] < 1e-6
    assert error[CENTRAL_DIFFERENCE] < error[FORWARD_DIFFERENCE] < 1e-4
    assert error[BACKWARD_DIFFERENCE] < 1e-4
    assert error["richardson"] < error[FORWARD_DIFFERENCE]
    if name not in ROUGH:
        assert error[FIVE_POINT_DIFFERENCE] < error[FORWARD_DIFFERENCE]


@EVERY_RESULT
def test_errors_are_in_the_metric(name: str, result: str) -> None:
    """The largest |a - b|/max(1, |a|, |b|), against the reference that is given."""
    found = sample(name, result)
    for method in found.methods:
        if method.numbers is None:
            continue
        pairs = list(zip(method.numbers, found.reference, strict=True))
        assert method.error == max(abs(a - b) / max(1, abs(a), abs(b)) for a, b in pairs)


@EVERY_RESULT
def test_numbers_of_exact_methods(name: str, result: str) -> None:
    """They are what `grad` and `diff` give, to the bit."""
    program = adcli.load(SAMPLES[name])
    found = methods(sample(name, result))
    run = program.run()
    for mode, method in (("forward", "forward mode"), ("reverse", "reverse mode")):
        assert found[method].numbers == program.grad(mode=mode, result=result).numbers  # type: ignore[arg-type]
    if name == WHILE:
        return
    shapes = {item.name: item.arrange([0.0] * len(item.nodes)) for item in run.inputs}
    point = {
        item.name: item.arrange([run.graph.value[node] for node in item.nodes])
        for item in run.inputs
    }
    text = program.diff(shapes, result=result).program
    by_text = adcli.load(text)
    numbers = by_text.eval({name: point[name] for name in by_text.inputs})
    assert found["symbolic"].numbers == pytest.approx(list(numbers.values()), rel=1e-12, abs=1e-14)


@EVERY_RESULT
def test_passes(name: str, result: str) -> None:
    """Evaluations of difference quotients; a pass for each input forward, one in reverse."""
    found = methods(sample(name, result))
    count = len(sample(name, result).reference)
    assert found[FORWARD_DIFFERENCE].passes == 2 * count
    assert found[BACKWARD_DIFFERENCE].passes == 2 * count
    assert found[CENTRAL_DIFFERENCE].passes == 2 * count
    assert found[FIVE_POINT_DIFFERENCE].passes == 4 * count
    assert found["richardson"].passes > 4 * count
    assert found["symbolic"].passes == (0 if name == WHILE else 1)
    assert found["forward mode"].passes == count
    assert found["reverse mode"].passes == 1


@EVERY_RESULT
def test_operations_and_sizes(name: str, result: str) -> None:
    """Quotients repeat the program; reverse mode is within 5 times its operations."""
    found = methods(sample(name, result))
    value = value_operations(name)
    for method in NUMERICAL:
        assert found[method].size == value
        # The largest steps of an extrapolation may come to another branch.
        tolerance = 0.01 if method == "richardson" else 0
        assert found[method].operations == pytest.approx(
            found[method].passes * value, rel=tolerance
        )
    reverse = found["reverse mode"]
    assert value < reverse.size == reverse.operations <= 5 * value
    # Each pass records its tangents; at most four operations for one of the program's.
    forward = found["forward mode"]
    assert value < forward.size == forward.operations <= (1 + 4 * forward.passes) * value
    if name != WHILE:
        symbolic = found["symbolic"]
        assert 0 < symbolic.operations <= symbolic.size


def test_formulas_swell() -> None:
    """Ten years of the logistic map: millions of operations written out, 97 in reverse mode."""
    found = methods(sample("logistic_map", "population"))
    assert 1_000_000 < found["symbolic"].size < 100_000_000
    assert found["symbolic"].operations < 1_000
    assert found["reverse mode"].operations < 200
    program = adcli.load(SAMPLES["logistic_map"]).diff()
    assert found["symbolic"].size == program.operations["raw"]
    assert found["symbolic"].operations == program.operations["shared"]


def test_a_loop_without_formula() -> None:
    """Symbolic is left out with the reason; the others are there."""
    found = sample("newton", "root")
    symbolic = methods(found)["symbolic"]
    assert symbolic.numbers is None
    assert symbolic.note == "a loop whose length depends on the inputs has no formula"
    assert math.isnan(symbolic.error)
    assert math.isnan(symbolic.seconds)
    shown = {one["method"]: one for one in data(found)["methods"]}["symbolic"]
    assert shown["gradient"] is None
    assert shown["note"] == symbolic.note
    assert all(one.numbers is not None for one in found.methods if one.name != "symbolic")


@EVERY_RESULT
def test_times_are_measured(name: str, result: str) -> None:
    """Every method that was run has a time, and it is positive."""
    for method in sample(name, result).methods:
        if method.numbers is not None:
            assert 0 < method.seconds < INF, method.name


# Options and shapes.


def test_wrt() -> None:
    """Only the inputs asked for: fewer passes, and the derivatives of these alone."""
    found = compared("x*y*z", {"x": 2.0, "y": 3.0, "z": 5.0}, wrt=["z", "x"])
    assert data(found)["reference"]["gradient"] == {"x": 15.0, "z": 6.0}
    for one in data(found)["methods"]:
        assert one["gradient"] == pytest.approx({"x": 15.0, "z": 6.0}, rel=1e-6), one["method"]
    passes = {name: method.passes for name, method in methods(found).items()}
    assert (passes[FORWARD_DIFFERENCE], passes["forward mode"], passes["reverse mode"]) == (4, 2, 1)
    assert compared("x*y*z", {"x": 2.0, "y": 3.0, "z": 5.0}, wrt="y").reference == [10.0]


def test_vectors_and_matrices() -> None:
    """A number for each element, in the shapes of the inputs."""
    found = compared("A[1,2]*v[2] + sum(v)", {"A": [[1.0, 2.0], [3.0, 4.0]], "v": [5.0, 7.0]})
    expected = [0.0, 7.0, 0.0, 0.0, 1.0, 3.0]
    assert found.reference == expected
    shown = data(found)
    assert shown["reference"]["gradient"] == {"A": [[0.0, 7.0], [0.0, 0.0]], "v": [1.0, 3.0]}
    for method in found.methods:
        assert method.numbers == pytest.approx(expected, rel=1e-6, abs=1e-6), method.name
    assert methods(found)["forward mode"].passes == 6


def test_several_results() -> None:
    """One is chosen by name; without a name it is refused."""
    text = "f(x, y) = { q = x*y; q, x + y^2 }"
    at = {"x": 2.0, "y": 3.0}
    with pytest.raises(adcli.InputError, match="2 results"):
        compared(text, at)
    assert compared(text, at, result="q").reference == [3.0, 2.0]
    found = compared(text, at, result="f[1]")
    assert (found.result, found.value, found.reference) == ("f[1]", 11.0, [1.0, 6.0])
    for method in found.methods:
        assert method.numbers == pytest.approx([1.0, 6.0], rel=1e-6), method.name


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("x*y", {"wrt": ["z"]}, "no input is called 'z'"),
        ("x*y", {"result": "g"}, "no result is called 'g'"),
        ("x*y*z", {}, "'z' has no value"),
    ],
)
def test_what_is_not_there(text: str, options: dict[str, Any], match: str) -> None:
    """Inputs and results that do not exist, inputs without a value."""
    with pytest.raises(adcli.InputError, match=match):
        compared(text, {"x": 1.0, "y": 2.0}, **options)


@pytest.mark.parametrize("text", ["f(x) = 3", "f(x) = x^0", "f(x) = { y = sin(x); 2 }", "0*x"])
def test_constant_results(text: str) -> None:
    """All methods find 0, without error."""
    found = compared(text, {"x": 1.5})
    assert found.reference == [0.0]
    for method in found.methods:
        assert (method.numbers, method.error) == ([0.0], 0.0), method.name
    assert found.warnings == []


def test_one_result_of_several_is_constant() -> None:
    """What does not depend on an input has the derivative 0 there."""
    found = compared("f(x, y) = y^2", {"x": 1.0, "y": 3.0})
    assert found.reference == [0.0, 6.0]
    for method in found.methods:
        assert method.numbers == pytest.approx([0.0, 6.0], rel=1e-6), method.name


# Edges.

EDGES: list[tuple[str, float, float]] = [
    # A program, where, and the derivative by convention.
    ("abs(x)", 0.0, 0.0),
    ("max(x, 0)", 0.0, 0.5),
    ("min(x, 2*x)", 0.0, 1.5),
    ("relu(x)", 0.0, 0.0),
    ("floor(x)", 2.0, 0.0),
    ("sqrt(x)", 0.0, INF),
    ("-sqrt(x)", 0.0, -INF),
    ("cbrt(x)", 0.0, INF),
    ("asin(x)", 1.0, INF),
    ("acos(x)", -1.0, -INF),
    ("ln(x)", 0.0, INF),
    ("1/x", 0.0, -INF),
    ("x^0.5", 0.0, INF),
    ("sqrt(x)", -1.0, NAN),
    ("x^(1/3)", -8.0, NAN),
    ("asin(x)", 2.0, NAN),
    ("exp(x)", 1000.0, INF),
    ("x^2", INF, INF),
    ("sin(x)", INF, NAN),
    ("sin(x)", NAN, NAN),
    # Not defined at the point, but on both sides of it.
    ("sin(x)/x", 0.0, NAN),
    ("x^2/x", 0.0, NAN),
    ("(1 - cos(x))/x^2", 0.0, NAN),
    ("mod(1, x)", 0.0, NAN),
]


@pytest.mark.parametrize(("text", "x", "expected"), EDGES)
def test_edges(text: str, x: float, expected: float) -> None:
    """No traceback; the exact methods have the convention, and JSON has null."""
    found = compared(text, {"x": x})
    for method in EXACT:
        if (text, method) != ("x^2/x", "symbolic"):  # cancelled: 1
            assert methods(found)[method].numbers == [pytest.approx(expected, nan_ok=True)], method
    shown = to_json(data(found), ascii_only=True)
    assert "NaN" not in shown
    assert "Infinity" not in shown
    blamed = [warning for warning in found.warnings if warning.is_non_finite]
    assert bool(blamed) == (not math.isfinite(expected))
    exact = adcli.load(text).grad({"x": x}, mode="reverse").warnings
    assert [repr(one) for one in found.warnings] == [repr(one) for one in exact]


@pytest.mark.parametrize(("text", "x", "expected"), EDGES)
def test_every_format_at_edges(text: str, x: float, expected: float) -> None:
    """Tables, data and LaTeX of what is not finite."""
    found = compared(text, {"x": x}, steps=True)
    tables = CompareTables(found, Look(None, ascii_only=True, width=None))
    assert len(tables.views()) == 2
    assert r"\begin{tabular}" in tables.latex()
    lines = to_separated(tables.record(), ",").splitlines()
    assert len(lines) == 1 + len(STEPS)


def test_a_kink_has_a_quotient_from_each_side() -> None:
    """Of abs at 0: 1 from the right, -1 from the left, 0 by convention, and a note."""
    found = compared("abs(x)", {"x": 0.0})
    numbers = {name: method.numbers for name, method in methods(found).items()}
    assert numbers[FORWARD_DIFFERENCE] == [1.0]
    assert numbers[BACKWARD_DIFFERENCE] == [-1.0]
    assert numbers[CENTRAL_DIFFERENCE] == [0.0]
    assert numbers["reverse mode"] == numbers["symbolic"] == [0.0]
    (note,) = found.warnings
    assert (note.kind, note.severity) == ("convention", "note")
    assert methods(found)[FORWARD_DIFFERENCE].error == 1.0


def test_an_equality_that_held_is_warned_of() -> None:
    """Automatic differentiation gives the derivative of the path, not of sin(x)/x."""
    found = compared("if x == 0 then 1 else sin(x)/x", {"x": 0.0})
    assert [warning.kind for warning in found.warnings] == ["equality"]


def test_an_error_is_nan_where_there_is_none() -> None:
    """The same infinity is no error; an infinity against a number has none."""
    found = compared("exp(x)", {"x": 1000.0})
    assert found.reference == [INF]
    assert methods(found)["reverse mode"].error == 0.0
    assert math.isnan(methods(found)[CENTRAL_DIFFERENCE].error)
    assert metric(INF, INF) == 0.0
    assert math.isnan(metric(INF, -INF))


@pytest.mark.parametrize("x", [5e-324, 1e-300, -0.0, 1e150, 1.7e308])
def test_points_at_the_ends_of_the_doubles(x: float) -> None:
    """Steps that vanish, or lead beyond all numbers, are nan and no error."""
    found = compared("2*x + 1", {"x": x}, steps=True)
    assert found.reference == [2.0]
    for method in EXACT:
        assert methods(found)[method].numbers == [2.0]
    for method in found.methods:
        assert method.numbers is not None
        (number,) = method.numbers
        assert math.isnan(number) or abs(number) < INF


@pytest.mark.parametrize("exponent", ["inf", "nan"])
def test_exponents_that_are_not_finite(exponent: str) -> None:
    """A formula with an infinite exponent is one, if not a useful one."""
    found = compared(f"x^({exponent})", {"x": 0.5})
    assert [method.name for method in found.methods] == METHODS


# Where the reference comes from.


@pytest.fixture
def no_mpmath(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which mpmath cannot be imported."""
    monkeypatch.setitem(sys.modules, "mpmath", None)
    monkeypatch.delitem(sys.modules, "adcli.evaluate.precise", raising=False)


@pytest.mark.usefixtures("no_mpmath")
def test_the_reference_without_mpmath() -> None:
    """Extrapolated difference quotients, and it says so."""
    found = compared("sin(x)*exp(y)", {"x": 1.0, "y": 2.0})
    assert (
        found.reference_name
        == "extrapolated difference quotients (50 digits need mpmath: pip install 'adcli[compare]')"
    )
    exact = [math.cos(1) * math.exp(2), math.sin(1) * math.exp(2)]
    assert found.reference == pytest.approx(exact, rel=1e-10)
    assert found.reference == methods(found)["richardson"].numbers
    assert methods(found)["richardson"].error == 0.0
    assert methods(found)["reverse mode"].error < 1e-10
    assert data(found)["reference"]["method"] == found.reference_name


@pytest.mark.usefixtures("no_mpmath")
@pytest.mark.parametrize("name", ["network", "robust_loss", "branch"])
def test_samples_without_mpmath(name: str) -> None:
    """The errors are then those of the quotients, and small."""
    found = adcli.load(SAMPLES[name]).compare()
    assert "need mpmath" in found.reference_name
    for method in EXACT:
        assert methods(found)[method].error < 1e-9


@pytest.mark.usefixtures("no_mpmath")
def test_edges_without_mpmath() -> None:
    """No quotient exists: nan, and null."""
    found = compared("sqrt(x)", {"x": 0.0})
    assert math.isnan(found.reference[0])
    assert '"gradient": {"x": null}' in to_json(data(found), ascii_only=True)
    assert compared("f(x) = 3", {"x": 1.0}).reference == [0.0]


def test_the_reference_with_mpmath() -> None:
    """Reverse mode with 50 digits; a constant needs none."""
    found = compared("sin(x)", {"x": 1.0})
    assert found.reference_name == "reverse mode with 50 digits"
    assert found.reference == [float(mpmath.cos(mpf(1)))]
    assert compared("f(x) = 3", {"x": 1.0}).reference_name == "exact"


# What takes too long.


def test_what_takes_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Difference quotients have no numbers then, and a note; the rest is as it was."""
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    found = compared("sin(x)*y", {"x": 1.0, "y": 2.0})
    for name, method in methods(found).items():
        if name in NUMERICAL:
            assert method.numbers is None
            assert method.note.startswith("left out: it would take about ")
            assert math.isnan(method.error)
            assert math.isnan(method.seconds)
        else:
            assert method.error < 1e-12
    for one in data(found)["methods"]:
        assert (one["gradient"] is None) == (one["method"] in NUMERICAL)
    tables = CompareTables(found, Look(None, ascii_only=True, width=None))
    (view,) = tables.views()
    assert [row[0] for row in view.rows if row[1] == ""] == NUMERICAL
    assert sum("left out" in line for line in view.footer) == len(NUMERICAL)
    assert len(to_separated(tables.record(), ",").splitlines()) == 1 + len(METHODS)
    assert tables.latex().count(r"\\") == 1 + len(METHODS)


def test_steps_that_take_too_long_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps were asked for: that is an error, with a way out."""
    monkeypatch.setattr(module, "_LONGEST", 0.0)
    with pytest.raises(adcli.LimitError, match="errors at 46 steps would take") as raised:
        compared("sin(x)", {"x": 1.0}, steps=True)
    assert raised.value.details == ("--wrt chooses fewer inputs",)


def test_a_size_beyond_all_bounds_is_shown() -> None:
    """Written out, the derivative of a long loop has more digits than Python prints."""
    found = compared("sin(x)", {"x": 1.0})
    methods(found)["symbolic"].size = MOST_COUNTED
    tables = CompareTables(found, Look(None, ascii_only=True, width=None))
    (view,) = tables.views()
    assert any("over 1e300" in str(cell) for row in view.rows for cell in row)
    assert tables.latex()
    assert to_separated(tables.record(), ",")
    assert to_json(data(found), ascii_only=True)


# Errors over steps.

# Ordinary points: neither is a derivative 0, nor do the doubles nearby happen to be exact.
ORDINARY = [
    ("sin(x)", 1.0),
    ("sin(x)", 0.5),
    ("exp(x)", 0.7),
    ("exp(x)", 1.0),
    ("ln(x)", 3.0),
    ("ln(x)", 0.3),
]
AT_ORDINARY_POINTS = pytest.mark.parametrize(("text", "x"), ORDINARY)


@cache
def stepped(text: str, x: float) -> Comparison:
    """Errors over steps, measured once."""
    return compared(text, {"x": x}, steps=True)


def errors(text: str, x: float, scheme: Scheme) -> list[tuple[float, float]]:
    """Steps and errors of one scheme, without those that are 0 or nan."""
    found = [(step, one[scheme.name]) for step, one in stepped(text, x).steps]
    return [(step, error) for step, error in found if error > 0]


def smooth(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The geometric mean of three neighbours each: a lucky digit does not count."""
    return [
        (middle[0], statistics.geometric_mean([left[1], middle[1], right[1]]))
        for left, middle, right in zip(points, points[1:], points[2:], strict=False)
    ]


def slope(points: list[tuple[float, float]]) -> float:
    """Of a line through the logarithms."""
    xs = [math.log10(step) for step, _ in points]
    ys = [math.log10(error) for _, error in points]
    return statistics.linear_regression(xs, ys).slope


def test_the_steps() -> None:
    """From 0.1 to 1e-16, three in a decade, for three schemes."""
    found = stepped("sin(x)", 1.0)
    steps = [step for step, _ in found.steps]
    assert steps == pytest.approx([10 ** (-k / 3) for k in range(3, 49)], rel=1e-12)
    assert (steps[0], len(steps)) == (pytest.approx(0.1), 46)
    assert steps[-1] == pytest.approx(1e-16)
    names = [scheme.name for scheme in STEPPED]
    assert names == [FORWARD_DIFFERENCE, CENTRAL_DIFFERENCE, FIVE_POINT_DIFFERENCE]
    assert all(list(errors) == names for _, errors in found.steps)
    assert compared("sin(x)", {"x": 1.0}).steps == []


@AT_ORDINARY_POINTS
@pytest.mark.parametrize("scheme", STEPPED, ids=lambda scheme: scheme.name)
def test_the_best_error(text: str, x: float, scheme: Scheme) -> None:
    """At its best step a scheme of order p loses about epsilon^(p/(p + 1))."""
    (_, best) = min(smooth(errors(text, x, scheme)), key=lambda point: point[1])
    bound = EPSILON ** (scheme.order / (scheme.order + 1))
    assert bound / 100 < best < bound * 100


@AT_ORDINARY_POINTS
def test_the_best_error_of_central_differences(text: str, x: float) -> None:
    """The issue's: within 100 times epsilon^(2/3), at no end of the V."""
    points = errors(text, x, CENTRAL)
    step, best = min(points, key=lambda point: point[1])
    assert best < 100 * EPSILON ** (2 / 3)
    assert points[-1][0] < step < points[0][0]


@AT_ORDINARY_POINTS
@pytest.mark.parametrize("scheme", STEPPED, ids=lambda scheme: scheme.name)
def test_the_best_step_is_inside(text: str, x: float, scheme: Scheme) -> None:
    """Neither the largest step is best nor the smallest; it is near the scheme's own."""
    step, _ = min(smooth(errors(text, x, scheme)), key=lambda point: point[1])
    assert scheme.step / 100 < step < scheme.step * 100
    assert STEPS[-1] < step < STEPS[0]


@AT_ORDINARY_POINTS
@pytest.mark.parametrize(
    ("scheme", "order"), [(FORWARD, 1), (CENTRAL, 2), (FIVE_POINT, 4)], ids=lambda x: str(x)[:1]
)
def test_truncation_goes_with_the_order(text: str, x: float, scheme: Scheme, order: int) -> None:
    """Right of the minimum: the error is a power of the step, 1, 2 or 4."""
    clean = [
        (step, error)
        for step, error in errors(text, x, scheme)
        # Above the best step there is truncation only, and up to 0.03 only its first term.
        if 6 * scheme.step < step < 0.03
    ]
    assert len(clean) >= 3
    assert slope(clean) == pytest.approx(order, abs=0.1 * order)


@AT_ORDINARY_POINTS
@pytest.mark.parametrize("scheme", STEPPED, ids=lambda scheme: scheme.name)
def test_rounding_rises_to_the_left(text: str, x: float, scheme: Scheme) -> None:
    """Left of the minimum: the error goes with 1/step."""
    rounding = [
        (step, error) for step, error in errors(text, x, scheme) if 1e-15 < step < scheme.step / 30
    ]
    assert len(rounding) > 10
    assert slope(rounding) == pytest.approx(-1, abs=0.3)


@AT_ORDINARY_POINTS
def test_the_table_is_near_the_bottom_of_the_v(text: str, x: float) -> None:
    """A method's own step is no worse than 1000 times the best there is."""
    for scheme in STEPPED:
        own = methods(stepped(text, x))[scheme.name].error
        best = min(error for _, error in smooth(errors(text, x, scheme)))
        assert own < 1000 * best


def test_steps_are_relative_to_x() -> None:
    """The V of x^3 is where x is, at 1e-6 as at 1e6 (times what the value is)."""
    for x in (1e-6, 1.0, 1e6):
        scaled = {step: one[FORWARD_DIFFERENCE] for step, one in stepped("x^3", x).steps}
        exact = 3 * x * x
        # (x + h)^3 = x^3 + 3*x^2*h + 3*x*h^2 + h^3
        for step in STEPS[:3]:
            h = step * x
            wrong = exact + 3 * x * h + h * h
            expected = abs(wrong - exact) / max(1, exact, wrong)
            assert scaled[step] == pytest.approx(expected, rel=1e-3)


def test_steps_of_several_inputs() -> None:
    """The error at a step is the largest over all inputs."""
    text, at = "sin(x) + exp(y)", {"x": 1.0, "y": 0.7}
    both = compared(text, at, steps=True).steps
    alone = [compared(text, at, steps=True, wrt=name).steps for name in ("x", "y")]
    for position in range(len(STEPS) - 1):  # at 1e-16 there is no step
        for scheme in STEPPED:
            one, other = (steps[position][1][scheme.name] for steps in alone)
            assert both[position][1][scheme.name] == max(one, other)


def test_a_step_that_vanishes_is_nan() -> None:
    """1 + 1e-16 is 1: there is no quotient, and no error either."""
    found = stepped("sin(x)", 1.0)
    assert all(math.isnan(error) for error in found.steps[-1][1].values())
    last = data(found)["steps"][-1]
    assert set(last) == {"step", *found.steps[-1][1]}
    assert to_json({"steps": [last]}, ascii_only=True).count("null") == 3


@pytest.mark.parametrize("scheme", STEPPED, ids=lambda scheme: scheme.name)
def test_errors_at_steps_are_those_of_the_quotients(scheme: Scheme) -> None:
    """Of the function itself, with the step that is taken: x + h is a double."""
    assert set(STEPPED) < set(SCHEMES)
    for step, one in stepped("sin(x)", 0.5).steps[:-1]:
        quotient = scheme.quotient(math.sin, 0.5, (0.5 + step * 0.5) - 0.5)
        assert one[scheme.name] == metric(quotient, math.cos(0.5))


# The chart.


@pytest.mark.parametrize("ascii_only", [False, True])
@AT_ORDINARY_POINTS
def test_the_chart(text: str, x: float, ascii_only: bool) -> None:
    """Axes, ticks, a legend and the marks, within 80 columns."""
    lines = chart(stepped(text, x).steps, ascii_only=ascii_only)
    assert all(len(line) <= 80 for line in lines)
    assert all(line.isascii() for line in lines) or not ascii_only
    *body, axis, ticks, legend = lines
    up, corner, along = ("|", "+", "-") if ascii_only else ("│", "└", "─")
    assert all(line[7] == up for line in body)
    assert axis.strip() == corner + along * 64
    assert ticks.split() == ["1e-16", "1e-12", "1e-8", "1e-4"]
    assert legend == "f forward difference, c central difference, 5 five-point difference"
    # An error of 0 stands below all powers.
    labels = [line[:6].strip() for line in body]
    first = int(labels[0].removeprefix("1e"))
    expected = [f"1e{first - i}" if first - i > -17 else "0" for i in range(len(body))]
    assert labels == expected
    assert {mark for line in body for mark in line[8:]} == {" ", "f", "c", "5"}


def test_where_the_chart_has_its_marks() -> None:
    """A column for each quarter of a decade, a row for each power of 10."""
    steps = [(1e-4, {FORWARD_DIFFERENCE: 1e-3})]
    (row, _, ticks, _) = chart(steps, ascii_only=True)
    assert row == f"{'1e-3':>6} |{' ' * 48}f"
    assert ticks.index("1e-4") == row.index("f")
    high = chart([(0.1, {CENTRAL_DIFFERENCE: 2.0}), (0.01, {CENTRAL_DIFFERENCE: 0.0})],
                 ascii_only=True)  # fmt: skip
    assert high[0].startswith("   1e0 |")
    assert high[17] == f"     0 |{' ' * 56}c"


def test_a_chart_without_a_finite_error() -> None:
    """Says so."""
    assert chart([(0.1, {FORWARD_DIFFERENCE: NAN})], ascii_only=True) == ["no error is finite"]
    found = compared("sqrt(x)", {"x": -1.0}, steps=True)
    assert chart(found.steps, ascii_only=False) == ["no error is finite"]


# Whatever the program.


@pytest.mark.parametrize(
    ("text", "derivative"),
    [
        ("erf(x)", lambda x: 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)),
        ("exp2(x)", lambda x: mpmath.log(2) * mpf(2) ** x),
        ("tanh(x)", lambda x: 1 / mpmath.cosh(x) ** 2),
        ("hypot(x, 2)", lambda x: x / mpmath.hypot(x, 2)),
        ("x^x", lambda x: x**x * (mpmath.log(x) + 1)),
        ("if x > 1 then ln(x) else x^2", lambda x: 2 * x),
        ("f(x) = { while x < 100 { x = 2*x }; x }", lambda x: mpf(128)),
        ("g(n, x) = if n < 1 then 1 else x*g(n - 1, x)\nf(x) = g(5, x)", lambda x: 5 * x**4),
    ],
)
def test_every_kind_of_program(text: str, derivative: Callable[[Any], Any]) -> None:
    """Functions, branches, loops, recursion: all that have an answer have the same."""
    found = compared(text, {"x": 0.8})
    with mpmath.workdps(50):
        exact = float(derivative(mpf(0.8)))
    assert found.reference == [pytest.approx(exact, rel=1e-15)]
    for method in found.methods:
        if method.numbers is not None:
            relative = 1e-13 if method.name in EXACT else 1e-6
            assert method.numbers == [pytest.approx(exact, rel=relative)], method.name
    left_out = [method.name for method in found.methods if method.numbers is None]
    assert left_out == (["symbolic"] if "while" in text else [])


def test_a_path_that_ends_within_a_step() -> None:
    """A program that fails on one side of the point has no quotient there, and no traceback."""
    found = compared("f(x) = { v = [1, 2]; v[ceil(x)]*x }", {"x": 2.0})
    numbers = {name: method.numbers for name, method in methods(found).items()}
    assert numbers["reverse mode"] == [2.0]
    assert numbers[BACKWARD_DIFFERENCE] == [pytest.approx(2.0, rel=1e-6)]
    (right,) = numbers[FORWARD_DIFFERENCE] or [0.0]
    assert math.isnan(right)
