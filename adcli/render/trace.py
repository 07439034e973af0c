"""Traces as the textbooks print them, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from adcli.differentiate.trace import Pass, Step, primal_steps, result_names
from adcli.graph.notation import (
    ADJOINT,
    TANGENT,
    Formula,
    Leaf,
    Style,
    latex_number,
    names,
    numbers,
    variable,
    write,
)
from adcli.graph.numbers import number
from adcli.graph.program import Run
from adcli.render.safe import width as text_width
from adcli.render.views import Look, View

Notation = Literal["textbook", "dual"]

DEFAULT_DIGITS = 3
# Of a column that has to be broken, and how many rows decide about its width.
_NARROWEST = 16
_SAMPLE = 100


class Writer:
    """Writes the lines of a trace in one style.

    Args:
        run: the program at a point.
        style: text, plain, ascii or latex.
        digits: digits behind the point of the numbers.
        notation: "textbook", or "dual" for forward mode in dual numbers.
    """

    def __init__(
        self,
        run: Run,
        style: Style,
        digits: int = DEFAULT_DIGITS,
        notation: Notation = "textbook",
    ) -> None:
        self.run = run
        self.style = style
        self.digits = digits
        self.notation = notation
        labels = run.labels
        self.names: Leaf = names(labels, style, None if style == "plain" else digits)
        self.labels = labels

    def number(self, value: float) -> str:
        """A value of the trace."""
        if self.style == "latex":
            return latex_number(value, self.digits)
        return number(value, self.digits)

    def name(self, formula: Formula) -> str:
        """A node or input: v₃, v̇₃, x₁."""
        return self.names(formula)[0]

    def expression(self, formula: Formula) -> str:
        """The right side of a step, in names."""
        return write(formula, self.style, self.names)

    def line(self, step: Step) -> str:
        """v₂ = v₋₁ × v₀ = 2 × 5 = 10"""
        pieces = [self.name(step.target), self.expression(step.formula)]
        value = self.number(step.value)
        if step.formula.row is not None:
            filled = write(step.formula, self.style, numbers(self.style, self.digits))
            if filled != value and not _misleading(step):
                pieces.append(filled)
        if pieces[-1] != value:
            pieces.append(value)
        return " = ".join(pieces)

    def dual_line(self, step: Step) -> str:
        """v₂ = v₋₁ × v₀ = (2 + 1ε) × (5 + 0ε) = 10 + 5ε"""
        assert step.tangent is not None
        own, _ = self._dual(step.value, step.tangent.value)
        pieces = [self.name(step.target)]
        if step.formula.row is None:
            pieces.append(self.expression(step.formula))
        else:
            pieces.append(self.expression(step.formula))
            pieces.append(write(step.formula, self.style, self._dual_leaf))
        return " = ".join([*pieces, own])

    def adjoint_line(self, step: Step) -> str:
        """v̄₀ = v̄₀ + v̄₂ ∂v₂/∂v₀ = v̄₀ + v̄₂ × v₋₁ = 1.716"""
        pieces = [self.name(step.target)]
        if step.local is not None and step.is_partial:
            source, operand = step.local
            bar = self.labels.label(source, self.style, ADJOINT)
            partial = self.partial(source, operand)
            before = f"{pieces[0]} + " if step.accumulates else ""
            pieces.append(f"{before}{bar} {partial}")
        value = self.number(step.value)
        if not step.formula.is_number:
            pieces.append(self.expression(step.formula))
        return " = ".join([*pieces, value])

    def partial(self, source: int, operand: int) -> str:
        """∂v₂/∂v₀"""
        above = self.labels.label(source, self.style)
        below = self.labels.label(operand, self.style)
        if self.style == "latex":
            return rf"\frac{{\partial {above}}}{{\partial {below}}}"
        sign = "d" if self.style == "ascii" else "∂"
        return f"{sign}{above}/{sign}{below}"

    def remember_duals(self, steps: Sequence[Step]) -> None:
        """Note the tangents of a pass, for its dual numbers."""
        self._tangents = {
            step.target.node: step.tangent.value
            for step in steps
            if step.target.node is not None and step.tangent is not None
        }

    def _dual_leaf(self, formula: Formula) -> tuple[str, int]:
        if formula.is_number:
            return numbers(self.style, None)(formula)
        assert formula.node is not None
        return self._dual(formula.value, self._tangents[formula.node])

    def _dual(self, value: float, tangent: float) -> tuple[str, int]:
        epsilon = {"latex": r"\varepsilon", "ascii": "eps"}.get(self.style, "ε")
        sign = "-" if tangent < 0 else "+"
        return f"{self.number(value)} {sign} {self.number(abs(tangent))}{epsilon}", 0


def _misleading(step: Step) -> bool:
    """Whether a structural zero meets an infinity: then the numbers would not say 0."""
    return step.value == 0 and _has_non_finite(step.formula)


def _has_non_finite(formula: Formula) -> bool:
    if formula.row is None:
        return formula.value != formula.value or abs(formula.value) == float("inf")
    return any(_has_non_finite(operand) for operand in formula.operands)


def forward_views(writer: Writer, passes: Sequence[Pass]) -> list[View]:
    """A table for each pass of forward mode."""
    if not passes:  # nothing to differentiate with respect to
        steps = primal_steps(writer.run)
        return [View(["Forward primal trace"], [[writer.line(step)] for step in steps])]
    views = []
    for one in passes:
        footer = _derivatives(writer, one)
        if writer.notation == "dual":
            writer.remember_duals(one.steps)
            rows: list[list[Any]] = [[writer.dual_line(step)] for step in one.steps]
            columns = ["Dual numbers"]
        else:
            rows = [[writer.line(step), writer.line(_tangent(step))] for step in one.steps]
            columns = ["Forward primal trace", "Forward tangent (derivative) trace"]
        views.append(View(columns, rows, seed_text(writer, "forward", one), footer))
    return views


def _tangent(step: Step) -> Step:
    assert step.tangent is not None
    return step.tangent


def seed_text(writer: Writer, mode: str, one: Pass) -> str:
    """A pass in words: Forward mode, ẋ₁ = 1, ẋ₂ = 0; of many only what is not 0."""
    names_ = result_names(writer.run) if mode == "reverse" else {}
    mark = ADJOINT if mode == "reverse" else TANGENT
    shown = one.seed
    if len(shown) > 6:
        shown = {name: x for name, x in shown.items() if x != 0}
    pieces = [
        f"{variable(names_.get(name, name), writer.style, mark)} = {writer.number(x)}"
        for name, x in shown.items()
    ]
    rest = " (the others 0)" if len(shown) < len(one.seed) and mode == "forward" else ""
    return f"{mode.capitalize()} mode, " + ", ".join(pieces[:6]) + rest


def _derivatives(writer: Writer, one: Pass) -> list[str]:
    """∂y/∂x₁ = 5.5 of a pass along one input; the direction's derivative otherwise."""
    moved = [name for name, x in one.seed.items() if x != 0]
    lines = []
    for name, shown in result_names(writer.run).items():
        value = writer.number(one.derivatives[name])
        y = variable(shown, writer.style)
        if len(moved) == 1 and one.seed[moved[0]] == 1:
            sign = {"ascii": "d", "latex": r"\partial "}.get(writer.style, "∂")
            lines.append(f"{sign}{y}/{sign}{variable(moved[0], writer.style)} = {value}")
        else:
            lines.append(f"{variable(shown, writer.style, TANGENT)} = {value}")
    return lines


