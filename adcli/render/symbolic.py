"""Symbolic derivatives as programs in the language, and as formulas in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adcli.differentiate.expressions import Expression, reachable, size
from adcli.differentiate.symbolic import Symbolic
from adcli.graph.notation import variable
from adcli.graph.program import arrange, derivative_name, is_function
from adcli.graph.rules import CONSTANTS
from adcli.render import latex
from adcli.render.expressions import Style, Writer, shared_names

# Larger derivatives are not written out: their equal parts get names.
MOST_WRITTEN_OUT = 10_000


class Derivatives:
    """The derivatives of one result as texts.

    Args:
        found: the derivatives.
        shared: whether equal parts get names; they do anyway in what is too large.

    Attributes:
        result: the name of the result.
        operations: how many the program has ("value"), the derivatives written out
            ("raw"), and with equal parts counted once ("shared").
        is_shared: whether equal parts have names in the program.
    """

    def __init__(self, found: Symbolic, *, shared: bool = False) -> None:
        self.found = found
        self.result = found.result
        self.operations = {
            "value": found.value_operations,
            "raw": found.raw,
            "shared": found.shared,
        }
        self.is_shared = shared or found.raw > MOST_WRITTEN_OUT

    @property
    def derivatives(self) -> dict[str, Any]:
        """By input and in its shape, each derivative as a program of its own."""
        texts = []
        for one in self.found.expressions:
            raw, _ = size([one])
            is_shared = raw > MOST_WRITTEN_OUT
            assignments, (text,) = self._written([one], "text", shared=is_shared)
            texts.append(self._whole([*(f"{name} = {part}" for name, part in assignments), text]))
        return arrange(self.found.inputs, texts)

    @property
    def program(self) -> str:
        """All derivatives as one program, its results in the order of the inputs."""
        found = self.found
        assignments, texts = self._written(found.expressions, "text", shared=self.is_shared)
        lines = [f"{name} = {part}" for name, part in assignments]
        if len(texts) == 1:
            return self._whole([*lines, texts[0]]) + "\n"
        names = self._names({name for name, _ in assignments})
        lines += [f"{name} = {text}" for name, text in zip(names, texts, strict=True)]
        lines.append(", ".join(names))
        return self._whole(lines) + "\n"

    def _whole(self, lines: list[str]) -> str:
        """Lines as a program; of a function where an input is called like a constant."""
        found = self.found
        if not any(name in CONSTANTS or is_function(name) for name in found.taken):
            return "\n".join(lines)
        name = "derivative"
        while name in found.taken:
            name += "_"
        parameters = (
            item.name + (str(list(item.shape)).replace(" ", "") if item.shape else "")
            for item in found.every
        )
        body = "\n".join(f"    {line}" for line in lines)
        return f"{name}({', '.join(parameters)}) = {{\n{body}\n}}"

    def latex(self) -> str:
        """Equations: the derivatives, and the parts that have names."""
        found = self.found
        assignments, texts = self._written(found.expressions, "latex", shared=self.is_shared)
        pairs = [(variable(name, "latex"), part) for name, part in assignments]
        for name, text in zip(found.names, texts, strict=True):
            pairs.append((latex.partial(found.result, name), text))
        return latex.equations(pairs)

    def _written(
        self, expressions: Sequence[Expression], style: Style, *, shared: bool
    ) -> tuple[list[tuple[str, str]], list[str]]:
        """The parts that have names, and the derivatives."""
        names = shared_names(expressions, self.found.taken) if shared else {}
        writer = Writer(style, names, self.found.taken)
        assignments = [
            (names[one.index], writer.write(one))
            for one in reachable(expressions)
            if one.index in names
        ]
        shown = {index: variable(name, "latex") for index, name in names.items()}
        texts = []
        for one in expressions:
            if one.index in names:
                texts.append(names[one.index] if style == "text" else shown[one.index])
            else:
                texts.append(writer.write(one))
        return assignments, texts

    def _names(self, taken: set[str]) -> list[str]:
        """Names of the results: df_dx1, df_dx_1 of x[1]."""
        known = taken | self.found.taken
        names: list[str] = []
        for element in self.found.names:
            name = derivative_name(self.found.result, element)
            name = re.sub(r"\W+", "_", name).strip("_")
            while name in known:
                name += "_"
            known.add(name)
            names.append(name)
        return names
