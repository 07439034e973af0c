"""A Wengert list without values: what a program computes wherever its inputs are.

The inputs are open. A condition on them cannot be decided; it is kept, and where a program
branches on it, a SELECT takes the value of the arm that it turns out to choose. SELECT is
no primitive and has no line in `derivatives.ad`: its derivative is the same choice between
derivatives, and is what `masked` arithmetic makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from adcli.errors import DEFAULT_MAX_OPERATIONS, LimitError, ProgramError
from adcli.graph import conditions
from adcli.graph.conditions import Condition, Truth
from adcli.graph.kernels import COMPARISONS
from adcli.graph.primitives import CONSTANT, END
from adcli.graph.wengert import Graph, Scalar

# The node's operands are the values of the two arms; `OpenGraph.chooses` has the condition.
SELECT = END
# What is made of conditions is written down by recursion.
_DEEPEST = 200


class UndecidedError(ProgramError):
    """What only values could decide.

    Attributes:
        what: what that is, in words.
    """

    def __init__(self, what: str, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.what = what


class TooFewTurnsError(ProgramError):
    """An error behind a loop, where the inputs that take more turns may have none.

    Attributes:
        cause: the error.
    """

    def __init__(self, cause: ProgramError) -> None:
        super().__init__(cause.message)
        self.cause = cause


class OpenGraph(Graph):
    """A Wengert list whose inputs have no values; all values in it are nan.

    Args:
        max_operations: how many operations there may be.
        turns: how many turns of a loop are recorded whose number depends on the inputs;
            0 if such a loop is to be an error.

    Attributes:
        chooses: for each SELECT node its condition.
        turns: as given.
        undecided: where this holds of the inputs, a loop takes more turns than are recorded:
            the graph is not what the program does.
        failed: where this holds the program ends with an error, and only running it there
            tells which. Where both hold, it does so before that loop. Both are false if
            `turns` is 0.
    """

    is_open = True

    def __init__(self, max_operations: int = DEFAULT_MAX_OPERATIONS, turns: int = 0) -> None:
        super().__init__(max_operations)
        self.chooses: dict[int, Condition] = {}
        self.turns = turns
        self.undecided: Truth = False
        self.failed: Truth = False
        self._conditions: dict[tuple[Any, ...], Condition] = {}
        self._selected: dict[tuple[Any, ...], int] = {}

    @property
    def size(self) -> int:
        """How many operations and conditions there are: what code for it is as long as."""
        return len(self) + len(self._conditions)

    @property
    def is_full(self) -> bool:
        """Whether no operation can be recorded any more."""
        return len(self) >= self._most_nodes

    def note_undecided(self, where: Truth) -> None:
        """Note that a loop takes more turns where this holds."""
        self.undecided = self.either(self.undecided, where)

    def note_failed(self, where: Truth) -> None:
        """Note that there is an error where this holds.

        Behind a loop that takes more turns nothing is known: what looks like an error is none.
        """
        known = self.both(where, self.negation(self.undecided))
        self.failed = self.either(self.failed, known)

    def number(self, x: Scalar) -> float:
        """The value of a constant.

        Raises:
            UndecidedError: it depends on the inputs.
        """
        if type(x) is int:
            raise UndecidedError(
                "a number that depends on the inputs",
                "what is needed here is a number, but it depends on the inputs",
                "so there is no formula; adcli grad differentiates at a point",
            )
        return x

    def parts(self, node: int) -> Sequence[int]:
        """The nodes that an operation is made of, those in its condition too."""
        found = list(self.operands(node))
        pending = [self.chooses[node]] if self.op[node] == SELECT else []
        while pending:
            condition = pending.pop()
            found += [x for x in condition.scalars if type(x) is int]
            pending += condition.parts
        return found

    def unused_choices(self, outputs: Iterable[Scalar]) -> set[int]:
        """The SELECTs that neither these nor operations need: of temporaries of both arms."""
        operations = (node for node in self.operations() if node not in self.chooses)
        needed = self.reached([*outputs, *operations])
        return {node for node in self.chooses if node not in needed}

    def count_operations(self, output: Scalar) -> int:
        """How many operations a scalar takes."""
        return sum(self.op[node] > CONSTANT for node in self.reached([output]))

    def compare(self, sign: str, x: Scalar, y: Scalar) -> Truth:
        """A comparison: decided between constants, else a condition."""
        if type(x) is not int and type(y) is not int:
            return COMPARISONS[sign](x, y)
        if (
            x == y and type(x) is type(y) and not self.turns
        ):  # one node; only nan is not equal to itself
            return sign in ("==", "<=", ">=")
        key = (sign, _key(x), _key(y))
        return self._condition(key, conditions.COMPARE, sign=sign, scalars=(x, y))

    def negation(self, condition: Truth) -> Truth:
        """Not a."""
        if isinstance(condition, bool):
            return not condition
        if condition.kind == conditions.NOT:
            return condition.parts[0]
        return self._condition(("not", condition.index), conditions.NOT, parts=(condition,))

    def both(self, one: Truth, other: Truth) -> Truth:
        """One and other."""
        return self._logical(conditions.AND, "and", one, other, False)

    def either(self, one: Truth, other: Truth) -> Truth:
        """One or other."""
        return self._logical(conditions.OR, "or", one, other, True)

    def _logical(self, kind: int, word: str, one: Truth, other: Truth, decides: bool) -> Truth:
        if isinstance(one, bool):
            return one if one is decides else other
        if isinstance(other, bool):
            return other if other is decides else one
        if one is other:
            return one
        if other is self.negation(one):
            return decides
        # a or (not a and b) is a or b; a and (not a or b) is a and b.
        if other.kind == (conditions.AND if kind == conditions.OR else conditions.OR):
            first, second = other.parts
            if first is self.negation(one):
                return self._logical(kind, word, one, second, decides)
        return self._condition((word, one.index, other.index), kind, parts=(one, other))

    def _condition(self, key: tuple[Any, ...], kind: int, **rest: Any) -> Condition:
        found = self._conditions.get(key)
        if found is None:
            found = self._conditions[key] = Condition(kind, len(self._conditions), **rest)
            # With turns, conditions are not to be read, and are followed without recursion.
            if found.depth > _DEEPEST and not self.turns:
                raise LimitError(f"conditions nested more than {_DEEPEST} deep have no formula")
        return found

    def select(self, condition: Truth, yes: Scalar, no: Scalar) -> Scalar:
        """The value of one arm or the other."""
        if condition is True:
            return yes
        if condition is False:
            return no
        assert isinstance(condition, Condition)
        if condition.kind == conditions.NOT:
            return self.select(condition.parts[0], no, yes)
        if _key(yes) == _key(no):
            return yes
        # In a rule nan stands for "none of these", which only nan is.
        if condition.sign == "==" and type(no) is float and no != no and not self.turns:
            return yes
        key = (condition.index, _key(yes), _key(no))
        node = self._selected.get(key)
        if node is None:
            x = yes if type(yes) is int else self.constant(yes)
            y = no if type(no) is int else self.constant(no)
            node = self._selected[key] = self._append(SELECT, x, y, math.nan)
            self.chooses[node] = condition
        return node


def _key(x: Scalar) -> tuple[bool, Scalar | str]:
    """A scalar as a key: node 1 is not 1.0, -0.0 is not 0.0, and nan is nan."""
    return (True, x) if type(x) is int else (False, repr(x))
