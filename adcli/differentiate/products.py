"""Products with a Jacobian, from either side, without the matrix: one pass each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.differentiate import directions
from adcli.differentiate.diagnosis import Failed, diagnosis
from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.evaluate.floats import over_floats
from adcli.graph.program import Given, Input, Run, arrange

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic


class Jvp:
    """The Jacobian times a direction: the tangents of the results (pushforward).

    Attributes:
        direction: the direction by element of the inputs.
        values: the values of the results, by name.
        jvp: their derivatives along the direction, by name.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("direction", "jvp", "values", "warnings")

    def __init__(
        self,
        direction: dict[str, float],
        values: dict[str, float],
        jvp: dict[str, float],
        warnings: list[Diagnostic],
    ) -> None:
        self.direction = direction
        self.values = values
        self.jvp = jvp
        self.warnings = warnings

    def __repr__(self) -> str:
        return f"Jvp(values={self.values!r}, jvp={self.jvp!r})"


class Vjp:
    """Weights times the Jacobian: the adjoints of the inputs (pullback).

    Attributes:
        weights: the weights by result.
        values: the values of the results, by name.
        inputs: the inputs differentiated, in order.
        numbers: the derivatives of the weighted sum, one an element of these inputs.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = ("inputs", "numbers", "values", "warnings", "weights")

    def __init__(
        self,
        weights: dict[str, float],
        values: dict[str, float],
        inputs: list[Input],
        numbers: list[float],
        warnings: list[Diagnostic],
    ) -> None:
        self.weights = weights
        self.values = values
        self.inputs = inputs
        self.numbers = numbers
        self.warnings = warnings

    @property
    def vjp(self) -> dict[str, Any]:
        """For each input a number, a list, or a list of rows, in its own shape."""
        return arrange(self.inputs, self.numbers)

    def __repr__(self) -> str:
        return f"Vjp(values={self.values!r}, vjp={self.vjp!r})"


def jvp(run: Run, direction: Mapping[str, Given]) -> Jvp:
    """The derivatives of all results along a direction, in one forward pass.

    Args:
        run: the program at a point.
        direction: numbers by input (in its shape) or element; what is left out is 0.

    Raises:
        InputError: a name is no input or element, or has another shape.
    """
    graph = run.graph
    full = directions.direction(run, direction)
    elements = run.elements
    seeds = {elements[label]: x for label, x in full.items() if x != 0}
    nodes = [x for x in run.results.values() if type(x) is int]
    v_dot = forward(graph, seeds, over_floats(graph), nodes)
    found = {name: (v_dot[x] if type(x) is int else None) or 0.0 for name, x in run.results.items()}
    values = run.values()
    failed = Failed("forward", seeds, nodes) if not _finite(found.values()) else None
    warnings = diagnosis(
        run, list(values), list(seeds), finite=_finite(values.values()), failed=failed
    )
    return Jvp(full, values, found, warnings)


def vjp(run: Run, weights: Mapping[str, Given], wrt: str | Sequence[str] | None = None) -> Vjp:
    """The gradient of a weighted sum of the results, in one reverse pass.

    Args:
        run: the program at a point.
        weights: numbers by result, or for all elements of a vector; what is left out is 0.
        wrt: the inputs to differentiate with respect to; all if None.

    Raises:
        InputError: a name is no result or input, or has another length.
    """
    graph = run.graph
    full = directions.weights(run, weights)
    inputs = run.wanted(wrt)
    nodes = [node for item in inputs for node in item.nodes]
    names = [name for name, x in full.items() if x != 0]
    seeds: dict[int, float] = {}
    for name in names:
        output = run.results[name]
        if type(output) is int:  # several results may be one node
            seeds[output] = seeds.get(output, 0.0) + full[name]
    v_bar = reverse(graph, seeds, nodes, over_floats(graph))
    numbers = [v_bar[node] or 0.0 for node in nodes]
    values = run.values()
    failed = Failed("reverse", seeds) if not _finite(numbers) else None
    finite = _finite(values[name] for name in names)
    warnings = diagnosis(run, names, nodes, finite=finite, failed=failed)
    return Vjp(full, values, inputs, numbers, warnings)


def _finite(numbers: Any) -> bool:
    return all(map(math.isfinite, numbers))
