"""The table of rules, for `adcli rules`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcli.graph.rules import RuleText
from adcli.render import latex
from adcli.render.views import View


def data(rule: RuleText) -> dict[str, Any]:
    """A rule as JSON has it."""
    return {
        "primitive": rule.name,
        "arguments": rule.arguments,
        "partials": rule.partials,
        "domain": rule.domain or None,
        "convention": rule.convention or None,
    }


class RuleTables:
    """The table of rules."""

    def __init__(self, rules: Sequence[RuleText]) -> None:
        self._rules = rules

    def views(self) -> list[View]:
        """A row for each rule, the conventions below, narrow enough for a terminal."""
        rows = [
            [rule.head, ", ".join(_bracketed(text) for text in rule.partials), rule.domain]
            for rule in self._rules
        ]
        footer = [rule.convention for rule in self._rules if rule.convention]
        return [View(["v", "∂v/∂u, ∂v/∂w", "domain"], rows, footer=footer)]

    def record(self) -> View:
        """A row for each rule, with all there is to know."""
        return View(
            ["primitive", "dv_du", "dv_dw", "domain", "convention"],
            [[rule.head, *_two(rule), rule.domain, rule.convention] for rule in self._rules],
        )

    def latex(self) -> str:
        """The table for LaTeX."""
        heads = r"$v$ & $\partial v/\partial u$ & $\partial v/\partial w$ & domain \\ \hline"
        lines = [r"\begin{tabular}{llll}", heads]
        for rule in self._rules:
            cells = [rule.head, *_two(rule), rule.domain]
            lines.append(" & ".join(rf"\texttt{{{latex.text(cell)}}}" for cell in cells) + r" \\")
        lines.append(r"\end{tabular}")
        return "\n".join(lines) + "\n"


def _bracketed(partial: str) -> str:
    return f"({partial})" if partial.startswith("if ") else partial


def _two(rule: RuleText) -> list[str]:
    return [*rule.partials, ""][:2]
