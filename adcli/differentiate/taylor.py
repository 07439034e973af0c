"""Taylor series of a result along a line through the point, by power series arithmetic.

Every node becomes a series in t, where the inputs are x + t*direction. Series are added,
multiplied and divided as such; for any other primitive z = f(u, w)

    k*z[k] = sum over j = 1..k of  j*u[j]*p[k-j] + j*w[j]*q[k-j]

where p and q are the series of its partial derivatives. These are rules of
`derivatives.ad`, recorded into the graph and made of primitives again: the cosine in the
rule of sine, the sine in that of cosine. Coefficient k needs the partials up to k-1 only,
so that all series grow together, one coefficient at a time. After Griewank and Walther
2008, section 13.2; Knuth, The Art of Computer Programming, vol. 2, section 4.7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import mul
from typing import TYPE_CHECKING

from adcli.differentiate import directions
from adcli.differentiate.diagnosis import diagnosis
from adcli.differentiate.reverse import depends
from adcli.errors import InputError, LimitError
from adcli.graph.primitives import CONSTANT, DIV, MUL, POW, SUB, compute
from adcli.graph.program import Given, Run, labels
from adcli.graph.rules import Arithmetic
from adcli.graph.wengert import UNARY, Graph, Scalar

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

MAX_ORDER = 10_000
DEFAULT_ORDER = 8
# Coefficients of all nodes together; one takes about 40 bytes.
MAX_NUMBERS = 20_000_000

# A whole power up to this exponent is differentiated down to 0, whatever the order.
_SMALL_POWER = 8
# A power below this may have lost digits.
_LEAST_POWER = 1e-290
# Multiplications of coefficients: a minute or two.
_MOST_PRODUCTS = 4_000_000_000

# Coefficients 0, 1, ...; those behind the end are structural zeros.
Series = list[float]


class Taylor:
    """The Taylor series of one result along a line.

    Attributes:
        result: the name of the result.
        order: the order of the last coefficient.
        direction: the direction of the line, by element of the inputs.
        coefficients: c[0], ..., c[order], factorials divided out. Where a domain ends they
            are not finite from some order on.
        is_polynomial: whether all coefficients behind the last are known to be 0: whether
            the last itself is structurally zero.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("coefficients", "direction", "is_polynomial", "order", "result", "warnings")

    def __init__(
        self,
        result: str,
        direction: dict[str, float],
        coefficients: list[float],
        warnings: list[Diagnostic],
        *,
        is_polynomial: bool,
    ) -> None:
        self.result = result
        self.is_polynomial = is_polynomial
        self.order = len(coefficients) - 1
        self.direction = direction
        self.coefficients = coefficients
        self.warnings = warnings

    def __repr__(self) -> str:
        return f"Taylor({self.result}, coefficients={self.coefficients!r})"


def taylor(
    run: Run,
    order: int = DEFAULT_ORDER,
    wrt: str | Sequence[str] | None = None,
    direction: Mapping[str, Given] | None = None,
    result: str | None = None,
) -> Taylor:
    """Expand one result of a run. Partial derivatives are recorded in the run's graph.

    Args:
        run: the program at a point, about which to expand.
        order: the order of the last coefficient, from 0 to 10,000.
        wrt: the one input to expand in; it may be left out if there is only one.
        direction: instead of `wrt`, numbers by input (in its shape) or element; what is
            left out is 0.
        result: the name of the result; needed if there are several.

    Raises:
        InputError: no such input or result, an order out of range, a direction of another
            shape, or neither one input nor a direction.
        LimitError: too many operations or coefficients.
    """
    if type(order) is not int or not 0 <= order <= MAX_ORDER:
        raise InputError(f"the order of a series is from 0 to {MAX_ORDER:,}, not {order}")
    name = run.result(result, "a Taylor series")
    full = _line(run, wrt, direction)
    elements = run.elements
    seeds = {elements[label]: x for label, x in full.items() if x != 0}
    output = run.results[name]
    graph = run.graph
    plan = _Plan(graph, output, order, seeds)
    series = plan.evaluate()
    own = series[output] if type(output) is int else [float(output)]
    coefficients = own + [0.0] * (order + 1 - len(own))

    finite = math.isfinite(coefficients[0])
    warnings = diagnosis(run, [name], list(seeds), finite=finite, failed=None)
    if finite and not all(map(math.isfinite, coefficients)):
        warnings = _blame(run, series) + warnings
    ends = len(own) <= order or not seeds
    return Taylor(name, full, coefficients, warnings, is_polynomial=ends)


