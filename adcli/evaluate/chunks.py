"""The code of a graph, cut into functions of bounded length.

Beyond some length compiling a function would not be linear. Functions hand values on in
memory: what a later one needs has a slot of a scratch area, and slots are used again when
nobody needs them any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adcli.evaluate.target import Target
from adcli.evaluate.text import Data, Text
from adcli.graph.conditions import Condition
from adcli.graph.open import SELECT, OpenGraph
from adcli.graph.primitives import CONSTANT, INPUT
from adcli.graph.wengert import UNARY, Scalar

# Functions of this many steps at most.
LONGEST = 1_000
# A vector on the stack in two lines of the cache would take twice as long to reach.
_ATTRIBUTES = "nounwind alignstack(64)"

Output = Scalar | Condition | bool


class Store:
    """The step that writes an output.

    Attributes:
        position: which output.
    """

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


# A node, a condition to be found, or an output to be written.
Step = int | Condition | Store


class Chunks:
    """The functions for a graph, and what they read.

    Args:
        graph: the graph.
        inputs: the nodes that columns are read into, in order.
        outputs: what is computed for each row, in order.
        target: the machine.

    Attributes:
        operations: how many operations and conditions a row takes.
        slots: how many vectors of scratch memory the functions need.
        data: what they read besides columns.
    """

    def __init__(
        self,
        graph: OpenGraph,
        inputs: Sequence[int],
        outputs: Sequence[Output],
        target: Target,
    ) -> None:
        self._graph = graph
        self._inputs = {node: i for i, node in enumerate(inputs)}
        self._outputs = outputs
        self._target = target
        self.data = Data(target.lanes)
        self.slots = 0
        nodes, used = _needed(graph, outputs)
        self.operations = len(nodes) + len(used)
        steps = list(_with_stores(_merged(graph, nodes, used), outputs))
        self._chunks = [steps[i : i + LONGEST] for i in range(0, len(steps), LONGEST)] or [[]]
        self._slot: dict[int, int] = {}
        self._plan()

    def module(self, *, streams: bool) -> str:
        """The text of a module with a function `kernel(in, out, data, scratch, next, rows, block)`.

        It takes blocks of rows until none is left: `next` points to the first row that nobody
        has taken.

        Args:
            streams: whether outputs are written past the caches; their columns begin at a
                multiple of 64 bytes then.
        """
        declared: dict[str, str] = {}
        texts = []
        for chunk in self._chunks:
            text = Text(self._target, self.data, declared)
            self._write(text, chunk, streams=streams)
            texts.append(text)
        if len(texts) == 1:
            functions = [_kernel(texts[0].head, texts[0].lines, self._target.lanes)]
        else:
            arguments = "(ptr %in, ptr %out, ptr %data, ptr %scratch, i64 %row)"
            functions = []
            for number, text in enumerate(texts):
                lines = "\n".join([*text.head, *text.lines])
                functions.append(
                    f"define internal void @chunk{number}{arguments} {_ATTRIBUTES} {{\n"
                    f"entry:\n{lines}\nret void\n}}"
                )
            calls = [f"call void @chunk{number}{arguments}" for number in range(len(texts))]
            functions.append(_kernel([], calls, self._target.lanes))
        return "\n".join([*declared.values(), *functions, "!0 = !{i32 1}"])

    def _plan(self) -> None:
        """Give slots to what is needed in later functions."""
        made: dict[int, int] = {}
        last: dict[int, int] = {}
        for number, chunk in enumerate(self._chunks):
            for step in chunk:
                for x in self._operands(step):
                    last[x] = number
                if not isinstance(step, Store):
                    made[_key(step)] = number
        ends: list[list[int]] = [[] for _ in self._chunks]
        free: list[int] = []
        for key, number in made.items():
            if last.get(key, number) > number:
                ends[last[key]].append(key)
        for number, chunk in enumerate(self._chunks):
            if number:
                free += [self._slot[key] for key in ends[number - 1]]
            for step in chunk:
                if isinstance(step, Store):
                    continue
                key = _key(step)
                if last.get(key, number) > number:
                    if not free:
                        free.append(self.slots)
                        self.slots += 1
                    self._slot[key] = free.pop()

    def _operands(self, step: Step) -> Iterator[int]:
        """The keys of what a step needs; some may be inputs or constants."""
        if type(step) is int:
            yield self._graph.left[step]
            right = self._graph.right[step]
            if right != UNARY:
                yield right
            if self._graph.op[step] == SELECT:
                yield _key(self._graph.chooses[step])
        elif isinstance(step, Condition):
            yield from map(_key, step.parts)
            yield from (x for x in step.scalars if type(x) is int)
        else:
            assert isinstance(step, Store)
            output = self._outputs[step.position]
            if not isinstance(output, (float, bool)):
                yield _key(output)

    def _write(self, text: Text, chunk: Sequence[Step], *, streams: bool) -> None:
        """The lines of a function."""
        graph, slot = self._graph, self._slot
        op, left, right = graph.op, graph.left, graph.right
        known: dict[int, str] = {}

        def operand(x: Any) -> str:
            """The name of a value here: it is loaded where it is used first."""
            if isinstance(x, float):
                return text.constant(x)
            key = _key(x)
            name = known.get(key)
            if name is None:
                if isinstance(x, Condition):
                    name = text.restore(slot[key], is_mask=True)
                elif op[x] == CONSTANT:
                    # Not kept: loading it again is part of the operation.
                    return text.constant(graph.value[x])
                elif op[x] == INPUT:
                    name = text.read(self._inputs[x])
                else:
                    name = text.restore(slot[key], is_mask=False)
                known[key] = name
            return name

        for step in chunk:
            if type(step) is int:
                operands = [operand(left[step])]
                if right[step] != UNARY:
                    operands.append(operand(right[step]))
                if op[step] == SELECT:
                    name = text.select(operand(graph.chooses[step]), *operands)
                else:
                    name = text.node(graph, step, operands)
                known[step] = name
                if step in slot:
                    text.save(name, slot[step], is_mask=False)
            elif isinstance(step, Condition):
                parts: Sequence[Any] = step.parts or step.scalars
                name = text.condition(step, [operand(x) for x in parts])
                key = _key(step)
                known[key] = name
                if key in slot:
                    text.save(name, slot[key], is_mask=True)
            else:
                assert isinstance(step, Store)
                output = self._outputs[step.position]
                if isinstance(output, Condition):
                    one, zero = text.constant(1.0), text.constant(0.0)
                    value = text.select(operand(output), one, zero)
                else:
                    value = operand(float(output) if isinstance(output, bool) else output)
                text.write(value, step.position, streams=streams)


def _kernel(head: Sequence[str], lines: Sequence[str], lanes: int) -> str:
    """The loop over blocks of rows, and over the rows of a block."""
    before, inside = "\n".join(head), "\n".join(lines)
    return f"""define void @kernel(ptr %in, ptr %out, ptr %data, ptr %scratch,
  ptr %next, i64 %rows, i64 %block) {_ATTRIBUTES} {{
entry:
{before}
br label %take
take:
%start = atomicrmw add ptr %next, i64 %block seq_cst
%some = icmp slt i64 %start, %rows
br i1 %some, label %begin, label %end
begin:
%stop = add i64 %start, %block
%whole = icmp slt i64 %stop, %rows
%limit = select i1 %whole, i64 %stop, i64 %rows
br label %loop
loop:
%row = phi i64 [ %start, %begin ], [ %after, %loop ]
{inside}
%after = add i64 %row, {lanes}
%more = icmp slt i64 %after, %limit
br i1 %more, label %loop, label %take
end:
fence seq_cst
ret void
}}
"""


def _key(x: int | Condition) -> int:
    """A node or a condition as a number."""
    return x if type(x) is int else -1 - x.index  # type: ignore[union-attr]


def _needed(graph: OpenGraph, outputs: Sequence[Output]) -> tuple[list[int], list[Condition]]:
    """The operations that the outputs need, and the conditions, in order."""
    op, left, right = graph.op, graph.left, graph.right
    pending: list[Any] = [x for x in outputs if not isinstance(x, (float, bool))]
    nodes: set[int] = set()
    found: dict[int, Condition] = {}
    while pending:
        x = pending.pop()
        if type(x) is not int:
            if x.index not in found:
                found[x.index] = x
                pending += x.parts
                pending += [y for y in x.scalars if type(y) is int]
        elif x not in nodes and op[x] > CONSTANT:
            nodes.add(x)
            pending.append(left[x])
            if right[x] != UNARY:
                pending.append(right[x])
            if op[x] == SELECT:
                pending.append(graph.chooses[x])
    return sorted(nodes), [found[i] for i in sorted(found)]


def _merged(
    graph: OpenGraph, nodes: Sequence[int], used: Sequence[Condition]
) -> Iterator[int | Condition]:
    """Operations and conditions in an order in which each comes behind what it needs.

    A condition was made after all it is made of, and before the choices that it decides.
    """
    upcoming = 0
    for node in nodes:
        if graph.op[node] == SELECT:
            index = graph.chooses[node].index
            while upcoming < len(used) and used[upcoming].index <= index:
                yield used[upcoming]
                upcoming += 1
        yield node
    yield from used[upcoming:]


def _with_stores(steps: Iterator[int | Condition], outputs: Sequence[Output]) -> Iterator[Step]:
    """The same with each output written as soon as it is known."""
    wanted: dict[int, list[int]] = {}
    for position, x in enumerate(outputs):
        if not isinstance(x, (float, bool)):
            wanted.setdefault(_key(x), []).append(position)
    stored = set()
    for step in steps:
        yield step
        for position in wanted.get(_key(step), ()):
            stored.add(position)
            yield Store(position)
    # Inputs and constants.
    yield from (Store(position) for position in range(len(outputs)) if position not in stored)
