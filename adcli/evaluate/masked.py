"""An open graph over itself: derivatives that hold wherever the inputs are.

A derivative that flows into an arm of a branch carries the conditions under which the arm
is taken, as a mask, and the mask is applied last: whatever happens in an arm that is not
taken - an infinity, nan - never meets what comes out of the one that is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from adcli.evaluate.floats import Over
from adcli.graph.conditions import Condition, Truth
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import ADD, BY_NAME, CONSTANT, MUL, NEG, POW, SUB, row_of
from adcli.graph.rules import Arithmetic, Partial, parsed
from adcli.graph.wengert import Scalar
from adcli.language import syntax

# A bound in a rule that only has to do with the range of doubles.
_OVERFLOWS = 100

# Conditions, outermost first, each with whether it holds.
Path = tuple[tuple[Condition, bool], ...]


class Masked:
    """A derivative under conditions: it is 0 where one of them does not hold.

    Attributes:
        path: the conditions of the arms it flowed into.
        value: the derivative where all conditions hold.
        mask: a condition besides the path, None if there is none: where it does not hold a
            partial was a structural zero, and `value` may be anything.
        zero: the same, but where this does not hold `value` is 0 as it stands: a mask that
            is needed only when `value` meets what may be infinite.
    """

    __slots__ = ("mask", "path", "value", "zero")

    def __init__(
        self,
        path: Path,
        value: Scalar,
        mask: Condition | None = None,
        zero: Condition | None = None,
    ) -> None:
        self.path = path
        self.value = value
        self.mask = mask
        self.zero = zero


class _Arm:
    """The partial derivative of a choice towards the value of one arm: a mask."""

    __slots__ = ("condition", "holds")

    def __init__(self, condition: Condition, holds: bool) -> None:
        self.condition = condition
        self.holds = holds


class _Partial:
    """A partial derivative with structural zeros: where `nonzero` does not hold it is 0."""

    __slots__ = ("nonzero", "value")

    def __init__(self, value: Scalar, nonzero: Condition) -> None:
        self.value = value
        self.nonzero = nonzero


def over_open(graph: OpenGraph, *, exact: bool = False) -> Over:
    """A sweep that records derivatives: seeds and results are `Masked`.

    Args:
        graph: the graph.
        exact: whether the derivatives are to be evaluated, and not to be read: domains and
            the range of doubles count then.
    """
    values = graph.value
    primal = [values[i] if code == CONSTANT else i for i, code in enumerate(graph.op)]

    deepest = None if exact else _DEEPEST_MASK

    def multiply(derivative: Masked, partial: Any) -> Masked:
        path, value = derivative.path, derivative.value
        mask, zero = derivative.mask, derivative.zero
        if isinstance(partial, _Arm):
            return Masked((*path, (partial.condition, partial.holds)), value, mask, zero)
        more: Condition | None = None
        if isinstance(partial, _Partial):
            partial, more = partial.value, partial.nonzero
        masks = [] if mask is None else [mask]
        zeros: list[Condition] = []
        for where, other in ((zero, partial), (more, value)):
            if where is not None:
                is_mask = _may_be_infinite(graph, other, exact=exact)
                (masks if is_mask else zeros).append(where)
        product = graph.binary(MUL, value, partial)
        mask_all, zero_all = _all(graph, masks), _all(graph, zeros)
        if mask_all is False or zero_all is False:  # it is there nowhere
            never = (masks + zeros)[0]
            return Masked((*path, (never, True), (never, False)), product)
        return Masked(path, product, mask_all, zero_all)

    def add(one: Masked, other: Masked) -> Masked:
        return _sum(graph, one, other, deepest)

    return Over(primal, _OpenArithmetic(graph, exact=exact), multiply, add, record=True)


def _all(graph: OpenGraph, conditions: Sequence[Condition]) -> Condition | Literal[False] | None:
    """Conditions as one; None if there are none, False if they exclude each other."""
    found: Truth = True
    for condition in conditions:
        found = graph.both(found, condition)
    return None if found is True else found


# How much of a derivative is looked at for an infinity, and how deep conditions in formulas
# get that only keep it out.
_MOST_LOOKED_AT = 64
_DEEPEST_MASK = 16
_FINITE_IN_FORMULAS = frozenset(
    {ADD, SUB, MUL, NEG, SELECT}
    | {BY_NAME[name].code for name in ("abs", "sign", "sin", "cos", "tanh", "erf", "erfc", "atan")}
    | {BY_NAME[name].code for name in ("max", "min", "exp", "floor", "ceil", "round", "hypot")}
)


def _may_be_infinite(graph: OpenGraph, x: Scalar, *, exact: bool) -> bool:
    """Whether a number may be infinite or nan.

    Args:
        graph: the graph.
        x: the number.
        exact: whether inputs may be, and what overflows; then all may but constants and
            choices between them.
    """
    if type(x) is not int:
        return not math.isfinite(x)
    pending, seen = [x], {x}
    while pending:
        node = pending.pop()
        code = graph.op[node]
        if code == CONSTANT:
            finite = math.isfinite(graph.value[node])
        elif exact:
            finite = code == SELECT
        elif code == POW and graph.op[graph.right[node]] == CONSTANT:
            exponent = graph.value[graph.right[node]]
            finite = exponent >= 0 and exponent.is_integer()
        else:
            finite = code < CONSTANT or code in _FINITE_IN_FORMULAS
        if not finite or len(seen) > _MOST_LOOKED_AT:
            return True
        if code > CONSTANT:
            fresh = set(graph.operands(node)) - seen
            seen |= fresh
            pending += fresh
    return False


def unmasked(graph: OpenGraph, derivative: Masked | None) -> Scalar:
    """A derivative as a scalar: 0 where it is masked."""
    if derivative is None:
        return 0.0
    return _under(graph, derivative.path, derivative)


def unless_zero(graph: OpenGraph, one: Masked | None, other: Masked | None) -> Scalar:
    """A derivative as a scalar; where it is a structural zero, another in place of it.

    A second derivative and its mirror image are equal but where a convention is used in one
    of them; there the one that is not a convention counts.
    """
    if one is None or other is None:
        return unmasked(graph, one or other)
    where = _where(graph, one.path, one)
    if where is True or where is _where(graph, other.path, other):
        return unmasked(graph, one)
    return graph.select(where, unmasked(graph, one), unmasked(graph, other))


def _under(graph: OpenGraph, path: Path, derivative: Masked) -> Scalar:
    """The value of a derivative under its mask and some of its path."""
    value = derivative.value
    if derivative.mask is not None:
        value = graph.select(derivative.mask, value, 0.0)
    for condition, holds in reversed(path):
        yes, no = (value, 0.0) if holds else (0.0, value)
        value = graph.select(condition, yes, no)
    return value


def _sum(graph: OpenGraph, one: Masked, other: Masked, deepest: int | None) -> Masked:
    """The sum of two derivatives, under the conditions that they have in common."""
    common = 0
    for here, there in zip(one.path, other.path, strict=False):
        if here != there:
            break
        common += 1
    path, p, q = one.path[:common], one.path[common:], other.path[common:]
    zero = None
    if deepest is None or len(p) + len(q) <= deepest:
        either = graph.either(_where(graph, p, one), _where(graph, q, other))
        if either is False:  # under conditions that exclude each other: a zero, and a mask
            return one
        if isinstance(either, Condition) and (deepest is None or either.depth <= deepest):
            zero = either
    if p and q and p[0][0] is q[0][0]:  # two arms of one branch
        values = _under(graph, p[1:], one), _under(graph, q[1:], other)
        yes, no = values if p[0][1] else values[::-1]
        return Masked(path, graph.select(p[0][0], yes, no), zero=zero)
    total = graph.binary(ADD, _under(graph, p, one), _under(graph, q, other))
    return Masked(path, total, zero=zero)


def _where(graph: OpenGraph, path: Path, derivative: Masked) -> Truth:
    """Where a derivative under some of its path is not 0."""
    found: Truth = True
    for condition, holds in path:
        found = graph.both(found, condition if holds else graph.negation(condition))
    for more in (derivative.mask, derivative.zero):
        found = found if more is None else graph.both(found, more)
    return found


class _OpenArithmetic(Arithmetic):
    """The rules over an open graph: their conditions are recorded, not decided.

    In formulas domains do not matter: outside of them the value is nan, and so are results.
    Nor does a condition that compares an argument with 100 or more: it keeps numbers from
    overflowing, and formulas do not. Where partials are to be exact, both do.
    """

    def __init__(self, graph: OpenGraph, *, exact: bool) -> None:
        super().__init__(graph.apply, guarded=False)
        self._graph = graph
        self._exact = exact
        self._within: dict[int, tuple[Any, ...]] = {}

    def partials(self, code: int) -> tuple[Any, ...]:
        """The partials of a primitive, or the masks of a choice."""
        if code != SELECT:
            partials = super().partials(code)
            domain = row_of(code).domain
            if not (self._exact and domain):
                return partials
            if code not in self._within:
                inside = self._truth(parsed(domain))
                self._within[code] = tuple(self._guard(one, inside) for one in partials)
            return self._within[code]
        chooses = self._graph.chooses
        return (
            lambda u, w, v: _Arm(chooses[v], True),
            lambda u, w, v: _Arm(chooses[v], False),
        )

    def _guard(self, partial: Partial | float | None, domain: Callable[..., Truth]) -> Partial:
        """A partial that is nan outside of a domain, and so is its derivative."""
        graph = self._graph

        def guarded(u: Any, w: Any, v: Any) -> Any:
            found: Any = partial(u, w, v) if callable(partial) else partial
            more = None
            if isinstance(found, _Partial):
                found, more = found.value, found.nonzero
            outside = graph.binary(MUL, math.nan, graph.binary(ADD, u, w))
            where = domain(u, w, v)
            value = graph.select(where, 0.0 if found is None else found, outside)
            if more is None:
                return value
            nonzero = graph.either(more, graph.negation(where))
            return value if isinstance(nonzero, bool) else _Partial(value, nonzero)

        return guarded

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
            values, wheres = [], []
            for arm in (yes(u, w, v), no(u, w, v)):
                is_masked = isinstance(arm, _Partial)
                values.append(0.0 if arm is None else arm.value if is_masked else arm)
                wheres.append(arm.nonzero if is_masked else arm is not None)
            value = graph.select(condition, values[0], values[1])
            nonzero = graph.either(
                graph.both(condition, wheres[0]),
                graph.both(graph.negation(condition), wheres[1]),
            )
            if isinstance(nonzero, bool):
                return value if nonzero else None
            return _Partial(value, nonzero)

        return choose

    def _truth(self, expression: syntax.Expression) -> Callable[[Any, Any, Any], Truth]:
        graph = self._graph
        match expression:
            case syntax.Compare(operands=[_, syntax.Number(value=bound)], operators=["<"]) if (
                bound >= _OVERFLOWS and not self._exact
            ):
                return lambda u, w, v: True
            case syntax.Compare(operands=operands, operators=signs):
                values = [self.value(operand) for operand in operands]

                def compare(u: Any, w: Any, v: Any) -> Truth:
                    found: Truth = True
                    numbers = [value(u, w, v) for value in values]
                    for sign, one, other in zip(signs, numbers, numbers[1:], strict=False):
                        found = graph.both(found, graph.compare(sign, one, other))
                    return found

                return compare
            case syntax.Logical(left=left, operator=word, right=right):
                first, second = self._truth(left), self._truth(right)
                join = graph.both if word == "and" else graph.either
                return lambda u, w, v: join(first(u, w, v), second(u, w, v))
        raise RuntimeError("derivatives.ad: a condition compares")
