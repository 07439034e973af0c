"""Gradient checks: exact derivatives against difference quotients, or a gradient by hand.

The metric is |a - b|/max(1, |a|, |b|): absolute for small derivatives, relative for large.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from adcli.differentiate.gradient import gradient
from adcli.differentiate.numeric import CENTRAL, EPSILON, Along, Function, exact_step, richardson
from adcli.differentiate.numeric import size as scale
from adcli.differentiate.reverse import reverse
from adcli.errors import InputError, LimitError, ProgramError
from adcli.evaluate.floats import over_floats
from adcli.graph.program import Input, Program, Run, arrange, labels
from adcli.graph.suggest import counted, listing, naming

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic
    from adcli.differentiate.slips import Sample

# Of a hand-written gradient: what different but right formulas may differ by.
TOLERANCE = 1e-8
# Of difference quotients: at least this, and so much more than their own estimate.
_LEAST = 1e-8
_SAFETY = 10.0
# A quotient that is less sure than this says nothing.
_MOST = 1e-3
_QUICK_STEP = 1e-3
# Random points are so far from the given one, relative to its size.
_SPREAD = 0.1

# A slip is guessed from so many points, of which some may be outside the domain.
_SAMPLES = 5
_LEAST_SAMPLES = 2
_MOST_TRIED = 25

OK, WRONG, UNSURE, KINK, UNDEFINED = "ok", "wrong", "unsure", "kink", "undefined"
_WORST_FIRST = (WRONG, UNDEFINED, KINK, UNSURE, OK)


class Component:
    """One partial derivative that was checked.

    Attributes:
        input: the element it is towards.
        ad: the derivative by automatic differentiation.
        reference: what it was compared with: a difference quotient, or the hand-written one.
        error: the metric between the two.
        tolerance: what it may be.
        verdict: "ok", "wrong", "unsure" (the quotient has no sure digits), "kink" (the
            function has one here, so that no quotient can agree), or "undefined" (the
            derivative is not finite).
        point: the inputs, by name.
        slip: a guess what went wrong, or "".
    """

    __slots__ = ("ad", "error", "input", "point", "reference", "slip", "tolerance", "verdict")

    def __init__(
        self,
        name: str,
        ad: float,
        reference: float,
        tolerance: float,
        verdict: str,
        point: dict[str, Any],
    ) -> None:
        self.input = name
        self.ad = ad
        self.reference = reference
        self.error = metric(ad, reference)
        self.tolerance = tolerance
        self.verdict = verdict
        self.point = point
        self.slip = ""


class Check:
    """A gradient check.

    Attributes:
        result: the name of the result checked.
        components: for each element the worst that was found at any point.
        failures: all components found wrong or undefined, point by point.
        points: at how many points it was made.
        skipped: random points left out, because the value or a derivative is not finite.
        evaluations: how often the program was evaluated for difference quotients.
        warnings: of the derivatives at the given point.
    """

    __slots__ = (
        "components",
        "evaluations",
        "failures",
        "points",
        "result",
        "skipped",
        "warnings",
    )

    def __init__(self, result: str, warnings: list[Diagnostic]) -> None:
        self.result = result
        self.components: list[Component] = []
        self.failures: list[Component] = []
        self.points = 0
        self.skipped = 0
        self.evaluations = 0
        self.warnings = warnings

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, and nothing infinite or undefined."""
        return not self.failures

    def add(self, found: Sequence[Component]) -> None:
        """The components of one more point."""
        self.points += 1
        self.failures += [one for one in found if one.verdict in (WRONG, UNDEFINED)]
        if not self.components:
            self.components = list(found)
        else:
            self.components = [
                max(one, other, key=_badness)
                for one, other in zip(self.components, found, strict=True)
            ]

    def __repr__(self) -> str:
        return f"Check({self.result}, passed={self.passed}, points={self.points})"


def _badness(component: Component) -> tuple[int, float]:
    ratio = component.error / component.tolerance if component.tolerance else 0.0
    return -_WORST_FIRST.index(component.verdict), ratio if ratio == ratio else math.inf


