"""Gradient checks: that right gradients pass, and above all that wrong ones do not.

What is right here was derived by hand, or is the exact gradient that other tests compare
with mpmath. What is wrong is made so: derivatives that are scaled, rules that are broken,
and some eighty slips in gradients by hand.
"""

from __future__ import annotations

import copy
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from generated_programs import Program as Generated
from generated_programs import make, seeded
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from reference_machine import Rejected

import adcli
from adcli.differentiate import check as checking
from adcli.differentiate.check import (
    KINK,
    OK,
    UNDEFINED,
    UNSURE,
    WRONG,
    Check,
    Component,
    Plan,
    metric,
)
from adcli.differentiate.check import check as check_run
from adcli.differentiate.numeric import Along
from adcli.graph import rules
from adcli.graph.primitives import TABLE, Primitive

INF, NAN = math.inf, math.nan
ROOT = Path(__file__).parents[2]
SAMPLES = {path.stem: adcli.load(path) for path in sorted((ROOT / "samples").glob("*.ad"))}
RESULTS = [(name, result) for name, program in SAMPLES.items() for result in program.eval()]
RESULT = pytest.mark.parametrize(("name", "result"), RESULTS)


def verdicts(found: Check) -> dict[str, str]:
    """The verdict of each component."""
    return {one.input: one.verdict for one in found.components}


def fields(one: Component) -> tuple[Any, ...]:
    """All of a component, to compare."""
    return tuple(repr(getattr(one, name)) for name in Component.__slots__)


def state(found: Check) -> tuple[Any, ...]:
    """All of a check, to compare."""
    return (
        list(map(fields, found.components)),
        list(map(fields, found.failures)),
        (found.points, found.skipped, found.evaluations, found.result),
    )


def leaves(value: Any) -> list[float]:
    """The numbers in a number, a list, or a list of lists, in order."""
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def tried(text: str, points: int = 50, **options: Any) -> list[dict[str, list[float]]]:
    """The points of a check: those of a gradient by hand that is wrong at all of them."""
    program = adcli.load(text)
    count = len(leaves(list(options.get("at", {}).values())))
    wrong = adcli.load(f"[nan for i in 1..{count}]")
    found = program.check(options.pop("at"), gradient=wrong, points=points, **options)
    assert found.points == points + 1
    assert len(found.failures) == count * (points + 1)
    every = [failure.point for failure in found.failures[::count]]
    return [{name: leaves(value) for name, value in point.items()} for point in every]


# The metric.


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1.0, 1.0, 0.0),
        (0.0, -0.0, 0.0),
        (0.5, 0.25, 0.25),
        (1e-9, -1e-9, 2e-9),
        (4.0, 3.0, 0.25),
        (-4.0, 4.0, 2.0),
        (1e300, 1e-300, 1.0),
        (100.0, 101.0, 1 / 101),
        (INF, INF, 0.0),
        (-INF, -INF, 0.0),
    ],
)
def test_metric(a: float, b: float, expected: float) -> None:
    assert metric(a, b) == metric(b, a) == expected


@pytest.mark.parametrize(("a", "b"), [(NAN, NAN), (NAN, 1.0), (INF, -INF), (INF, 1.0), (2.0, NAN)])
def test_metric_is_nan_of_what_is_not_finite(a: float, b: float) -> None:
    assert math.isnan(metric(a, b))


@given(st.floats(-1e150, 1e150), st.floats(-1e150, 1e150))
def test_metric_is_bounded(a: float, b: float) -> None:
    assert 0 <= metric(a, b) <= 2
    assert (metric(a, b) == 0) == (a == b) or abs(a - b) < 1e-300


# The worst of several points.


def component(verdict: str, error: float = 0.0, tolerance: float = 1e-8) -> Component:
    return Component("x", error, 0.0, tolerance, verdict, {"x": error})


@pytest.mark.parametrize("first", [True, False])
def test_the_worst_verdict_is_kept(first: bool) -> None:
    order = [OK, UNSURE, KINK, UNDEFINED, WRONG]
    for i, better in enumerate(order):
        for worse in order[i + 1 :]:
            found = Check("f", [])
            pair = [component(worse, 0.1), component(better, 0.9)]
            for one in pair if first else reversed(pair):
                found.add([one])
            assert verdicts(found) == {"x": worse}
            assert found.points == 2
            assert found.passed == (worse not in (WRONG, UNDEFINED))


@pytest.mark.parametrize("first", [True, False])
def test_the_largest_error_is_kept(first: bool) -> None:
    """Against what it may be: an error of 3 times its tolerance is worse than one of 2."""
    pairs = [
        ((component(WRONG, 0.3, 0.1), component(WRONG, 0.4, 0.2)), 0.3),
        ((component(WRONG, 0.3), component(WRONG, NAN)), NAN),
        ((component(OK, 1e-9), component(OK, 2e-9)), 2e-9),
    ]
    for pair, worst in pairs:
        found = Check("f", [])
        for one in pair if first else reversed(pair):
            found.add([one])
        assert repr(found.components[0].error) == repr(worst)


# Right gradients pass.


@RESULT
def test_samples_pass(name: str, result: str) -> None:
    """At their own point and twenty random ones, and all is settled."""
    found = SAMPLES[name].check(points=20, seed=1, result=result)
    assert found.passed
    assert set(verdicts(found).values()) <= {OK}
    assert (found.points, found.skipped) == (21, 0)
    assert found.result == result
    assert found.failures == []
    assert list(verdicts(found)) == list(SAMPLES[name].run().elements)
    exact = leaves(list(SAMPLES[name].grad(result=result, mode="reverse").gradient.values()))
    at_start = SAMPLES[name].check(result=result)
    assert [one.ad for one in at_start.components] == exact
    for one in found.components:
        assert one.error == metric(one.ad, one.reference) <= one.tolerance
        assert one.slip == ""


@pytest.mark.thorough
@RESULT
def test_samples_pass_at_many_points(name: str, result: str) -> None:
    found = SAMPLES[name].check(points=1000, seed=2, result=result)
    assert found.passed
    assert set(verdicts(found).values()) == {OK}
    assert (found.points, found.skipped) == (1001, 0)


@pytest.mark.parametrize("tolerance", [1e-15, 1e-5, 0.5])
def test_a_tolerance_is_no_false_alarm(tolerance: float) -> None:
    """Quotients are asked for no more than they can say."""
    for name, result in RESULTS:
        found = SAMPLES[name].check(points=2, result=result, tolerance=tolerance)
        assert found.passed
        for one in found.components:
            assert one.verdict == OK
            assert one.tolerance >= tolerance


GENERATED = [(seed, program) for seed, program, _ in seeded(20)]


