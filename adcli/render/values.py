"""Values and gradients as tables and formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adcli.differentiate.gradient import Gradient
from adcli.graph.notation import (
    latex_number,
    variable,
)
from adcli.graph.numbers import number
from adcli.graph.program import Run
from adcli.render.views import View


def evaluation_views(results: Mapping[str, float]) -> list[View]:
    """The results, a row each."""
    return [View(["result", "value"], [[name, value] for name, value in results.items()])]


def evaluation_record(results: Mapping[str, float]) -> View:
    """The results, a column each."""
    return View(list(results), [list(results.values())])


def evaluation_latex(results: Mapping[str, float], digits: int | None) -> str:
    """The results as equations."""
    return _aligned(
        f"{variable(name, 'latex')} &= {latex_number(value, digits)}"
        for name, value in results.items()
    )


def _elements(run: Run, gradient: Gradient) -> list[tuple[str, float, float]]:
    """Name, value and derivative of each element differentiated."""
    rows = []
    for item in gradient.inputs:
        derivatives = gradient.gradient[item.name]
        if not item.shape:
            derivatives = [derivatives]
        elif len(item.shape) == 2:
            derivatives = [x for row in derivatives for x in row]
        for label, node, derivative in zip(item.labels(), item.nodes, derivatives, strict=True):
            rows.append((label, run.graph.value[node], derivative))
    return rows


def gradient_views(
    run: Run, gradient: Gradient, digits: int | None, *, ascii_only: bool
) -> list[View]:
    """The value above a row for each input."""
    result = gradient.result
    sign = "d" if ascii_only else "∂"
    passes = len(_elements(run, gradient)) if gradient.mode == "forward" else 1
    title = f"{result} = {number(gradient.value, digits)}"
    footer = [f"{gradient.mode} mode, {passes} pass{'es' if passes != 1 else ''}"]
    columns = ["input", "value", f"{sign}{result}/{sign}input"]
    return [View(columns, _elements(run, gradient), title, footer)]


def gradient_record(run: Run, gradient: Gradient) -> View:
    """One row named as `batch` names its columns: f, df_dx1, df_dx2."""
    elements = _elements(run, gradient)
    columns = [gradient.result, *(f"d{gradient.result}_d{name}" for name, _, _ in elements)]
    return View(columns, [[gradient.value, *(x for _, _, x in elements)]])


def gradient_latex(run: Run, gradient: Gradient, digits: int | None) -> str:
    """The value and the partial derivatives as equations."""
    result = variable(gradient.result, "latex")
    lines = [f"{result} &= {latex_number(gradient.value, digits)}"]
    for name, _, derivative in _elements(run, gradient):
        above, below = rf"\partial {result}", rf"\partial {variable(name, 'latex')}"
        lines.append(rf"\frac{{{above}}}{{{below}}} &= {latex_number(derivative, digits)}")
    return _aligned(lines)


def _aligned(lines: Iterable[str]) -> str:
    body = " \\\\\n".join(lines)
    return f"\\[\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n\\]\n"
