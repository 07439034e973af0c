"""LaTeX: equations, matrices, plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcli.graph.notation import latex_number, variable

_MOST_NAMED = 4


def equations(pairs: Iterable[tuple[str, str]]) -> str:
    """Equations below each other, aligned at their signs."""
    body = " \\\\\n".join(f"{left} &= {right}" for left, right in pairs)
    return f"\\[\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n\\]\n"


def value(name: str, number: float, digits: int | None) -> tuple[str, str]:
    """The two sides of name = number."""
    return variable(name, "latex"), latex_number(number, digits)


def partial(result: str, name: str) -> str:
    """A partial derivative of a result."""
    above, below = variable(result, "latex"), variable(name, "latex")
    return rf"\frac{{\partial {above}}}{{\partial {below}}}"


def matrix(rows: Iterable[Sequence[float]], width: int, digits: int | None) -> str:
    """A matrix in brackets; unlike amsmath's it may have any number of columns."""
    lines = [" & ".join(latex_number(x, digits) for x in row) for row in rows]
    body = " \\\\\n".join(lines)
    columns = "r" * max(width, 1)
    return f"\\left(\\begin{{array}}{{{columns}}}\n{body}\n\\end{{array}}\\right)"


def listing(names: Sequence[str]) -> str:
    """Names with commas, those in the middle of many left out."""
    shown = [variable(name, "latex") for name in names]
    if len(shown) > _MOST_NAMED:
        shown = [*shown[:2], r"\dots", shown[-1]]
    return ", ".join(shown)


def text(plain: str) -> str:
    """A plain text."""
    special = {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\textasciicircum{}",
        "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$", "~": r"\textasciitilde{}",
    }  # fmt: skip
    return "".join(special.get(character, character) for character in plain)
