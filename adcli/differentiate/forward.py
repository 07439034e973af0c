"""Forward mode: tangents follow the list from its beginning (Baydin et al. 2018, 3.1).

    v_dot[i] = sum over the operands j of  dv[i]/dv[j] * v_dot[j]

The twin of `reverse.py`: the same list, the same rules, the other way round.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from adcli.evaluate.floats import Over
from adcli.graph.primitives import CONSTANT, END
from adcli.graph.rules import FLOATS
from adcli.graph.wengert import UNARY, Graph


def forward(
    graph: Graph, seeds: Mapping[int, Any], over: Over, wanted: Iterable[int] | None = None
) -> list[Any]:
    """Push tangents forward.

    Args:
        graph: the operations; what `over` records is added behind them.
        seeds: the tangents of inputs, by node; inputs left out, and tangents that are
            0, are structural zeros.
        over: numbers, nodes, lanes or sets, see `evaluate`.
        wanted: the results whose tangents are wanted; what flows into none of them is
            left out. All nodes if None.

    Returns:
        The tangent of each node there was, None where it is a structural zero.
    """
    primal, multiply, add, keep = over.primal, over.multiply, over.add, over.keep
    partials = {code: over.arithmetic.partials(code) for code in set(graph.op) if code > CONSTANT}
    count = len(graph)
    last_use = array("i", [count]) * count if wanted is None else needed(graph, wanted)
    v_dot: list[Any] = [None] * count
    for node, seed in seeds.items():
        v_dot[node] = None if type(seed) is float and seed == 0 else seed

    nodes = zip(range(count), graph.op[:], graph.left[:], graph.right[:], strict=True)
    for node, code, x, y in nodes:
        if code <= CONSTANT or not last_use[node]:
            continue
        if over.record:
            graph.here = graph.where[node]
        tangent = None
        x_dot = v_dot[x]
        if x_dot is not None:
            partial = partials[code][0]
            if partial is not None:
                if type(partial) is not float:
                    w = primal[y] if y != UNARY else 0.0
                    partial = partial(primal[x], w, primal[node])  # type: ignore[operator]
                if partial is not None:
                    tangent = multiply(x_dot, partial)
        if y != UNARY:
            y_dot = v_dot[y]
            if y_dot is not None:
                partial = partials[code][1]
                if partial is not None:
                    if type(partial) is not float:
                        partial = partial(primal[x], primal[y], primal[node])  # type: ignore[operator]
                    if partial is not None:
                        term = multiply(y_dot, partial)
                        tangent = term if tangent is None else add(tangent, term)
        v_dot[node] = tangent
        if not keep:
            if last_use[x] == node:
                v_dot[x] = None
            if y != UNARY and last_use[y] == node:
                v_dot[y] = None
    return v_dot


def needed(graph: Graph, results: Iterable[int]) -> array[int]:
    """Which nodes a derivative flows from into any of these results, and how long each is used.

    Returns:
        For each node 0 if it is not needed; else the last node that has it as an operand,
        or the number of nodes for the results themselves.
    """
    count = len(graph)
    last_use = array("i", [0]) * count
    for node in results:
        last_use[node] = count
    codes = {code for code in graph.op if code > CONSTANT}
    # A choice of an open graph passes on what comes from either arm.
    partials = {code: FLOATS.partials(code) if code < END else (1.0, 1.0) for code in codes}
    last_first = slice(None, None, -1)
    nodes = zip(
        range(count - 1, -1, -1),
        graph.op[last_first],
        graph.left[last_first],
        graph.right[last_first],
        strict=True,
    )
    for node, code, x, y in nodes:
        if last_use[node] and code > CONSTANT:
            of_code = partials[code]
            if not last_use[x] and of_code[0] is not None:
                last_use[x] = node
            if y != UNARY and not last_use[y] and of_code[1] is not None:
                last_use[y] = node
    return last_use