def metric(a: float, b: float) -> float:
    """|a - b|/max(1, |a|, |b|); 0 of the same infinities, nan where one is not finite."""
    if a == b:
        return 0.0
    return abs(a - b) / max(1.0, abs(a), abs(b))


def _is_count(given: object) -> bool:
    return isinstance(given, Integral) and int(given) >= 0


def _is_number(given: object) -> bool:
    try:
        return isinstance(given, Real) and math.isfinite(given)
    except OverflowError:  # an integer that is no double
        return False


def _is_interval(given: object) -> bool:
    return (
        isinstance(given, (tuple, list))
        and len(given) == 2
        and all(map(_is_number, given))
        and given[0] <= given[1]
    )


class Plan:
    """What to check, and where.

    Args:
        points: how many random points besides the given one.
        seed: of the random points; the same seed gives the same points.
        ranges: for inputs by name, the interval their random values are from.
        by_hand: a program that computes the gradient, a result for each element; None to
            check against difference quotients.
        tolerance: what the metric may be; None for what suits: 1e-8 of a hand-written
            gradient, the quotients' own estimate otherwise.

    Raises:
        InputError: a number that is none, or out of range.
    """

    __slots__ = ("by_hand", "points", "ranges", "seed", "tolerance")

    def __init__(
        self,
        points: int = 0,
        seed: int = 0,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        by_hand: Program | None = None,
        tolerance: float | None = None,
    ) -> None:
        if not _is_count(points):
            raise InputError(f"points is a whole number, 0 or more, not {points!r}")
        if tolerance is not None and not (_is_number(tolerance) and tolerance > 0):
            raise InputError(f"tolerance is a number, more than 0, not {tolerance!r}")
        ranges = ranges or {}
        if not isinstance(ranges, Mapping):
            raise InputError(f"ranges are by name, as in {{'x': (0, 1)}}, not {ranges!r}")
        for name, given in ranges.items():
            if not _is_interval(given):
                raise InputError(f"the range of '{name}' is two numbers in order, not {given!r}")
        self.points = points
        self.seed = seed
        self.ranges = ranges
        self.by_hand = by_hand
        self.tolerance = tolerance


def check(
    run: Run,
    plan: Plan,
    wrt: str | Sequence[str] | None = None,
    result: str | None = None,
) -> Check:
    """Check the gradient of one result of a program.

    Args:
        run: the program at the given point.
        plan: what against, and where else.
        wrt: the inputs to differentiate with respect to; all if None.
        result: the name of the result; needed if there are several.

    Raises:
        InputError: no such input or result, a range of what is no input, or a hand-written
            gradient that does not fit the program.
    """
    name = run.result(result)
    inputs = run.wanted(wrt)
    for given in plan.ranges:
        run.wanted([given])
    first = gradient(run, "reverse", wrt, name)
    found = Check(name, first.warnings)
    found.add(_at(run, name, inputs, plan, found))
    generator = random.Random(plan.seed)
    for _ in range(plan.points):
        moved = _moved(run, plan, generator)
        if moved is None or name not in moved.results:
            found.skipped += 1
            continue
        exact = gradient(moved, "reverse", wrt, name)
        if not math.isfinite(exact.value) or not all(map(math.isfinite, exact.numbers)):
            found.skipped += 1
            continue
        found.add(_at(moved, name, moved.wanted(wrt), plan, found))
    if plan.by_hand is not None and found.failures:
        _explain(run, name, inputs, plan, plan.by_hand, found)
    return found


def _explain(
    run: Run, name: str, inputs: Sequence[Input], plan: Plan, by_hand: Program, found: Check
) -> None:
    """Set the `slip` of each failure, from points of their own."""
    from adcli.differentiate.slips import guess

    names = labels(inputs)
    wrt = [item.name for item in inputs]
    generator = random.Random(plan.seed)
    samples: list[Sample] = []
    tried: Run | None = run
    for _ in range(_MOST_TRIED):
        if tried is not None and name in tried.results:
            sample = _sample(tried, name, wrt, names, by_hand)
            samples += [sample] if sample is not None else []
        if len(samples) == _SAMPLES:
            break
        tried = _moved(run, plan, generator)
    tolerance = TOLERANCE if plan.tolerance is None else plan.tolerance
    slips: dict[str, str] = {}
    for label in dict.fromkeys(failure.input for failure in found.failures):
        wrong = [one for one in samples if metric(one.right[label], one.written[label]) > tolerance]
        slips[label] = guess(label, wrong, name) if len(wrong) >= _LEAST_SAMPLES else ""
    for component in [*found.failures, *found.components]:
        if component.verdict == WRONG:
            component.slip = slips[component.input]


