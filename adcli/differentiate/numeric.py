"""Numerical differentiation: difference quotients, and their extrapolation to step 0.

Differentiation by evaluating only: what the other modes are compared with. After Press
et al., Numerical Recipes, section 5.7; Ridders, Accurate computation of F'(x) and F'(x)F''(x),
Advances in Engineering Software 4 (1982); Fornberg, Mathematics of Computation 51 (1988).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence

from adcli.errors import LimitError, ProgramError
from adcli.graph.program import Run, arrange

EPSILON = sys.float_info.epsilon

# A function of one number.
Function = Callable[[float], float]


class Scheme:
    """A difference quotient: (sum of weights[i]*f(x + offsets[i]*h)) / (divisor*h).

    Attributes:
        name: its name.
        offsets: where to evaluate, in steps.
        weights: the weight of each.
        divisor: what is divided by, in steps.
        order: the power of the step that its truncation error goes with.
        step: the step relative to the size of x at which truncation and rounding are
            about equal: epsilon^(1/(order + 1)).
    """

    __slots__ = ("divisor", "name", "offsets", "order", "step", "weights")

    def __init__(
        self,
        name: str,
        offsets: tuple[int, ...],
        weights: tuple[int, ...],
        divisor: int,
        order: int,
    ) -> None:
        self.name = name
        self.offsets = offsets
        self.weights = weights
        self.divisor = divisor
        self.order = order
        self.step = EPSILON ** (1 / (order + 1))

    def quotient(self, function: Function, x: float, h: float) -> float:
        """The difference quotient at x with step h."""
        total = 0.0
        for offset, weight in zip(self.offsets, self.weights, strict=True):
            total += weight * function(x + offset * h)
        return total / (self.divisor * h)


FORWARD = Scheme("forward difference", (0, 1), (-1, 1), 1, 1)
BACKWARD = Scheme("backward difference", (-1, 0), (-1, 1), 1, 1)
CENTRAL = Scheme("central difference", (-1, 1), (-1, 1), 2, 2)
FIVE_POINT = Scheme("five-point difference", (-2, -1, 1, 2), (1, -8, 8, -1), 12, 4)
SCHEMES = (FORWARD, BACKWARD, CENTRAL, FIVE_POINT)


class Estimate:
    """A derivative found by extrapolation.

    Attributes:
        value: the derivative.
        error: how far off it may be, by the method's own estimate.
        step: the smallest step it used.
        evaluations: how many evaluations it took.
    """

    __slots__ = ("error", "evaluations", "step", "value")

    def __init__(self, value: float, error: float, step: float, evaluations: int) -> None:
        self.value = value
        self.error = error
        self.step = step
        self.evaluations = evaluations


def exact_step(x: float, h: float) -> float:
    """The step nearest to h for which x + h is a double, so that it is the one taken."""
    return (x + h) - x


def size(x: float) -> float:
    """What a step is relative to: the size of x, or 1 at 0."""
    return abs(x) or 1.0


_RATIO = 1.4
_ROWS = 12
# By so much worse than the best a row may be before there is no use in going on.
_SAFE = 2.0
# So often a step is made smaller to come away from the edge of a domain.
_MOST_SHRUNK = 40
# So many times what it says may be the error of the estimate from the smallest steps.
_DOUBT = 10.0


def ridders(function: Function, x: float, h: float) -> Estimate:
    """Central differences extrapolated to step 0 by Neville's algorithm.

    Args:
        function: what to differentiate.
        x: where.
        h: the first step, the largest; it is made smaller while a value is not finite.

    Returns:
        The entry of the tableau whose neighbours agree best; its error is nan if there is
        none.
    """
    best = Estimate(math.nan, math.nan, h, 0)
    evaluations = 0
    shrunk = 0
    step = exact_step(x, h)
    steps: list[float] = []
    previous: list[float] = []
    while len(previous) < _ROWS and shrunk < _MOST_SHRUNK and step != 0:
        first = CENTRAL.quotient(function, x, step)
        evaluations += 2
        if not math.isfinite(first):
            shrunk += 1
            if previous:
                break
            step = exact_step(x, step / _RATIO)
            continue
        if steps and step == steps[-1]:
            break
        steps.append(step)
        row = [first]
        for j, above in enumerate(previous):
            # Steps are rounded to doubles of x: their ratio is not just that asked for.
            factor = (steps[-2 - j] / step) ** 2
            row.append((row[j] * factor - above) / (factor - 1))
            error = max(abs(row[j + 1] - row[j]), abs(row[j + 1] - above))
            if not error >= best.error:  # also where there is none yet
                best = Estimate(row[j + 1], error, step, evaluations)
        if previous and abs(row[-1] - previous[-1]) >= _SAFE * best.error > 0:
            break
        previous = row
        step = exact_step(x, step / _RATIO)
    best.evaluations = evaluations
    return best


def richardson(
    function: Function,
    x: float,
    starts: Sequence[float] = (1e-5, 1e-3, 0.1),
    noise: float = 0.0,
) -> Estimate:
    """The best of several extrapolations, each begun with another step.

    A tableau may agree with itself and be wrong, where a kink, another branch or a spike is
    within its steps. A derivative is local: what larger steps find counts only where it
    agrees with the smallest, and its error is at least the distance to the next.

    Args:
        function: what to differentiate.
        x: where.
        starts: the first steps, relative to the size of x, the smallest first; the last
            is taken as it is too, for the scale may be that of the function, not of x.
        noise: the rounding error of a value of the function, if that is known; at least
            half an ulp.
    """
    steps = sorted([*(start * size(x) for start in starts), starts[-1]])
    noise = max(noise, EPSILON * abs(function(x)))
    found = [ridders(function, x, h) for h in steps]
    evaluations = 1 + sum(estimate.evaluations for estimate in found)
    known = [one for one in found if math.isfinite(one.error)]  # and its value
    if not known:
        return Estimate(math.nan, math.nan, found[0].step, evaluations)
    local = known[0]
    doubt = _DOUBT * (local.error + noise / local.step)
    agreeing = [one for one in known if abs(one.value - local.value) <= doubt]

    def error(one: Estimate) -> float:
        distances = (abs(one.value - other.value) for other in agreeing if other is not one)
        return max(one.error, noise / one.step, min(distances, default=doubt))

    best = min(agreeing, key=error)
    return Estimate(best.value, error(best), best.step, evaluations)


class Along:
    """One result of a program as a function of one element of its inputs.

    The program is run anew for each value: other values may take other paths.

    Args:
        run: the program at a point.
        result: the name of the result.

    Attributes:
        point: the values of the elements of all inputs.
        evaluations: how often it was run.
        operations: how many operations that took.
    """

    def __init__(self, run: Run, result: str) -> None:
        self._run = run
        self._result = result
        self.point = [run.graph.value[node] for item in run.inputs for node in item.nodes]
        self.evaluations = 0
        self.operations = 0

    def at(self, numbers: Sequence[float]) -> float:
        """The result at other values of the inputs; nan where the program fails."""
        run = self._run
        self.evaluations += 1
        try:
            moved = run.program.run(arrange(run.inputs, numbers), run.graph.max_operations)
        except (ProgramError, LimitError):
            return math.nan
        self.operations += sum(1 for _ in moved.graph.operations())
        scalar = moved.results.get(self._result)
        return math.nan if scalar is None else moved.graph.number(scalar)

    def element(self, position: int) -> Function:
        """The result as a function of one element, by its position among all."""

        def function(x: float) -> float:
            numbers = self.point[:]
            numbers[position] = x
            return self.at(numbers)

        return function