@pytest.mark.parametrize(("seed", "program"), GENERATED, ids=[str(seed) for seed, _ in GENERATED])
def test_generated_programs_pass(seed: int, program: Generated) -> None:
    found = adcli.load(program.text).check(program.at, points=5, seed=seed)
    assert found.passed
    assert found.points + found.skipped == 6
    assert WRONG not in verdicts(found).values()
    assert len(found.components) == len(program.elements())
    assert {one.verdict for one in adcli.load(program.text).check(program.at).components} == {OK}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_any_program_passes(chooser: random.Random, seed: int) -> None:
    try:
        program, _ = make(chooser)
    except Rejected:
        reject()
    found = adcli.load(program.text).check(program.at, points=2, seed=seed)
    assert found.passed, f"{found.failures[0].input}\n{program.at}\n{program.text}"


# Random points.


def test_same_seed_same_points() -> None:
    for name, result in RESULTS:
        one, other = (
            SAMPLES[name].check(points=4, seed=7, result=result, tolerance=1e-9) for _ in range(2)
        )
        assert state(one) == state(other)
    text, at = "x*y", {"x": 3.0, "y": 4.0}
    assert tried(text, at=at, seed=5) == tried(text, at=at, seed=5)


def test_other_seed_other_points() -> None:
    """No point comes twice, but for the given one, which is always the first."""
    at = {"x": 3.0, "y": 4.0}
    seen = Counter[str]()
    for seed in range(10):
        points = tried("x*y", at=at, seed=seed)
        assert points[0] == {"x": [3.0], "y": [4.0]}
        seen.update(map(repr, points[1:]))
    assert max(seen.values()) == 1
    assert len(seen) == 500


def test_more_points_of_a_seed_begin_with_fewer() -> None:
    at = {"x": 3.0}
    assert tried("x^2", 5, at=at) == tried("x^2", 20, at=at)[:6]


def test_points_are_within_a_tenth() -> None:
    """Of the size of each element; of 1 where it is 0."""
    given_values = {"x": -3.0, "v": [1e-6, 0.0, 5e8], "A": [[2.0, -4.0], [1.0, 0.0]]}
    points = tried("x + sum(v) + sum(A @ [1, 1])", 400, at=given_values)
    for name, value in given_values.items():
        for position, start in enumerate(leaves(value)):
            reach = 0.1 * (abs(start) or 1.0)
            moved = [(point[name][position] - start) / reach for point in points[1:]]
            assert all(abs(x) <= 1 + 1e-9 for x in moved)
            # From end to end, and not all elements alike.
            assert min(moved) < -0.95
            assert max(moved) > 0.95
    first, second = ([point["v"][i] for point in points] for i in (0, 2))
    assert [x / 1e-6 for x in first[1:]] != [x / 5e8 for x in second[1:]]


def test_points_are_in_their_ranges() -> None:
    ranges = {"x": (10.0, 20.0), "v": (-1.0, 1.0)}
    at = {"x": 3.0, "y": 4.0, "v": [5.0, 6.0]}
    points = tried("x + y + sum(v)", 400, at=at, ranges=ranges)
    assert points[0] == {"x": [3.0], "y": [4.0], "v": [5.0, 6.0]}
    for point in points[1:]:
        assert all(3.6 <= y <= 4.4 for y in point["y"])
    for name, (low, high) in ranges.items():
        numbers = [x for point in points[1:] for x in point[name]]
        assert all(low <= x <= high for x in numbers)
        assert min(numbers) < low + 0.05 * (high - low)
        assert max(numbers) > high - 0.05 * (high - low)
    assert len({tuple(point["v"]) for point in points[1:]}) == 400
    fixed = tried("x", 10, at={"x": 3.0}, ranges={"x": (7.0, 7.0)})
    assert [point["x"] for point in fixed] == [[3.0], *[[7.0]] * 10]


def test_the_point_of_a_component_is_where_it_is_worst() -> None:
    """An error that grows with x is reported at the largest x."""
    found = adcli.load("x^3").check(
        x=3, gradient=adcli.load("3*x^2 + 1e-3*x^5"), points=100, ranges={"x": (0.5, 4)}
    )
    (worst,) = found.components
    points = [failure.point["x"] for failure in found.failures]
    assert worst.point["x"] == max(points)
    assert worst.error == max(failure.error for failure in found.failures)
    assert worst.ad == pytest.approx(3 * worst.point["x"] ** 2)


def test_points_where_nothing_is_finite_are_left_out() -> None:
    found = adcli.load("ln(x)").check(x=0.5, points=200, ranges={"x": (-1, 1)})
    assert found.passed
    assert found.points + found.skipped == 201
    assert 60 < found.skipped < 140
    # The derivative alone.
    found = adcli.load("x*sqrt(y)").check(x=1.5, y=1, points=50, ranges={"y": (0, 0)})
    assert found.passed
    assert (found.points, found.skipped) == (1, 50)


def test_points_where_the_program_fails_are_left_out() -> None:
    text = "v = [x, x^2]; v[if x < 1 then 2 else if x < 2 then 1 else 3]"
    found = adcli.load(text).check(x=1.5, points=200, ranges={"x": (0, 3)})
    assert found.passed
    assert found.points + found.skipped == 201
    assert 40 < found.skipped < 100
    endless = adcli.load("while x > 2 { x += 1 }; x^2").run({"x": 1.5}, max_operations=100)
    found = check_run(endless, Plan(points=50, ranges={"x": (1.0, 3.0)}))
    assert found.passed
    assert 10 < found.skipped < 40
    shorter = adcli.load("[x^2 for i in 1..n]").check(
        x=1.5, n=3, points=50, ranges={"n": (2.0, 4.0)}, result="f[3]", wrt="x"
    )
    assert shorter.passed
    assert 10 < shorter.skipped < 40
    assert shorter.points + shorter.skipped == 51


def test_evaluations_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = 0
    at = Along.at

    def counted(self: Along, numbers: Any) -> float:
        nonlocal runs
        runs += 1
        return at(self, numbers)

    monkeypatch.setattr(Along, "at", counted)
    for text in ("x^2*y", "abs(x - 3)*y", "sin(300*x) + y"):
        runs = 0
        found = adcli.load(text).check(x=3, y=4, points=3)
        assert found.evaluations == runs
        assert runs >= 4 * 2 * 4
    runs = 0
    assert adcli.load("x^2").check(x=3, points=3, gradient=adcli.load("2*x")).evaluations == 0
    assert runs == 0


# What to differentiate.


def test_wrt_and_result() -> None:
    program = adcli.load("a = x^2*y; b = y*sum(v); a, b")
    at = {"x": 2.0, "y": 3.0, "v": [1.0, 5.0]}
    found = program.check(at, wrt=["v", "x"], result="b")
    numbers = [(one.input, one.ad) for one in found.components]
    assert numbers == [("x", 0.0), ("v[1]", 3.0), ("v[2]", 3.0)]
    assert found.result == "b"
    only = program.check(at, wrt="y", result="a", gradient=adcli.load("x^2"))
    assert [(one.input, one.verdict) for one in only.components] == [("y", OK)]
    for one in found.components:
        assert list(one.point) == ["x", "y", "v"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wrt": "z"}, "no input is called 'z'"),
        ({"ranges": {"z": (0, 1)}}, "no input is called 'z'"),
        ({"result": "z"}, "no result is called 'z'"),
        ({"gradient": "1"}, "the gradient has 1 result, the inputs 2 elements"),
        ({"gradient": "1, 2, 3"}, "the gradient has 3 results, the inputs 2 elements"),
        ({"gradient": "1, 2", "wrt": "y"}, "the gradient has 2 results, the inputs 1 element"),
        ({"gradient": "z, 2"}, "the gradient has an input 'z', the program does not"),
    ],
)
def test_what_does_not_fit(options: dict[str, Any], message: str) -> None:
    if "gradient" in options:
        options = {**options, "gradient": adcli.load(options["gradient"])}
    with pytest.raises(adcli.InputError) as caught:
        adcli.load("x*y").check(x=2, y=3, points=2, **options)
    assert caught.value.message == message


