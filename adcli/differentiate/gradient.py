"""The gradient of one scalar result, in either mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import depends, reverse
from adcli.errors import InputError
from adcli.evaluate.floats import over_floats
from adcli.graph.primitives import KINKED
from adcli.graph.program import Input, Run

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

Mode = Literal["auto", "forward", "reverse"]


class Gradient:
    """The value of a result and its derivatives.

    Attributes:
        result: the name of the result.
        value: its value.
        gradient: for each input a number, a list, or a list of rows, in its own shape.
        mode: "forward" or "reverse", whichever was used.
        inputs: the inputs differentiated, in order.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("gradient", "inputs", "mode", "result", "value", "warnings")

    def __init__(
        self,
        result: str,
        value: float,
        gradient: dict[str, Any],
        mode: str,
        inputs: list[Input],
        warnings: list[Diagnostic],
    ) -> None:
        self.result = result
        self.value = value
        self.gradient = gradient
        self.mode = mode
        self.inputs = inputs
        self.warnings = warnings

    def __repr__(self) -> str:
        return f"Gradient({self.result}={self.value!r}, gradient={self.gradient!r})"


def gradient(
    run: Run,
    mode: Mode = "auto",
    wrt: str | Sequence[str] | None = None,
    result: str | None = None,
) -> Gradient:
    """Differentiate one result of a run.

    Args:
        run: the program at a point.
        mode: forward makes a pass for each element of the inputs, reverse one in all;
            auto takes whichever makes fewer, forward for one.
        wrt: the inputs to differentiate with respect to; all if None.
        result: the name of the result; needed if there are several.

    Raises:
        InputError: no such input, result, or mode, or several results and none named.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise InputError(f"no mode is called '{mode}'", details=("modes: auto, forward, reverse",))
    if isinstance(wrt, str):
        wrt = [wrt]
    name = run.result(result)
    output = run.results[name]
    inputs = run.wanted(wrt)
    nodes = [node for item in inputs for node in item.nodes]
    if mode == "auto":
        mode = "forward" if len(nodes) == 1 else "reverse"

    graph = run.graph
    over = over_floats(graph)
    found: list[float | None] = []
    if type(output) is not int:
        found = [None] * len(nodes)
    elif mode == "reverse":
        v_bar = reverse(graph, {output: 1.0}, nodes, over)
        found = [v_bar[node] for node in nodes]
    else:
        for node in nodes:
            found.append(forward(graph, {node: 1.0}, over)[output])
    numbers = [0.0 if x is None else x for x in found]

    value = graph.number(output)
    warnings: list[Diagnostic] = []
    finite = math.isfinite(value) and all(math.isfinite(x) for x in numbers)
    if not finite or run.equalities or run.kinks or not KINKED.isdisjoint(graph.op):
        from adcli.differentiate.blame import blame_derivative, notes, value_warnings

        warnings += value_warnings(run, [name], depends(graph, nodes))
        bad = [node for node, x in zip(nodes, numbers, strict=True) if not math.isfinite(x)]
        if bad and type(output) is int:
            seeds = {output if mode == "reverse" else bad[0]: 1.0}
            warnings += blame_derivative(run, mode, seeds, nodes, warnings)
        warnings += notes(run, [output], nodes)
    values, position = {}, 0
    for item in inputs:
        values[item.name] = item.arrange(numbers[position : position + len(item.nodes)])
        position += len(item.nodes)
    return Gradient(name, value, values, mode, inputs, warnings)
