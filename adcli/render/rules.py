"""The table of primitives and rules, for `adcli rules`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcli.errors import InputError
from adcli.graph.primitives import ALIASES, BY_NAME, TABLE, Primitive
from adcli.graph.rules import rule_text
from adcli.graph.suggest import suggestion
from adcli.render.views import View, latex_text


def select(names: Sequence[str]) -> list[Primitive]:
    """The primitives of these names; all if there are none.

    Raises:
        InputError: a name is no primitive.
    """
    if not names:
        return list(TABLE)
    rows = []
    for name in names:
        row = BY_NAME.get(ALIASES.get(name, name))
        if row is None:
            raise InputError(
                f"no primitive is called '{name}'", hint=suggestion(name, [*BY_NAME, *ALIASES])
            )
        rows.append(row)
    return rows


def _head(row: Primitive) -> str:
    return f"{row.name}(u)" if row.arity == 1 else f"{row.name}(u, w)"


def data(row: Primitive) -> dict[str, Any]:
    """A primitive as JSON has it."""
    return {
        "primitive": row.name,
        "arguments": ["u", "w"][: row.arity],
        "partials": rule_text(row.name),
        "domain": row.domain or None,
        "convention": row.convention or None,
    }


def _bracketed(partial: str) -> str:
    return f"({partial})" if partial.startswith("if ") else partial


def view(rows: Sequence[Primitive]) -> View:
    """A row for each primitive, the conventions below, narrow enough for a terminal."""
    return View(
        ["v", "∂v/∂u, ∂v/∂w", "domain"],
        [
            [_head(row), ", ".join(_bracketed(text) for text in rule_text(row.name)), row.domain]
            for row in rows
        ],
        footer=[row.convention for row in rows if row.convention],
    )


def record(rows: Sequence[Primitive]) -> View:
    """A row for each primitive, with all there is to know."""
    return View(
        ["primitive", "dv_du", "dv_dw", "domain", "convention"],
        [
            [_head(row), *([*rule_text(row.name), ""])[:2], row.domain, row.convention]
            for row in rows
        ],
    )


def latex(rows: Sequence[Primitive]) -> str:
    """The table for LaTeX."""
    lines = [r"\begin{tabular}{lll}", r"$v$ & $\partial v/\partial u$ & $\partial v/\partial w$ \\"]
    lines[-1] += r" \hline"
    for row in rows:
        cells = [_head(row), *([*rule_text(row.name), ""])[:2]]
        lines.append(" & ".join(rf"\texttt{{{latex_text(cell)}}}" for cell in cells) + r" \\")
    lines.append(r"\end{tabular}")
    return "\n".join(lines) + "\n"
