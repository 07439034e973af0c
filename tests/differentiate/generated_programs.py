"""Random programs, each made twice: as text, and as closures over mpmath's numbers.

The text goes to the package. The closures are an interpreter of their own, on the 60 digits
of a `Machine`, which turns down points too close to an edge.

The gradient of reference is a central difference of step 1e-20, which at 60 digits has an
error of about 1e-38. How well-conditioned it is is measured, not assumed: the program is
differentiated again with the result of every operation off by a relative 2^-53 up or down,
the same at both points of the difference. The gradient found then is the exact gradient of
a program as wrong as double precision makes it; how far it moves says what any correct
program in double precision may lose, to cancellation or to a steep function. A program
whose gradient moves by more than MOST_SENSITIVE is made anew.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
from mpmath import mp, mpf
from reference_machine import COMPARISONS, UNARY, Environment, Machine, Rejected

DIGITS = 60
STEP = "1e-20"
MOST_SENSITIVE = 5e-14
# The difference is right to 1e-38, and to 1e-26 of this.
LEAST_SLOPE = mpf("1e-12")

# What programs are made of.

ALONE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)


class Expression:
    """A text, how tightly it binds, and what it computes."""

    __slots__ = ("level", "run", "text")

    def __init__(self, text: str, level: int, run: Callable[[Machine, Environment], Any]) -> None:
        self.text = text
        self.level = level
        self.run = run

    def at(self, level: int) -> str:
        """The text, in brackets where its place asks for a tighter one."""
        return self.text if self.level >= level else f"({self.text})"


class Statement:
    """Lines of text, and what they do to the variables."""

    __slots__ = ("lines", "run")

    def __init__(self, lines: list[str], run: Callable[[Machine, Environment], None]) -> None:
        self.lines = lines
        self.run = run


class Function:
    """A user function: its name, how many scalars it takes, and what it computes."""

    __slots__ = ("arity", "name", "results", "run", "vector")

    def __init__(
        self,
        name: str,
        arity: int,
        run: Callable[[Machine, list[Any]], Any],
        *,
        vector: int = 0,
        results: int = 1,
    ) -> None:
        self.name = name
        self.arity = arity
        self.run = run
        self.vector = vector
        self.results = results


class Scope:
    """The variables that an expression may read."""

    def __init__(self) -> None:
        self.scalars: list[str] = []
        self.vectors: dict[str, int] = {}
        self.matrices: dict[str, tuple[int, int]] = {}
        self.counters: list[str] = []
        self.fixed: set[str] = set()

    def copy(self) -> Scope:
        """The same variables, for a block that may add its own."""
        other = Scope()
        other.scalars = self.scalars[:]
        other.vectors = dict(self.vectors)
        other.matrices = dict(self.matrices)
        other.counters = self.counters[:]
        other.fixed = set(self.fixed)
        return other


def _indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


def _styled(blocks: Sequence[list[str]], style: int) -> str:
    """A program in one of the ways in which people write the same."""
    if style == 1:  # a definition on a line
        blocks = [[_one_line(block)] for block in blocks]
    text = "\n".join(line for block in blocks for line in block) + "\n"
    if style == 2:  # as in other languages, with comments
        text = text.replace("^", "**").replace("\n", "  # so far\n")
    if style == 3:  # pasted from an article
        text = re.sub(r"\*(?!=)", "·", text).replace("-", "−").replace("<=", "≤")
    return text


def _one_line(lines: Sequence[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        joined = text.endswith("{") or line.strip().startswith("}")
        text += (" " if joined else "; ") + line.strip()
    return text


def _run_all(statements: Sequence[Statement]) -> Callable[[Machine, Environment], None]:
    def run(machine: Machine, variables: Environment) -> None:
        for statement in statements:
            statement.run(machine, variables)

    return run


class Generator:
    """Makes a program.

    Args:
        chooser: what makes the choices: a `random.Random`, hypothesis' own or not.
    """

    def __init__(self, chooser: random.Random) -> None:
        self.chooser = chooser
        self.functions: list[Function] = []
        self.definitions: list[list[str]] = []
        self._names = itertools.count(1)

    # Choices

    def choose(self, options: Sequence[Any]) -> Any:
        """One of them."""
        return options[self.chooser.randrange(len(options))]

    def weighted(self, **options: int) -> str:
        """One of the names, as often as its weight says."""
        return str(self.choose([name for name, weight in options.items() for _ in range(weight)]))

    def chance(self, percent: int) -> bool:
        """Yes, as often as that."""
        return self.chooser.randrange(100) < percent

    def name(self, kind: str) -> str:
        """A name that is not taken."""
        return f"{kind}{next(self._names)}"

    # Expressions

    def number(self) -> Expression:
        """A constant."""
        text = self.choose(["0.5", "2", "3", "0.3", "1.25", ".75", "0.1", "1e-1", "1_0", "2.5e0"])
        value = mpf(float(text))
        return Expression(text, ATOM, lambda machine, variables: value)

    def is_constant(self, x: Expression, scope: Scope) -> bool:
        """Whether an expression names no variable that depends on the inputs."""
        names = set(re.findall(r"[a-z]\w*", x.text, re.IGNORECASE))
        return names.isdisjoint([*scope.scalars, *scope.vectors, *scope.matrices])

    def variable(self, name: str) -> Expression:
        """A variable by its name."""
        return Expression(name, ATOM, lambda machine, variables: variables[name])

    def leaf(self, scope: Scope) -> Expression:
        """A number, a variable, or an element of one."""
        kind = self.weighted(number=2, scalar=6, element=3, counter=1)
        if kind == "element" and scope.matrices and self.chance(40):
            name = self.choose(sorted(scope.matrices))
            rows, columns = scope.matrices[name]
            i, j = 1 + self.chooser.randrange(rows), 1 + self.chooser.randrange(columns)
            return self._seen(
                "matrix element",
                Expression(f"{name}[{i},{j}]", ATOM, lambda m, v: v[name][i - 1][j - 1]),
            )
        if kind == "element" and scope.vectors:
            name = self.choose(sorted(scope.vectors))
            i = 1 + self.chooser.randrange(scope.vectors[name])
            element = Expression(f"{name}[{i}]", ATOM, lambda m, v: v[name][i - 1])
            return self._seen("index", element)
        if kind == "counter" and scope.counters:
            return self.variable(self.choose(scope.counters))
        if kind == "number" or not scope.scalars:
            return self.number()
        return self.variable(self.choose(scope.scalars))

    def _seen(self, feature: str, expression: Expression) -> Expression:
        inner = expression.run

        def run(machine: Machine, variables: Environment) -> Any:
            machine.seen.add(feature)
            return inner(machine, variables)

        return Expression(expression.text, expression.level, run)

    def binary(self, sign: str, x: Expression, y: Expression) -> Expression:
        """x sign y, over numbers or vectors, with the brackets it needs."""
        if x.text == y.text and sign in "-/":
            # x/x has the derivative 1/x - 1/x, whose rounding the errors in v do not show.
            sign = "+"
        level, left, right = {
            "+": (SUM, SUM, PRODUCT),
            "-": (SUM, SUM, PRODUCT),
            "*": (PRODUCT, PRODUCT, SIGN),
            "/": (PRODUCT, PRODUCT, SIGN),
            "^": (POWER, ATOM, SIGN),
        }[sign]
        shown = f" {sign} " if level == SUM else sign
        return Expression(
            f"{x.at(left)}{shown}{y.at(right)}",
            level,
            lambda m, v: m.spread(sign, x.run(m, v), y.run(m, v)),
        )

    def negative(self, x: Expression) -> Expression:
        """-x."""
        return Expression(f"-{x.at(SIGN)}", SIGN, lambda m, v: m.spread("neg", x.run(m, v)))

    def call(self, name: str, *arguments: Expression) -> Expression:
        """A function of the language, over numbers or vectors."""
        shown = ", ".join(argument.at(ALONE) for argument in arguments)
        return Expression(
            f"{name}({shown})",
            ATOM,
            lambda m, v: m.spread(name, *(argument.run(m, v) for argument in arguments)),
        )

    def constant(self, text: str) -> Expression:
        """A number that is meant."""
        value = mpf(float(text))
        return Expression(text, ATOM, lambda m, v: value)

    def bounded(self, x: Expression) -> Expression:
        """Something between -1.6 and 1.6."""
        return self.call(self.choose(["sin", "cos", "tanh", "atan"]), x)

    def positive(self, x: Expression) -> Expression:
        """Something not much smaller than 1."""
        match self.weighted(square=3, sine=2, exponential=1, root=1):
            case "square":
                square = self.binary("^", x, self.constant("2"))
                return self.binary("+", self.constant("1.25"), square)
            case "sine":
                return self.binary("+", self.constant("2"), self.bounded(x))
            case "exponential":
                return self.call("exp", self.bounded(x))
            case _:
                return self.call("hypot", self.constant("1"), x)

    def scalar(self, scope: Scope, depth: int) -> Expression:
        """An expression for a number."""
        if depth <= 0:
            return self.leaf(scope)
        kind = self.weighted(
            arithmetic=24, quotient=6, negative=4, power=9, unary=18, pair=8, choice=7,
            call=16, reduction=14, prelude=6, kinked=8, leaf=5,
        )  # fmt: skip
        if kind == "leaf" or (kind == "call" and not self.functions):
            return self.leaf(scope)
        x = self.scalar(scope, depth - 1)
        match kind:
            case "arithmetic":
                y = self.scalar(scope, depth - 1)
                return self.binary(self.choose(["+", "-", "*", "+", "-", "*"]), x, y)
            case "quotient":
                y = self.scalar(scope, depth - 1)
                return self.binary("/", x, y if self.chance(20) else self.positive(y))
            case "negative":
                return self.negative(x)
            case "power":
                return self._power(x, scope, depth)
            case "unary":
                return self._unary(x)
            case "pair":
                return self._pair(x, self.scalar(scope, depth - 1))
            case "choice":
                return self._choice(scope, depth)
            case "call":
                return self._user_call(scope, depth)
            case "reduction":
                return self.reduction(scope, depth)
            case "prelude":
                return self._prelude(x)
            case _:
                return self._kinked(x, self.scalar(scope, depth - 1))

    def _power(self, x: Expression, scope: Scope, depth: int) -> Expression:
        kind = self.weighted(whole=5, negative=2, fraction=2, variable=3, tower=1)
        if kind == "whole":
            return self._seen("power", self.binary("^", x, self.constant(self.choose("23"))))
        x = self.positive(x)
        if kind == "negative":
            exponent = self.negative(self.constant(self.choose(["1", "2", "1.5"])))
        elif kind == "fraction":
            exponent = self.constant(self.choose(["0.5", "1.5", "0.3"]))
        elif kind == "tower":  # a^b^c is a^(b^c)
            exponent = self.binary("^", self.positive(self.leaf(scope)), self.constant("0.5"))
        else:
            exponent = self.bounded(self.scalar(scope, depth - 2))
        feature = "variable exponent" if kind in ("variable", "tower") else "power"
        return self._seen(feature, self.binary("^", x, exponent))

    def _unary(self, x: Expression) -> Expression:
        name = self.choose(UNARY)
        if name in ("sinh", "cosh", "erfc", "exp", "exp2", "expm1", "tan"):
            x = self.bounded(x) if self.chance(70) else x
        elif name in ("asin", "acos", "atanh"):
            x = self.binary("*", self.constant("0.75"), self.call("sin", x))
        elif name in ("sqrt", "ln", "log", "log2", "log10", "cbrt"):
            x = self.positive(x)
        elif name == "log1p":
            x = self.binary("^", x, self.constant("2"))
        elif name == "acosh":
            square = self.binary("^", x, self.constant("2"))
            x = self.binary("+", self.constant("1.25"), square)
        return self.call(name, x)

    def _pair(self, x: Expression, y: Expression) -> Expression:
        name = self.choose(["atan2", "hypot", "logaddexp"])
        if name == "atan2":
            y = self.positive(y)
        elif name == "hypot":
            y = self.binary("+", self.constant("1.25"), self.binary("^", y, self.constant("2")))
        return self.call(name, x, y)

    def _kinked(self, x: Expression, y: Expression) -> Expression:
        name = self.choose(["abs", "max", "min", "mod", "floor", "ceil", "sign", "clamp"])
        if name in ("max", "min"):
            return self._seen("max or min", self.call(name, x, y))
        if name == "mod":
            return self._seen("mod", self.call("mod", x, self.constant(self.choose(["2", "1.25"]))))
        if name == "clamp":
            clamped = Expression(
                f"clamp({x.text}, -0.75, 2)",
                ATOM,
                lambda m, v: m.apply("min", m.apply("max", x.run(m, v), mpf(-0.75)), mpf(2)),
            )
            return self._seen("prelude", clamped)
        step = self.call(name, x)
        if name == "abs":
            return self._seen("abs", step)
        return self._seen("step function", self.binary("*", step, y))

    def _prelude(self, x: Expression) -> Expression:
        names = ["sigmoid", "softplus", "silu", "relu", "normpdf", "normcdf", "sec"]
        name = self.choose(names)
        if name in ("normpdf", "normcdf", "sec"):
            x = self.bounded(x)
        return self._seen("prelude", self.call(name, x))

    # Conditions

    def condition(self, scope: Scope, depth: int) -> Expression:
        """A condition on the variables."""
        kind = self.weighted(compare=6, chain=2, conjunction=2, disjunction=2, negation=1)
        if depth <= 0 or kind == "compare":
            x = self.scalar(scope, max(depth - 1, 0))
            y = self.number() if self.chance(60) else self.scalar(scope, max(depth - 1, 0))
            if self.is_constant(x, scope) or x.text == y.text:  # it would say nothing
                x, y = self.variable(self.choose(scope.scalars)), self.number()
            sign = self.choose(list(COMPARISONS))
            return Expression(
                f"{x.at(SUM)} {sign} {y.at(SUM)}",
                SUM,
                lambda m, v: m.compare(sign, x.run(m, v), y.run(m, v)),
            )
        if kind == "chain":
            low, x, high = self.number(), self.bounded(self.scalar(scope, depth - 1)), self.number()
            signs = self.choose([("<", "<="), ("<=", "<"), (">", ">"), (">=", ">=")])

            def chained(machine: Machine, variables: Environment) -> bool:
                middle = x.run(machine, variables)
                first = machine.compare(signs[0], -low.run(machine, variables), middle)
                second = machine.compare(signs[1], middle, high.run(machine, variables))
                return first and second

            text = f"-{low.text} {signs[0]} {x.at(SUM)} {signs[1]} {high.text}"
            return self._seen("chained comparison", Expression(text, SUM, chained))
        x, y = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
        if kind == "negation":
            negation = Expression(f"not ({x.text})", ALONE, lambda m, v: not x.run(m, v))
            return self._seen("logic", negation)
        word = "and" if kind == "conjunction" else "or"

        def combined(machine: Machine, variables: Environment) -> bool:
            # Both are evaluated: operations that are not needed do no harm.
            first, second = x.run(machine, variables), y.run(machine, variables)
            return bool((first and second) if word == "and" else (first or second))

        text = f"({x.text}) {word} ({y.text})"
        return self._seen("logic", Expression(text, ALONE, combined))

    def _choice(self, scope: Scope, depth: int) -> Expression:
        condition = self.condition(scope, min(depth - 1, 1))
        yes, no = self.scalar(scope, depth - 1), self.scalar(scope, depth - 1)

        def run(machine: Machine, variables: Environment) -> Any:
            chosen = yes if condition.run(machine, variables) else no
            return chosen.run(machine, variables)

        text = f"if {condition.text} then {yes.text} else {no.text}"
        return self._seen("if expression", Expression(text, ALONE, run))

    # Vectors

    def reduction(self, scope: Scope, depth: int) -> Expression:
        """A number made of a vector."""
        kind = self.weighted(
            sum=3, mean=2, norm=3, prod=2, dot=3, product=3, quadratic=2, comprehension=4,
            extreme=2, logsumexp=1, softmax=1, index=2,
        )  # fmt: skip
        length = self.choose([2, 3, 4])
        if kind == "comprehension":
            return self._comprehension_argument(scope, depth)
        if kind == "quadratic":
            return self._quadratic_form(scope, depth)
        x = self.vector(scope, length, depth - 1)
        if kind in ("dot", "product"):
            y = self.vector(scope, length, depth - 1)
            text = f"dot({x.text}, {y.text})"
            level = ATOM
            if kind == "product":
                text, level = f"{x.at(PRODUCT)} @ {y.at(SIGN)}", PRODUCT
            inner = Expression(text, level, lambda m, v: m.dot(x.run(m, v), y.run(m, v)))
            return self._seen("dot" if kind == "dot" else "@ of vectors", inner)
        if kind == "index":
            i = 1 + self.chooser.randrange(length)
            text = f"{x.at(ATOM)}[{i}]"
            return self._seen("index", Expression(text, ATOM, lambda m, v: x.run(m, v)[i - 1]))
        if kind == "softmax":
            return self._softmax(x, length)
        if kind == "extreme":
            kind = self.choose(["max", "min"])

        def run(machine: Machine, variables: Environment) -> mpf:
            items = x.run(machine, variables)
            match kind:
                case "sum":
                    return machine.sum(items)
                case "mean":
                    return machine.apply("/", machine.sum(items), mpf(length))
                case "norm":
                    if sum(item**2 for item in items) < 0.01:
                        raise Rejected("norm near an edge")
                    return machine.round(mpmath.sqrt(sum(item**2 for item in items)))
                case "logsumexp":
                    if max(abs(item) for item in items) > 50:
                        raise Rejected("too large")
                    return machine.round(mpmath.log(sum(mpmath.exp(item) for item in items)))
            total = items[0]
            for item in items[1:]:
                total = machine.apply("*" if kind == "prod" else kind, total, item)
            return total

        feature = "max or min of a vector" if kind in ("max", "min") else kind
        return self._seen(feature, Expression(f"{kind}({x.text})", ATOM, run))

    def _softmax(self, x: Expression, length: int) -> Expression:
        i = self.chooser.randrange(length)

        def run(machine: Machine, variables: Environment) -> mpf:
            items = x.run(machine, variables)
            if max(abs(item) for item in items) > 50:
                raise Rejected("too large")
            weights = [mpmath.exp(item) for item in items]
            return machine.round(weights[i] / sum(weights))

        return self._seen("softmax", Expression(f"softmax({x.text})[{i + 1}]", ATOM, run))

    def _comprehension_argument(self, scope: Scope, depth: int) -> Expression:
        items, text = self._comprehension(scope, self.choose([2, 3, 4]), depth)
        reduce = self.choose(["sum", "prod", "mean"])

        def run(machine: Machine, variables: Environment) -> mpf:
            values = items(machine, variables)
            if reduce == "prod":
                total = values[0]
                for value in values[1:]:
                    total = machine.apply("*", total, value)
                return total
            total = machine.sum(values)
            return total if reduce == "sum" else machine.apply("/", total, mpf(len(values)))

        return self._seen("comprehension as argument", Expression(f"{reduce}({text})", ATOM, run))

    def _comprehension(
        self, scope: Scope, length: int, depth: int
    ) -> tuple[Callable[[Machine, Environment], list[mpf]], str]:
        """The items of a comprehension and its text, without brackets."""
        name = self.name("i")
        inner = scope.copy()
        inner.counters.append(name)
        body = self.scalar(inner, max(depth - 1, 1))
        fitting = [vector for vector, n in scope.vectors.items() if n >= length]
        domain: str
        values: list[mpf] | None
        domain, values = self._range(name, length)
        if fitting and self.chance(60):
            vector = self.choose(sorted(fitting))
            scale = self.choose(["*", "+"])
            element = Expression(
                f"{vector}[{name}]", ATOM, lambda m, v: v[vector][int(v[name]) - 1]
            )
            body = self.binary(scale, body, element)
            domain, values = f"1..{length}", [mpf(i) for i in range(1, length + 1)]
        if not fitting and scope.vectors and self.chance(50):
            vector = self.choose(sorted(scope.vectors))
            body = self.binary("+", body, self.variable(name))
            domain, values = vector, None

        def run(machine: Machine, variables: Environment) -> list[mpf]:
            machine.seen.add("comprehension")
            over = variables[vector] if values is None else values
            return [body.run(machine, {**variables, name: item}) for item in over]

        return run, f"{body.text} for {name} in {domain}"

    def _range(self, name: str, length: int) -> tuple[str, list[mpf]]:
        """A range of that many terms, and the terms."""
        match self.weighted(plain=4, step=1, down=1, fraction=1):
            case "plain":
                first = self.choose([0, 1, 1, 2])
                return f"{first}..{first + length - 1}", [mpf(first + i) for i in range(length)]
            case "step":
                return f"1..{2 * length} by 2", [mpf(1 + 2 * i) for i in range(length)]
            case "down":
                return f"{length}..1 by -1", [mpf(length - i) for i in range(length)]
            case _:
                last = (length - 1) * 0.5
                return f"0..{last} by 0.5", [mpf(i) / 2 for i in range(length)]

    def vector(self, scope: Scope, length: int, depth: int) -> Expression:
        """An expression for a vector of that length."""
        fitting = sorted(name for name, n in scope.vectors.items() if n == length)
        longer = sorted(name for name, n in scope.vectors.items() if n > length)
        matrices = sorted(
            name for name, (rows, n) in scope.matrices.items()
            if rows == length and n in scope.vectors.values()
        )  # fmt: skip
        kind = self.weighted(
            variable=8, literal=4, comprehension=3, elementwise=4, function=3, slice=4, product=4
        )
        if kind == "variable" and fitting:
            return self.variable(self.choose(fitting))
        if kind == "slice" and longer:
            return self._slice(self.choose(longer), scope, length)
        if kind == "product" and matrices:
            return self._matrix_times_vector(self.choose(matrices), scope)
        if kind == "comprehension" and depth > 0:
            items, text = self._comprehension(scope, length, depth - 1)
            over = text.rpartition(" in ")[2]  # it may have chosen a vector of another length
            if scope.vectors.get(over, length) == length:
                return Expression(f"[{text}]", ATOM, items)
        if kind == "elementwise" and depth > 0:
            x = self.vector(scope, length, depth - 1)
            sign = self.choose(["+", "-", "*", "/"])
            if sign == "/":
                y = self.positive(self.leaf(scope))
            elif self.chance(50):
                y = self.vector(scope, length, depth - 1)
            else:
                y = self.leaf(scope)
                if self.chance(50) and sign != "/":
                    x, y = y, x
            return self._seen("elementwise", self.binary(sign, x, y))
        if kind == "function" and depth > 0:
            x = self.vector(scope, length, depth - 1)
            name = self.choose(["sin", "tanh", "exp", "atan", "sigmoid", "neg"])
            if name == "neg":
                return self._seen("mapped function", self.negative(x))
            if name == "exp":
                x = self.call("sin", x)
            return self._seen("mapped function", self.call(name, x))
        parts = [self.scalar(scope, depth - 1) for _ in range(length)]
        shown = ", ".join(part.at(ALONE) for part in parts)
        literal = Expression(f"[{shown}]", ATOM, lambda m, v: [part.run(m, v) for part in parts])
        return self._seen("vector literal", literal)

    def _slice(self, name: str, scope: Scope, length: int) -> Expression:
        start = 1 + self.chooser.randrange(scope.vectors[name] - length + 1)
        text = f"{name}[{start}..{start + length - 1}]"
        sliced = Expression(text, ATOM, lambda m, v: v[name][start - 1 : start + length - 1])
        return self._seen("slice", sliced)

    def _matrix_times_vector(self, name: str, scope: Scope) -> Expression:
        columns = scope.matrices[name][1]
        vector = self.choose(sorted(v for v, n in scope.vectors.items() if n == columns))

        def run(machine: Machine, variables: Environment) -> list[mpf]:
            return [machine.dot(row, variables[vector]) for row in variables[name]]

        return self._seen("@ of a matrix", Expression(f"{name} @ {vector}", PRODUCT, run))

    def _quadratic_form(self, scope: Scope, depth: int) -> Expression:
        rows = [[self.scalar(scope, depth - 2) for _ in range(2)] for _ in range(2)]
        x, y = self.vector(scope, 2, depth - 1), self.vector(scope, 2, depth - 1)
        shown = ", ".join("[" + ", ".join(item.at(ALONE) for item in row) + "]" for row in rows)
        transposed = self.chance(40)

        def run(machine: Machine, variables: Environment) -> mpf:
            left = x.run(machine, variables)
            matrix = [[item.run(machine, variables) for item in row] for row in rows]
            if transposed:
                matrix = [list(column) for column in zip(*matrix, strict=True)]
            columns = [machine.dot(left, column) for column in zip(*matrix, strict=True)]
            return machine.dot(columns, y.run(machine, variables))

        matrix = f"transpose([{shown}])" if transposed else f"[{shown}]"
        text = f"{x.at(PRODUCT)} @ {matrix} @ {y.at(SIGN)}"
        return self._seen("@ of a matrix", Expression(text, PRODUCT, run))

    # Calls

    def _user_call(self, scope: Scope, depth: int) -> Expression:
        function = self.choose([f for f in self.functions if f.results == 1] or [None])
        if function is None:
            return self.leaf(scope)
        arguments = [self.bounded(self.scalar(scope, depth - 2)) for _ in range(function.arity)]
        if function.vector:
            arguments.append(self.vector(scope, function.vector, depth - 1))
        shown = ", ".join(argument.at(ALONE) for argument in arguments)

        def run(machine: Machine, variables: Environment) -> Any:
            return function.run(machine, [x.run(machine, variables) for x in arguments])

        call = Expression(f"{function.name}({shown})", ATOM, run)
        return self._seen("user function", call)

    # Statements

    def statements(self, scope: Scope, count: int, depth: int, *, top: bool) -> list[Statement]:
        """Statements, which add to the scope what they define if they are at the top."""
        made = []
        for _ in range(count):
            kinds = {"update": 5, "branch": 4, "loop": 5, "element": 3, "while_loop": 4}
            if top:
                kinds |= {"scalar": 6, "vector": 4, "matrix": 2, "several": 3}
            kind = self.weighted(**kinds)
            if depth <= 0 and kind in ("branch", "loop", "while_loop"):
                kind = "update"
            made += getattr(self, f"_{kind}_statement")(scope, depth)
        return made

    def _assign(self, name: str, value: Expression) -> Statement:
        def run(machine: Machine, variables: Environment) -> None:
            new = value.run(machine, variables)
            variables[name] = [x[:] if isinstance(x, list) else x for x in new] if isinstance(
                new, list
            ) else new  # fmt: skip

        return Statement([f"{name} = {value.text}"], run)

    def _scalar_statement(self, scope: Scope, depth: int) -> list[Statement]:
        name = self.name("t")
        statement = self._assign(name, self.scalar(scope, 2))
        scope.scalars.append(name)
        return [statement]

    def _vector_statement(self, scope: Scope, depth: int) -> list[Statement]:
        name, length = self.name("w"), self.choose([2, 3, 4])
        if self.chance(15):
            word, number = self.choose([("zeros", 0), ("ones", 1)])
            filled = Expression(f"{word}({length})", ATOM, lambda m, v: [mpf(number)] * length)
            statement = self._assign(name, self._seen("zeros or ones", filled))
        else:
            statement = self._assign(name, self.vector(scope, length, 2))
        scope.vectors[name] = length
        return [statement]

    def _matrix_statement(self, scope: Scope, depth: int) -> list[Statement]:
        name, rows, columns = self.name("A"), self.choose([2, 3]), self.choose([2, 3])
        items = [[self.scalar(scope, 1) for _ in range(columns)] for _ in range(rows)]
        shown = ", ".join("[" + ", ".join(item.at(ALONE) for item in row) + "]" for row in items)
        matrix = Expression(
            f"[{shown}]", ATOM, lambda m, v: [[item.run(m, v) for item in row] for row in items]
        )
        scope.matrices[name] = (rows, columns)
        return [self._assign(name, self._seen("matrix literal", matrix))]

    def _several_statement(self, scope: Scope, depth: int) -> list[Statement]:
        functions = [function for function in self.functions if function.results == 2]
        if not functions:
            return self._scalar_statement(scope, depth)
        function = self.choose(functions)
        arguments = [self.bounded(self.scalar(scope, 1)) for _ in range(function.arity)]
        first, second = self.name("p"), self.name("q")
        shown = ", ".join(argument.at(ALONE) for argument in arguments)

        def run(machine: Machine, variables: Environment) -> None:
            machine.seen.add("several results")
            values = [x.run(machine, variables) for x in arguments]
            variables[first], variables[second] = function.run(machine, values)

        scope.scalars += [first, second]
        return [Statement([f"{first}, {second} = {function.name}({shown})"], run)]

    def _update_statement(self, scope: Scope, depth: int) -> list[Statement]:
        candidates = [name for name in scope.scalars if name not in scope.fixed]
        if not candidates:
            return self._scalar_statement(scope, depth)
        name = self.choose(candidates)
        x = self.bounded(self.scalar(scope, 1))
        old = self.variable(name)
        sign = self.choose(["+", "-", "*", "/", "="])
        if sign == "=":
            shrunk = self.binary("*", self.constant("0.5"), old)
            return [self._assign(name, self.binary(self.choose(["+", "-"]), shrunk, x))]
        if sign in "*/":
            x = self.binary("+", self.constant("1.25"), self.binary("*", self.constant(".75"), x))
        new = self.binary(sign, old, x)

        def run(machine: Machine, variables: Environment) -> None:
            machine.seen.add(f"{sign}=")
            variables[name] = new.run(machine, variables)

        return [Statement([f"{name} {sign}= {x.text}"], run)]

    def _element_statement(self, scope: Scope, depth: int) -> list[Statement]:
        if not scope.vectors:
            return self._update_statement(scope, depth)
        name = self.choose(sorted(scope.vectors))
        i = self.chooser.randrange(scope.vectors[name])
        x = self.bounded(self.scalar(scope, 1))
        sign = self.choose(["", "", "+", "-", "*"])

        def run(machine: Machine, variables: Environment) -> None:
            machine.seen.add("element assigned")
            new = x.run(machine, variables)
            if sign:
                new = machine.apply(sign, variables[name][i], new)
            variables[name][i] = new

        return [Statement([f"{name}[{i + 1}] {sign}= {x.text}"], run)]

    def _branch_statement(self, scope: Scope, depth: int) -> list[Statement]:
        arms = []
        for _ in range(self.choose([1, 2, 2, 3])):
            condition = self.condition(scope, 1)
            arms.append((condition, self.statements(scope.copy(), 1, depth - 1, top=False)))
        last = self.statements(scope.copy(), self.choose([1, 2]), depth - 1, top=False)
        has_else = self.chance(70) or len(arms) > 1
        lines: list[str] = []
        for position, (condition, body) in enumerate(arms):
            head = f"if {condition.text} {{"
            if position:
                head = lines.pop() + " else " + head
            lines += [head, *_indented([line for s in body for line in s.lines]), "}"]
        if has_else:
            lines[-1] += " else {"
            lines += [*_indented([line for s in last for line in s.lines]), "}"]

        def run(machine: Machine, variables: Environment) -> None:
            machine.seen.add("if statement")
            for position, (condition, body) in enumerate(arms):
                if condition.run(machine, variables):
                    if position:
                        machine.seen.add("else if")
                    _run_all(body)(machine, variables)
                    return
            if has_else:
                machine.seen.add("else")
                _run_all(last)(machine, variables)

        return [Statement(lines, run)]

    def _loop_statement(self, scope: Scope, depth: int) -> list[Statement]:
        inner = scope.copy()
        name = self.name("k")
        length = self.choose([1, 2, 3, 4])
        values: list[mpf] | None = None
        if scope.vectors and self.chance(35):
            domain = self.choose(sorted(scope.vectors))
            inner.scalars.append(name)
            inner.fixed.add(name)
        else:
            domain, values = self._range(name, length)
            inner.counters.append(name)
        body = self.statements(inner, self.choose([1, 2]), depth - 1, top=False)

        def run(machine: Machine, variables: Environment) -> None:
            machine.seen.add("for over a vector" if values is None else "for")
            items = list(variables[domain]) if values is None else values
            for item in items:
                variables[name] = item
                _run_all(body)(machine, variables)

        inside = _indented([line for statement in body for line in statement.lines])
        return [Statement([f"for {name} in {domain} {{", *inside, "}"], run)]

    def _while_loop_statement(self, scope: Scope, depth: int) -> list[Statement]:
        inner = scope.copy()
        if self.chance(50):
            return self._counting_while(inner, depth)
        # A loop that ends when a number that depends on the inputs is small enough.
        name = self.name("z")
        start = self.binary(
            "*", self.constant(self.choose(["3", "5.5"])), self.positive(self.leaf(scope))
        )
        first = self._assign(name, start)
        inner.scalars.append(name)
        inner.fixed.add(name)
        body = self.statements(inner, self.choose([1, 2]), depth - 1, top=False)
        divisor = self.choose(["2", "1.75"])

        def run(machine: Machine, variables: Environment) -> None:
            first.run(machine, variables)
            while machine.compare(">", variables[name], mpf(1)):
                machine.seen.add("while on a value")
                variables[name] = machine.apply("/", variables[name], mpf(float(divisor)))
                _run_all(body)(machine, variables)

        inside = [line for statement in body for line in statement.lines]
        lines = [*first.lines, f"while {name} > 1 {{"]
        lines += [*_indented([f"{name} /= {divisor}", *inside]), "}"]
        return [Statement(lines, run)]

    def _counting_while(self, inner: Scope, depth: int) -> list[Statement]:
        name, most = self.name("n"), self.choose([1, 2, 3])
        inner.counters.append(name)
        body = self.statements(inner, self.choose([1, 2]), depth - 1, top=False)

        def run(machine: Machine, variables: Environment) -> None:
            variables[name] = mpf(0)
            while variables[name] < most:
                machine.seen.add("while")
                _run_all(body)(machine, variables)
                variables[name] += 1

        inside = [line for statement in body for line in statement.lines]
        lines = [f"{name} = 0", f"while {name} < {most} {{"]
        lines += [*_indented([*inside, f"{name} += 1"]), "}"]
        return [Statement(lines, run)]

    # Functions

    def function(self) -> None:
        """Define a function, of one kind or another, that what follows may call."""
        kind = self.weighted(plain=2, block=4, several=3, vector=3, counted=4, halving=3, mutual=2)
        name = self.name("g")
        getattr(self, f"_{kind}_function")(name)

    def _parameters(self, count: int) -> tuple[list[str], Scope]:
        names = [self.name("a") for _ in range(count)]
        scope = Scope()
        scope.scalars = names[:]
        return names, scope

    def _plain_function(self, name: str) -> None:
        names, scope = self._parameters(self.choose([1, 2, 3]))
        body = self.scalar(scope, 3)

        def run(machine: Machine, arguments: list[Any]) -> Any:
            return body.run(machine, dict(zip(names, arguments, strict=True)))

        self.definitions.append([f"{name}({', '.join(names)}) = {body.text}"])
        self.functions.append(Function(name, len(names), run))

    def _block_function(self, name: str) -> None:
        names, scope = self._parameters(self.choose([1, 2]))
        statements = self.statements(scope, self.choose([1, 2, 3]), 1, top=True)
        result = self.final(scope)
        body = _run_all(statements)

        def run(machine: Machine, arguments: list[Any]) -> Any:
            machine.seen.add("block function")
            variables = dict(zip(names, arguments, strict=True))
            body(machine, variables)
            return result.run(machine, variables)

        lines = [line for statement in statements for line in statement.lines]
        head = f"{name}({', '.join(names)}) = {{"
        self.definitions.append([head, *_indented([*lines, result.text]), "}"])
        self.functions.append(Function(name, len(names), run))

    def _several_function(self, name: str) -> None:
        names, scope = self._parameters(2)
        first, second = self.scalar(scope, 2), self.scalar(scope, 2)

        def run(machine: Machine, arguments: list[Any]) -> Any:
            variables = dict(zip(names, arguments, strict=True))
            return first.run(machine, variables), second.run(machine, variables)

        self.definitions.append([f"{name}({', '.join(names)}) = {first.text}, {second.text}"])
        self.functions.append(Function(name, len(names), run, results=2))

    def _vector_function(self, name: str) -> None:
        """A function that changes the vector it is given: its own, not the caller's."""
        names, scope = self._parameters(1)
        vector, length = self.name("b"), self.choose([2, 3])
        scope.vectors[vector] = length
        changed = self._element_statement(scope, 0)
        result = self.reduction(scope, 2)
        body = _run_all(changed)
        shape = self.choose(["", "[]", f"[{length}]"])

        def run(machine: Machine, arguments: list[Any]) -> Any:
            machine.seen.add("function of a vector")
            variables = {names[0]: arguments[0], vector: list(arguments[1])}
            body(machine, variables)
            own = result.run(machine, variables)
            return machine.apply("+", own, variables[vector][0])

        lines = [*changed[0].lines, f"{result.at(SUM)} + {vector}[1]"]
        head = f"{name}({names[0]}, {vector}{shape}) = {{"
        self.definitions.append([head, *_indented(lines), "}"])
        self.functions.append(Function(name, 1, run, vector=length))

    def _counted_function(self, name: str) -> None:
        """Recursion that counts down, once or twice on the way."""
        x, n = self.name("a"), self.name("m")
        scope = Scope()
        scope.scalars = [x]
        base, rest = self.scalar(scope, 2), self.bounded(self.scalar(scope, 2))
        twice = self.chance(40)
        start = self.choose([2, 3, 4]) if twice else self.choose([2, 4, 6])

        def recur(machine: Machine, value: mpf, count: int) -> mpf:
            variables = {x: value, n: mpf(count)}
            if count <= 0:
                return base.run(machine, variables)
            machine.seen.add("recursion")
            half = machine.apply("*", mpf("0.5"), recur(machine, value, count - 1))
            if twice:
                half = machine.apply("-", half, recur(machine, value, count - 2))
            return machine.apply("+", half, rest.run(machine, variables))

        second = f" - {name}({x}, {n} - 2)" if twice else ""
        calls = f"0.5*{name}({x}, {n} - 1){second} + {rest.at(PRODUCT)}"
        default = self.chance(50)
        head = f"{name}({x}, {n} = {start})" if default else f"{name}({x}, {n})"
        self.definitions.append([f"{head} = if {n} <= 0 then {base.text} else {calls}"])
        if default:

            def run(machine: Machine, arguments: list[Any]) -> Any:
                machine.seen.add("default")
                return recur(machine, arguments[0], start)

            self.functions.append(Function(name, 1, run))
            return
        wrapper = self.name("g")
        self.definitions.append([f"{wrapper}({x}) = {name}({x}, {start})"])
        self.functions.append(Function(wrapper, 1, lambda m, xs: recur(m, xs[0], start)))

    def _halving_function(self, name: str) -> None:
        """Recursion that ends when a number that depends on the inputs is small."""
        x = self.name("a")
        scope = Scope()
        scope.scalars = [x]
        base, rest = self.scalar(scope, 1), self.bounded(self.scalar(scope, 1))

        def recur(machine: Machine, value: mpf) -> mpf:
            variables = {x: value}
            if machine.compare("<", value, mpf(0.25)):
                return base.run(machine, variables)
            machine.seen.add("recursion on a value")
            inner = recur(machine, machine.apply("/", value, mpf(2)))
            return machine.apply("+", inner, rest.run(machine, variables))

        text = f"if {x} < 0.25 then {base.text} else {name}({x}/2) + {rest.at(PRODUCT)}"
        wrapper = self.name("g")
        self.definitions += [[f"{name}({x}) = {text}"], [f"{wrapper}({x}) = {name}({x} + 2)"]]
        self.functions.append(
            Function(wrapper, 1, lambda m, xs: recur(m, m.apply("+", xs[0], mpf(2))))
        )

    def _mutual_function(self, name: str) -> None:
        """Two functions that call each other, the first before the second is defined."""
        other, x, n = self.name("g"), self.name("a"), self.name("m")
        scope = Scope()
        scope.scalars = [x]
        even, odd = self.scalar(scope, 1), self.bounded(self.scalar(scope, 1))
        wrapper, start = self.name("g"), self.choose([2, 3, 5])

        def recur(machine: Machine, value: mpf, count: int, first: bool) -> mpf:
            variables = {x: value, n: mpf(count)}
            if first:
                if count < 1:
                    return even.run(machine, variables)
                inner = recur(machine, value, count - 1, False)
                return machine.apply("*", inner, mpf("0.5"))
            machine.seen.add("mutual recursion")
            if count < 1:
                return odd.run(machine, variables)
            inner = recur(machine, value, count - 1, True)
            return machine.apply("-", inner, odd.run(machine, variables))

        self.definitions += [
            [f"{name}({x}, {n}) = if {n} < 1 then {even.text} else {other}({x}, {n} - 1)*0.5"],
            [
                f"{other}({x}, {n}) = if {n} < 1 then {odd.text} "
                f"else {name}({x}, {n} - 1) - {odd.at(PRODUCT)}"
            ],
            [f"{wrapper}({x}) = {name}({x}, {start})"],
        ]
        self.functions.append(Function(wrapper, 1, lambda m, xs: recur(m, xs[0], start, True)))

    # The whole

    def final(self, scope: Scope) -> Expression:
        """A result that depends on every variable."""
        result = self.scalar(scope, 2)
        for position, name in enumerate(scope.scalars):
            term = self.binary("*", self.constant(f"0.{position + 1}"), self.variable(name))
            result = self.binary(self.choose("+-"), result, term)
        for name in scope.vectors:
            part = self.binary("*", self.constant("0.3"), self._total(name))
            result = self.binary("+", result, part)
        return result

    def _total(self, name: str) -> Expression:
        return Expression(f"sum({name})", ATOM, lambda m, v: m.sum(v[name]))

    def program(self) -> Program:
        """A program: functions, then a main function or bare statements."""
        for _ in range(self.choose([1, 1, 2, 2, 3, 4])):
            self.function()
        scope = Scope()
        inputs: dict[str, int] = {}
        for name in ("x", "y", "z")[: self.choose([1, 2, 3])]:
            inputs[name] = 0
            scope.scalars.append(name)
        if self.chance(50):
            inputs["u"] = self.choose([2, 3, 4])
            scope.vectors["u"] = inputs["u"]
        bare = self.chance(35)
        first: list[Statement] = []
        if bare:  # the first appearance of every input is a read
            first = [self._assign("t0", self.final(scope))]
            scope.scalars.append("t0")
        statements = first + self.statements(scope, self.choose([2, 3, 4, 5, 6]), 2, top=True)
        result = self.final(scope)
        lines = [line for statement in statements for line in statement.lines] + [result.text]
        if bare:
            main = lines
        else:
            shown = [f"{name}[{n}]" if n else name for name, n in inputs.items()]
            main = [f"main({', '.join(shown)}) = {{", *_indented(lines), "}"]
        style = self.chooser.randrange(4)
        text = _styled([*self.definitions, main], style)
        at: dict[str, Any] = {}
        for name, length in inputs.items():
            numbers = [
                self.chooser.randrange(-2000, 2000) / 1024 + 1e-3 for _ in range(length or 1)
            ]
            at[name] = numbers if length else numbers[0]
        body = _run_all(statements)

        def run(machine: Machine, variables: Environment) -> mpf:
            body(machine, variables)
            machine.seen.add("bare statements" if bare else "main function")
            machine.seen.add(f"style {style}")
            return result.run(machine, variables)

        return Program(text, at, run)