def test_no_inputs() -> None:
    found = adcli.load("2*pi").check(points=2)
    assert (found.passed, found.components, found.points) == (True, [], 3)
    assert adcli.load("f(x) = 4").check(x=2).components[0].ad == 0


# What is not finite, and where nothing is sure.


@pytest.mark.parametrize(
    ("text", "at", "bad"),
    [
        ("ln(x)", {"x": 0.0}, {"x"}),
        ("ln(x) + y", {"x": -1.0, "y": 2.0}, {"x"}),
        ("sqrt(x) + y", {"x": 0.0, "y": 1.0}, {"x"}),
        ("x/y", {"x": 0.0, "y": 0.0}, {"x", "y"}),
        ("x^2", {"x": INF}, {"x"}),
        ("x^2", {"x": NAN}, {"x"}),
        ("x^0.5 + y", {"x": 0.0, "y": 1.0}, {"x"}),
        ("asin(x)", {"x": 1.0}, {"x"}),
    ],
)
def test_not_finite_fails(text: str, at: dict[str, float], bad: set[str]) -> None:
    """At the given point."""
    found = adcli.load(text).check(at)
    assert not found.passed
    assert {one.input for one in found.failures} >= bad
    assert {verdicts(found)[name] for name in bad} == {UNDEFINED}
    for name in bad:
        by_hand = adcli.load(", ".join("2" for _ in at))
        assert verdicts(adcli.load(text).check(at, gradient=by_hand))[name] == UNDEFINED


@pytest.mark.parametrize("text", ["1/(x - 3)", "nan", "ln(x - 4)", "inf", "-inf"])
def test_by_hand_not_finite_is_wrong(text: str) -> None:
    found = adcli.load("x^2").check(x=3, gradient=adcli.load(text))
    assert verdicts(found) == {"x": WRONG}
    assert math.isnan(found.components[0].error)


@pytest.mark.parametrize(
    ("text", "x", "ad"),
    [
        ("abs(x)", 0.0, 0.0),
        ("abs(x - 3)", 3.0, 0.0),
        ("relu(x) + x", 0.0, 1.0),
        ("max(x, 2)^2", 2.0, 2.0),
        ("min(3*x, x + 4)", 2.0, 2.0),
        ("clamp(x, 0, 1)", 1.0, 0.5),
        ("if x < 1 then x else 3*x - 2", 1.0, 3.0),
        ("5*abs(x)", 1e-12, 5.0),
    ],
)
def test_a_kink_does_not_fail(text: str, x: float, ad: float) -> None:
    """The derivatives from left and right differ; that of convention is between."""
    found = adcli.load(text).check(x=x)
    (one,) = found.components
    assert one.ad == pytest.approx(ad, abs=1e-15)
    assert one.verdict in (KINK, OK)
    assert (one.verdict == OK) == (one.error <= one.tolerance)
    assert found.passed


@pytest.mark.parametrize(
    "x", [1 + d for d in (-1e-13, 1e-12, 1e-11, -1e-10, 1e-9, -1e-8, 3e-8, 1e-5, -1e-4)]
)
def test_a_kink_close_by_does_not_fail(x: float) -> None:
    """On this side the derivative is what it is; quotients see both."""
    for text in ("x + abs(x - 1)", "x^2 + 3*max(x, 1)", "if x < 1 then x else 5*x - 4"):
        assert adcli.load(text).check(x=x).passed


@pytest.mark.parametrize("text", ["relu(x) + x", "x + relu(3*x)"])
def test_the_verdict_at_a_kink(text: str) -> None:
    assert verdicts(adcli.load(text).check(x=0)) == {"x": KINK}


def test_outside_of_both_sides_a_kink_is_no_excuse(monkeypatch: pytest.MonkeyPatch) -> None:
    scale(monkeypatch, {"x": 5.0})
    assert verdicts(adcli.load("relu(x) + x").check(x=0)) == {"x": WRONG}
    assert verdicts(adcli.load("abs(x) + x").check(x=0)) == {"x": WRONG}


def test_unsure_does_not_fail() -> None:
    """A function of which a double keeps no digits."""
    found = adcli.load("x + 1e17").check(x=3)
    assert verdicts(found) == {"x": UNSURE}
    assert found.passed


# Right gradients that are hard to tell from wrong ones: no false alarm.