def _line(
    run: Run, wrt: str | Sequence[str] | None, direction: Mapping[str, Given] | None
) -> dict[str, float]:
    """The direction of the line, by element."""
    if direction is not None:
        if wrt is not None:
            raise InputError("a Taylor series is in one input or along a direction, not both")
        return directions.direction(run, direction)
    found = labels(run.wanted(wrt))
    if not found:
        raise InputError("the program has no input to expand in")
    if len(found) > 1:
        choices = [f"--direction {found[0]}=1,{found[1]}=2"]
        if any(not item.shape for item in run.inputs):
            choices.insert(0, "--wrt NAME")
        raise InputError(
            "a Taylor series is in one input or along a direction; "
            f"there are {len(found):,} inputs",
            details=(f"choose with {' or '.join(choices)}",),
        )
    return {found[0]: 1.0}


def _blame(run: Run, series: Mapping[int, Series]) -> list[Diagnostic]:
    """The first operation of the program whose series has a coefficient that is not finite."""
    from adcli.differentiate.blame import Diagnostic, blame_series

    first: tuple[int, int] | None = None
    for node, numbers in series.items():
        if node < run.size and run.graph.op[node] > CONSTANT:
            bad = next((k for k, x in enumerate(numbers) if not math.isfinite(x)), None)
            if bad is not None and (first is None or (bad, node) < first):
                first = (bad, node)
    if first is None:
        return [Diagnostic("derivative", "a coefficient is not finite")]
    k, node = first
    return [blame_series(run, node, k, series[node][k])]