def reverse_views(writer: Writer, passes: Sequence[Pass]) -> list[View]:
    """The primal trace downwards with the adjoints beside it, to be read upwards."""
    views = []
    primal = primal_steps(writer.run)
    for one in passes:
        beside: dict[Any, list[str]] = {}
        for step in one.steps:
            key: Any = step.operation
            if step.target.node is None:
                key = ("input", step.operation)
            elif step.local is None:
                key = ("result", _result_key(step.formula))
            beside.setdefault(key, []).append(writer.adjoint_line(step))
        rows: list[list[Any]] = []
        for step in primal:
            if step.target.node is None:
                key = ("result", step.target.name)
            elif step.formula.name:
                key = ("input", step.target.node)
            else:
                key = step.target.node
            # The first contribution computed stands lowest.
            lines = beside.get(key, [""])[::-1]
            rows.append([writer.line(step), lines[0]])
            rows += [["", line] for line in lines[1:]]
        down, up = ("", "") if writer.style in ("ascii", "latex") else (" ↓", " ↑")
        columns = [f"Forward primal trace{down}", f"Reverse adjoint (derivative) trace{up}"]
        footer = [] if writer.style == "latex" else list(called(writer).values())
        views.append(View(columns, rows, seed_text(writer, "reverse", one), footer))
    return views


