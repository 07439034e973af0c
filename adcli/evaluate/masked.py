"""An open graph over itself: derivatives that hold wherever the inputs are.

A derivative that flows into an arm of a branch carries the conditions under which the arm
is taken, as a mask, and the mask is applied last: whatever happens in an arm that is not
taken - an infinity, nan - never meets what comes out of the one that is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adcli.evaluate.floats import Over
from adcli.graph.conditions import Condition, Truth
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import ADD, CONSTANT, MUL
from adcli.graph.rules import Arithmetic, Partial
from adcli.graph.wengert import Scalar
from adcli.language import syntax

# A bound in a rule that only has to do with the range of doubles.
_OVERFLOWS = 100

# Conditions, outermost first, each with whether it holds.
Path = tuple[tuple[Condition, bool], ...]


class Masked:
    """A derivative under conditions: it is 0 where one of them does not hold.

    Attributes:
        path: the conditions.
        value: the derivative where all of them hold.
    """

    __slots__ = ("path", "value")

    def __init__(self, path: Path, value: Scalar) -> None:
        self.path = path
        self.value = value


class _Arm:
    """The partial derivative of a choice towards the value of one arm: a mask."""

    __slots__ = ("condition", "holds")

    def __init__(self, condition: Condition, holds: bool) -> None:
        self.condition = condition
        self.holds = holds


def over_open(graph: OpenGraph) -> Over:
    """A sweep that records derivatives: seeds and results are `Masked`."""
    values = graph.value
    primal = [values[i] if code == CONSTANT else i for i, code in enumerate(graph.op)]

    def multiply(derivative: Masked, partial: Any) -> Masked:
        if isinstance(partial, _Arm):
            return Masked((*derivative.path, (partial.condition, partial.holds)), derivative.value)
        return Masked(derivative.path, graph.binary(MUL, derivative.value, partial))

    def add(one: Masked, other: Masked) -> Masked:
        return _sum(graph, one, other)

    return Over(primal, _OpenArithmetic(graph), multiply, add, record=True)


def unmasked(graph: OpenGraph, derivative: Masked | None) -> Scalar:
    """A derivative as a scalar: 0 where it is masked."""
    if derivative is None:
        return 0.0
    return _under(graph, derivative.path, derivative.value)


def _under(graph: OpenGraph, path: Path, value: Scalar) -> Scalar:
    for condition, holds in reversed(path):
        yes, no = (value, 0.0) if holds else (0.0, value)
        value = graph.select(condition, yes, no)
    return value


def _sum(graph: OpenGraph, one: Masked, other: Masked) -> Masked:
    """The sum of two derivatives, under the conditions that they have in common."""
    if one.path == other.path:
        return Masked(one.path, graph.binary(ADD, one.value, other.value))
    common = 0
    for here, there in zip(one.path, other.path, strict=False):
        if here != there:
            break
        common += 1
    path, p, q = one.path[:common], one.path[common:], other.path[common:]
    if p and q and p[0][0] is q[0][0]:  # two arms of one branch
        a, b = _under(graph, p[1:], one.value), _under(graph, q[1:], other.value)
        yes, no = (a, b) if p[0][1] else (b, a)
        return Masked(path, graph.select(p[0][0], yes, no))
    total = graph.binary(ADD, _under(graph, p, one.value), _under(graph, q, other.value))
    if p and q:
        either = graph.either(_all(graph, p), _all(graph, q))
        if isinstance(either, Condition):
            path = (*path, (either, True))
    return Masked(path, total)


def _all(graph: OpenGraph, path: Path) -> Truth:
    found: Truth = True
    for condition, holds in path:
        found = graph.both(found, condition if holds else graph.negation(condition))
    return found


class _OpenArithmetic(Arithmetic):
    """The rules over an open graph: their conditions are recorded, not decided.

    Domains do not matter: outside of them the value is nan, and so are results. Nor does a
    condition that compares an argument with 100 or more: it keeps numbers from overflowing,
    and formulas do not.
    """

    def __init__(self, graph: OpenGraph) -> None:
        super().__init__(graph.apply, guarded=False)
        self._graph = graph

    def partials(self, code: int) -> tuple[Any, ...]:
        """The partials of a primitive, or the masks of a choice."""
        if code != SELECT:
            return super().partials(code)
        chooses = self._graph.chooses
        return (
            lambda u, w, v: _Arm(chooses[v], True),
            lambda u, w, v: _Arm(chooses[v], False),
        )

    def compile(self, expression: syntax.Expression) -> Partial:
        """A function of (u, w, v) for an expression; a choice becomes a SELECT."""
        if not isinstance(expression, syntax.Choice):
            return super().compile(expression)
        graph = self._graph
        truth = self._truth(expression.condition)
        yes, no = self.compile(expression.yes), self.compile(expression.no)

        def choose(u: Any, w: Any, v: Any) -> Any:
            condition = truth(u, w, v)
            if isinstance(condition, bool):
                return yes(u, w, v) if condition else no(u, w, v)
            arms = (0.0 if x is None else x for x in (yes(u, w, v), no(u, w, v)))
            return graph.select(condition, *arms)

        return choose

    def _truth(self, expression: syntax.Expression) -> Callable[[Any, Any, Any], Truth]:
        graph = self._graph
        match expression:
            case syntax.Compare(operands=[_, syntax.Number(value=bound)], operators=["<"]) if (
                bound >= _OVERFLOWS
            ):
                return lambda u, w, v: True
            case syntax.Compare(operands=[left, right], operators=[sign]):
                one, other = self.value(left), self.value(right)
                return lambda u, w, v: graph.compare(sign, one(u, w, v), other(u, w, v))
            case syntax.Logical(left=left, operator=word, right=right):
                first, second = self._truth(left), self._truth(right)
                join = graph.both if word == "and" else graph.either
                return lambda u, w, v: join(first(u, w, v), second(u, w, v))
        raise RuntimeError("derivatives.ad: a condition compares")