NO_FALSE_ALARM = [
    # Far out, and close to zero.
    ("sin(x)", 1e5), ("exp(x)", 1e-300), ("exp(x)", 1e-20), ("exp(x)", -1e-12), ("ln(x)", 1e-10),
    ("ln(x)", 1e-300), ("x^2", 1e150), ("x^2", 1e-150), ("x^2", 1e-310), ("x^2 + x", 1e-310),
    ("1/x", 1e-100), ("x^3", -1e80), ("sqrt(x)", 1e-12), ("atan(x)", 1e200), ("exp(x)", 700),
    ("exp(-x^2)", 30), ("sigmoid(x)", -800), ("log1p(x)", 1e-14), ("expm1(x)", 1e-11),
    # The edges of domains.
    ("asin(x)", 0.999), ("asin(x)", 1 - 1e-9), ("asin(x)", 1 - 1e-15), ("acosh(x)", 1 + 1e-9),
    ("atanh(x)", -1 + 1e-12), ("sqrt(1 - x^2)", 1 - 1e-10), ("ln(x - 1)", 1 + 1e-9),
    ("ln(1 - x)", 1 - 1e-12), ("sqrt(x)", 5e-320), ("x*ln(x)", 1e-200),
    # Rounding: large values, and steps of their own.
    ("1e9 + x^2", 3), ("1e12 + sin(x)", 1), ("1e16 + x", 1), ("(x + 1e8)^2", 1),
    ("round(x*1e4)/1e4*x", 2.00001), ("floor(x) + x", 1.0), ("sign(x) + x", 0), ("mod(x, 1)", 2),
    # Spikes, kinks and jumps at some distance, and at none.
    ("exp(-((x - 1)/1e-5)^2)", 1 + 1e-6), ("exp(-((x - 1)/1e-3)^2)", 1.002), ("abs(x - 1)", 1.001),
    ("abs(x - 1)", 1 + 1e-9), ("abs(x - 1)", 1 - 1e-12), ("if x > 1 then 5*x else x", 1 + 1e-8),
    ("if x > 1 then 5*x else x", 1.01), ("(x - 1)*abs(x - 1)", 1 + 1e-9), ("max(x, 1)", 1 - 1e-4),
    ("sin(1/x)", 0.01), ("sin(1e3*x)", 2), ("tanh(1e4*(x - 1))", 1.0001), ("abs(x)^1.5", 0),
    ("sum(sin(k*x)/k^2 for k in 1..60)", 0.7), ("x^x", 20), ("gamma = x; exp(exp(gamma))", 3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x"), NO_FALSE_ALARM)
def test_no_false_alarm(text: str, x: float) -> None:
    found = adcli.load(text).check(x=x)
    assert found.passed, found.components[0].reference


# What a gradient check of these says today is "wrong". Each of them is right.

FAR_OUT = [("sin(x)", 1e8), ("cos(x)", 1e10), ("sin(x) + x", 3e8)]
# The rounding of what cancels does not show in the value.
CANCELLING = [
    ("ln(1 + x)", 1e-12), ("exp(x) - 1", 1e-11), ("sqrt(x^2 + 1) - 1", 1e-6),
    ("1e6 + x - 1e6", 1e-8), ("sin(pi + x)", 1e-13),
]  # fmt: skip
# Within the steps of the quotients, but not within those that look for kinks.
NEARBY = [
    ("abs(x - 1)", 1 - 1e-6), ("abs(x - 0.219957257)", 0.219957), ("tanh(1e8*(x - 1))", 1 + 5e-9),
    ("sin(1e8*x)", 1.3), ("1/(x - 2.62425599823)", 2.624256),
    ("(x - 38.0278846)*abs(x - 38.0278846)", 38.027905),
]  # fmt: skip
# Steps rounded to whole ulps of x are not in the ratio that the extrapolation counts on.
EDGES = [("ln(x - 0.002051999999245)", 0.002052)]


@pytest.mark.parametrize(("text", "x"), [*FAR_OUT, *CANCELLING, *NEARBY, *EDGES])
def test_no_false_alarm_where_quotients_are_poor(text: str, x: float) -> None:
    found = adcli.load(text).check(x=x)
    assert found.passed, found.components[0].reference


@pytest.mark.parametrize("x", [5e-324, -1e-323, 1e-321])
def test_the_smallest_numbers(x: float) -> None:
    """Whose thousandth is 0, which nothing can be divided by."""
    assert adcli.load("x^2 + x").check(x=x).passed
    assert adcli.load("x^2 + x").check(x=x, points=3).passed


# Wrong derivatives do not pass.


def scale(monkeypatch: pytest.MonkeyPatch, factors: Mapping[str, float]) -> None:
    """From now on the check sees derivatives multiplied by these, by element."""
    right = checking.gradient

    def wrong(run: Any, mode: Any = "auto", wrt: Any = None, result: Any = None) -> Any:
        found = right(run, mode, wrt, result)
        names = [label for item in found.inputs for label in item.labels()]
        found.numbers = [
            number * factors.get(name, 1.0)
            for name, number in zip(names, found.numbers, strict=True)
        ]
        return found

    monkeypatch.setattr(checking, "gradient", wrong)


SCALED = [
    (name, result, element)
    for name, result in RESULTS
    for element, derivative in zip(
        SAMPLES[name].run().elements,
        leaves(list(SAMPLES[name].grad(result=result).gradient.values())),
        strict=True,
    )
    # The metric is absolute for small derivatives.
    if abs(derivative) > 1e-2
]


@pytest.mark.parametrize(("name", "result", "element"), SCALED)
@pytest.mark.parametrize(
    "factor", [1.001, *(pytest.param(x, marks=pytest.mark.thorough) for x in (-1.0, 0.0))]
)
def test_a_scaled_component_is_found(
    name: str, result: str, element: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each sample and for each element: that one is wrong, and no other."""
    scale(monkeypatch, {element: factor})
    found = SAMPLES[name].check(points=1, result=result)
    assert not found.passed
    assert verdicts(found) == {
        other: WRONG if other == element else OK for other in SAMPLES[name].run().elements
    }
    assert {one.input for one in found.failures} == {element}


def test_there_is_enough_to_scale() -> None:
    assert len(SCALED) > 30
    assert {(name, result) for name, result, _ in SCALED} == set(RESULTS)


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 + 1e-5, 0.9999])
def test_small_errors_are_found(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where quotients have digits enough, a millionth is an error too."""
    scale(monkeypatch, {"x": factor})
    for text in ("x^3", "exp(x)", "sin(x)*x", "ln(x)", "1/x", "sqrt(x)"):
        assert verdicts(adcli.load(text).check(x=1.7, points=5)) == {"x": WRONG}


# A tenth of the derivative, and a thousandth; the quotients are right to 1e-6 and better.
LARGE_VALUES = [("1e9 + x^2", 1.1), ("1e8 + 2*x", 1.01), ("1e7 + x^2", 1.001)]


@pytest.mark.parametrize(("text", "factor"), LARGE_VALUES)
def test_noise_is_no_kink(text: str, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large values the one-sided quotients differ by rounding: that excuses nothing."""
    scale(monkeypatch, {"x": factor})
    chooser = random.Random(1)
    found = [adcli.load(text).check(x=chooser.uniform(1, 4)) for _ in range(40)]
    assert Counter(one.components[0].verdict for one in found)[KINK] == 0


@pytest.mark.parametrize("factor", [1.001, 0.99])
def test_a_steep_function_has_no_kink(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One-sided quotients differ by curvature too."""
    scale(monkeypatch, {"x": factor})
    chooser = random.Random(1)
    found = [adcli.load("sin(1e4*x)").check(x=chooser.uniform(1, 3)) for _ in range(40)]
    assert Counter(one.components[0].verdict for one in found)[KINK] == 0


def test_smooth_functions_have_no_kinks() -> None:
    """The verdict says that the function has one."""
    for text, x in [("sin(1e5*x)", 1.3), ("sin(x)", 1e6), ("cos(2*pi*440*x)", 12345.6)]:
        assert verdicts(adcli.load(text).check(x=x))["x"] != KINK


def broken(row: Primitive, position: int, change: Callable[[float], float]) -> tuple[Any, ...]:
    """The partials of a primitive, one of them changed."""
    partials = list(rules.FLOATS.partials(row.code))
    right = partials[position]
    if callable(right):
        partials[position] = lambda u, w, v: change(right(u, w, v) or 0.0)
    else:
        partials[position] = lambda u, w, v: change(right or 0.0)
    return tuple(partials)


BREAKABLE = [(row, position) for row in TABLE for position in range(row.arity)]
TEXTS = {"add": "u + w", "sub": "u - w", "mul": "u*w", "div": "u/w", "pow": "u^w", "neg": "-u"}


@pytest.mark.parametrize(
    ("row", "position"), BREAKABLE, ids=[f"{row.name}-{position}" for row, position in BREAKABLE]
)
@pytest.mark.parametrize(
    "change", [lambda d: -d - 0.5, lambda d: 1.01 * d + 0.02], ids=["negated", "a little off"]
)
def test_a_broken_rule_is_found(
    row: Primitive,
    position: int,
    change: Callable[[float], float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each primitive, by each argument."""
    names = ("u", "w")[: row.arity]
    text = TEXTS.get(row.name, f"{row.name}({', '.join(names)})")
    point = {
        "acosh": (2.5,), "atan2": (0.7, 1.9), "mod": (7.3, 2.1), "max": (1.3, 0.4),
        "min": (1.3, 0.4), "pow": (1.7, 2.3),
    }.get(row.name, (0.62, 1.45)[: row.arity])  # fmt: skip
    at = dict(zip(names, point, strict=True))
    program = adcli.load(text)
    right = program.check(at)
    assert right.passed
    assert set(verdicts(right).values()) == {OK}
    monkeypatch.setitem(rules.FLOATS._partials, row.code, broken(row, position, change))
    found = program.check(at)
    assert not found.passed
    assert verdicts(found) == {name: WRONG if i == position else OK for i, name in enumerate(names)}


def test_a_broken_rule_is_found_in_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever depends on it is wrong, the rest is not."""
    (exp,) = (row for row in TABLE if row.name == "exp")
    monkeypatch.setitem(rules.FLOATS._partials, exp.code, broken(exp, 0, lambda d: d * (1 + 1e-4)))
    found = adcli.load("g(t) = exp(-t^2); x*sin(y) + g(z)*y").check(x=2, y=0.5, z=0.7, points=5)
    assert verdicts(found) == {"x": OK, "y": OK, "z": WRONG}
    assert not SAMPLES["gaussian"].check().passed
    assert SAMPLES["baydin"].check().passed


# Gradients by hand: right ones, in another form.


class Right(NamedTuple):
    """A program and a gradient of it that is written in some other way."""

    text: str
    at: dict[str, Any]
    gradient: str


RIGHT = [
    Right("x^2 - y^2", {"x": 3.0, "y": 2.0}, "x + x, -y - y"),
    Right("(x + y)^3", {"x": 1.2, "y": 0.4}, "3*x^2 + 6*x*y + 3*y^2, 3*(x + y)*(x + y)"),
    Right("1/(1 + x^2)", {"x": 0.7}, "-2*x/(1 + 2*x^2 + x^4)"),
    Right("sin(x)*cos(x)", {"x": 0.7}, "cos(2*x)"),
    Right("sin(x)^2", {"x": 0.7}, "sin(2*x)"),
    Right("tan(x)", {"x": 0.7}, "1/cos(x)^2"),
    Right("ln(x*y)", {"x": 2.0, "y": 5.0}, "1/x, exp(-ln(y))"),
    Right("ln(x^3)", {"x": 2.0}, "3*x^2/x^3"),
    Right("x^x", {"x": 1.5}, "exp(x*ln(x))*(1 + ln(x))"),
    Right("x^y", {"x": 1.5, "y": 2.5}, "y*x^y/x, ln(x)*exp(y*ln(x))"),
    Right("sqrt(x^2 + y^2)", {"x": 3.0, "y": 4.0}, "x/hypot(x, y), cos(atan2(x, y))"),
    Right("tanh(x)", {"x": 0.4}, "4/(exp(x) + exp(-x))^2"),
    Right("sigmoid(x)", {"x": 0.4}, "exp(-x)/(1 + exp(-x))^2"),
    Right("softplus(x)", {"x": 0.4}, "1/(1 + exp(-x))"),
    Right("asin(x)", {"x": 0.4}, "1/cos(asin(x))"),
    Right("acosh(x)", {"x": 2.0}, "1/sqrt(x^2 - 1)"),
    Right("atan2(y, x)", {"y": 0.6, "x": 1.3}, "x/(x^2 + y^2), -y/(x^2 + y^2)"),
    Right("erf(x)", {"x": 0.6}, "2*exp(-x*x)/sqrt(pi)"),
    Right("normcdf(x)", {"x": 0.6}, "exp(-x^2/2)/sqrt(2*pi)"),
    Right("log2(x) + log10(x)", {"x": 3.0}, "(1/ln(2) + 1/ln(10))/x"),
    Right("(x^2 - 1)/(x - 1)", {"x": 3.0}, "1"),
    Right("exp(x)/exp(y)", {"x": 1.0, "y": 0.3}, "exp(x - y), -exp(x - y)"),
    Right("x*sin(y^2)", {"x": 3.0, "y": 0.7}, "sin(y*y), 2*y*x*cos(y*y)"),
    Right("sum(x*x)", {"x": [1.0, -2.0, 0.5]}, "2*x"),
    Right("norm(x)", {"x": [1.0, -2.0, 0.5]}, "x/sqrt(x @ x)"),
    Right("dot(a, x)^2", {"a": [1.0, 2.0], "x": [0.3, 0.4]}, "d = 2*dot(x, a); d*x, d*a"),
    Right("prod(x)", {"x": [1.5, 2.0, 0.5]}, "[x[2]*x[3], x[1]*x[3], x[1]*x[2]]"),
    Right("logsumexp(x)", {"x": [0.1, 0.9, -0.4]}, "exp(x)/sum(exp(x))"),
    Right("x @ (A @ x)", {"x": [1.0, 2.0], "A": [[1.0, 2.0], [3.0, 4.0]]},
          "(A + transpose(A)) @ x, [[x[i]*x[j] for j in 1..2] for i in 1..2]"),
    Right("sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..2)", {"x": [-1.2, 1.0, 0.7]},
          "-400*x[1]*(x[2] - x[1]^2) - 2*(1 - x[1]),"
          "200*(x[2] - x[1]^2) - 400*x[2]*(x[3] - x[2]^2) - 2*(1 - x[2]), 200*(x[3] - x[2]^2)"),
    Right("p = 0; for k in 0..4 { p = p*x + k }; p", {"x": 1.1},
          "sum(k*(4 - k)*x^(3 - k) for k in 0..3)"),
    Right("y = x; while abs(y^2 - x) > 1e-15*x { y = (y + x/y)/2 }; y", {"x": 2.0},
          "1/(2*sqrt(x))"),
    Right("if x > 3 then x^2 else 6*x - 9", {"x": 3.1}, "2*max(x, 3)"),
    Right("abs(x)*x", {"x": -0.2}, "2*abs(x)"),
    Right("max(x, y)", {"x": 1.0, "y": 1.05}, "if x > y then 1 else 0, if y > x then 1 else 0"),
    Right("x", {"x": 2.0}, "1"),
    Right("f(x, y) = 7", {"x": 2.0, "y": 3.0}, "0, 0"),
]  # fmt: skip


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.text)
@pytest.mark.parametrize("seed", [0, 1])
def test_right_by_hand_passes(case: Right, seed: int) -> None:
    """At 200 random points, whatever the form."""
    program, gradient = adcli.load(case.text), adcli.load(case.gradient)
    found = program.check(case.at, gradient=gradient, points=200, seed=seed)
    assert found.passed
    assert found.points + found.skipped == 201
    assert found.skipped == 0
    assert set(verdicts(found).values()) == {OK}
    assert all(one.slip == "" for one in found.components)
    # It is compared with what was written: also the quotients agree with it.
    for one in program.check(case.at, points=3).components:
        assert one.verdict == OK


def test_there_are_enough_right_gradients() -> None:
    assert len(RIGHT) >= 30
    assert len({case.text for case in RIGHT}) == len(RIGHT)


# And wrong ones.


class Planted(NamedTuple):
    """A gradient with an error: which elements are wrong, and what is said about each.

    A word that must be in the guess; "" if anything may be said.
    """

    kind: str
    text: str
    at: dict[str, Any]
    gradient: str
    wrong: dict[str, str]


X = {"x": 0.7}
XY = {"x": 1.3, "y": 0.6}
PLANTED = [
    # Signs.
    Planted("sign", "cos(x)", X, "sin(x)", {"x": "sign is wrong"}),
    Planted("sign", "x/y", XY, "1/y, x/y^2", {"y": "sign is wrong"}),
    Planted("sign", "exp(-x)", X, "exp(-x)", {"x": "sign is wrong"}),
    Planted("sign", "1/x", X, "1/x^2", {"x": "sign is wrong"}),
    Planted("sign", "sum(a*a) - b", {"a": [1.0, 2.0], "b": 3.0}, "2*a, 1", {"b": "sign is wrong"}),
    Planted("sign", "acos(x)", X, "1/sqrt(1 - x^2)", {"x": "sign is wrong"}),
    Planted("sign", "exp(-(x - y)^2)", XY, "g = 2*(x - y)*exp(-(x - y)^2); g, g",
            {"x": "sign is wrong"}),
    # Factors.
    Planted("factor", "x^2", X, "x", {"x": "0.5 times"}),
    Planted("factor", "x^2", X, "4*x", {"x": "2 times"}),
    Planted("factor", "x^3/3", X, "3*x^2", {"x": "3 times"}),
    Planted("factor", "log10(x)", X, "1/x", {"x": "2.302585 times"}),
    Planted("factor", "log2(x)", X, "1/x", {"x": "0.693147 times"}),
    Planted("factor", "sin(pi*x)", X, "cos(pi*x)", {"x": "0.31831 times"}),
    Planted("factor", "sin(2*x)", X, "cos(2*x)", {"x": "0.5 times"}),
    Planted("factor", "erf(x)", X, "exp(-x^2)/sqrt(pi)", {"x": "0.5 times"}),
    Planted("factor", "x^2*y^2", XY, "2*x*y^2, -4*x^2*y", {"y": "-2 times"}),
    Planted("factor", "sigmoid(3*x)", X, "s = sigmoid(3*x); s*(1 - s)", {"x": "0.333333 times"}),
    Planted("factor", "sqrt(x)", X, "1/sqrt(x)", {"x": "2 times"}),
    # The chain rule.
    Planted("chain", "x*sin(y^2)", XY, "sin(y^2), 2*x*cos(y^2)", {"y": "factor of y is missing"}),
    Planted("chain", "sin(x^2)", X, "cos(x^2)", {"x": "of x^2, is missing (chain rule)"}),
    Planted("chain", "exp(sin(x))", X, "exp(sin(x))", {"x": "of sin(x), is missing (chain rule)"}),
    Planted("chain", "ln(1 + x^2)", X, "1/(1 + x^2)", {"x": "is missing (chain rule)"}),
    Planted("chain", "(x^2 + 1)^5", X, "5*(x^2 + 1)^4", {"x": "is missing (chain rule)"}),
    Planted("chain", "sqrt(1 + x^2*y)", XY,
            "1/(2*sqrt(1 + x^2*y)), x^2/(2*sqrt(1 + x^2*y))", {"x": "is missing (chain rule)"}),
    Planted("chain", "exp(x*y)", XY, "exp(x*y), x*exp(x*y)", {"x": "is missing"}),
    Planted("chain", "sin(x^2) + x", X, "cos(x^2) + 1", {"x": "of x^2, is missing (chain rule)"}),
    Planted("chain", "exp(2*x) + x", X, "exp(2*x) + 1", {"x": "2*x"}),
    Planted("chain", "sin(cos(x^2))", X, "-cos(cos(x^2))*sin(x^2)", {"x": "x^2"}),
    Planted("chain", "sin(cos(x^2))", X, "cos(cos(x^2))*2*x", {"x": ""}),
    Planted("chain", "ln(cos(exp(x)))", {"x": 0.2}, "-tan(exp(x))", {"x": "exp(x)"}),
    Planted("chain", "tanh(w*x + b)", {"w": 0.5, "x": 0.7, "b": 0.1},
            "d = 1 - tanh(w*x + b)^2; d*x, d, d", {"x": ""}),
    # The product rule and the quotient rule.
    Planted("product", "x*sin(x)", X, "sin(x)", {"x": "sin(x) is missing"}),
    Planted("product", "x*sin(x)", X, "x*cos(x)", {"x": "is missing"}),
    Planted("product", "x^2*exp(x)", X, "2*x*exp(x)", {"x": "exp(x) is missing"}),
    Planted("product", "x^2*exp(x)", X, "x^2*exp(x)", {"x": "x^2 is missing"}),
    Planted("product", "x*ln(x)", X, "ln(x)", {"x": "ln(x) is missing"}),
    Planted("product", "x*exp(x)*sin(x)", X, "exp(x)*sin(x)*(1 + x)", {"x": "sin(x) is missing"}),
    Planted("product", "x*y*sin(x*y)", XY,
            "y*sin(x*y), x*sin(x*y) + x^2*y*cos(x*y)", {"x": ""}),
    Planted("quotient", "sin(x)/x", X, "cos(x)/x", {"x": "is missing"}),
    Planted("quotient", "sin(x)/x", X, "cos(x)/x + sin(x)/x^2", {"x": "wrong sign"}),
    Planted("quotient", "x/(1 + x^2)", X, "1/(2*x)", {"x": ""}),
    Planted("quotient", "x/(1 + x^2)", X, "(1 + x^2 + 2*x^2)/(1 + x^2)^2", {"x": "wrong sign"}),
    # Terms of a sum.
    Planted("sum", "x^3 + sin(x)", X, "3*x^2", {"x": "sin(x) is missing"}),
    Planted("sum", "x^3 + sin(x)", X, "3*x^2 - cos(x)", {"x": "sin(x) has the wrong sign"}),
    Planted("sum", "x^3 + sin(x)", X, "3*x^2 + 2*cos(x)", {"x": "sin(x) is there twice"}),
    Planted("sum", "x^3 + sin(x)", X, "x^2 + cos(x)", {"x": "x^3 is 0.333333 times"}),
    Planted("sum", "x^2*y + y^3", XY, "2*x*y, x^2", {"y": "y^3 is missing"}),
    Planted("sum", "x^2*y - y^3", XY, "2*x*y, x^2 + 3*y^2", {"y": "y^3 has the wrong sign"}),
    Planted("sum", "ln(x1) + x1*x2 - sin(x2)", {"x1": 2.0, "x2": 5.0},
            "1/x1 + x2, x1 + cos(x2)", {"x2": "sin(x2) has the wrong sign"}),
    Planted("sum", "ln(x1) + x1*x2 - sin(x2)", {"x1": 2.0, "x2": 5.0},
            "1/x1, x1 - cos(x2)", {"x1": "x1*x2 is missing"}),
    Planted("sum", "x^2 + 3*x", X, "2*x", {"x": "3*x is missing"}),
    # The derivative of something else, or of nothing.
    Planted("swapped", "x^2*y", XY, "x^2, 2*x*y", {"x": "towards y", "y": "towards x"}),
    Planted("swapped", "hypot(x, y)", XY, "y/hypot(x, y), x/hypot(x, y)",
            {"x": "towards y", "y": "towards x"}),
    Planted("swapped", "atan2(y, x)", {"y": 0.6, "x": 1.3}, "-y/(x^2 + y^2), x/(x^2 + y^2)",
            {"x": "towards y", "y": "towards x"}),
    Planted("swapped", "x[1]*x[2]^2*x[3]^3", {"x": [1.5, 2.0, 0.5]},
            "x[2]^2*x[3]^3, 3*x[1]*x[2]^2*x[3]^2, 2*x[1]*x[2]*x[3]^3",
            {"x[2]": "towards x[3]", "x[3]": "towards x[2]"}),
    Planted("swapped", "sum(A @ x)", {"A": [[1.0, 2.0], [3.0, 4.5]], "x": [0.4, 0.7]},
            "x[1], x[1], x[2], x[2], A[1,1] + A[2,1], A[1,2] + A[2,2]",
            {"A[1,2]": "towards A[1,1]", "A[2,1]": "towards A[1,2]"}),
    Planted("zero", "x^2*y", XY, "2*x*y, 0", {"y": "it is 0"}),
    Planted("zero", "x*y*z", {"x": 1.0, "y": 2.0, "z": 3.0}, "0, x*z, 0*x",
            {"x": "it is 0", "z": "it is 0"}),
    # Exponents.
    Planted("exponent", "x^5", X, "5*x^5", {"x": "factor of x is too much"}),
    Planted("exponent", "x^5", X, "5*x^3", {"x": "factor of x is missing"}),
    Planted("exponent", "x^2.5", X, "2.5*x^0.5", {"x": "factor of x is missing"}),
    Planted("exponent", "sqrt(x)", X, "0.5*sqrt(x)", {"x": "factor of x is too much"}),
    Planted("exponent", "1/x", X, "-1/x", {"x": "factor of 1/x is missing"}),
    Planted("exponent", "x^y", XY, "y*x^y, x^y*ln(x)", {"x": "factor of x is too much"}),
    Planted("exponent", "x^y", XY, "y*x^(y - 1), x^y", {"y": ""}),
    Planted("exponent", "x^3", X, "3*x^3", {"x": "factor of x is too much"}),
    Planted("exponent", "normcdf(x)", X, "x*normpdf(x)", {"x": "factor of x is too much"}),
    # Indices.
    Planted("index", "sum(i*x[i]^2 for i in 1..4)", {"x": [1.0, 2.0, 3.0, 4.5]},
            "[2*x[i]*(i - 1) for i in 1..4]",
            {"x[1]": "it is 0", "x[2]": "0.5 times", "x[3]": "0.666667 times",
             "x[4]": "0.75 times"}),
    Planted("index", "dot(a, x)", {"a": [1.0, 2.0, 3.0], "x": [0.4, 0.5, 0.6]},
            "x, a[2], a[3], a[1]",
            {"x[1]": "towards x[2]", "x[2]": "towards x[3]", "x[3]": "towards x[1]"}),
    Planted("index", "sum((x[i+1] - x[i])^2 for i in 1..3)", {"x": [1.0, 2.5, 3.0, 4.5]},
            "-2*(x[2] - x[1]), [2*(x[i] - x[i-1]) - 2*(x[i+1] - x[i]) for i in 2..3],"
            "2*(x[3] - x[2])", {"x[4]": ""}),
    Planted("index", "sum((x[i+1] - x[i])^2 for i in 1..3)", {"x": [1.0, 2.5, 3.0, 4.5]},
            "-2*(x[2] - x[1]), [2*(x[i] - x[i-1]) for i in 2..3], 2*(x[4] - x[3])",
            {"x[2]": "is missing", "x[3]": "is missing"}),
    Planted("index", "prod(x)", {"x": [1.5, 2.0, 0.5]}, "x[2]*x[3], x[1]*x[2], x[1]*x[2]",
            {"x[2]": "towards x[3]"}),
    # Other functions.
    Planted("other", "max(x, y)^2", XY, "2*y, 0", {"x": ""}),
    Planted("other", "asin(x)", X, "1/sqrt(1 + x^2)", {"x": ""}),
    Planted("other", "tan(x)", X, "1/cos(x)", {"x": ""}),
    Planted("other", "sinh(x)", X, "cos(x)", {"x": ""}),
    Planted("other", "a^x", {"a": 1.5, "x": 0.7}, "x*a^(x - 1), x*a^(x - 1)", {"x": "towards a"}),
    # A little.
    Planted("little", "x^2", {"x": 3.0}, "2*x*1.000001", {"x": "1.000001 times"}),
    Planted("little", "x*y", {"x": 3.0, "y": 4.0}, "y, x + 1e-6*x", {"y": "1.000001 times"}),
    Planted("little", "exp(x)", X, "exp(x) + 1e-6", {"x": ""}),
    Planted("little", "pi*x^2", X, "2*3.141592*x", {"x": ""}),
    Planted("little", "x^2", {"x": 1e8}, "2*x + 10", {"x": ""}),
    Planted("little", "sin(x)", X, "1 - x^2/2 + x^4/24 - x^6/720", {"x": ""}),
]  # fmt: skip


@pytest.mark.parametrize("points", [0, 4])
@pytest.mark.parametrize("case", PLANTED, ids=lambda case: f"{case.kind}: {case.text}")
def test_planted_errors_are_found(case: Planted, points: int) -> None:
    """The components that are wrong, no others, and what is wrong with them."""
    program, gradient = adcli.load(case.text), adcli.load(case.gradient)
    found = program.check(case.at, gradient=gradient, points=points)
    assert not found.passed
    assert verdicts(found) == {
        name: WRONG if name in case.wrong else OK for name in program.run(case.at).elements
    }
    slips = {one.input: one.slip for one in found.components if one.verdict == WRONG}
    for name, word in case.wrong.items():
        assert word in slips[name]
    assert {one.input for one in found.failures} == case.wrong.keys()
    assert len(found.failures) == len(case.wrong) * (points + 1)
    assert all(one.slip == slips[one.input] for one in found.failures)
    assert all(one.error > one.tolerance == 1e-8 for one in found.failures)


def test_there_are_enough_planted_errors() -> None:
    kinds = Counter(case.kind for case in PLANTED)
    assert len(PLANTED) >= 80
    assert min(kinds.values()) >= 2
    assert sum(all(case.wrong.values()) for case in PLANTED) >= 60


# Errors that show at some points only.


class Sometimes(NamedTuple):
    """A gradient that is right at the given point, and wrong at some others."""

    text: str
    at: dict[str, float]
    gradient: str
    ranges: dict[str, tuple[float, float]]


SOMETIMES = [
    Sometimes("if x > 3.1 then x^3 else x^2", {"x": 3.0}, "if x > 3.1 then 3*x else 2*x", {}),
    Sometimes("abs(x)*x", {"x": 1.0}, "2*x", {"x": (-1.0, 2.0)}),
    Sometimes("max(x, y)", {"x": 1.0, "y": 0.97}, "1, 0", {}),
    Sometimes("relu(x)^2", {"x": 1.0}, "2*x", {"x": (-2.0, 2.0)}),
    Sometimes("sqrt(x^2)", {"x": 1.0}, "1", {"x": (-1.0, 1.0)}),
    Sometimes("if abs(x) <= 1 then x^2/2 else abs(x) - 1/2", {"x": 0.5}, "x", {"x": (-1.5, 1.5)}),
    Sometimes("p = 1; for i in 1..round(n) { p *= x }; p", {"n": 2.0, "x": 1.1}, "0, 2*x",
              {"n": (1.6, 3.4)}),
    Sometimes("n = 0; while x > 1 { x /= 2 }; x", {"x": 0.9}, "1", {"x": (0.5, 4.0)}),
    Sometimes("clamp(x, 0, 1)", {"x": 0.5}, "1", {"x": (-1.0, 2.0)}),
    # Right by chance at the given point, and nowhere else.
    Sometimes("x^2", {"x": 2.0}, "4", {}),
    Sometimes("x^3", {"x": 2.0}, "6*x", {}),
    Sometimes("x*y", {"x": 2.0, "y": 2.0}, "x, y", {}),
    Sometimes("sin(x)", {"x": 0.0}, "1 - x^2", {}),
]  # fmt: skip


@pytest.mark.parametrize("case", SOMETIMES, ids=lambda case: f"{case.text}: {case.gradient}")
def test_an_error_at_some_points(case: Sometimes) -> None:
    """That is what random points are for."""
    program, gradient = adcli.load(case.text), adcli.load(case.gradient)
    assert program.check(case.at, gradient=gradient, ranges=case.ranges).passed
    found = program.check(case.at, gradient=gradient, ranges=case.ranges, points=100)
    assert not found.passed
    assert found.points == 101
    assert 0 < len({repr(one.point) for one in found.failures}) <= 100
    for one in found.failures:
        right = dict(
            zip(program.run(one.point).elements,
                leaves(list(program.grad(one.point).gradient.values())), strict=True)
        )  # fmt: skip
        assert one.ad == right[one.input]
        assert metric(one.ad, one.reference) > 1e-8


RARE = [
    ("if x > 3.28 then 5*x else x^2", "if x > 3.28 then 6 else 2*x", {"x": 3.0}),
    ("if x > 3.28 then x^3*sin(x) else x*sin(x)",
     "if x > 3.28 then 6 else sin(x) + x*cos(x)", {"x": 3.0}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "gradient", "at"), RARE)
def test_nothing_is_guessed_from_points_without_error(
    text: str, gradient: str, at: dict[str, float]
) -> None:
    """The error shows so rarely that the points guessed from have none."""
    found = adcli.load(text).check(at, gradient=adcli.load(gradient), points=200)
    assert verdicts(found) == {"x": WRONG}
    assert len(found.failures) < 20
    assert " 1 times" not in found.components[0].slip


@pytest.mark.parametrize(
    ("text", "gradient", "at"),
    [
        ("x^2", "[1, 2][x]", {"x": 2.0}),
        ("x^n", "v = [1, x, x^2]; v[n]", {"x": 2.0, "n": 3.0}),
        ("x^2", "while x != 2 { x = x }; 5", {"x": 2.0}),
    ],
)
def test_guessing_does_not_fail(text: str, gradient: str, at: dict[str, float]) -> None:
    """A gradient need not work at the points that only the guess is made from."""
    run = adcli.load(text).run(at, max_operations=1000)
    by_hand = adcli.load(gradient)._compiled
    found = check_run(run, Plan(by_hand=by_hand), wrt="x")
    assert verdicts(found) == {"x": WRONG}


@pytest.mark.parametrize("excess", [1.23e-8, 1e-7])
def test_a_factor_close_to_one_is_not_called_one(excess: float) -> None:
    """It is not "1 times what it should be"."""
    for gradient in (f"2*x*(1 + {excess})", f"2*x + {excess}*6"):
        found = adcli.load("x^2").check(x=3, gradient=adcli.load(gradient))
        assert verdicts(found) == {"x": WRONG}
        assert " 1 times" not in found.components[0].slip


# Tolerances.


@pytest.mark.parametrize("tolerance", [1e-12, 1e-7, 1e-4, 0.1])
def test_the_tolerance_of_a_gradient_by_hand(tolerance: float) -> None:
    """Just below it passes, just above it does not; relative above 1, absolute below."""
    program = adcli.load("a*x")
    for a in (1e-3, 1.0, -50.0, 1e12):
        size = max(1.0, abs(a))
        for times, passes in ((0.9, True), (1.2, False)):
            written = adcli.load(f"a + ({tolerance * times * size!r})")
            found = program.check(
                a=a, x=2, wrt="x", gradient=written, tolerance=tolerance, points=0
            )
            assert found.passed == passes
            assert found.components[0].tolerance == tolerance


def test_the_tolerance_of_quotients(monkeypatch: pytest.MonkeyPatch) -> None:
    scale(monkeypatch, {"x": 1 + 1e-5})
    program = adcli.load("exp(x)")
    assert not program.check(x=1, points=3).passed
    assert not program.check(x=1, points=3, tolerance=5e-6).passed
    assert program.check(x=1, points=3, tolerance=2e-5).passed


def test_a_check_changes_nothing() -> None:
    """Neither the inputs nor the program."""
    program = adcli.load("x @ x + y")
    at = {"x": [1.0, 2.0], "y": 3.0}
    before = copy.deepcopy(at)
    first = program.grad(at).gradient
    program.check(at, points=5, gradient=adcli.load("x, 0"))
    assert at == before
    assert program.grad(at).gradient == first


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=5),
    st.integers(0, 4),
    st.integers(1, 9).map(lambda k: k / 4),
    st.integers(0, 100),
)
def test_any_polynomial(coefficients: list[int], position: int, x: float, seed: int) -> None:
    """Its derivative by hand passes; with one coefficient changed it does not."""

    def derivative(terms: list[int]) -> adcli.Program:
        return adcli.load(" + ".join(f"{k + 1}*({c})*x^{k}" for k, c in enumerate(terms)))

    text = " + ".join(f"({c})*x^{k + 1}" for k, c in enumerate(coefficients))
    program = adcli.load(text)
    right = program.check(x=x, gradient=derivative(coefficients), points=3, seed=seed)
    assert right.passed
    other = coefficients[:]
    other[position % len(other)] += 1
    wrong = program.check(x=x, gradient=derivative(other), points=3, seed=seed)
    assert verdicts(wrong) == {"x": WRONG}