class Program:
    """A generated program with everything known about it.

    Attributes:
        text: what the package reads.
        at: the inputs.
    """

    def __init__(
        self, text: str, at: dict[str, Any], run: Callable[[Machine, Environment], mpf]
    ) -> None:
        self.text = text
        self.at = at
        self._run = run

    def evaluate(
        self, moved: tuple[str, int] | None, by: mpf, noise: int | None
    ) -> tuple[mpf, Machine]:
        """The value, with one element of the inputs moved."""
        variables: Environment = {}
        for name, value in self.at.items():
            if isinstance(value, list):
                variables[name] = [mpf(x) for x in value]
            else:
                variables[name] = mpf(value)
        if moved is not None:
            name, i = moved
            if isinstance(variables[name], list):
                variables[name][i] += by
            else:
                variables[name] += by
        machine = Machine(noise)
        return self._run(machine, variables), machine

    def elements(self) -> list[tuple[str, int]]:
        """The elements of the inputs, in order."""
        return [
            (name, i)
            for name, value in self.at.items()
            for i in range(len(value) if isinstance(value, list) else 1)
        ]

    def reference(self, noise: int | None = None) -> Reference:
        """Value and gradient to 30 digits or more, of this program or one with errors.

        Raises:
            Rejected: the point is too close to an edge.
        """
        with mp.workdps(DIGITS):
            value, machine = self.evaluate(None, mpf(0), noise)
            step = mpf(STEP)
            gradient = []
            for element in self.elements():
                above, one = self.evaluate(element, step, noise)
                below, other = self.evaluate(element, -step, noise)
                if not machine.path == one.path == other.path:
                    raise Rejected("a path that ends")
                slope = (above - below) / (2 * step)
                if 0 < abs(slope) < LEAST_SLOPE:
                    raise Rejected("a slope too small")
                gradient.append(slope)
            return Reference(value, gradient, machine.seen)


