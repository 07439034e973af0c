"""Values, gradients and products with the Jacobian as tables and formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adcli.differentiate.gradient import Gradient
from adcli.differentiate.products import Jvp, Vjp
from adcli.graph.notation import latex_number, variable
from adcli.graph.numbers import number
from adcli.graph.program import Input, Run, derivative_name, labels
from adcli.render import latex
from adcli.render.views import Look, View

_MOST_NAMED = 6


class EvaluationTables:
    """The results of a program."""

    def __init__(self, results: Mapping[str, float], look: Look) -> None:
        self._results = results
        self._look = look

    def views(self) -> list[View]:
        """A row for each result."""
        return [View(["result", "value"], list(self._results.items()))]

    def record(self) -> View:
        """A column for each result."""
        return View(list(self._results), [list(self._results.values())])

    def latex(self) -> str:
        """The results as equations."""
        return latex.equations(
            latex.value(name, value, self._look.digits) for name, value in self._results.items()
        )


class GradientTables:
    """The value of a result and its gradient."""

    def __init__(self, run: Run, gradient: Gradient, look: Look) -> None:
        self._gradient = gradient
        self._look = look
        self._names = labels(gradient.inputs)
        self._points = points(run, gradient.inputs)

    def views(self) -> list[View]:
        """The value above a row for each input."""
        gradient, look = self._gradient, self._look
        passes = len(self._names) if gradient.mode == "forward" else 1
        title = f"{gradient.result} = {number(gradient.value, look.digits)}"
        footer = [f"{gradient.mode} mode, {counted(passes)}"]
        columns = ["input", "value", derivative_head(gradient.result, look)]
        rows = zip(self._names, self._points, gradient.numbers, strict=True)
        return [View(columns, rows, title, footer)]

    def record(self) -> View:
        """One row named as `batch` names its columns: f, df_dx1, df_dx2."""
        gradient = self._gradient
        columns = [
            gradient.result,
            *(derivative_name(gradient.result, name) for name in self._names),
        ]
        return View(columns, [[gradient.value, *gradient.numbers]])

    def latex(self) -> str:
        """The value and the partial derivatives as equations."""
        gradient, digits = self._gradient, self._look.digits
        result = gradient.result
        pairs = [latex.value(result, gradient.value, digits)]
        for name, derivative in zip(self._names, gradient.numbers, strict=True):
            pairs.append((latex.partial(result, name), latex_number(derivative, digits)))
        return latex.equations(pairs)


class JvpTables:
    """The derivatives of all results along a direction."""

    def __init__(self, found: Jvp, look: Look) -> None:
        self._found = found
        self._look = look

    def _rows(self) -> list[tuple[str, float, float]]:
        found = self._found
        return [(name, value, found.jvp[name]) for name, value in found.values.items()]

    def views(self) -> list[View]:
        """A row for each result."""
        title = f"Along {listed(self._found.direction, self._look)}"
        columns = ["result", "value", "derivative"]
        return [View(columns, self._rows(), title, ["forward mode, 1 pass"])]

    def record(self) -> View:
        """A row for each result."""
        return View(["result", "value", "jvp"], self._rows())

    def latex(self) -> str:
        """Values and tangents as equations."""
        digits = self._look.digits
        pairs = []
        for name, value, derivative in self._rows():
            own, text = latex.value(name, value, digits)
            pairs.append((own, text))
            pairs.append((rf"\dot{{{own}}}", latex_number(derivative, digits)))
        return latex.equations(pairs)


class VjpTables:
    """The gradient of a weighted sum of the results."""

    def __init__(self, run: Run, found: Vjp, look: Look) -> None:
        self._found = found
        self._look = look
        names = labels(found.inputs)
        self._rows = list(zip(names, points(run, found.inputs), found.numbers, strict=True))

    def views(self) -> list[View]:
        """A row for each input, the results above."""
        found, look = self._found, self._look
        title = f"Weighted by {listed(found.weights, look)}"
        columns = ["input", "value", "derivative"]
        return [
            View(["result", "value"], list(found.values.items())),
            View(columns, self._rows, title, ["reverse mode, 1 pass"]),
        ]

    def record(self) -> View:
        """A row for each input."""
        return View(["input", "value", "vjp"], self._rows)

    def latex(self) -> str:
        """Values and adjoints as equations."""
        digits = self._look.digits
        pairs = [latex.value(name, x, digits) for name, x in self._found.values.items()]
        for name, _, derivative in self._rows:
            own = variable(name, "latex")
            pairs.append((rf"\bar{{{own}}}", latex_number(derivative, digits)))
        return latex.equations(pairs)


def points(run: Run, inputs: Sequence[Input]) -> list[float]:
    """The values of the elements of inputs."""
    return [run.graph.value[node] for item in inputs for node in item.nodes]


def derivative_head(result: str, look: Look) -> str:
    """The heading of a column of partial derivatives."""
    sign = "d" if look.ascii_only else "∂"
    return f"{sign}{result}/{sign}input"


def counted(passes: int) -> str:
    """How many passes, in words."""
    return f"{passes:,} pass{'es' if passes != 1 else ''}"


def listed(numbers: Mapping[str, float], look: Look) -> str:
    """A direction in words: what is 0 left out, of many only the first."""
    pairs = [f"{name} = {number(x, look.digits)}" for name, x in numbers.items() if x != 0]
    if len(pairs) > _MOST_NAMED:
        pairs = [*pairs[:_MOST_NAMED], f"… ({len(pairs):,} in all)"]
    return ", ".join(pairs) or "0"
