"""Reverse mode: adjoints follow the list from its end (Baydin et al. 2018, 3.2).

    v_bar[j] += v_bar[i] * dv[i]/dv[j]   for each operand j of i

The twin of `forward.py`: the same list, the same rules, the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adcli.evaluate.floats import Over
from adcli.graph.primitives import CONSTANT
from adcli.graph.wengert import UNARY, Graph

# Told of each contribution: to which node, from which operation and which of its operands,
# the adjoint before (None if it is the first) and after.
Observer = Callable[[int, int, int, Any, Any], None]


def reverse(
    graph: Graph,
    seeds: Mapping[int, Any],
    wanted: Iterable[int],
    over: Over,
    observe: Observer | None = None,
) -> list[Any]:
    """Pull adjoints back.

    Args:
        graph: the operations; what `over` records is added behind them.
        seeds: the adjoints of results, by node; adjoints that are 0 are structural zeros.
        wanted: the inputs whose adjoints are wanted; what depends on none of them is a
            structural zero.
        over: numbers, nodes, lanes or sets, see `evaluate`.
        observe: told of each contribution as it is made.

    Returns:
        The adjoint of each node there was, None where it is a structural zero.
    """
    primal, multiply, add, keep = over.primal, over.multiply, over.add, over.keep
    partials = {code: over.arithmetic.partials(code) for code in set(graph.op) if code > CONSTANT}
    varied = depends(graph, wanted)
    v_bar: list[Any] = [None] * len(graph)
    for node, seed in seeds.items():
        v_bar[node] = None if type(seed) is float and seed == 0 else seed

    count = len(graph)
    last_first = slice(None, None, -1)
    nodes = zip(
        range(count - 1, -1, -1),
        graph.op[last_first],
        graph.left[last_first],
        graph.right[last_first],
        strict=True,
    )
    for node, code, x, y in nodes:
        adjoint = v_bar[node]
        if adjoint is None or code <= CONSTANT:
            continue
        if over.record:
            graph.here = graph.where[node]
        if varied[x]:
            partial = partials[code][0]
            if partial is not None:
                if type(partial) is not float:
                    w = primal[y] if y != UNARY else 0.0
                    partial = partial(primal[x], w, primal[node])  # type: ignore[operator]
                if partial is not None:
                    term = multiply(adjoint, partial)
                    x_bar = v_bar[x]
                    v_bar[x] = term if x_bar is None else add(x_bar, term)
                    if observe is not None:
                        observe(x, node, 0, x_bar, v_bar[x])
        if y != UNARY and varied[y]:
            partial = partials[code][1]
            if partial is not None:
                if type(partial) is not float:
                    partial = partial(primal[x], primal[y], primal[node])  # type: ignore[operator]
                if partial is not None:
                    term = multiply(adjoint, partial)
                    y_bar = v_bar[y]
                    v_bar[y] = term if y_bar is None else add(y_bar, term)
                    if observe is not None:
                        observe(y, node, 1, y_bar, v_bar[y])
        if not keep:
            v_bar[node] = None
    return v_bar


def depends(graph: Graph, inputs: Iterable[int]) -> bytearray:
    """For each node whether it depends on any of these inputs: 1 or 0."""
    varied = bytearray(len(graph))
    for node in inputs:
        varied[node] = 1
    for node, (code, x, y) in enumerate(zip(graph.op, graph.left, graph.right, strict=True)):
        if code > CONSTANT and (varied[x] or (y != UNARY and varied[y])):
            varied[node] = 1
    return varied