class Reference:
    """What a program should give, and the features of the language it executed."""

    def __init__(self, value: mpf, gradient: list[mpf], features: set[str]) -> None:
        self.value = value
        self.gradient = gradient
        self.features = features

    def differs(self, other: Reference) -> float:
        """The largest relative difference of the value or a component of the gradient."""
        largest = 0.0
        for mine, theirs in zip(self.numbers(), other.numbers(), strict=True):
            if mine == 0:
                # Does not depend on that element; if it did and cancelled, errors show it.
                largest = max(largest, 0.0 if theirs == 0 else float("inf"))
            else:
                largest = max(largest, float(abs(theirs - mine) / abs(mine)))
        return largest

    def numbers(self) -> list[mpf]:
        """The value and the gradient."""
        return [self.value, *self.gradient]


def make(chooser: random.Random) -> tuple[Program, Reference]:
    """A program and what it should give.

    Raises:
        Rejected: it says nothing about accuracy: too close to an edge, or ill-conditioned.
    """
    program = Generator(chooser).program()
    reference = program.reference()
    for noise in (1, 2, 3):
        if reference.differs(program.reference(noise)) > MOST_SENSITIVE:
            raise Rejected("ill-conditioned")
    return program, reference


def seeded(count: int) -> Iterator[tuple[int, Program, Reference]]:
    """The first so many seeds that give a program, with their programs."""
    found = 0
    for seed in itertools.count():
        try:
            program, reference = make(random.Random(seed))
        except Rejected:
            continue
        yield seed, program, reference
        found += 1
        if found == count:
            return


def rejections(seeds: int) -> Counter[str]:
    """Why the first so many seeds give no program, for those who change the generator."""
    reasons: Counter[str] = Counter()
    for seed in range(seeds):
        try:
            make(random.Random(seed))
        except Rejected as reason:
            reasons[str(reason)] += 1
        else:
            reasons["accepted"] += 1
    return reasons
