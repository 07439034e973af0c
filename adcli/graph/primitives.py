"""The primitive table: each operation a graph can hold, one row each.

A row knows its name, how many arguments it takes, how to compute it, where it is
defined, where it has a kink, points to test it at, and how it is written. It does not
know its derivative: that is a line of `grammar/derivatives.ad` under the same name.
To add a primitive, add a row here and a line there. For tables it is the function of that
name in the C library, or else the kernel, which is slow.

In texts `#1` and `#2` stand for the arguments. A level says how tightly a text binds;
an argument whose text binds less tightly than its place asks for gets brackets.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from adcli.graph import kernels

# What a node is when it is not a primitive.
INPUT = 0
CONSTANT = 1

SUM, SIGN, PRODUCT, POWER, ATOM = 1, 2, 3, 4, 5

Kernel = Callable[..., float]


class Notation:
    """How a primitive is written: a text, its level, and the levels its arguments need."""

    __slots__ = ("arguments", "level", "text")

    def __init__(self, text: str, level: int, *arguments: int) -> None:
        self.text = text
        self.level = level
        self.arguments = arguments


class Primitive:
    """A row of the table.

    Attributes:
        code: its number in a graph.
        name: its name in the language and in `grammar/derivatives.ad`.
        arity: 1 or 2.
        kernel: fast, may raise ArithmeticError or ValueError.
        careful: the IEEE result where the kernel raised.
        domain: a condition on u (and w) outside of which its partials are nan, or "".
        kink: a condition under which a convention replaces a derivative, or "".
        convention: what is used there, for the note about it.
        samples: argument tuples inside the domain, for tests.
        definition: in terms of other primitives, "" if mpmath has it under this name.
        text, plain, latex: how it is written with the signs of mathematics, in ASCII, and
            in LaTeX.
    """

    __slots__ = (
        "arity",
        "careful",
        "code",
        "convention",
        "definition",
        "domain",
        "kernel",
        "kink",
        "latex",
        "name",
        "plain",
        "samples",
        "text",
    )

    def __init__(
        self,
        code: int,
        name: str,
        kernel: Kernel,
        careful: Kernel,
        samples: tuple[tuple[float, ...], ...],
        *,
        domain: str = "",
        kink: str = "",
        convention: str = "",
        definition: str = "",
        text: Notation | None = None,
        plain: Notation | None = None,
        latex: Notation | None = None,
    ) -> None:
        self.code = code
        self.name = name
        self.arity = len(samples[0])
        self.kernel = kernel
        self.careful = careful
        self.samples = samples
        self.domain = domain
        self.kink = kink
        self.convention = convention
        self.definition = definition
        ascii_text = text if text and text.text.isascii() else None
        self.text = text or _function(name, self.arity)
        self.plain = plain or ascii_text or _function(name, self.arity)
        self.latex = latex or ascii_text or _function(rf"\operatorname{{{name}}}", self.arity)


def _function(name: str, arity: int) -> Notation:
    if arity == 2:
        return Notation(f"{name}(#1, #2)", ATOM, 0, 0)
    return Notation(f"{name} #1", POWER, ATOM)


def _infix(sign: str, level: int, left: int, right: int) -> Notation:
    return Notation(f"#1{sign}#2", level, left, right)


def _latex_function(command: str) -> Notation:
    return Notation(rf"\{command} #1", POWER, ATOM)


def _around(left: str, right: str) -> Notation:
    return Notation(f"{left}#1{right}", ATOM, 0)


_REALS = ((-2.5,), (-0.75,), (0.0,), (0.3,), (1.0,), (4.0,))
_POSITIVE = ((1e-8,), (0.3,), (1.0,), (2.5,), (1e6,))
_PAIRS = ((2.0, 5.0), (-1.5, 0.75), (0.3, -4.0), (1e8, 1e-3))
_HALF_OPEN = "u >= 0"

_ROWS: tuple[tuple[str, Kernel, Kernel, tuple[tuple[float, ...], ...], dict[str, object]], ...] = (
    # Two arguments: the operators,
    ("add", operator.add, kernels.nan, _PAIRS,
     {"text": _infix(" + ", SUM, SUM, PRODUCT)}),
    ("sub", operator.sub, kernels.nan, _PAIRS,
     {"text": _infix(" - ", SUM, SUM, PRODUCT)}),
    ("mul", operator.mul, kernels.nan, _PAIRS,
     {"text": _infix(" × ", PRODUCT, SIGN, POWER), "plain": _infix(" * ", PRODUCT, SIGN, POWER),
      "latex": _infix(r" \times ", PRODUCT, SIGN, POWER)}),
    ("div", operator.truediv, kernels.divide, _PAIRS,
     {"text": _infix(" / ", PRODUCT, SIGN, POWER),
      "latex": Notation(r"\frac{#1}{#2}", POWER, 0, 0)}),
    ("pow", math.pow, kernels.power, ((2.0, 3.0), (0.5, -1.5), (3.0, 0.5), (1e3, 2.0), (7.0, 0.0)),
     {"domain": "u >= 0 or w == floor(w)",
      "text": _infix("^", POWER, ATOM, ATOM), "latex": Notation("{#1}^{#2}", POWER, ATOM, 0)}),
    # and functions.
    ("max", kernels.maximum, kernels.nan, ((2.0, 5.0), (1.0, -3.0), (0.0, 1e-9)),
     {"kink": "u == w", "convention": "max has no derivative at a tie; using 1/2 for each",
      "latex": Notation(r"\max(#1, #2)", ATOM, 0, 0)}),
    ("min", kernels.minimum, kernels.nan, ((2.0, 5.0), (1.0, -3.0), (0.0, 1e-9)),
     {"kink": "u == w", "convention": "min has no derivative at a tie; using 1/2 for each",
      "latex": Notation(r"\min(#1, #2)", ATOM, 0, 0)}),
    ("mod", operator.mod, kernels.nan, ((7.5, 2.0), (-7.5, 2.0), (7.5, -2.0), (0.3, 4.0)),
     {"domain": "w != 0", "kink": "v == 0",
      "convention": "mod jumps at a multiple; using the derivative from the right",
      "text": _infix(" mod ", PRODUCT, POWER, POWER),
      "plain": _function("mod", 2),
      "latex": _infix(r" \bmod ", PRODUCT, POWER, POWER)}),
    ("atan2", math.atan2, kernels.nan, ((2.0, 5.0), (1.0, -3.0), (-2.0, -0.5), (1e-9, 1.0)),
     {"domain": "u != 0 or w != 0"}),
    ("hypot", math.hypot, kernels.infinite, ((3.0, 4.0), (-1.0, 1e-9), (1e200, 1e200), (0.0, 2.0)),
     {"kink": "u == 0 and w == 0",
      "convention": "the norm (hypot) has no derivative at 0; using 0"}),
    # One argument.
    ("neg", kernels.negate, kernels.nan, _REALS,
     {"text": Notation("-#1", SIGN, POWER)}),
    ("abs", abs, kernels.nan, ((-2.5,), (0.3,), (4.0,)),
     {"kink": "u == 0", "convention": "abs has no derivative at 0; using 0",
      "text": _around("|", "|"),
      "latex": _around(r"\left|", r"\right|")}),
    ("sign", kernels.sign, kernels.nan, ((-2.5,), (0.3,)),
     {"kink": "u == 0", "convention": "sign jumps at 0; using 0"}),
    ("floor", kernels.floor, kernels.itself, ((-2.5,), (0.3,), (1e6 + 0.5,)),
     {"kink": "u == floor(u)", "convention": "floor jumps at whole numbers; using 0",
      "text": _around("⌊", "⌋"),
      "latex": _around(r"\left\lfloor ", r" \right\rfloor")}),
    ("ceil", kernels.ceil, kernels.itself, ((-2.5,), (0.3,), (1e6 + 0.5,)),
     {"kink": "u == floor(u)", "convention": "ceil jumps at whole numbers; using 0",
      "text": _around("⌈", "⌉"),
      "latex": _around(r"\left\lceil ", r" \right\rceil")}),
    ("round", kernels.nearest, kernels.itself, ((-2.6,), (0.3,), (1e6 + 0.7,)),
     {"kink": "u + 0.5 == floor(u + 0.5)",
      "convention": "round jumps between whole numbers; using 0"}),
    ("sqrt", math.sqrt, kernels.nan, _POSITIVE,
     {"domain": _HALF_OPEN, "text": Notation("√#1", POWER, ATOM),
      "latex": _around(r"\sqrt{", "}")}),
    ("cbrt", math.cbrt, kernels.nan, ((-2.5,), (1e-8,), (0.3,), (1e6,)),
     {"text": Notation("∛#1", POWER, ATOM),
      "latex": _around(r"\sqrt[3]{", "}")}),
    ("exp", math.exp, kernels.infinite, (*_REALS, (-700.0,), (700.0,)),
     {"latex": Notation("e^{#1}", POWER, 0)}),
    ("exp2", math.exp2, kernels.infinite, (*_REALS, (-1000.0,), (1000.0,)),
     {"definition": "2^u", "latex": Notation("2^{#1}", POWER, 0)}),
    ("expm1", math.expm1, kernels.infinite, (*_REALS, (1e-12,), (-40.0,), (700.0,)), {}),
    ("ln", math.log, kernels.logarithm, _POSITIVE,
     {"domain": _HALF_OPEN, "latex": _latex_function("ln")}),
    ("log2", math.log2, kernels.logarithm, _POSITIVE,
     {"domain": _HALF_OPEN, "definition": "ln(u)/ln(2)", "latex": _latex_function("log_2")}),
    ("log10", math.log10, kernels.logarithm, _POSITIVE,
     {"domain": _HALF_OPEN, "latex": _latex_function("log_{10}")}),
    ("log1p", math.log1p, kernels.logarithm_1p, ((-0.75,), (1e-12,), (0.3,), (1e6,)),
     {"domain": "u >= -1"}),
    ("sin", math.sin, kernels.nan, (*_REALS, (1e6,)), {"latex": _latex_function("sin")}),
    ("cos", math.cos, kernels.nan, (*_REALS, (1e6,)), {"latex": _latex_function("cos")}),
    ("tan", math.tan, kernels.nan, (*_REALS, (1.57,)), {"latex": _latex_function("tan")}),
    ("asin", math.asin, kernels.nan, ((-0.999999,), (-0.3,), (0.0,), (0.75,)),
     {"domain": "-1 <= u <= 1", "latex": _latex_function("arcsin")}),
    ("acos", math.acos, kernels.nan, ((-0.999999,), (-0.3,), (0.0,), (0.75,)),
     {"domain": "-1 <= u <= 1", "latex": _latex_function("arccos")}),
    ("atan", math.atan, kernels.nan, (*_REALS, (1e9,)), {"latex": _latex_function("arctan")}),
    ("sinh", math.sinh, kernels.hyperbolic_sine, (*_REALS, (300.0,)),
     {"latex": _latex_function("sinh")}),
    ("cosh", math.cosh, kernels.infinite, (*_REALS, (300.0,)), {"latex": _latex_function("cosh")}),
    ("tanh", math.tanh, kernels.nan, (*_REALS, (25.0,)), {"latex": _latex_function("tanh")}),
    ("asinh", math.asinh, kernels.nan, (*_REALS, (1e200,)), {}),
    ("acosh", math.acosh, kernels.nan, ((1.000001,), (1.5,), (40.0,), (1e200,)),
     {"domain": "u >= 1"}),
    ("atanh", math.atanh, kernels.area_tangent, ((-0.999999,), (-0.3,), (0.0,), (0.75,)),
     {"domain": "-1 <= u <= 1"}),
    ("erf", math.erf, kernels.nan, _REALS, {}),
    ("erfc", math.erfc, kernels.nan, (*_REALS, (10.0,)), {}),
)  # fmt: skip


def _table() -> tuple[Primitive, ...]:
    rows = []
    for code, (name, kernel, careful, samples, rest) in enumerate(_ROWS, CONSTANT + 1):
        rows.append(Primitive(code, name, kernel, careful, samples, **rest))  # type: ignore[arg-type]  # rows of mixed type, spread by name
    return tuple(rows)


TABLE = _table()
# A code takes six bits in the key of an operation, and the machine's own codes begin at 64.
assert len(TABLE) + CONSTANT < 64


def row_of(code: int) -> Primitive:
    """The row of a primitive by its code."""
    return TABLE[code - CONSTANT - 1]


BY_NAME = {row.name: row for row in TABLE}
# By code; the two codes below the first primitive have no kernel.
KERNELS: list[Kernel] = [kernels.nan, kernels.nan, *(row.kernel for row in TABLE)]
CAREFUL: list[Kernel] = [kernels.nan, kernels.nan, *(row.careful for row in TABLE)]

FIRST_UNARY = BY_NAME["neg"].code
END = CONSTANT + 1 + len(TABLE)

ADD, SUB, MUL, DIV, POW, MAX, MIN = range(CONSTANT + 1, CONSTANT + 8)
# The operators of the language.
SIGNS = {"+": ADD, "-": SUB, "*": MUL, "/": DIV, "^": POW}
HYPOT = BY_NAME["hypot"].code
ABS = BY_NAME["abs"].code
LOG2 = BY_NAME["log2"].code
LOG10 = BY_NAME["log10"].code
NEG = BY_NAME["neg"].code
KINKED = frozenset(row.code for row in TABLE if row.kink)
COMMUTATIVE = frozenset({ADD, MUL})

# Other names of the same function.
ALIASES = {
    "log": "ln",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
}
OPERATORS = frozenset({"add", "sub", "mul", "div", "pow", "neg"})


def compute(code: int, *arguments: float) -> float:
    """The value of a primitive, with the IEEE result wherever its kernel raises."""
    try:
        return KERNELS[code](*arguments)
    except (ArithmeticError, ValueError):
        return CAREFUL[code](*arguments)
