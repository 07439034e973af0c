"""Where a number that is not finite comes from, and which conventions were used.

Blame names the first operation that made a value or derivative non-finite from finite
ones (numerics.md, "Blame"); notes say where a derivative is a convention.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from adcli.differentiate.diagnosis import Failed
from adcli.differentiate.forward import forward, needed
from adcli.differentiate.reverse import depends, reverse
from adcli.errors import NonFiniteError, Span
from adcli.evaluate.floats import over_floats
from adcli.graph.notation import (
    Formula,
    Labels,
    names,
    numbers,
    operation,
    write,
)
from adcli.graph.numbers import number
from adcli.graph.primitives import CONSTANT, INPUT, KINKED, OPERATORS, row_of
from adcli.graph.program import Run
from adcli.graph.rules import FLOATS, kink, local_partials
from adcli.graph.tracer import called_at
from adcli.graph.wengert import NOWHERE, UNARY, Scalar

# A text of a program that a sentence may quote.
_SHORT = 40


class Diagnostic:
    """Something a user should know about a result.

    Attributes:
        kind: "value", "derivative", "convention", "equality" or "size"; of a table or of
            many programs "rows" or "columns".
        message: one sentence.
        node: the name of the operation, or "".
        span: where it stands, if that is known.
        hint: a few words for behind the carets: the values that met there.
    """

    __slots__ = ("hint", "kind", "message", "node", "span")

    def __init__(
        self, kind: str, message: str, node: str = "", span: Span | None = None, hint: str = ""
    ) -> None:
        self.kind = kind
        self.message = message
        self.node = node
        self.span = span
        self.hint = hint

    def __repr__(self) -> str:
        return f"Diagnostic({self.kind}: {self.message})"

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "kind": self.kind,
            "node": self.node or None,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
            "message": self.message,
        }

    @property
    def is_non_finite(self) -> bool:
        """Whether `--strict` makes an error of it."""
        return self.kind in ("value", "derivative")

    @property
    def severity(self) -> str:
        """A warning, or only a note."""
        return "note" if self.kind in ("convention", "size") else "warning"


def check_finite(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise what is said about a number that is not finite.

    Raises:
        NonFiniteError: something is.
    """
    for one in diagnostics:
        if one.is_non_finite:
            raise NonFiniteError(one.message, one.span, hint=one.hint)


def value_warnings(
    run: Run, results: Iterable[str] | None = None, varied: bytearray | None = None
) -> list[Diagnostic]:
    """Blame for each non-finite result, and the comparisons that hold at one point only.

    Args:
        run: the program at a point.
        results: the names of the results that matter; all if None.
        varied: for each node whether it depends on what is differentiated; comparisons
            of others do not matter. None if nothing is.
    """
    graph = run.graph
    first: dict[tuple[int, int, str], Diagnostic] = {}
    count: dict[tuple[int, int, str], int] = {}
    for name in run.results if results is None else results:
        scalar = run.results[name]
        if math.isfinite(graph.number(scalar)):
            continue
        found = _blame_value(run, name, scalar)
        place = (found.span.start, found.span.end) if found.span else (0, 0)
        key = (*place, "" if found.span else found.message)
        first.setdefault(key, found)
        count[key] = count.get(key, 0) + 1
    for key, warning in first.items():
        if count[key] > 1:  # one operation over a vector is one fault
            warning.message += f", and {count[key] - 1:,} more from the same place"
    return [*first.values(), *_equalities(run, varied)]


def _blame_value(run: Run, name: str, scalar: Scalar) -> Diagnostic:
    """Follow a non-finite value back to where it began: a nan by its nan operands."""
    graph = run.graph
    if type(scalar) is not int:
        return _from_constants(run, scalar) or Diagnostic(
            "value", f"{name} is {number(scalar)}, as its text says"
        )
    node = scalar
    while graph.op[node] > CONSTANT:
        bad = [x for x in graph.operands(node) if not math.isfinite(graph.value[x])]
        if not bad:
            formula = operation(graph, node)
            return _at_operation(run, node, "value", _message(formula, formula.value))
        bad.sort(key=lambda x: (not math.isnan(graph.value[x]), graph.op[x] <= CONSTANT))
        following = bad[0]
        if graph.op[following] == CONSTANT:
            message = f"{_filled(operation(graph, node))} is {number(graph.value[node])}"
            found = _from_constants(run, graph.value[following])
            return found or _at_operation(run, node, "value", message)
        node = following
    return Diagnostic("value", f"input {_input_name(run, node)} is {number(graph.value[node])}")


def _from_constants(run: Run, value: float) -> Diagnostic | None:
    """Blame for a value that was computed from constants alone, if it was."""
    for code, arguments, result, place in run.graph.folded:
        if result == value or (result != result and value != value):
            operands = tuple(Formula(x) for x in arguments)
            formula = Formula(result, row=row_of(code), operands=operands)
            span = run.program.span(called_at(place)) if called_at(place) >= 0 else None
            return Diagnostic("value", _message(formula, result), span=span)
    return None