def called(writer: Writer) -> dict[str, str]:
    """Which result is which, where a trace had to rename several: yk -> "yₖ is f[k]"."""
    names_ = result_names(writer.run)
    if len(names_) == 1:
        return {}
    return {
        shown: f"{variable(shown, writer.style)} is {name}"
        for name, shown in names_.items()
        if name != shown
    }


def _result_key(formula: Formula) -> str:
    """The result whose seed a step is: ȳ, or v̄ + ȳ where two results are one node."""
    return formula.name if formula.row is None else formula.operands[-1].name


def fit(views: Sequence[View], width: int) -> None:
    """Break the cells of traces at their '=' so that they fit a terminal.

    Of two columns, the widths are those that make the table shortest.
    """
    for view in views:
        if len(view.columns) == 1:
            room = [max(width - 4, _NARROWEST)]
        else:
            natural = [
                max([text_width(name), *(text_width(str(row[i])) for row in view.rows)])
                for i, name in enumerate(view.columns)
            ]
            space = max(width - 7, 2 * _NARROWEST)
            if sum(natural) <= space:
                continue
            sample: list[Sequence[Any]] = [view.columns, *view.rows[:_SAMPLE]]
            left = min(
                range(_NARROWEST, space - _NARROWEST + 1),
                key=lambda left: (_height(sample, left, space - left), abs(2 * left - space)),
            )
            room = [left, space - left]
        view.rows = [
            [_break(str(cell), room[i]) for i, cell in enumerate(row)] for row in view.rows
        ]


def _height(rows: Sequence[Sequence[Any]], left: int, right: int) -> int:
    """The lines rows take in columns of these widths; a line too long counts double."""
    total = 0
    for row in rows:
        cells = [_break(str(row[0]), left), _break(str(row[1]), right)]
        total += max(cell.count("\n") for cell in cells)
        for cell, room in zip(cells, (left, right), strict=True):
            total += 2 * sum(text_width(line) > room for line in cell.split("\n"))
    return total


def _break(line: str, room: int) -> str:
    if text_width(line) <= room:
        return line
    first, *rest = line.split(" = ")
    indent = " " * text_width(first)
    lines = [first]
    for piece in rest:
        if text_width(f"{lines[-1]} = {piece}") <= room or lines[-1] == first:
            lines[-1] += f" = {piece}"
        else:
            lines.append(f"{indent} = {piece}")
    return "\n".join(lines)


