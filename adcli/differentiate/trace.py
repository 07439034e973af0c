"""Evaluation traces: what each step computed, and the rule it used.

After Baydin et al. 2018, tables 2 and 3; Griewank and Walther 2008, section 1.2. Only data:
rows of formulas and values, for a renderer to write down.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from adcli.differentiate import chain
from adcli.differentiate.blame import Diagnostic, blame_derivative, notes, value_warnings
from adcli.differentiate.diagnosis import Failed
from adcli.differentiate.forward import forward
from adcli.differentiate.reverse import reverse
from adcli.errors import LimitError
from adcli.evaluate.floats import over_floats
from adcli.graph.notation import ADJOINT, PRIMAL, TANGENT, Formula, operation, reference
from adcli.graph.primitives import CONSTANT
from adcli.graph.program import Run
from adcli.graph.wengert import Scalar


class Step:
    """A line of a trace: what is computed, from what, and the value.

    Attributes:
        target: the node or the name on the left.
        formula: what is on its right.
        value: the value; of forward mode also the tangent that belongs to it.
        tangent: the same for the tangent: target, formula, value.
        local: of an adjoint, the operation it comes from: (node, operand).
        is_partial: whether the factor is the whole partial derivative ∂node/∂operand.
        accumulates: of an adjoint, whether there was one before.
        operation: of an adjoint, the node whose sweep it belongs to.
    """

    __slots__ = (
        "accumulates",
        "formula",
        "is_partial",
        "local",
        "operation",
        "tangent",
        "target",
        "value",
    )

    def __init__(
        self,
        target: Formula,
        formula: Formula,
        value: float,
        *,
        tangent: Step | None = None,
        local: tuple[int, int] | None = None,
        is_partial: bool = True,
        accumulates: bool = False,
        operation: int | None = None,
    ) -> None:
        self.target = target
        self.formula = formula
        self.value = value
        self.tangent = tangent
        self.local = local
        self.is_partial = is_partial
        self.accumulates = accumulates
        self.operation = operation


class Pass:
    """One pass of forward or reverse mode.

    Attributes:
        seed: what it began with, by name: tangents of the inputs' elements, or adjoints
            of the results.
        steps: the steps in the order computed; in forward mode each with its tangent.
        derivatives: what it ended with, by name: tangents of the results, or adjoints of
            the inputs' elements.
    """

    __slots__ = ("derivatives", "seed", "steps")

    def __init__(
        self, seed: dict[str, float], steps: list[Step], derivatives: dict[str, float]
    ) -> None:
        self.seed = seed
        self.steps = steps
        self.derivatives = derivatives


# A line of a trace takes some kilobytes until it is printed, and nobody reads so many.
MAX_LINES = 500_000


def check_size(run: Run, forward_passes: int, reverse_passes: int) -> None:
    """Refuse, before it is made, a trace of more than MAX_LINES lines.

    Raises:
        LimitError: it would be.
    """
    operations = sum(1 for _ in run.graph.operations()) + len(run.graph.inputs)
    lines = operations * (forward_passes + 2 * reverse_passes)
    if lines > MAX_LINES:
        raise LimitError(
            f"a trace of about {lines:,} lines; the limit is {MAX_LINES:,}",
            details=(
                f"{operations:,} operations, {forward_passes:,} forward and "
                f"{reverse_passes:,} reverse passes",
                "--mode, --wrt and --result choose fewer passes",
            ),
        )


def result_names(run: Run) -> dict[str, str]:
    """What a trace calls each result.

    One is y; of several, names stay and the k-th is yk where it has only a number. If an
    input is called so, another letter takes the place of y.
    """
    inputs = {item.name for item in run.inputs}
    for letter in ("y", "z", "u", "w", "q", "result"):
        names = {
            name: name if name.isidentifier() and name not in inputs else f"{letter}{i}"
            for i, name in enumerate(run.results, 1)
        }
        if len(run.results) == 1:
            names = dict.fromkeys(run.results, letter)
        if inputs.isdisjoint(names.values()) and len(set(names.values())) == len(names):
            break
    return names


def primal_steps(run: Run) -> list[Step]:
    """The primal trace: inputs, operations, results."""
    graph = run.graph
    steps = []
    for name, node in run.elements.items():
        value = graph.value[node]
        steps.append(Step(_node(run, node), Formula(value, name=name), value))
    for node, code in enumerate(graph.op):
        if code > CONSTANT:
            steps.append(Step(_node(run, node), operation(graph, node), graph.value[node]))
    for name, shown in result_names(run).items():
        scalar = run.results[name]
        value = graph.number(scalar)
        steps.append(Step(Formula(value, name=shown), _scalar(run, scalar), value))
    return steps


def forward_pass(run: Run, seed: Mapping[str, float]) -> Pass:
    """The trace of one pass of forward mode.

    Args:
        run: the program at a point.
        seed: tangents of elements of the inputs by name; what is left out is 0.
    """
    graph = run.graph
    elements = run.elements
    full = {name: float(seed.get(name, 0.0)) for name in elements}
    v_dot = forward(graph, {elements[name]: x for name, x in full.items()}, over_floats(graph))

    def tangent_of(node: int) -> Formula:
        return Formula(v_dot[node] or 0.0, node=node, mark=TANGENT)

    steps = primal_steps(run)
    derivatives: dict[str, float] = {}
    for step in steps:
        node = step.target.node
        if node is None:  # a result
            name = step.target.name
            source = step.formula
            if source.node is None:
                formula, value = Formula(0.0), 0.0
            else:
                formula = tangent_of(source.node)
                value = formula.value
            derivatives[name] = value
        elif step.formula.name:  # an input
            name = step.formula.name
            value = full[name]
            formula = Formula(value, name=name, mark=TANGENT)
        else:
            value = v_dot[node] or 0.0
            formula = _tangent_formula(step.formula, step.target, tangent_of)
        target = Formula(value, node=node, name=step.target.name, mark=TANGENT)
        step.tangent = Step(target, formula, value)
    names = result_names(run)
    derivatives = {name: derivatives[names[name]] for name in run.results}
    return Pass(full, steps, derivatives)


def _tangent_formula(primal: Formula, own: Formula, tangent_of: Any) -> Formula:
    total: Formula | None = None
    for operand, partial in zip(primal.operands, chain.partials(primal, own), strict=True):
        if partial is not None and operand.node is not None:
            total = chain.plus(total, chain.times(tangent_of(operand.node), partial))
    return Formula(0.0) if total is None else total


def reverse_pass(run: Run, seed: Mapping[str, float]) -> Pass:
    """The trace of the adjoint sweep.

    Args:
        run: the program at a point.
        seed: adjoints of results by name; what is left out is 0.
    """
    graph = run.graph
    elements = run.elements
    names = result_names(run)
    steps: list[Step] = []
    seeds: dict[int, float] = {}
    for name, weight in seed.items():
        scalar = run.results[name]
        if type(scalar) is not int:
            continue
        value = seeds.get(scalar, 0.0) + weight
        formula = Formula(weight, name=names[name], mark=ADJOINT)
        if scalar in seeds:
            formula = chain.plus(Formula(seeds[scalar], node=scalar, mark=ADJOINT), formula)
        seeds[scalar] = value
        target = Formula(value, node=scalar, mark=ADJOINT)
        steps.append(Step(target, formula, value, operation=scalar))

    adjoints: dict[int, float] = dict(seeds)
    partials: dict[int, list[Formula | float | None]] = {}

    def observe(target: int, source: int, position: int, before: Any, after: Any) -> None:
        if source not in partials:
            partials.clear()  # a sweep never comes back to an operation
            partials[source] = chain.partials(operation(graph, source), _node(run, source))
        partial = partials[source][position]
        assert partial is not None
        formula = chain.times(Formula(adjoints[source], node=source, mark=ADJOINT), partial)
        if before is not None:
            formula = chain.plus(Formula(before, node=target, mark=ADJOINT), formula)
        adjoints[target] = after
        steps.append(
            Step(
                Formula(after, node=target, mark=ADJOINT),
                formula,
                after,
                local=(source, target),
                # Of v*v each half of the rule is only half of the partial derivative.
                is_partial=not same_operands(run, source),
                accumulates=before is not None,
                operation=source,
            )
        )

    v_bar = reverse(graph, seeds, elements.values(), over_floats(graph), observe)
    derivatives: dict[str, float] = {}
    for name, node in reversed(elements.items()):
        value = v_bar[node] or 0.0
        derivatives[name] = value
        target = Formula(value, name=name, mark=ADJOINT)
        source = Formula(0.0) if v_bar[node] is None else Formula(value, node=node, mark=ADJOINT)
        steps.append(Step(target, source, value, operation=node))
    return Pass(
        {name: float(seed.get(name, 0.0)) for name in run.results},
        steps,
        {name: derivatives[name] for name in elements},
    )


def warnings(
    run: Run, forward_passes: Sequence[Pass], reverse_passes: Sequence[Pass]
) -> list[Diagnostic]:
    """What is not finite in a trace, with the first pass that shows it, and notes."""
    found = value_warnings(run)
    elements = run.elements
    nodes = list(elements.values())
    passes: list[tuple[str, dict[int, float], dict[str, float]]] = []
    for one in forward_passes:
        tangents = {elements[name]: x for name, x in one.seed.items()}
        passes.append(("forward", tangents, one.derivatives))
    for other in reverse_passes:
        results = ((run.results[name], x) for name, x in other.seed.items())
        adjoints = {node: x for node, x in results if type(node) is int}
        passes.append(("reverse", adjoints, other.derivatives))
    for mode, seeds, derivatives in passes:
        if not all(math.isfinite(x) for x in derivatives.values()):
            found += blame_derivative(run, Failed(mode, seeds), nodes, found)
            break
    return found + notes(run, run.results.values(), nodes)


def same_operands(run: Run, node: int) -> bool:
    """Whether an operation has one node as both operands, as v*v has."""
    operands = run.graph.operands(node)
    return len(operands) == 2 and operands[0] == operands[1]


def _node(run: Run, node: int, mark: str = PRIMAL) -> Formula:
    return Formula(run.graph.value[node], node=node, mark=mark)


def _scalar(run: Run, scalar: Scalar) -> Formula:
    return reference(run.graph, scalar) if type(scalar) is int else Formula(scalar)