class _Plan:
    """Which series are needed to which order, and how each is computed.

    Args:
        graph: the operations; partial derivatives are recorded behind them.
        output: the result.
        order: how far its series goes.
        seeds: the direction, by node.
    """

    def __init__(
        self, graph: Graph, output: Scalar, order: int, seeds: Mapping[int, float]
    ) -> None:
        self.graph = graph
        self.order = order
        self.seeds = seeds
        self.need: dict[int, int] = {}
        # Of primitives other than products and quotients: (operand, partial) for each
        # operand on which the series depends.
        self.partials: dict[int, list[tuple[int, Scalar]]] = {}
        self._varied = depends(graph, seeds)
        self._arithmetic = Arithmetic(self._apply, graph.number)
        self._power: tuple[int, Scalar, Scalar] | None = None
        if type(output) is int:
            self._visit(output)

    def _visit(self, output: int) -> None:
        """Find what is needed, highest orders first, so that each node is met once."""
        waiting: list[list[int]] = [[] for _ in range(self.order + 1)]
        waiting[self.order].append(output)
        graph, need = self.graph, self.need
        numbers = 0
        for order in range(self.order, -1, -1):
            stack = waiting[order]
            while stack:
                node = stack.pop()
                if node in need:
                    continue
                need[node] = order
                numbers += order + 1
                if numbers > MAX_NUMBERS:
                    raise self._too_long(f"{MAX_NUMBERS:,} coefficients in all")
                if order == 0 or graph.op[node] <= CONSTANT or not self._varied[node]:
                    continue
                if graph.op[node] in (MUL, DIV):
                    stack += graph.operands(node)
                else:
                    stack += [x for x in graph.operands(node) if self._varied[x]]
                    found = self.partials[node] = self._read(node)
                    waiting[order - 1] += [p for _, p in found if type(p) is int]

    def _read(self, node: int) -> list[tuple[int, Scalar]]:
        """The partials of an operation, recorded into the graph."""
        graph = self.graph
        graph.here = graph.where[node]
        x, y = graph.left[node], graph.right[node]
        u, w = self._scalar(x), 0.0 if y == UNARY else self._scalar(y)
        self._power = (node, u, w) if graph.op[node] == POW else None
        found: list[tuple[int, Scalar]] = []
        rules = self._arithmetic.partials(graph.op[node])
        for operand, rule in zip(graph.operands(node), rules, strict=True):
            if rule is not None and self._varied[operand]:
                partial = rule if type(rule) is float else rule(u, w, node)  # type: ignore[operator]
                if partial is not None:
                    found.append((operand, partial))
        self._varied += bytearray(len(graph) - len(self._varied))
        return found

    def _scalar(self, node: int) -> Scalar:
        return self.graph.value[node] if self.graph.op[node] == CONSTANT else node

    def _apply(self, code: int, x: Scalar, y: Scalar | None = None) -> Scalar:
        """A primitive in a rule.

        The rule of a power has another power, its rule yet another, and so on; the power
        below u^w is (u^w)/u instead, where that is as good: not where u is 0 or u^w nearly
        underflows, and not for polynomials, whose series end.
        """
        if code == POW and self._power is not None:
            node, u, w = self._power
            if x == u and type(x) is int and y is not None and self._is_one_less(y, w):
                ends = type(w) is float and w >= 0 and w == math.floor(w)
                long = ends and w > max(_SMALL_POWER, self.need[node])
                has_digits = abs(self.graph.value[node]) > _LEAST_POWER
                if self.graph.value[x] != 0 and has_digits and (long or not ends):
                    return self._made(DIV, node, x)
        return self._made(code, x, y)

    def _is_one_less(self, y: Scalar, w: Scalar) -> bool:
        if type(w) is not int:
            return y == w - 1
        graph = self.graph
        return (
            type(y) is int
            and graph.op[y] == SUB
            and graph.left[y] == w
            and self._scalar(graph.right[y]) == 1.0
        )

    def _made(self, code: int, x: Scalar, y: Scalar | None) -> Scalar:
        found = self.graph.apply(code, x, y)
        varied = self._varied
        for node in range(len(varied), len(self.graph)):
            operands = self.graph.operands(node) if self.graph.op[node] > CONSTANT else ()
            varied.append(any(varied[operand] for operand in operands))
        return found

    def _too_long(self, than: str) -> LimitError:
        return LimitError(
            f"series of more than {than}",
            details=(f"order {self.order:,} over {len(self.graph):,} operations",),
        )

    def evaluate(self) -> dict[int, Series]:
        """The series of all nodes needed, in the order of the list."""
        graph, need, seeds = self.graph, self.need, self.seeds
        nodes = sorted(need)
        series: dict[int, Series] = {}
        for node in nodes:
            x = graph.value[node]
            series[node] = [x, seeds[node]] if node in seeds and need[node] > 0 else [x]
        # Series with their coefficients times their own numbers: those of the derivative.
        slopes: dict[int, Series] = {
            node: [k * x for k, x in enumerate(series[node])] for node in nodes
        }
        products = 0
        active = [n for n in nodes if graph.op[n] > CONSTANT and self._varied[n]]
        for k in range(1, self.order + 1):
            active = [node for node in active if need[node] >= k]
            # Each has at most k products, and most have fewer: this may be early.
            products += k * sum(len(series[node]) == k for node in active)
            if products > _MOST_PRODUCTS:
                raise self._too_long(f"{_MOST_PRODUCTS:,} products of coefficients")
            for node in active:
                coefficient = self._coefficient(node, k, series, slopes)
                if coefficient is not None:
                    series[node].append(coefficient)
                    slopes[node].append(k * coefficient)
        return series

    def _coefficient(
        self, node: int, k: int, series: Mapping[int, Series], slopes: Mapping[int, Series]
    ) -> float | None:
        """Coefficient k of a node; None if it is a structural zero."""
        graph = self.graph
        code = graph.op[node]
        if code == MUL:
            return _product(series[graph.left[node]], series[graph.right[node]], k, 0)
        if code == DIV:
            above, below = series[graph.left[node]], series[graph.right[node]]
            rest = _product(below, series[node], k, 1)
            numerator = above[k] if k < len(above) else None
            if rest is not None:
                numerator = -rest if numerator is None else numerator - rest
            return None if numerator is None else compute(DIV, numerator, below[0])
        total: float | None = None
        for operand, partial in self.partials[node]:
            if not isinstance(partial, int):
                own = series[operand]
                term = partial * own[k] if k < len(own) else None
            else:
                term = _product(slopes[operand], series[partial], k, 1)
                if term is not None:
                    term /= k
            if term is not None:
                total = term if total is None else total + term
        return total


def _product(one: Series, other: Series, k: int, first: int) -> float | None:
    """The sum of one[j]*other[k-j] over j from `first` to k; None if there is no such term."""
    low = max(first, k - len(other) + 1)
    high = min(k, len(one) - 1)
    if low > high:
        return None
    if low == high:
        return one[low] * other[k - low]
    terms = list(map(mul, one[low : high + 1], reversed(other[k - high : k - low + 1])))
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # infinities
        total: float = sum(terms)
        return total