def _sample(
    run: Run, name: str, wrt: list[str], names: list[str], by_hand: Program
) -> Sample | None:
    """The derivatives at a point, right and as written; None where they are not to be had."""
    from adcli.differentiate.slips import Sample

    right = gradient(run, "reverse", wrt, name).numbers
    try:
        written = hand_written(by_hand, run, names)
    except (InputError, ProgramError, LimitError):
        return None
    if not all(map(math.isfinite, [*right, *written])):
        return None
    by_name = (dict(zip(names, numbers, strict=True)) for numbers in (right, written))
    return Sample(run, *by_name)


def _at(run: Run, name: str, inputs: Sequence[Input], plan: Plan, found: Check) -> list[Component]:
    """The components at one point."""
    exact = gradient(run, "reverse", [item.name for item in inputs], name)
    numbers = [run.graph.value[node] for item in run.inputs for node in item.nodes]
    point = arrange(run.inputs, numbers)
    names = labels(inputs)
    components = []
    if plan.by_hand is not None:
        tolerance = TOLERANCE if plan.tolerance is None else plan.tolerance
        by_hand = hand_written(plan.by_hand, run, names)
        for label, ad, reference in zip(names, exact.numbers, by_hand, strict=True):
            if metric(ad, reference) <= tolerance:
                verdict = OK
            else:
                verdict = WRONG if math.isfinite(ad) else UNDEFINED
            components.append(Component(label, ad, reference, tolerance, verdict, point))
        return components
    along = Along(run, name)
    noise = rounding(run, name)
    positions = {label: i for i, label in enumerate(run.elements)}
    for label, ad in zip(names, exact.numbers, strict=True):
        position = positions[label]
        slope = _Slope(along.element(position), numbers[position], exact.value, noise)
        components.append(_against_quotients(label, ad, slope, point, plan))
    found.evaluations += along.evaluations
    return components


def rounding(run: Run, name: str) -> float:
    """How far off the value of a result may be by rounding, to first order.

    Each operation adds half an ulp of its value, times its adjoint (Bauer, Computational
    graphs and rounding error, SIAM Journal on Numerical Analysis 11, 1974).
    """
    output = run.results[name]
    if type(output) is not int:
        return 0.0
    graph = run.graph
    v_bar = reverse(graph, {output: 1.0}, graph.inputs, over_floats(graph))
    terms = (
        abs(adjoint * value)
        for adjoint, value in zip(v_bar, graph.value, strict=True)
        if adjoint is not None
    )
    total: float = sum(term for term in terms if math.isfinite(term))
    return EPSILON * total


