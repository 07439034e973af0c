"""A graph over mpmath numbers: the same operations and rules with 50 digits.

A reference for what the doubles lose. mpmath is an extra; this is the only place that
imports it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]  # it has no types

from adcli.evaluate.floats import Over
from adcli.graph.primitives import BY_NAME, CONSTANT, FIRST_UNARY, row_of
from adcli.graph.rules import Arithmetic, Partial, parsed
from adcli.graph.wengert import Graph
from adcli.language import syntax

DIGITS = 50


def _divide(u: Any, w: Any) -> Any:
    if w != 0:
        return u / w
    return mpmath.inf * mpmath.sign(u) if u != 0 else mpmath.nan


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(u: Any, w: Any) -> Any:
        return mpmath.nan if mpmath.isnan(u) or mpmath.isnan(w) else choose(u, w)

    return extreme


def _power(u: Any, w: Any) -> Any:
    if w == 0 or u == 1:
        return mpmath.mpf(1)  # of nan too, as in mpmath since version 1.4
    if mpmath.isnan(u) or mpmath.isnan(w):
        return mpmath.nan
    if u == 0 and w < 0:
        return mpmath.inf
    if mpmath.isinf(w):
        grows = (abs(u) > 1) == (w > 0)
        return mpmath.mpf(1) if abs(u) == 1 else mpmath.inf if grows else mpmath.mpf(0)
    if w == mpmath.floor(w):
        return mpmath.power(u, int(w))
    if mpmath.isinf(u):
        return mpmath.inf if w > 0 else mpmath.mpf(0)
    return mpmath.power(u, w) if u >= 0 else mpmath.nan


_KERNELS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": _divide,
    "pow": _power,
    "max": _extreme(max),
    "min": _extreme(min),
    "mod": lambda u, w: u - w * mpmath.floor(u / w),
    "neg": operator.neg,
    "abs": abs,
    "cbrt": lambda u: mpmath.sign(u) * mpmath.cbrt(abs(u)),
    "round": mpmath.nint,
    "log10": mpmath.log10,
}
# Those that bear the same name in mpmath.
_KERNELS |= {
    name: getattr(mpmath, name)
    for name in BY_NAME
    if name not in _KERNELS and hasattr(mpmath, name)
}


def over_precise(graph: Graph) -> Over:
    """A sweep over mpmath numbers; use it, and what it yields, inside `precision()`."""
    values: list[Any] = []
    nodes = zip(graph.op, graph.left, graph.right, graph.value, strict=True)
    for code, x, y, value in nodes:
        # What is infinite or nan as a double stays so: 9^9^9^9 has no 50 digits.
        if code <= CONSTANT or value - value != 0:
            values.append(mpmath.mpf(value))
        elif code >= FIRST_UNARY:
            values.append(_apply(code, values[x]))
        else:
            values.append(_apply(code, values[x], values[y]))
    return Over(values, _Precise(_apply, float), operator.mul, operator.add)


def precision() -> Any:
    """A context in which mpmath has `DIGITS` digits."""
    return mpmath.workdps(DIGITS)


def _apply(code: int, *arguments: Any) -> Any:
    try:
        found = _KERNELS[row_of(code).name](*arguments)
    except (ArithmeticError, ValueError, TypeError):
        return mpmath.nan
    return mpmath.nan if isinstance(found, mpmath.mpc) else found


def _defined(name: str) -> Callable[..., Any]:
    """A primitive that mpmath has not, by its definition.

    Raises:
        RuntimeError: its row has none.
    """
    definition = BY_NAME[name].definition
    if not definition:
        raise RuntimeError(f"mpmath has no {name}; its row needs a definition")
    value = _Precise(_apply, float).value(parsed(definition))
    return lambda u, w=0.0: value(u, w, 0.0)


class _Precise(Arithmetic):
    """The rules with the constants of mathematics to all digits."""

    def value(self, expression: syntax.Expression) -> Partial:
        """A function of (u, w, v) for an expression without choices."""
        if isinstance(expression, syntax.Name):
            found = {"pi": mpmath.pi, "e": mpmath.e}.get(expression.name)
            if found is not None:
                return lambda u, w, v: +found  # to the digits of the moment
        return super().value(expression)


_KERNELS |= {name: _defined(name) for name in BY_NAME if name not in _KERNELS}
