"""Values and derivatives of a program for many rows at once, by native code."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.differentiate.rows import RowGraph, Wanted
from adcli.errors import InputError, LimitError
from adcli.graph.program import Given, Program, element_names

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic
    from adcli.evaluate.blocks import Stage

# Turns of a loop whose number depends on the row, in the first stage; twice as many in each
# that follows.
_FIRST_TURNS = 4
# A stage of more operations than this takes longer to compile than it saves.
_LONGEST_STAGE = 200_000


class Columns:
    """A program compiled for columns.

    Args:
        program: the program.
        constants: inputs that are the same in all rows.
        shapes: for each other input () if it is a number, else the shape of the vector or
            matrix that its columns are the elements of.
        wanted: what is computed for each row.
        vectors: whether the vector library of the C library may be used.

    Attributes:
        inputs: the names of the columns read, in order.
        names: the names of the columns computed, in order.

    Raises:
        InputError: no such input, or one of another shape than declared.
        ProgramError: what has no graph for all rows: a recursion or a shape that the inputs
            decide; and what running the program raises.
        LimitError: too many operations.
    """

    def __init__(
        self,
        program: Program,
        constants: Mapping[str, Given],
        shapes: Mapping[str, tuple[int, ...]],
        wanted: Wanted,
        *,
        vectors: bool = True,
    ) -> None:
        from adcli.evaluate.native import Target

        self._program = program
        self._constants = dict(constants)
        self._shapes = {name: zeros(shape) for name, shape in shapes.items()}
        self._shape = dict(shapes)
        self._wanted = wanted
        self._target = Target(vectors=vectors)
        self._stages: list[Stage | None] = []
        self._lock = threading.Lock()
        self._sizes: list[int] = []
        graph = self._trace(0)
        self.inputs = list(graph.elements)
        self.names = graph.names
        self._stages.append(self._compile(graph))

    def compute(
        self, columns: Mapping[str, Any], rows: int, jobs: int | None = None
    ) -> tuple[dict[str, Any], dict[int, Exception]]:
        """The results and derivatives for all rows.

        Args:
            columns: for each of `inputs` an array of doubles (n,).
            rows: n.
            jobs: how many threads; all cores if None.

        Returns:
            For each of `names` an array of doubles (n,); and for each row that could not be
            computed why, with nan in its results.
        """
        from adcli.evaluate.blocks import Blocks

        blocks = Blocks(self._stage, len(self.names), self._at_point, jobs)
        results, errors = blocks.compute([columns[name] for name in self.inputs], rows)
        return dict(zip(self.names, results, strict=True)), errors

    def _trace(self, number: int) -> RowGraph:
        turns = _FIRST_TURNS << number
        return RowGraph(self._program, self._constants, self._shapes, self._wanted, turns)

    def _compile(self, graph: RowGraph) -> Stage:
        from adcli.evaluate.blocks import Stage
        from adcli.evaluate.native import Kernel

        decides_all = graph.undecided is False
        outputs = [*graph.outputs, *([] if decides_all else [graph.undecided])]
        self._sizes.append(len(graph.graph))
        kernel = Kernel(graph.graph, list(graph.elements.values()), outputs, self._target)
        return Stage(kernel, decides_all=decides_all)

    def _stage(self, number: int) -> Stage | None:
        """The kernel of a stage; None where no further one is worth it."""
        with self._lock:
            while len(self._stages) <= number and self._stages[-1] is not None:
                self._stages.append(self._next())
            return self._stages[number] if number < len(self._stages) else None

    def _next(self) -> Stage | None:
        if 2 * self._sizes[-1] > _LONGEST_STAGE:
            return None
        try:
            graph = self._trace(len(self._stages))
        except LimitError:
            return None
        if len(graph.graph) == self._sizes[-1] or len(graph.graph) > _LONGEST_STAGE:
            return None  # it is no loop that leaves rows undecided, or too long a one
        return self._compile(graph)

    def _at(self, numbers: Sequence[float]) -> dict[str, Any]:
        """The inputs of a row, by name and in their shapes."""
        at: dict[str, Any] = dict(self._constants)
        position = 0
        for name in self._program.inputs:
            if name in self._shape:
                size = len(element_names(name, self._shape[name]))
                at[name] = _arranged(numbers[position : position + size], self._shape[name])
                position += size
        return at

    def diagnose(self, row: Mapping[str, float]) -> list[Diagnostic]:
        """What makes the results of a row not finite.

        Args:
            row: for each of `inputs` its number.
        """
        from adcli.differentiate.blame import value_warnings
        from adcli.differentiate.gradient import gradient

        run = self._program.run(self._at([row[name] for name in self.inputs]))
        if not self._wanted.order:
            return value_warnings(run)
        found: list[Diagnostic] = []
        for name in run.results:
            wrt = self._wanted.wrt or tuple(self._shape)
            found += [x for x in gradient(run, "reverse", wrt, name).warnings if x.is_non_finite]
        return found[:1]

    def _at_point(self, numbers: Sequence[float]) -> list[float]:
        """One row, as `grad` computes it; raises what is wrong with it."""
        from adcli.differentiate.gradient import gradient
        from adcli.differentiate.hessian import hessian

        run = self._program.run(self._at(numbers))
        found = list(run.values().values())
        wrt = self._wanted.wrt or tuple(self._shape)
        if self._wanted.order:
            for name in run.results:
                found += gradient(run, "reverse", wrt, name).numbers
        if self._wanted.order > 1:
            matrix = hessian(run, wrt).hessian
            found += [x for i, row in enumerate(matrix) for x in row[i:]]
        return found


class Table:
    """Columns as they were given, by the inputs that they belong to.

    Attributes:
        shapes: of each input that has columns its shape in one row.
        columns: of each element of these inputs its column.
        rows: how many rows there are.
    """

    __slots__ = ("columns", "rows", "shapes")

    def __init__(self, program: Program, given: Mapping[str, Any]) -> None:
        from adcli.evaluate.blocks import elements

        self.shapes: dict[str, tuple[int, ...]] = {}
        self.columns: dict[str, Any] = {}
        known = set(program.inputs)
        parts: dict[str, dict[str, Any]] = {}
        for name, column in given.items():
            stem = name.partition("[")[0]
            if name in known or stem not in known:
                program.check_input(name)
                shape, made = elements(name, column)
                self.shapes[name] = shape
                self.columns.update(zip(element_names(name, shape), made, strict=True))
            else:
                shape, made = elements(name, column)
                if shape:
                    raise InputError(f"'{name}' is one number in each row, not {len(made)}")
                parts.setdefault(stem, {})[name] = made[0]
        for stem, columns in parts.items():
            if stem in self.shapes:
                raise InputError(f"'{stem}' is given as a whole and by its elements")
            self.shapes[stem] = shape_of_elements(stem, columns)
            self.columns.update(columns)
        lengths = {len(column) for column in self.columns.values()}
        if len(lengths) > 1:
            first, second = sorted(lengths)[:2]
            raise InputError(f"columns of {first:,} and of {second:,} rows")
        if not lengths:
            raise InputError("no column is given", hint="a row is what all columns have in common")
        (self.rows,) = lengths


def shape_of_elements(stem: str, names: Collection[str]) -> tuple[int, ...]:
    """The shape of a vector or matrix of which columns are the elements.

    Args:
        stem: its name.
        names: the names of the columns: x[1], x[2], ..., or A[1,1], A[1,2], ...

    Raises:
        InputError: some are missing, or are no elements.
    """
    indices = []
    for name in names:
        found = _ELEMENT.fullmatch(name[len(stem) :])
        if found is None:
            raise InputError(f"'{name}' is no element of '{stem}'", hint=f"write {stem}[1]")
        indices.append(tuple(int(x) for x in found[1].split(",")))
    sizes = {len(index) for index in indices}
    if len(sizes) > 1:
        raise InputError(f"'{stem}' has elements with one index and with two")
    shape = tuple(max(index[k] for index in indices) for k in range(sizes.pop()))
    missing = [name for name in element_names(stem, shape) if name not in names]
    if missing:
        raise InputError(f"column '{missing[0]}' is missing", details=(f"'{stem}' has others",))
    return shape


# [1], [12] or [3,4]; counted from 1.
_ELEMENT = re.compile(r"\[([1-9][0-9]{0,8}(?:,[1-9][0-9]{0,8})?)\]")


def compiled(
    program: Program,
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, Given],
    wanted: Wanted,
    *,
    vectors: bool = True,
) -> Columns:
    """A program compiled for columns; what neither has a column nor is constant is missing.

    Inputs with a default are constants then.

    Raises:
        InputError: an input without a value, or one twice; and what `Columns` raises.
    """
    for name in constants:
        program.check_input(name)
        if name in shapes:
            raise InputError(f"'{name}' is a constant and a column")
    missing = [name for name in program.required if name not in shapes and name not in constants]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        what = (
            "inputs have neither columns nor values"
            if len(missing) > 1
            else "input has neither a column nor a value"
        )
        raise InputError(f"these {what}: {names}" if len(missing) > 1 else f"this {what}: {names}")
    defaults = program.defaults(
        [name for name in program.inputs if name not in shapes and name not in constants]
    )
    return Columns(program, {**defaults, **constants}, shapes, wanted, vectors=vectors)


def zeros(shape: tuple[int, ...]) -> Given:
    """A value of a shape, where only the shape matters."""
    if not shape:
        return 0.0
    if len(shape) == 1:
        return [0.0] * shape[0]
    return [[0.0] * shape[1] for _ in range(shape[0])]


def _arranged(numbers: Sequence[float], shape: tuple[int, ...]) -> Given:
    if not shape:
        return numbers[0]
    if len(shape) == 1:
        return list(numbers)
    return [list(numbers[i * shape[1] : (i + 1) * shape[1]]) for i in range(shape[0])]
