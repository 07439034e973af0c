"""Symbolic differentiation: derivatives as formulas, wherever the inputs are.

Reverse mode over a graph without values: the same rules, the same loop, and the result is
read as an expression. Where that is not possible - a loop whose length depends on the
inputs - it is refused; where it grows, its size says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adcli.differentiate.expressions import Expression, Reader, evaluate, size
from adcli.differentiate.reverse import reverse
from adcli.errors import DEFAULT_MAX_OPERATIONS, InputError
from adcli.evaluate.masked import Masked, over_open, unmasked
from adcli.graph.open import OpenGraph
from adcli.graph.program import Given, Input, Program, labels
from adcli.graph.wengert import Scalar


class Symbolic:
    """The derivatives of one result as expressions.

    Attributes:
        result: the name of the result.
        inputs: the inputs differentiated, in order.
        names: their elements.
        expressions: the derivative towards each.
        value_operations: the operations of the program, as it was traced.
        raw: the operations of all derivatives written out.
        shared: the operations with equal parts counted once.
        every: all inputs of the program.
        taken: their names, which nothing else may be called.
    """

    __slots__ = (
        "every",
        "expressions",
        "inputs",
        "names",
        "raw",
        "result",
        "shared",
        "taken",
        "value_operations",
    )

    def __init__(
        self,
        result: str,
        inputs: list[Input],
        expressions: list[Expression],
        value_operations: int,
        every: list[Input],
    ) -> None:
        self.result = result
        self.inputs = inputs
        self.names = labels(inputs)
        self.expressions = expressions
        self.value_operations = value_operations
        self.raw, self.shared = size(expressions)
        self.every = every
        self.taken = frozenset(item.name for item in every)

    def evaluate(self, values: Mapping[str, float]) -> list[float]:
        """The derivatives at a point.

        Args:
            values: the elements of all inputs by name.
        """
        return evaluate(self.expressions, values)


def symbolic(
    program: Program,
    shapes: Mapping[str, Given] | None = None,
    wrt: str | Sequence[str] | None = None,
    result: str | None = None,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
) -> Symbolic:
    """Differentiate one result of a program symbolically.

    Args:
        program: the program.
        shapes: values of inputs, of which only the shapes matter; needed for vectors
            whose length is neither declared nor that of a default.
        wrt: the inputs to differentiate with respect to; all if None.
        result: the name of the result; needed if there are several.
        max_operations: the most operations the program and its derivatives may have.

    Raises:
        InputError: no such input or result, or several results and none named.
        ProgramError: the program has no formula: a loop or an index depends on the inputs.
        LimitError: too many operations.
    """
    run = program.open(shapes or {}, max_operations)
    graph = run.graph
    assert isinstance(graph, OpenGraph)
    name = run.result(result, "a derivative")
    inputs = run.wanted(wrt)
    nodes = [node for item in inputs for node in item.nodes]
    first_order = len(graph)
    if not nodes:
        raise InputError("the program has no input to differentiate towards")
    output = run.results[name]
    operations = graph.count_operations(output)
    derivatives: list[Scalar] = [0.0] * len(nodes)
    if type(output) is int:
        v_bar = reverse(graph, {output: Masked((), 1.0)}, nodes, over_open(graph))
        derivatives = [unmasked(graph, v_bar[node]) for node in nodes]
    elements = {node: label for label, node in run.elements.items()}
    expressions = Reader(graph, elements, first_order).read(derivatives)
    return Symbolic(name, inputs, expressions, operations, run.inputs)