class _Slope:
    """A function of one element at a point, of which the derivative is looked at.

    Attributes:
        function: the function.
        x: the element.
        value: the function there.
        noise: the rounding error of that.
    """

    __slots__ = ("function", "noise", "value", "x")

    def __init__(self, function: Function, x: float, value: float, noise: float) -> None:
        self.function = function
        self.x = x
        self.value = value
        self.noise = max(noise, EPSILON * abs(value))

    def quick(self) -> float:
        """The derivative by four evaluations; nan where the step is 0."""
        h = exact_step(self.x, _QUICK_STEP * scale(self.x))
        if h / 2 == 0:
            return math.nan
        coarse = CENTRAL.quotient(self.function, self.x, h)
        return (4 * CENTRAL.quotient(self.function, self.x, h / 2) - coarse) / 3

    def has_kink(self, ad: float) -> bool:
        """Whether the derivatives from left and right differ, and the exact one is between.

        A kink is as sharp at a tenth of the step; curvature is not.
        """
        jumps = []
        for step in (_KINK_STEP, _KINK_STEP / 10):
            h = exact_step(self.x, step * scale(self.x))
            if h == 0:
                return False
            left = (self.value - self.function(self.x - h)) / h
            right = (self.function(self.x + h) - self.value) / h
            gap = _KINK_GAP * max(1.0, abs(left), abs(right)) + _NOISY * self.noise / h
            between = min(left, right) - gap <= ad <= max(left, right) + gap
            if not (abs(right - left) > gap and between):
                return False
            jumps.append(abs(right - left))
        return jumps[1] > jumps[0] / 2

    def agrees(self, reference: float, tolerance: float) -> bool:
        """Whether quotients of very small steps have nothing against a derivative."""
        for step in _SMALL_STEPS:
            h = exact_step(self.x, step * scale(self.x))
            if h == 0:
                break
            quotient = CENTRAL.quotient(self.function, self.x, h)
            doubt = 4 * self.noise / h + _KINK_GAP * abs(quotient)
            allowed = _SAFETY * doubt + tolerance * max(1.0, abs(reference))
            if not abs(quotient - reference) <= allowed:
                return False
        return True


_KINK_STEP = 1e-7
_KINK_GAP = 1e-4
_NOISY = 20.0
_SMALL_STEPS = (1e-7, 1e-8, 1e-9, 1e-10)


def _against_quotients(
    label: str, ad: float, slope: _Slope, point: dict[str, Any], plan: Plan
) -> Component:
    """One component, by as few evaluations as settle it."""
    if not math.isfinite(ad) or not math.isfinite(slope.value):
        return Component(label, ad, math.nan, 0.0, UNDEFINED, point)
    least = _LEAST if plan.tolerance is None else plan.tolerance
    quick = slope.quick()
    if metric(ad, quick) <= min(least, _LEAST):
        return Component(label, ad, quick, least, OK, point)
    estimate = richardson(slope.function, slope.x, noise=slope.noise)
    reference = estimate.value
    if math.isnan(reference):
        return Component(label, ad, reference, least, UNSURE, point)
    unsure = _SAFETY * estimate.error / max(1.0, abs(ad), abs(reference))
    tolerance = max(least, unsure)
    if metric(ad, reference) <= tolerance and unsure <= _MOST:
        verdict = OK
    elif slope.has_kink(ad):
        verdict = KINK
    elif unsure > _MOST or not slope.agrees(reference, tolerance):
        verdict = UNSURE
    else:
        verdict = WRONG
    return Component(label, ad, reference, tolerance, verdict, point)


def hand_written(by_hand: Program, run: Run, names: Sequence[str]) -> list[float]:
    """The hand-written gradient at a point, a number for each element.

    Raises:
        InputError: it has other inputs than the program, or another number of results.
    """
    known = {item.name: item for item in run.inputs}
    for own in by_hand.inputs:
        if own not in known:
            raise InputError(
                f"the gradient has an input '{own}', the program does not",
                details=(naming("input", known),),
            )
    value = run.graph.value
    values = {
        own: known[own].arrange([value[node] for node in known[own].nodes])
        for own in by_hand.inputs
    }
    results = by_hand.run(values, run.graph.max_operations).values()
    if len(results) != len(names):
        raise InputError(
            f"the gradient has {counted(len(results), 'result')}, "
            f"the inputs {counted(len(names), 'element')}",
            details=(f"a result is needed for each of {listing(names)}",) if names else (),
        )
    return list(results.values())


def _moved(run: Run, plan: Plan, generator: random.Random) -> Run | None:
    """The program at a random point; None where it fails."""
    numbers = []
    for item in run.inputs:
        low_high = plan.ranges.get(item.name)
        for node in item.nodes:
            x = run.graph.value[node]
            if low_high is not None:
                numbers.append(generator.uniform(*low_high))
            else:
                numbers.append(x + _SPREAD * scale(x) * generator.uniform(-1.0, 1.0))
    try:
        return run.program.run(arrange(run.inputs, numbers), run.graph.max_operations)
    except (ProgramError, LimitError):
        return None