def blame_derivative(
    run: Run, failed: Failed, nodes: list[int], known: Sequence[Diagnostic]
) -> list[Diagnostic]:
    """Blame for a pass whose derivatives are not finite; the pass is made again to see it.

    Args:
        run: the program at a point.
        failed: the pass.
        nodes: the inputs differentiated.
        known: the warnings there are already: what only follows from one is not said.
    """
    graph = run.graph
    culprit: int | None = None
    derivative = math.nan
    if failed.mode == "forward":
        # Nothing is dropped of floats.
        v_dot = forward(graph, failed.seeds, over_floats(graph), failed.wanted)
        for node in graph.operations():
            if v_dot[node] is not None and not math.isfinite(v_dot[node]):
                culprit, derivative = node, v_dot[node]
                break
    else:

        def observe(target: int, source: int, position: int, before: Any, after: Any) -> None:
            nonlocal culprit, derivative
            if culprit is None and not math.isfinite(after):
                culprit, derivative = source, after

        reverse(graph, failed.seeds, nodes, over_floats(graph), observe)
    if culprit is None:
        return []
    if failed.first_order is not None and culprit >= failed.first_order:
        if any(warning.is_non_finite for warning in known):
            return []
        return [_blame_second(run, culprit, derivative)]
    same = any(warning.node == run.labels.label(culprit, "plain") for warning in known)
    if same and math.isnan(graph.value[culprit]):
        return []  # outside of its domain; that has been said
    follows = any(warning.kind == "value" for warning in known) and not all(
        math.isfinite(graph.value[x]) for x in graph.operands(culprit)
    )
    return [] if follows else [_blame_partial(run, culprit, derivative)]


def _blame_partial(run: Run, node: int, derivative: float) -> Diagnostic:
    """Blame for a derivative: by the operation's own partial, or by what it was times that."""
    graph = run.graph
    row = row_of(graph.op[node])
    for own in local_partials(graph, node):
        if own is not None and not math.isfinite(own):
            derivative = own
            break
    else:
        message = f"the derivative becomes {number(derivative)} at this operation"
        return _at_operation(run, node, "derivative", message)
    arguments = ", ".join(number(graph.value[operand]) for operand in graph.operands(node))
    message = f"the derivative of {row.name} is {number(derivative)} at {arguments}"
    return _at_operation(run, node, "derivative", message)


def _blame_second(run: Run, node: int, derivative: float) -> Diagnostic:
    """Blame for a second derivative: `node` is a part of a first one, which has no name."""
    span = run.span(node)
    place = f"of {span.text}" if span and len(span.text) <= _SHORT else "here"
    return Diagnostic(
        "derivative", f"the second derivative {place} is {number(derivative)}", "", span
    )


def blame_series(run: Run, node: int, order: int, coefficient: float) -> Diagnostic:
    """Blame for the first operation whose power series has a coefficient that is not finite."""
    row = row_of(run.graph.op[node])
    arguments = ", ".join(number(run.graph.value[x]) for x in run.graph.operands(node))
    message = (
        f"coefficient {order} of the series of {row.name} at {arguments} is {number(coefficient)}"
    )
    return _at_operation(run, node, "derivative", message)


def _message(formula: Formula, value: float) -> str:
    """A sentence: ln is undefined at -1; 1 / 0 is inf."""
    assert formula.row is not None
    shown = "undefined" if value != value else number(value)
    if formula.row.name in OPERATORS:
        return f"{_filled(formula)} is {shown}"
    arguments = ", ".join(number(x.value) for x in formula.operands)
    return f"{formula.row.name} is {shown} at {arguments}"


def _filled(formula: Formula) -> str:
    return write(formula, "text", numbers("text", None), brackets=True)


def _at_operation(run: Run, node: int, kind: str, message: str) -> Diagnostic:
    labels = run.labels
    formula = operation(run.graph, node)
    label = labels.label(node, "text")
    shown = write(formula, "text", names(labels, "text"), brackets=True)
    span = run.span(node)
    facts = [_fact(run, labels, operand) for operand in formula.operands if not operand.is_number]
    return Diagnostic(
        kind,
        f"{message} ({label} = {shown})",
        labels.label(node, "plain"),
        span,
        ", ".join(dict.fromkeys(facts)),
    )


def _fact(run: Run, labels: Labels, operand: Formula) -> str:
    assert operand.node is not None
    value = number(operand.value)
    if run.graph.op[operand.node] == INPUT:
        return f"{_input_name(run, operand.node)} = {value}"
    return f"{labels.label(operand.node, 'text')} = {value}"


def _input_name(run: Run, node: int) -> str:
    for item in run.inputs:
        if node in item.nodes:
            return item.labels()[item.nodes.index(node)]
    raise AssertionError("an input node belongs to an input")


def notes(run: Run, results: Iterable[Scalar], nodes: list[int]) -> list[Diagnostic]:
    """Where a derivative is a convention: kinks, ties and jumps on the way to a result."""
    graph = run.graph
    varied = depends(graph, nodes)
    found = [
        Diagnostic("convention", message, span=run.program.span(place))
        for place, (node, message) in run.kinks.items()
        if varied[node]
    ]
    present = KINKED.intersection(graph.op)
    rows = {code: row_of(code) for code in present}
    if not rows:
        return found
    at_kink = {code: kink(row) for code, row in rows.items()}
    jumps = {code for code in rows if FLOATS.partials(code) == (None,)}
    flows = needed(graph, [x for x in results if type(x) is int])
    said: set[tuple[int, int]] = set()
    for node, code in enumerate(graph.op):
        if code not in rows or not (varied[node] and flows[node]):
            continue
        place = graph.where[node]
        # The prelude's jumps are deliberate: they keep a shift out of a derivative.
        if (code, place) in said or (place < NOWHERE and code in jumps):
            continue
        u = graph.value[graph.left[node]]
        w = graph.value[graph.right[node]] if graph.right[node] != UNARY else 0.0
        if at_kink[code](u, w, graph.value[node]):
            warning = _at_operation(run, node, "convention", "")
            warning.message = rows[code].convention
            found.append(warning)
            said.add((code, place))
    return found


def _equalities(run: Run, varied: bytearray | None) -> list[Diagnostic]:
    message = (
        "this comparison for equality depends on the inputs: the path taken holds on one point only"
    )
    return [
        Diagnostic("equality", message, span=run.program.span(place))
        for place, node in run.equalities.items()
        if varied is None or varied[node]
    ]
