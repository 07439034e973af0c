"""The gradient of one scalar result, in either mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from adcli.differentiate.diagnosis import Failed, diagnosis
from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.errors import InputError
from adcli.evaluate.floats import over_floats
from adcli.graph.program import Input, Run, arrange

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

Mode = Literal["auto", "forward", "reverse"]


class Gradient:
    """The value of a result and its derivatives.

    Attributes:
        result: the name of the result.
        value: its value.
        numbers: its derivatives, one an element of the inputs differentiated.
        mode: "forward" or "reverse", whichever was used.
        inputs: the inputs differentiated, in order.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("inputs", "mode", "numbers", "result", "value", "warnings")

    def __init__(
        self,
        result: str,
        value: float,
        numbers: list[float],
        mode: str,
        inputs: list[Input],
        warnings: list[Diagnostic],
    ) -> None:
        self.result = result
        self.value = value
        self.numbers = numbers
        self.mode = mode
        self.inputs = inputs
        self.warnings = warnings

    @property
    def gradient(self) -> dict[str, Any]:
        """For each input a number, a list, or a list of rows, in its own shape."""
        return arrange(self.inputs, self.numbers)

    def __repr__(self) -> str:
        return f"Gradient({self.result}={self.value!r}, gradient={self.gradient!r})"


def check_mode(mode: str) -> None:
    """Refuse what is not a mode.

    Raises:
        InputError: it is not.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise InputError(f"no mode is called '{mode}'", details=("modes: auto, forward, reverse",))


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
    check_mode(mode)
    name = run.result(result)
    output = run.results[name]
    inputs = run.wanted(wrt)
    nodes = [node for item in inputs for node in item.nodes]
    used = mode if mode != "auto" else "forward" if len(nodes) == 1 else "reverse"

    graph = run.graph
    found: list[float | None] = []
    if type(output) is not int:
        found = [None] * len(nodes)
    elif used == "reverse":
        v_bar = reverse(graph, {output: 1.0}, nodes, over_floats(graph))
        found = [v_bar[node] for node in nodes]
    elif len(nodes) == 1:
        found = [forward(graph, {nodes[0]: 1.0}, over_floats(graph))[output]]
    else:
        from adcli.differentiate.passes import push

        found = [row[0] for row in push(graph, range(len(nodes)), [output], nodes)]
    numbers = [0.0 if x is None else x for x in found]

    value = graph.number(output)
    failed = None
    bad = [node for node, x in zip(nodes, numbers, strict=True) if not math.isfinite(x)]
    if bad and type(output) is int:
        failed = Failed(used, {output if used == "reverse" else bad[0]: 1.0}, [output])
    finite = math.isfinite(value)
    warnings = diagnosis(run, [name], nodes, finite=finite, failed=failed)
    return Gradient(name, value, numbers, used, inputs, warnings)
