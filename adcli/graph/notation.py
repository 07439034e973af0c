"""How nodes and formulas are written, and numbers in LaTeX.

Three styles: `text` with the signs of mathematics, `plain` in ASCII (but for the dots
and bars that JSON readers expect), `latex`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Literal

from adcli.graph.numbers import number
from adcli.graph.primitives import ATOM, CONSTANT, POW, SIGN, Primitive, row_of
from adcli.graph.wengert import Graph

Style = Literal["text", "plain", "ascii", "latex"]

_SUBSCRIPT = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")
_FROM_SUBSCRIPT = str.maketrans("₋₀₁₂₃₄₅₆₇₈₉", "-0123456789")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONG_CONSTANT = 8

PRIMAL, TANGENT, ADJOINT = "", "\u0307", "\u0304"
_ASCII_MARK = {PRIMAL: "", TANGENT: "dot", ADJOINT: "bar"}
_LATEX_MARK = {PRIMAL: "", TANGENT: r"\dot", ADJOINT: r"\bar"}


def latex_number(x: float, digits: int | None = None) -> str:
    """A number for LaTeX."""
    text = number(x, digits)
    if text in ("inf", "-inf", "nan"):
        return {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{nan}"}[text]
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


class Formula:
    """An expression over nodes: a primitive of formulas, a node, or a number.

    Attributes:
        row: the primitive, or None of a node or number.
        operands: its operands.
        node: the node, or None.
        mark: PRIMAL, TANGENT or ADJOINT, of a node.
        name: what to write instead of a node's own name ("" for that).
        value: its value.
    """

    __slots__ = ("mark", "name", "node", "operands", "row", "value")

    def __init__(
        self,
        value: float,
        *,
        row: Primitive | None = None,
        operands: tuple[Formula, ...] = (),
        node: int | None = None,
        mark: str = PRIMAL,
        name: str = "",
    ) -> None:
        self.value = value
        self.row = row
        self.operands = operands
        self.node = node
        self.mark = mark
        self.name = name

    @property
    def is_number(self) -> bool:
        """Whether it is a constant written in place."""
        return self.row is None and self.node is None and not self.name


class Labels:
    """The names of a graph's nodes: inputs v₋₁, v₀, then v₁, v₂, ... in order.

    Args:
        graph: the graph.
        taken: the program's own names; if one of them is like v₁, another letter is used.
        hidden: nodes that get no number.
    """

    def __init__(
        self, graph: Graph, taken: Iterable[str] = (), hidden: Collection[int] = ()
    ) -> None:
        names = set(taken)
        self.letter = next(
            letter
            for letter in ("v", "w", "node", "v_")
            if letter == "v_" or not any(_is_like(name, letter) for name in names)
        )
        self.numbers: dict[int, int] = {}
        inputs = len(graph.inputs)
        for position, node in enumerate(graph.inputs):
            self.numbers[node] = position - inputs + 1
        operation = 0
        for node, code in enumerate(graph.op):
            if code > CONSTANT and node not in hidden:
                operation += 1
                self.numbers[node] = operation

    def label(self, node: int, style: Style, mark: str = PRIMAL) -> str:
        """The name of a node: v₃, v̇₃, v̄₃."""
        return symbol(self.letter, str(self.numbers[node]), style, mark)


def _is_like(name: str, letter: str) -> bool:
    rest = name.translate(_FROM_SUBSCRIPT).removeprefix(letter)
    return name.startswith(letter) and (not rest or rest.isdigit())


def symbol(letters: str, index: str, style: Style, mark: str = PRIMAL) -> str:
    r"""A letter with an index and perhaps a dot or bar: x₁, x1, \\dot{x}_{1}."""
    if style == "latex":
        base = letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
        if mark:
            base = rf"{_LATEX_MARK[mark]}{{{base}}}"
        return rf"{base}_{{{index}}}" if index else base
    if style == "ascii":
        return f"{letters}{_ASCII_MARK[mark]}{index}"
    shown = index.translate(_SUBSCRIPT) if style == "text" else index
    return f"{letters}{mark}{shown}"


def variable(name: str, style: Style, mark: str = PRIMAL) -> str:
    """An input's or result's own name, its digits lowered: x₁, ẋ₁, x̄₁."""
    if name.isascii():
        stem = name.rstrip("0123456789")
        index = name[len(stem) :]
        if len(stem) == 1 and stem.isalpha():
            return symbol(stem, index, style, mark)
    if style == "latex":
        return _latex_variable(name, mark)
    if style == "ascii":
        return {PRIMAL: name, TANGENT: f"d{name}", ADJOINT: f"dy/d{name}"}[mark]
    stem, bracket, index = name.partition("[")
    if mark and len(stem) == 1:
        return f"{stem}{mark}{bracket}{index}"
    # A dot over one of many letters says nothing: dsigma, and for adjoints what they are.
    return {PRIMAL: name, TANGENT: f"d{name}", ADJOINT: f"∂y/∂{name}"}[mark]


_GREEK = frozenset(
    {
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
        *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi"),
        *("psi", "omega"),
    }
)


def _latex_variable(name: str, mark: str) -> str:
    """An input's or result's name for LaTeX: Greek as a letter, digits and [i] lowered."""
    stem, _, index = name.translate(_FROM_SUBSCRIPT).rstrip("]").partition("[")
    index = index.replace("][", ",")
    letters = stem.rstrip("0123456789")
    digits = stem[len(letters) :]
    letters = letters.rstrip("_") or letters
    index = ",".join(piece for piece in (digits, index) if piece)
    if letters in _GREEK:
        base = f"\\{letters}"
    else:
        escaped = letters.replace("_", r"\_")
        base = letters if len(letters) == 1 else rf"\mathrm{{{escaped}}}"
    if mark:
        base = rf"{_LATEX_MARK[mark]}{{{base}}}"
    return rf"{base}_{{{index}}}" if index else base


# A leaf to its text and how tightly that binds.
Leaf = Callable[[Formula], tuple[str, int]]


def names(labels: Labels, style: Style, digits: int | None = None) -> Leaf:
    """Leaves as the names of their nodes, constants as they are.

    Args:
        labels: the names.
        style: text, plain, ascii or latex.
        digits: for constants with more digits than one would write.
    """

    def leaf(formula: Formula) -> tuple[str, int]:
        if formula.is_number:
            long = digits is not None and len(repr(formula.value)) > _LONG_CONSTANT
            return _number_leaf(formula.value, style, digits if long else None)
        if formula.name:
            return variable(formula.name, style, formula.mark), ATOM
        assert formula.node is not None
        return labels.label(formula.node, style, formula.mark), ATOM

    return leaf


def numbers(style: Style, digits: int | None) -> Leaf:
    """Leaves as their values."""
    return lambda formula: _number_leaf(formula.value, style, digits)


def _number_leaf(value: float, style: Style, digits: int | None) -> tuple[str, int]:
    text = latex_number(value, digits) if style == "latex" else number(value, digits)
    return text, SIGN if text.startswith("-") else ATOM


def write(formula: Formula, style: Style, leaf: Leaf, *, brackets: bool = False) -> str:
    """The text of a formula.

    Args:
        formula: a small one: this recurses over it.
        style: text, plain, ascii or latex.
        leaf: how nodes and numbers are written.
        brackets: ln(v₁) rather than ln v₁.
    """
    return _write(formula, style, leaf, brackets)[0]


def _write(formula: Formula, style: Style, leaf: Leaf, brackets: bool) -> tuple[str, int]:
    row = formula.row
    if row is None:
        return leaf(formula)
    notation = row.text if style == "text" else row.latex if style == "latex" else row.plain
    text = notation.text
    pieces = [_write(operand, style, leaf, brackets) for operand in formula.operands]
    if style == "text" and row.code == POW and formula.operands[1].is_number:
        exponent = number(formula.operands[1].value)
        if exponent.lstrip("-").isdigit():
            base, level = pieces[0]
            base = base if level >= ATOM else f"({base})"
            return base + exponent.translate(_SUPERSCRIPT), notation.level
    is_prefix = text.endswith(" #1") and not text.startswith("#")
    for position, (piece, level) in enumerate(pieces, 1):
        if level < notation.arguments[position - 1] or (is_prefix and brackets):
            if style == "latex":
                piece = rf"\left({piece}\right)"
            else:
                piece = f"({piece})"
                if is_prefix:
                    text = text.replace(" #1", "#1")
        text = text.replace(f"#{position}", piece)
    # What begins with a sign binds like one, so that a + -b * c gets its brackets.
    return text, min(notation.level, SIGN) if text.startswith("-") else notation.level


def operation(graph: Graph, node: int) -> Formula:
    """The formula of one operation over its operands."""
    row = row_of(graph.op[node])
    operands = tuple(reference(graph, operand) for operand in graph.operands(node))
    return Formula(graph.value[node], row=row, operands=operands)


def reference(graph: Graph, node: int) -> Formula:
    """A node as a leaf; a constant as the number it is."""
    if graph.op[node] == CONSTANT:
        return Formula(graph.value[node])
    return Formula(graph.value[node], node=node)