def latex(views: Sequence[View]) -> str:
    """Views of a LaTeX writer as arrays, for display in mathematics."""
    blocks = []
    for view in views:
        lines = [rf"% {view.title}", r"\[", rf"\begin{{array}}{{{'l' * len(view.columns)}}}"]
        heads = " & ".join(rf"\text{{{name}}}" for name in view.columns)
        lines.append(heads + r" \\ \hline")
        lines += [" & ".join(str(cell) for cell in row) + r" \\" for row in view.rows]
        lines += [r"\end{array}", r"\]"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def forward_data(writer: Writer, passes: Sequence[Pass]) -> dict[str, Any]:
    """Forward mode as data, see cli.md."""
    data = []
    for one in passes:
        rows = []
        for step in one.steps:
            tangent = _tangent(step)
            rows.append(
                {
                    **_step_data(writer, step),
                    "tangent_expression": writer.expression(tangent.formula),
                    "tangent": tangent.value,
                }
            )
        data.append({"seed": one.seed, "rows": rows, "derivatives": one.derivatives})
    return {"mode": "forward", "passes": data}


def reverse_data(writer: Writer, passes: Sequence[Pass]) -> dict[str, Any]:
    """Reverse mode as data; of several results, "passes" has the adjoints of each."""
    sweeps = [
        {
            "seed": one.seed,
            "adjoint": [_step_data(writer, step) for step in one.steps],
            "derivatives": one.derivatives,
        }
        for one in passes
    ]
    data: dict[str, Any] = {
        "mode": "reverse",
        "primal": [_step_data(writer, step) for step in primal_steps(writer.run)],
    }
    return {**data, **sweeps[0]} if len(sweeps) == 1 else {**data, "passes": sweeps}


def _step_data(writer: Writer, step: Step) -> dict[str, Any]:
    # The node is named without its dot or bar: which it is, the place in the data says.
    target = step.target
    node = target.name
    if target.node is not None:
        node = writer.labels.label(target.node, writer.style)
    return {"node": node, "expression": writer.expression(step.formula), "value": step.value}


def record(forward: dict[str, Any] | None, reverse: dict[str, Any] | None) -> View:
    """All steps of the data above as one flat table, for CSV and TSV."""
    columns = ["mode", "pass", "node", "expression", "value", "tangent_expression", "tangent"]
    rows: list[list[Any]] = []
    for one in forward["passes"] if forward else ():
        seed = " ".join(f"{name}={number(x)}" for name, x in one["seed"].items() if x != 0)
        rows += [["forward", seed, *row.values()] for row in one["rows"]]
    if reverse:
        rows += [["reverse", "primal", *row.values(), "", ""] for row in reverse["primal"]]
        for sweep in reverse.get("passes", [reverse]):
            seed = " ".join(f"{name}={number(x)}" for name, x in sweep["seed"].items() if x != 0)
            kind = f"adjoint {seed}"
            rows += [["reverse", kind, *row.values(), "", ""] for row in sweep["adjoint"]]
    return View(columns, rows)


def data(
    run: Run, forward: Sequence[Pass] | None, reverse: Sequence[Pass] | None
) -> dict[str, Any]:
    """Traces as data: of one mode, or of both under their names; None was not asked for."""
    one, other = _parts(run, forward, reverse)
    if one and other:
        return {"forward": one, "reverse": other}
    return one or other or {}


def _parts(
    run: Run, forward: Sequence[Pass] | None, reverse: Sequence[Pass] | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    writer = Writer(run, "plain")
    return (
        None if forward is None else forward_data(writer, forward),
        None if reverse is None else reverse_data(writer, reverse),
    )


class TraceTables:
    """The traces of a run.

    Args:
        run: the program at a point.
        forward: passes of forward mode, None if that was not asked for.
        reverse: passes of reverse mode, likewise.
        notation: how forward mode is written.
        look: how the tables are to look.
    """

    def __init__(
        self,
        run: Run,
        forward: Sequence[Pass] | None,
        reverse: Sequence[Pass] | None,
        notation: Notation,
        look: Look,
    ) -> None:
        self._run = run
        self._forward = forward
        self._reverse = reverse
        self._notation: Notation = notation
        self._look = look

    def views(self) -> list[View]:
        """Tables like those of the textbooks."""
        shown = self._views("ascii" if self._look.ascii_only else "text")
        if self._look.width is not None:
            fit(shown, self._look.width)
        return shown

    def record(self) -> View:
        """All steps as one flat table."""
        return record(*_parts(self._run, self._forward, self._reverse))

    def latex(self) -> str:
        """The tables as arrays."""
        return latex(self._views("latex"))

    def _views(self, style: Style) -> list[View]:
        digits = DEFAULT_DIGITS if self._look.digits is None else self._look.digits
        writer = Writer(self._run, style, digits, self._notation)
        shown = [] if self._forward is None else forward_views(writer, self._forward)
        return shown if self._reverse is None else shown + reverse_views(writer, self._reverse)
