"""Derivatives of any order from the graph-to-graph modes, and references for them.

`derivative` differentiates a run again and again, each time in the mode asked for: a
derivative is a graph, and what differentiates a graph differentiates a derivative.
The references are differences of mpmath values, and know nothing of the package.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mpmath import mp, mpf

import adcli
from adcli.differentiate.forward import forward
from adcli.differentiate.gradient import Mode
from adcli.differentiate.reverse import reverse
from adcli.evaluate.floats import over_floats, over_graph
from adcli.graph.program import Run
from adcli.graph.wengert import Graph, Scalar

MODES: tuple[Mode, ...] = ("forward", "reverse")


def paths(order: int) -> list[tuple[str, ...]]:
    """Every sequence of modes of an order: of order 2 ff, fr, rf and rr."""
    return list(itertools.product(MODES, repeat=order))


def path_name(path: Sequence[str]) -> str:
    """The initials of the modes."""
    return "".join(mode[0] for mode in path)


def element_nodes(run: Run) -> dict[str, int]:
    """The nodes of the inputs' elements by name: x, or x[1], x[2], ..."""
    return {
        label: node
        for item in run.inputs
        for label, node in zip(item.labels(), item.nodes, strict=True)
    }


def differentiate(graph: Graph, output: Scalar, node: int, mode: str) -> Scalar:
    """The derivative of a scalar towards an input, as a scalar of the same graph.

    What does not depend on the input has the derivative 0.0.
    """
    if type(output) is not int:
        return 0.0
    over = over_graph(graph)
    if mode == "forward":
        found = forward(graph, {node: 1.0}, over)[output]
    else:
        found = reverse(graph, {output: 1.0}, [node], over)[node]
    return 0.0 if found is None else found


def differentiate_at_point(graph: Graph, output: Scalar, node: int, mode: str) -> float:
    """The same derivative by a sweep over floats, which records nothing."""
    if type(output) is not int:
        return 0.0
    over = over_floats(graph)
    if mode == "forward":
        found = forward(graph, {node: 1.0}, over)[output]
    else:
        found = reverse(graph, {output: 1.0}, [node], over)[node]
    return 0.0 if found is None else float(found)


def derivative(
    text: str, at: Mapping[str, Any], towards: Sequence[str], path: Sequence[str]
) -> float:
    """The derivative of a program, of the order of `towards`, at a point.

    Args:
        text: a program of one result.
        at: the inputs.
        towards: the elements to differentiate towards, first to last.
        path: the mode of each differentiation.
    """
    run = adcli.load(text).run(at)
    (output,) = run.results.values()
    nodes = element_nodes(run)
    for name, mode in zip(towards, path, strict=True):
        output = differentiate(run.graph, output, nodes[name], mode)
    return run.graph.number(output)


def same(one: float, other: float) -> bool:
    """Whether two doubles are the same; nan is nan, and zeros of either sign are zero."""
    return one == other or (one != one and other != other)


def same_bits(one: float, other: float) -> bool:
    """Whether two doubles are the same, and zeros have the same sign."""
    return same(one, other) and (one != one or math.copysign(1.0, one) == math.copysign(1.0, other))


# References.

Function = Callable[..., mpf]


def reference(function: Function, point: Sequence[float], positions: Sequence[int]) -> mpf:
    """A derivative of any order by central differences, to 30 digits or more.

    Args:
        function: of mpmath numbers.
        point: where.
        positions: of the arguments to differentiate towards, once for each order.
    """
    with mp.workdps(60 + 40 * len(positions)):
        # The error is of the order of step^2; what cancels is 1/step for each order.
        step = mpf(10) ** -20
        return _difference(function, [mpf(x) for x in point], list(positions), step)


def _difference(function: Function, point: list[mpf], positions: list[int], step: mpf) -> mpf:
    if not positions:
        return function(*point)
    first, *rest = positions
    total = mpf(0)
    for sign in (1, -1):
        moved = point[:]
        moved[first] += sign * step
        total += sign * _difference(function, moved, rest, step)
    return total / (2 * step)


def flatten(at: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The elements of inputs by name, in order."""
    for name, value in at.items():
        if isinstance(value, (list, tuple)):
            for i, item in enumerate(value, 1):
                if isinstance(item, (list, tuple)):
                    yield from ((f"{name}[{i},{j}]", x) for j, x in enumerate(item, 1))
                else:
                    yield f"{name}[{i}]", item
        else:
            yield name, value
