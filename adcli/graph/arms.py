"""Both arms of a branch that cannot be decided, and what comes of them afterwards."""

from __future__ import annotations

from typing import Any

from adcli.graph.arrays import Array, Mismatch, Several, describe, shape_of
from adcli.graph.conditions import Condition, Truth
from adcli.graph.open import OpenGraph


def separate(registers: list[Any]) -> list[Any]:
    """The registers for one arm: arrays are copied, for an arm may change their elements."""
    return [Array(x.shape, x.items[:]) if type(x) is Array else x for x in registers]


def merged(graph: OpenGraph, condition: Truth, yes: list[Any], no: list[Any]) -> list[Any]:
    """The registers after both arms.

    Registers that only one arm uses, for values in between, may hold anything; what is not
    alike becomes a `Mismatch`, which is an error only if it is used.
    """
    return [a if a is b else _one(graph, condition, a, b) for a, b in zip(yes, no, strict=True)]


def _one(graph: OpenGraph, condition: Truth, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if type(a) in _TRUTHS and type(b) in _TRUTHS:
        return _truth(graph, condition, a, b)
    if type(a) in _SCALARS and type(b) in _SCALARS:
        return graph.select(condition, a, b)
    if isinstance(a, Array) and isinstance(b, Array):
        if a.shape == b.shape:
            pairs = zip(a.items, b.items, strict=True)
            return Array(a.shape, [graph.select(condition, x, y) for x, y in pairs])
        return Mismatch(describe(a.shape), describe(b.shape))
    if isinstance(a, Several) and isinstance(b, Several) and len(a.items) == len(b.items):
        both = zip(a.items, b.items, strict=True)
        items = [x if x is y else _one(graph, condition, x, y) for x, y in both]
        return Several(items, a.names if a.names == b.names else [None] * len(items))
    if type(a) in _VALUES and type(b) in _VALUES:
        return Mismatch(describe(shape_of(a)), describe(shape_of(b)))
    return None


def _truth(graph: OpenGraph, condition: Truth, a: Truth, b: Truth) -> Truth:
    """A if condition else b; `and` and `or` are branches too, where one of them is constant."""
    if a is True:
        return graph.either(condition, b)
    if b is False or b is condition:
        return graph.both(condition, a)
    if a is False:
        return graph.both(graph.negation(condition), b)
    if b is True:
        return graph.either(graph.negation(condition), a)
    return graph.either(graph.both(condition, a), graph.both(graph.negation(condition), b))


_TRUTHS = frozenset({bool, Condition})
_SCALARS = frozenset({int, float})
_VALUES = frozenset({int, float, Array})
