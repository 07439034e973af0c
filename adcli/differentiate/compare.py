"""Three ways to differentiate, side by side: numerical, symbolic and automatic.

Each method is measured at one point: how far its gradient is from a reference, how often
it runs through the program, how many operations that takes, how large what it evaluates
is, and how long it takes.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adcli.differentiate.check import metric
from adcli.differentiate.forward import forward
from adcli.differentiate.gradient import gradient
from adcli.differentiate.numeric import (
    CENTRAL,
    FIVE_POINT,
    FORWARD,
    SCHEMES,
    Along,
    Scheme,
    exact_step,
    richardson,
    size,
)
from adcli.differentiate.reverse import reverse
from adcli.errors import LimitError, ProgramError
from adcli.evaluate.floats import over_graph
from adcli.graph.program import Input, Run, arrange, labels

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic

RICHARDSON, SYMBOLIC = "richardson", "symbolic"
FORWARD_MODE, REVERSE_MODE = "forward mode", "reverse mode"

# Evaluations of the extrapolation for each input, about.
_EXTRAPOLATION = 100
# Seconds: what would take longer is left out, and what is short is timed several times.
_LONGEST = 20.0
_TIMED = 0.2
_TIMES = 5

STEPPED = (FORWARD, CENTRAL, FIVE_POINT)
# Steps from 1e-1 to 1e-16, three in each decade.
STEPS = [10 ** (-k / 3) for k in range(3, 49)]


class Method:
    """One way to differentiate, and what it took.

    Attributes:
        name: its name.
        numbers: the derivatives, one an element of the inputs; None if it was left out.
        note: why it was left out, or the step it used, or "".
        error: the largest |a - b|/max(1, |a|, |b|) against the reference.
        passes: how often it ran through the program, or through its graph.
        operations: how many operations that were.
        size: the operations of what was evaluated: the program; the formulas written
            out; the program with its derivatives.
        seconds: how long it took, the median of several times.
    """

    __slots__ = (
        "error",
        "name",
        "note",
        "numbers",
        "operations",
        "passes",
        "seconds",
        "size",
    )

    def __init__(self, name: str, note: str = "") -> None:
        self.name = name
        self.note = note
        self.numbers: list[float] | None = None
        self.error = math.nan
        self.passes = 0
        self.operations = 0
        self.size = 0
        self.seconds = math.nan


class Comparison:
    """All methods at one point.

    Attributes:
        result: the name of the result.
        value: its value.
        inputs: the inputs differentiated, in order.
        reference: the derivatives that errors are against.
        reference_name: where they come from.
        methods: the methods.
        steps: for each step the error of each difference quotient, by name; empty if
            that was not asked for.
        warnings: what is not finite, and which conventions were used.
    """

    __slots__ = (
        "inputs",
        "methods",
        "reference",
        "reference_name",
        "result",
        "steps",
        "value",
        "warnings",
    )

    def __init__(
        self,
        result: str,
        value: float,
        inputs: list[Input],
        reference: list[float],
        reference_name: str,
        warnings: list[Diagnostic],
    ) -> None:
        self.result = result
        self.value = value
        self.inputs = inputs
        self.reference = reference
        self.reference_name = reference_name
        self.methods: list[Method] = []
        self.steps: list[tuple[float, dict[str, float]]] = []
        self.warnings = warnings


def compare(
    run: Run,
    wrt: str | Sequence[str] | None = None,
    result: str | None = None,
    *,
    steps: bool = False,
) -> Comparison:
    """Differentiate one result of a run in every way.

    Args:
        run: the program at a point.
        wrt: the inputs to differentiate with respect to; all if None.
        result: the name of the result; needed if there are several.
        steps: whether to measure the error of difference quotients over many steps.

    Raises:
        InputError: no such input or result, or several results and none named.
    """
    name = run.result(result)
    inputs = run.wanted(wrt)
    exact = gradient(run, "reverse", wrt, name)
    reference, reference_name = _reference(run, name, inputs)
    found = Comparison(name, exact.value, inputs, reference, reference_name, exact.warnings)
    work = _Work(run, name, inputs)
    found.methods = [
        *(work.quotient(scheme) for scheme in SCHEMES),
        work.extrapolation(),
        work.symbolic(),
        work.automatic(FORWARD_MODE),
        work.automatic(REVERSE_MODE),
    ]
    for method in found.methods:
        if method.numbers is not None:
            method.error = _error(method.numbers, reference)
    if steps:
        found.steps = work.steps(reference)
    return found


def _error(numbers: Sequence[float], reference: Sequence[float]) -> float:
    errors = [metric(a, b) for a, b in zip(numbers, reference, strict=True)]
    return max(errors, key=lambda x: math.inf if x != x else x, default=0.0)


def _reference(run: Run, name: str, inputs: Sequence[Input]) -> tuple[list[float], str]:
    """The best derivatives there are."""
    try:
        from adcli.evaluate.precise import DIGITS, over_precise, precision
    except ImportError:
        along = Along(run, name)
        positions = {label: i for i, label in enumerate(run.elements)}
        numbers = [
            richardson(along.element(positions[label]), along.point[positions[label]]).value
            for label in labels(inputs)
        ]
        hint = "50 digits need mpmath: pip install 'adcli[compare]'"
        return numbers, f"extrapolated difference quotients ({hint})"
    nodes = [node for item in inputs for node in item.nodes]
    output = run.results[name]
    with precision():
        if type(output) is not int:
            return [0.0] * len(nodes), "exact"
        over = over_precise(run.graph)
        v_bar = reverse(run.graph, {output: 1.0}, nodes, over)
        numbers = [0.0 if v_bar[node] is None else float(v_bar[node]) for node in nodes]
    return numbers, f"reverse mode with {DIGITS} digits"


class _Work:
    """The methods, each timed."""

    def __init__(self, run: Run, name: str, inputs: list[Input]) -> None:
        self.run = run
        self.name = name
        self.inputs = inputs
        self.names = labels(inputs)
        self.size = sum(1 for _ in run.graph.operations())
        elements = list(run.elements)
        self.positions = [elements.index(label) for label in self.names] if elements else []
        start = time.perf_counter()
        Along(run, name).at([run.graph.value[node] for node in run.elements.values()])
        self.once = time.perf_counter() - start

    def quotient(self, scheme: Scheme) -> Method:
        """A difference quotient at its best step."""
        method = Method(scheme.name, f"step {scheme.step:.0e}")
        return self._numerical(
            method, len(scheme.offsets), lambda along: self._quotients(along, scheme, scheme.step)
        )

    def _quotients(self, along: Along, scheme: Scheme, step: float) -> list[float]:
        """Difference quotients towards all inputs, at a step relative to each."""
        found = []
        for position in self.positions:
            x = along.point[position]
            h = exact_step(x, step * size(x))
            found.append(scheme.quotient(along.element(position), x, h) if h else math.nan)
        return found

    def extrapolation(self) -> Method:
        """Richardson extrapolation, from several steps."""
        method = Method(RICHARDSON, "several steps")

        def numbers(along: Along) -> list[float]:
            return [
                richardson(along.element(position), along.point[position]).value
                for position in self.positions
            ]

        return self._numerical(method, _EXTRAPOLATION, numbers)

    def _numerical(
        self, method: Method, each: int, numbers: Callable[[Along], list[float]]
    ) -> Method:
        seconds = each * len(self.positions) * self.once
        if seconds > _LONGEST:
            method.note = f"left out: it would take about {seconds:.0f} s"
            return method
        along = Along(self.run, self.name)
        method.numbers = numbers(along)
        method.passes = along.evaluations
        method.operations = along.operations
        method.size = self.size
        method.seconds = _seconds(lambda: numbers(Along(self.run, self.name)))
        return method

    def symbolic(self) -> Method:
        """The formulas, evaluated; finding them is not part of the time."""
        from adcli.differentiate.symbolic import symbolic

        method = Method(SYMBOLIC)
        run = self.run
        point = arrange(run.inputs, [run.graph.value[node] for node in run.elements.values()])
        wrt = [item.name for item in self.inputs]
        try:
            found = symbolic(run.program, point, wrt, self.name, run.graph.max_operations)
        except (ProgramError, LimitError) as error:
            method.note = error.message
            return method
        values = {label: run.graph.value[node] for label, node in run.elements.items()}
        method.numbers = found.evaluate(values)
        method.passes = 1
        method.operations = found.shared
        method.size = found.raw
        method.note = "written out; equal parts are evaluated once"
        method.seconds = _seconds(lambda: found.evaluate(values))
        return method

    def automatic(self, name: str) -> Method:
        """Forward or reverse mode."""
        mode: Any = "forward" if name == FORWARD_MODE else "reverse"
        method = Method(name)
        wrt = [item.name for item in self.inputs]

        def numbers() -> list[float]:
            return gradient(self.run, mode, wrt, self.name).numbers

        method.numbers = numbers()
        method.passes = len(self.names) if mode == "forward" else 1
        method.operations = method.size = self.size + self._recorded(mode)
        method.seconds = _seconds(numbers)
        return method

    def _recorded(self, mode: str) -> int:
        """How many operations the derivatives take beside those of the program."""
        run = self.run
        point = arrange(run.inputs, [run.graph.value[node] for node in run.elements.values()])
        again = run.program.run(point, 100 * run.graph.max_operations)
        graph, output = again.graph, again.results[self.name]
        nodes = [list(again.elements.values())[position] for position in self.positions]
        if type(output) is not int:
            return 0
        if mode == "reverse":
            reverse(graph, {output: 1.0}, nodes, over_graph(graph))
            return sum(1 for _ in graph.operations()) - self.size
        # Each pass records what it computes; passes share nothing.
        total = 0
        for node in nodes[:_MOST_COUNTED]:
            fresh = run.program.run(point, 100 * run.graph.max_operations).graph
            forward(fresh, {node: 1.0}, over_graph(fresh), [output])
            total += sum(1 for _ in fresh.operations()) - self.size
        counted = min(len(nodes), _MOST_COUNTED)
        return total * len(nodes) // counted if counted else 0

    def steps(self, reference: Sequence[float]) -> list[tuple[float, dict[str, float]]]:
        """The error of each difference quotient at many steps, relative to x."""
        each = sum(len(scheme.offsets) for scheme in STEPPED) * len(STEPS)
        seconds = each * len(self.positions) * self.once
        if seconds > 3 * _LONGEST:
            raise LimitError(
                f"errors at {len(STEPS)} steps would take about {seconds:.0f} s",
                details=("--wrt chooses fewer inputs",),
            )
        found = []
        for step in STEPS:
            errors = {}
            for scheme in STEPPED:
                numbers = self._quotients(Along(self.run, self.name), scheme, step)
                errors[scheme.name] = _error(numbers, reference)
            found.append((step, errors))
        return found


# Forward passes of which the operations are counted; those of more are extrapolated.
_MOST_COUNTED = 20


def _seconds(work: Callable[[], Any]) -> float:
    """The median time of some work."""
    times: list[float] = []
    while len(times) < _TIMES and sum(times) < _TIMED:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
