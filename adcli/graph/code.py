"""The instructions a program is compiled to, and a compiled function.

A function has registers: its variables, its constants, and temporaries. An instruction
is (code, target, a, b, where); codes below `primitives.END` are the primitives
themselves, on registers a and b. `where` indexes the program's spans.

The structure of the program stays visible: BRANCH knows where its arms begin and where
they meet again (of a `while` loop: where it ends), so that the arms can be run one after
the other under a condition as well as chosen between. What an arm may change are the
targets in its code; SET_ELEMENT changes the array in its target.
"""

from __future__ import annotations

from typing import Any

from adcli.errors import Source

LT, LE, GT, GE, EQ, NE = range(64, 70)
NOT = 70  # target = not a
BRANCH = 71  # if a: go on, else go to target; the arms meet at b, a loop ends there
JUMP = 72  # go to target
TURN = 73  # a turn of a while loop
NEXT = 74  # target = the next item of iterator a, or go to b at its end
MOVE = 75  # target = a
COPY = 76  # target = a copy of a
CALL = 77  # target = function a of registers b
RETURN = 78  # give back registers a
CHECK = 79  # register a must have a value; b is the variable's name
VECTOR = 80  # target = [registers a]
INDEX = 81  # target = a[b]; each index a register or a range of three
SET_ELEMENT = 82  # target[b] = a
RANGE = 83  # target = iterator over registers (first, last, step) = a
EACH = 84  # target = iterator over the elements of a
COLLECT = 85  # target = an empty list
APPEND = 86  # put a at the end of list target
STACK = 87  # target = the array of list a
WHOLE = 88  # target = function a (of whole arrays) of registers b
FILLED = 89  # target = an array filled with number a, of sizes b
MATMUL = 90  # target = a @ b
UNPACK = 91  # registers target = the several results in a
UNDEFINED = 92  # target = those of registers a that have no value
FORGET = 93  # take the value from the registers listed in a

Instruction = tuple[int, Any, Any, Any, int]


# Kinds of regions.
LOOP, YES, NO = range(3)


class Region:
    """A stretch of code that runs under a condition, or again and again.

    Attributes:
        kind: LOOP, or the arm of an `if` that YES or NO chooses.
        head: of a loop, the `where` of the instruction that begins a turn: the first of a
            `while`, the one before that of a `for`.
        first, last: its instructions have a `where` from `first` up to, not including,
            `last`; regions inside of it come before it in `Function.regions`.
        start, end: the text of its condition, or of what the loop runs over.
        variable: what the loop calls its items, "" of others.
    """

    __slots__ = ("end", "first", "head", "kind", "last", "start", "variable")

    def __init__(
        self, kind: int, first: int, last: int, text: tuple[int, int], head: int, variable: str
    ) -> None:
        self.kind = kind
        self.first = first
        self.last = last
        self.start, self.end = text
        self.head = head
        self.variable = variable


class Parameter:
    """A parameter: its name, its shape as written, and its default as code without inputs."""

    __slots__ = ("default", "end", "name", "shape", "start")

    def __init__(
        self,
        name: str,
        shape: tuple[int | None, ...] | None,
        default: Function | None,
        start: int,
        end: int,
    ) -> None:
        self.name = name
        self.shape = shape
        self.default = default
        self.start = start
        self.end = end


class Function:
    """A compiled function.

    Attributes:
        name: its name; results are named after it.
        source: where its text is.
        parameters: in order; parameter k lives in register k.
        template: the registers at the start of a call: None, or a constant.
        code: the instructions.
        results: for each result its name if it is a plain name, else None.
        spans: for each `where`, the start and end of its text.
        regions: the loops and arms in it, inner ones first.
        from_prelude: whether it came with adcli: then it maps over vectors, and errors
            and warnings point at its call.
        has_shapes: whether any parameter has a shape to check.
    """

    __slots__ = (
        "code",
        "from_prelude",
        "has_shapes",
        "name",
        "parameters",
        "regions",
        "results",
        "source",
        "spans",
        "template",
    )

    def __init__(self, name: str, source: Source, spans: list[tuple[int, int]]) -> None:
        self.name = name
        self.source = source
        self.spans = spans
        self.parameters: list[Parameter] = []
        self.template: list[Any] = []
        self.code: list[Instruction] = []
        self.results: list[str | None] = []
        self.regions: list[Region] = []
        self.from_prelude = False
        self.has_shapes = False
