"""A graph over floats: its values at other inputs, and the arithmetic of a sweep at a point."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from adcli.graph.primitives import ADD, CONSTANT, FIRST_UNARY, INPUT, MUL, compute
from adcli.graph.rules import FLOATS, Arithmetic
from adcli.graph.wengert import Graph


class Over:
    """What a mode's loop runs over: numbers at a point, or nodes of the graph itself.

    Attributes:
        primal: for each node what stands for its value: the float, or the node.
        arithmetic: the rules over that.
        multiply, add: the two operations that the chain rule itself needs.
        record: whether new operations go into the graph.
        keep: whether the derivatives of all nodes are kept; if not, because they are large,
            only those of inputs or of the results wanted are.
    """

    __slots__ = ("add", "arithmetic", "keep", "multiply", "primal", "record")

    def __init__(
        self,
        primal: Sequence[Any],
        arithmetic: Arithmetic,
        multiply: Callable[[Any, Any], Any],
        add: Callable[[Any, Any], Any],
        *,
        record: bool = False,
        keep: bool = True,
    ) -> None:
        self.primal = primal
        self.arithmetic = arithmetic
        self.multiply = multiply
        self.add = add
        self.record = record
        self.keep = keep


def over_floats(graph: Graph) -> Over:
    """A sweep that yields numbers: nothing is recorded."""
    return Over(graph.value, FLOATS, operator.mul, operator.add)


def over_graph(graph: Graph) -> Over:
    """A sweep that yields nodes: the derivative becomes part of the graph."""
    ops, value = graph.op, graph.value
    primal = [value[i] if code == CONSTANT else i for i, code in enumerate(ops)]
    return Over(
        primal,
        Arithmetic(graph.apply, graph.number),
        lambda x, y: graph.binary(MUL, x, y),
        lambda x, y: graph.binary(ADD, x, y),
        record=True,
    )


def evaluate(graph: Graph, inputs: Sequence[float]) -> array[float]:
    """The values of all nodes at other inputs, along the same path.

    Args:
        graph: the operations.
        inputs: a value for each of `graph.inputs`, in order.

    Returns:
        A value for each node.
    """
    values = array("d", graph.value)
    for node, number in zip(graph.inputs, inputs, strict=True):
        values[node] = number
    for node, (code, x, y) in enumerate(zip(graph.op, graph.left, graph.right, strict=True)):
        if code in (INPUT, CONSTANT):
            continue
        arguments = (values[x],) if code >= FIRST_UNARY else (values[x], values[y])
        values[node] = compute(code, *arguments)
    return values
