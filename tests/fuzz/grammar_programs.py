"""Texts that follow the grammar, and texts that almost do.

`Writer` follows the rules of `grammar/adcli.lark`, with names that are few, so that
what it writes is a program by its syntax and often has a value: of any shape, finite or not.
`generated_programs` writes programs whose values are known; here nothing needs to be.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import seeds
from generated_programs import Generator

_ONE = [
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "exp", "exp2", "expm1", "ln", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "abs", "sign",
    "floor", "ceil", "round", "erf", "erfc", "sec", "csc", "cot", "sigmoid", "softplus", "relu",
    "silu", "logit", "normpdf", "normcdf",
]  # fmt: skip
_TWO = ["max", "min", "mod", "atan2", "hypot", "log", "logaddexp"]
_TO_NUMBER = ["sum", "prod", "mean", "min", "max", "len", "norm", "logsumexp"]
_NUMBERS = ("0", "1", "2", "2", "3", "0.5", ".5", "2.", "1e-3", "1_0", "1e308", "1e400", "pi", "e")
_INPUTS = ("x", "y", "x₁")


class Writer:
    """Writes a program.

    Args:
        chooser: what makes the choices.

    Attributes:
        names: the names that hold numbers, mostly.
        vectors: the names that hold vectors, or matrices.
        functions: the functions that were defined, with how many arguments they take.
    """

    def __init__(self, chooser: random.Random) -> None:
        self.chooser = chooser
        self.names = list(_INPUTS[: 1 + chooser.randrange(3)])
        self.vectors: list[str] = []
        self.functions: list[tuple[str, int]] = []

    def pick(self, options: Sequence[str]) -> str:
        """One of them."""
        return options[self.chooser.randrange(len(options))]

    def one_of(self, *ways: Callable[[], str]) -> str:
        """What one of some ways gives."""
        return ways[self.chooser.randrange(len(ways))]()

    def chance(self, of: int) -> bool:
        """Yes, once in so many times."""
        return self.chooser.randrange(of) == of - 1  # 0 is what hypothesis thinks simplest

    def number(self, depth: int) -> str:
        """An expression for a number; now and then for something else."""
        if depth <= 0:
            return self.pick(_NUMBERS) if self.chance(4) else self.pick(self.names)
        if self.chance(300):
            return self.vector(depth) if self.chance(2) else self.condition(depth)
        n, v, c = self.number, self.vector, self.condition
        less = depth - 1
        return self.one_of(
            lambda: n(0),
            lambda: f"{n(less)} {self.pick('+-*/')} {n(less)}",
            lambda: f"{n(less)}{self.pick(('+', '−', '·', '×', '/', '*'))}{n(less)}",
            lambda: f"({n(less)})",
            lambda: f"{self.pick('-+−')}{n(less)}",
            lambda: f"{n(0)}{self.pick(('^', '**'))}{self.pick(('2', '-1', '0.5', 'x', '(y)'))}",
            lambda: f"({n(less)})^({n(less)})",
            lambda: f"{self.pick(_ONE)}({n(less)})",
            lambda: f"{self.pick(_ONE)}({n(less)})",
            lambda: f"{self.pick(_TWO)}({n(less)}, {n(less)})",
            lambda: f"(if {c(less)} then {n(less)} else {n(less)})",
            lambda: f"{self.pick(_TO_NUMBER)}({v(less)})",
            lambda: f"{v(less)}[{self.pick(('1', '1', '2', '2', n(0)))}]",
            lambda: f"sum({n(less)} for i in {self.domain(less)})",
            lambda: f"({v(less)} @ {v(less)})",
            lambda: f"dot({v(less)}, {v(less)})",
            lambda: f"clamp({n(less)}, {n(0)}, {n(0)})",
            lambda: self.call(less) if self.functions or self.chance(20) else n(less),
        )

    def vector(self, depth: int) -> str:
        """An expression for a vector; now and then a matrix."""
        n, v, less = self.number, self.vector, depth - 1
        if depth <= 0:
            return self.pick(self.vectors) if self.vectors else f"[{n(0)}, {n(0)}]"
        return self.one_of(
            lambda: v(0),
            lambda: v(0),
            lambda: f"[{n(less)}, {n(less)}]",
            lambda: f"[{n(less)} for i in {self.domain(less)}]",
            lambda: f"({v(less)} {self.pick('+-*/')} {n(less)})",
            lambda: f"{self.pick(_ONE)}({v(less)})",
            lambda: f"({v(less)} {self.pick('+-*/^')} {v(less)})",
            lambda: f"{v(0)}[1..{self.pick(('1', '2', 'len(' + v(0) + ')'))}]",
            lambda: f"[{v(0)}, {v(0)}]",
            lambda: f"transpose([{v(0)}, {v(0)}]) @ {v(less)}",
            lambda: f"{self.pick(('zeros', 'ones'))}({self.pick('0123')})",
            lambda: f"softmax({v(less)})",
            lambda: "[]",
        )

    def condition(self, depth: int) -> str:
        """A condition."""
        n, c, less = self.number, self.condition, depth - 1
        sign = self.pick(("<", "<=", ">", ">=", "==", "!=", "≤", "≠"))
        if depth <= 0 or self.chance(2):
            return f"{n(less)} {sign} {n(less)}"
        return self.one_of(
            lambda: f"{n(0)} < {n(less)} {sign} {n(0)}",
            lambda: f"{c(less)} {self.pick(('and', 'or'))} {c(less)}",
            lambda: f"not {c(less)}",
            lambda: f"({c(less)})",
        )

    def domain(self, depth: int) -> str:
        """What a loop runs over."""
        n, less = self.number, min(depth, 1) - 1
        return self.one_of(
            lambda: f"1..{self.pick('1233')}",
            lambda: f"{n(less)}..3 by {self.pick(('0.5', '2', '-1', '0', 'x'))}",
            lambda: f"0..{n(less)}",
            lambda: self.vector(less),
        )

    def call(self, depth: int) -> str:
        """A call of an own function, or of one that there is not."""
        name, count = ("g", 1)
        if self.functions:
            name, count = self.functions[self.chooser.randrange(len(self.functions))]
        if self.chance(30):
            count = self.chooser.randrange(4)
        return f"{name}({', '.join(self.number(depth - 1) for _ in range(count))})"

    def statement(self, depth: int) -> str:
        """A statement; what it assigns may be read behind it."""
        n, less = self.number, depth - 1
        kind = self.chooser.randrange(10 if depth > 0 else 6)
        if kind < 2:
            name = self.pick(("t", "s", "x") if self.chance(4) else self.names)
            text = f"{name} = {n(2)}"
            self.names.append(name)
            return text
        if kind == 2:
            text = f"w = {self.vector(2)}"
            self.vectors.append("w")
            return text
        if kind == 3:
            return f"{self.pick(self.names)} {self.pick('+-*/')}= {n(2)}"
        if kind == 4 and self.vectors:
            return f"{self.pick(self.vectors)}[{self.pick(('1', '2', '2', n(0)))}] = {n(1)}"
        if kind == 5 and self.functions:
            return f"p, q = {self.call(1)}"
        if kind < 8:
            text = f"if {self.condition(1)} {self.block(less)}"
            while self.chance(2):
                if self.chance(2):
                    return f"{text} else {self.block(less)}"
                text += f" else if {self.condition(1)} {self.block(less)}"
            return text
        if kind == 8:
            return f"for i in {self.domain(1)} {self.block(less)}"
        return f"while {self.condition(1)} {self.block(less)}"

    def block(self, depth: int) -> str:
        """Statements in braces."""
        statements = [self.statement(depth) for _ in range(self.chooser.randrange(4))]
        return "{ " + "; ".join(statements) + " }"

    def body(self) -> str:
        """Statements and results."""
        count = self.chooser.randrange(4)
        items = [self.statement(2) for _ in range(count)]
        return self.pick(("; ", "\n")).join([*items, self.results()])

    def results(self) -> str:
        """A result or more."""
        some = [self.number(3) for _ in range(1 + self.chance(6) + self.chance(12))]
        if self.chance(12):
            some.append(self.vector(2))
        return ", ".join(some)

    def parameters(self) -> tuple[str, int]:
        """Parameters, with shapes and defaults, and how many there are."""
        shown = []
        for name in self.names:
            shown.append(f"{name} = {self.pick(_NUMBERS)}" if self.chance(8) else name)
        if self.chance(2):
            self.vectors.append("v")
            shown.append(self.pick(("v[2]", "v[2]", "v[3] = [1, 2, 3]", "v[]", "v = [pi, 1]")))
        if self.chance(8):
            self.vectors.append("A")
            shown.append(self.pick(("A[2,2]", "A[,]", "A[2,2] = [[1, 2], [3, 4]]")))
        return ", ".join(shown), len(shown)

    def definition(self, name: str) -> str:
        """A function, which what follows may call."""
        own = Writer(self.chooser)
        own.functions = self.functions
        if self.chance(4):
            own.functions = [*self.functions, (name, len(own.names))]
        parameters, count = own.parameters()
        body = own.results() if self.chance(2) else "{ " + own.body() + " }"
        self.functions = [*self.functions, (name, count)]
        return f"{name}({parameters}) = {body}"

    def program(self) -> str:
        """Functions, and statements perhaps."""
        items = [self.definition(name) for name in ("g", "h")[: self.chooser.randrange(3)]]
        if self.chance(3):
            items.append(self.body())
        else:
            items.append(self.definition("f"))
        return "\n".join(items)


def from_grammar(chooser: random.Random) -> str:
    """A program by its syntax."""
    return Writer(chooser).program()


def well_meant(chooser: random.Random) -> str:
    """A program that is one, with names and shapes that fit."""
    return Generator(chooser).program().text


# Broken ones.

_HOSTILE = (
    "\0", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\u0301", "ﬁ", "Α", "х", "²", "½", "٣", "𝑥",
    "\ud800", "\udcff", "\r", "\u2028", "\x85", "\xa0", "\U000e0041", "😀", "`", "$", "\\", "'",
    '"', "[red]", "<b>", "]]>", "%s", "{0}", "__import__", "#", "@", "\t",
)  # fmt: skip


def tokens_in_any_order(chooser: random.Random) -> str:
    """Words and signs of the grammar, one behind the other."""
    words = seeds.words()
    count = chooser.randrange(1, 25)
    chosen = [words[chooser.randrange(len(words))] for _ in range(count)]
    return "".join(word + _BETWEEN[chooser.randrange(len(_BETWEEN))] for word in chosen)


_BETWEEN = ("", " ", " ", "\n", ";")


def broken(chooser: random.Random) -> str:
    """A program with some of it left out, doubled, swapped, replaced, cut off, or another's."""
    text = any_program(chooser)
    for _ in range(chooser.randrange(1, 4)):
        start, end = sorted(chooser.randrange(len(text) + 1) for _ in range(2))
        if chooser.randrange(2):  # a few characters only
            end = min(end, start + 1 + chooser.randrange(3))
        piece = text[start:end]
        match chooser.randrange(8):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:end] + piece + text[end:]
            case 2:
                text = text[:start] + text[end : end + 5] + piece + text[end + 5 :]
            case 3:
                text = text[:start] + _HOSTILE[chooser.randrange(len(_HOSTILE))] + text[end:]
            case 4:
                text = text[:end]
            case 5:
                text = text[start:]
            case 6:
                other = any_program(chooser)
                text = text[:start] + other[chooser.randrange(len(other) + 1) :]
            case _:
                words = seeds.words()
                text = f"{text[:start]} {words[chooser.randrange(len(words))]} {text[end:]}"
    return text


def any_program(chooser: random.Random) -> str:
    """A program that is right, at least by its syntax; or a seed."""
    match chooser.randrange(5):
        case 0:
            return well_meant(chooser)
        case 1:
            texts = seeds.programs()
            return texts[chooser.randrange(len(texts))]
        case _:
            return from_grammar(chooser)


def any_text(chooser: random.Random) -> str:
    """A program, or something like it."""
    match chooser.randrange(6):
        case 0:
            return tokens_in_any_order(chooser)
        case 1 | 2:
            return broken(chooser)
        case _:
            return any_program(chooser)
