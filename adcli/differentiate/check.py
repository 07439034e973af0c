"""Gradient checks: exact derivatives against difference quotients, or a gradient by hand.

The metric is |a - b|/max(1, |a|, |b|): absolute for small derivatives, relative for large.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.differentiate.gradient import gradient
from adcli.differentiate.numeric import CENTRAL, EPSILON, Along, Function, exact_step, richardson
from adcli.differentiate.numeric import size as scale
from adcli.errors import InputError, LimitError, ProgramError
from adcli.graph.program import Input, Program, Run, arrange, labels
from adcli.graph.suggest import counted, listing

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

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
        self.points = points
        self.seed = seed
        self.ranges = ranges or {}
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
    from adcli.differentiate.slips import Sample, guess

    names = labels(inputs)
    wrt = [item.name for item in inputs]
    generator = random.Random(plan.seed)
    samples: list[Sample] = []
    tried: Run | None = run
    for _ in range(_MOST_TRIED):
        if tried is not None and name in tried.results:
            right = gradient(tried, "reverse", wrt, name).numbers
            written = hand_written(by_hand, tried, names)
            if all(map(math.isfinite, [*right, *written])):
                pairs = (dict(zip(names, numbers, strict=True)) for numbers in (right, written))
                samples.append(Sample(tried, *pairs))
        if len(samples) == _SAMPLES:
            break
        tried = _moved(run, plan, generator)
    if len(samples) < _LEAST_SAMPLES:
        return
    slips = {
        label: guess(label, samples, name)
        for label in dict.fromkeys(failure.input for failure in found.failures)
    }
    for component in [*found.failures, *found.components]:
        if component.verdict == WRONG:
            component.slip = slips[component.input]


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
    positions = {label: i for i, label in enumerate(run.elements)}
    for label, ad in zip(names, exact.numbers, strict=True):
        position = positions[label]
        components.append(
            _against_quotients(
                label, ad, along.element(position), numbers[position], exact.value, point, plan
            )
        )
    found.evaluations += along.evaluations
    return components


def _against_quotients(
    label: str,
    ad: float,
    function: Function,
    x: float,
    value: float,
    point: dict[str, Any],
    plan: Plan,
) -> Component:
    """One component, by as few evaluations as settle it."""
    if not math.isfinite(ad) or not math.isfinite(value):
        return Component(label, ad, math.nan, 0.0, UNDEFINED, point)
    least = _LEAST if plan.tolerance is None else plan.tolerance
    h = exact_step(x, _QUICK_STEP * scale(x))
    coarse, fine = CENTRAL.quotient(function, x, h), CENTRAL.quotient(function, x, h / 2)
    quick = (4 * fine - coarse) / 3
    if metric(ad, quick) <= min(least, _LEAST):
        return Component(label, ad, quick, least, OK, point)
    estimate = richardson(function, x)
    reference = estimate.value
    if math.isnan(reference):
        return Component(label, ad, reference, least, UNSURE, point)
    rounding = EPSILON * abs(value) / estimate.step
    unsure = _SAFETY * max(estimate.error, rounding) / max(1.0, abs(ad), abs(reference))
    tolerance = max(least, unsure)
    if metric(ad, reference) <= tolerance and unsure <= _MOST:
        return Component(label, ad, reference, tolerance, OK, point)
    if _is_kink(function, x, value, ad):
        return Component(label, ad, reference, tolerance, KINK, point)
    verdict = UNSURE if unsure > _MOST else WRONG
    return Component(label, ad, reference, tolerance, verdict, point)


_KINK_STEP = 1e-7
_KINK_GAP = 1e-4


def _is_kink(function: Function, x: float, value: float, ad: float) -> bool:
    """Whether the derivatives from left and right differ, and the exact one is between."""
    h = exact_step(x, _KINK_STEP * scale(x))
    if h == 0:
        return False
    left, right = (value - function(x - h)) / h, (function(x + h) - value) / h
    gap = _KINK_GAP * max(1.0, abs(left), abs(right))
    return abs(right - left) > gap and min(left, right) - gap <= ad <= max(left, right) + gap


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
                details=(f"the inputs are {listing(known)}",),
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
            details=(f"a result is needed for each of {listing(names)}",),
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
