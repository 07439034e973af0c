"""Values and derivatives of a program for many rows at once, by native code."""

from __future__ import annotations

import math
import re
import threading
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.differentiate.rows import RowGraph, Wanted
from adcli.errors import (
    DEFAULT_MAX_OPERATIONS,
    AdcliError,
    InputError,
    LimitError,
    ProgramError,
)
from adcli.graph.open import TooFewTurnsError
from adcli.graph.program import Given, Program, Run, arranged, element_names, measure
from adcli.graph.suggest import listing

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic
    from adcli.evaluate.blocks import Stage

# Turns of a loop whose number depends on the row, in the first stage; twice as many in each
# that follows.
_FIRST_TURNS = 4
# If with so many there is no graph for all rows, there is none.
_MOST_FIRST_TURNS = 64
# A stage of more operations than this takes longer to compile than it saves.
_LONGEST_STAGE = 200_000
# A graph of more operations, those of derivatives included, takes minutes and gigabytes to
# compile: it has to be asked for.
_MOST_COMPILED = 2_000_000
# So many programs with other constants or shapes are kept compiled.
_MOST_KEPT = 16


class Columns:
    """A program compiled for columns.

    Args:
        program: the program.
        constants: inputs that are the same in all rows.
        shapes: for each other input () if it is a number, else the shape of the vector or
            matrix that its columns are the elements of.
        wanted: what is computed for each row.
        vectors: whether the vector library of the C library may be used.
        max_operations: the most operations to record, of the program for all rows and for
            one. With those of derivatives there may be two million, or as many if that is
            more than the default.

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
        max_operations: int = DEFAULT_MAX_OPERATIONS,
    ) -> None:
        from adcli.evaluate.native import Target

        self._program = program
        # Of its own: a list may be changed by its owner, and stages are made later too.
        self._constants: dict[str, Given] = {}
        for name, given in constants.items():
            shape, numbers = measure(name, given)
            self._constants[name] = arranged(numbers, shape)
        self._shapes = dict(shapes)
        self._wanted = wanted
        self._max_operations = max_operations
        asked = max_operations if max_operations > DEFAULT_MAX_OPERATIONS else 0
        self._most = max(asked, _MOST_COMPILED)
        self._target = Target(vectors=vectors)
        self._stages: list[Stage | None] = []
        self._lock = threading.Lock()
        self._turns = _FIRST_TURNS
        graph = self._first()
        self.inputs = list(graph.elements)
        self.names = graph.names
        for name, count in Counter(self.names).items():
            if count > 1:
                raise InputError(
                    f"{count} columns of the result are called '{name}'",
                    hint="give the results or inputs other names",
                )
        self._results = graph.results
        self._size = 0
        self._stages.append(self._compile(graph))

    def compute(
        self,
        columns: Mapping[str, Any],
        rows: int,
        jobs: int | None = None,
        *,
        stop: bool = False,
        ended: threading.Event | None = None,
    ) -> tuple[dict[str, Any], dict[int, AdcliError]]:
        """The results and derivatives for all rows.

        Args:
            columns: for each of `inputs` an array of doubles (n,).
            rows: n.
            jobs: how many threads; all cores if None.
            stop: whether to compute nothing more behind the first row that cannot be
                computed; the results are of no use then.
            ended: set by somebody who does not want the results any more.

        Returns:
            For each of `names` an array of doubles (n,); and for each row that could not be
            computed why, with nan in its results. With `stop` the first of these is there.

        Raises:
            InputError: `jobs` is no number of threads.
        """
        from adcli.evaluate.blocks import Blocks

        blocks = Blocks(self, len(self.names), jobs)
        arrays = [columns[name] for name in self.inputs]
        results, errors = blocks.compute(arrays, rows, stop=stop, ended=ended)
        return dict(zip(self.names, results, strict=True)), errors

    def _trace(self, most: int) -> RowGraph:
        """The graph for all rows, of so many operations at most."""
        return RowGraph(
            self._program,
            self._constants,
            {name: arranged([0.0] * math.prod(x), x) for name, x in self._shapes.items()},
            self._wanted,
            self._turns,
            min(self._max_operations, most),
            most,
        )

    def _first(self) -> RowGraph:
        """The graph of the first stage, of as many turns as it takes to have one.

        What is wrong behind a loop after few turns need not be so after more.
        """
        while True:
            try:
                return self._trace(self._most)
            except TooFewTurnsError as error:
                if self._turns >= _MOST_FIRST_TURNS:
                    raise error.cause from None
            self._turns *= 2

    def _compile(self, graph: RowGraph) -> Stage:
        from adcli.evaluate.blocks import Stage
        from adcli.evaluate.native import Kernel

        decides_all = graph.undecided is False and graph.failed is False
        flags = [] if decides_all else [graph.undecided, graph.failed]
        kernel = Kernel(
            graph.graph,
            list(graph.elements.values()),
            [*graph.outputs, *flags],
            self._target,
        )
        self._size = graph.graph.size
        return Stage(kernel, decides_all=decides_all)

    def is_made(self, number: int) -> bool:
        """Whether the stage of this number, or that there is none, is known."""
        return number < len(self._stages) or self._stages[-1] is None

    def stage(self, number: int) -> Stage | None:
        """The stage of this number, made if need be; None where no further one is worth it."""
        with self._lock:
            while len(self._stages) <= number and self._stages[-1] is not None:
                self._stages.append(self._next())
            return self._stages[number] if number < len(self._stages) else None

    def _next(self) -> Stage | None:
        if 2 * self._size > _LONGEST_STAGE:
            return None
        self._turns *= 2
        try:
            graph = self._trace(_LONGEST_STAGE)
        except (LimitError, ProgramError):
            return None  # it is too long, or behind more turns there is no graph for all rows
        if not self._size < graph.graph.size <= _LONGEST_STAGE or graph.results != self._results:
            return None  # more turns change nothing, or too much
        return self._compile(graph)

    def is_out_of_reach(self, numbers: Sequence[float]) -> bool:
        """Whether no stage there will ever be decides a row.

        A stage records at least what the row goes through at its point.
        """
        try:
            self._run(numbers, _LONGEST_STAGE)
        except AdcliError:
            return True
        return False

    def _run(self, numbers: Sequence[float], max_operations: int) -> Run:
        """The program at the point of a row; constants are numbers there too."""
        return self._program.run(self._at(numbers), max_operations, fixed=self._constants)

    def _at(self, numbers: Sequence[float]) -> dict[str, Any]:
        """The inputs of a row, by name and in their shapes."""
        at: dict[str, Any] = dict(self._constants)
        position = 0
        for name in self._program.inputs:
            if name in self._shapes:
                shape = self._shapes[name]
                size = math.prod(shape)
                at[name] = arranged(numbers[position : position + size], shape)
                position += size
        return at

    @property
    def _towards(self) -> tuple[str, ...]:
        """The inputs that derivatives are towards."""
        return tuple(self._shapes) if self._wanted.wrt is None else self._wanted.wrt

    def diagnose(self, row: Mapping[str, float]) -> list[Diagnostic]:
        """What makes the results of a row not finite.

        Args:
            row: for each of `inputs` its number.
        """
        from adcli.differentiate.blame import value_warnings
        from adcli.differentiate.gradient import gradient

        run = self._run([row[name] for name in self.inputs], self._max_operations)
        if not self._wanted.order:
            return value_warnings(run)
        found: list[Diagnostic] = []
        for name in run.results:
            warnings = gradient(run, "reverse", self._towards, name).warnings
            found += [x for x in warnings if x.is_non_finite]
        return found[:1]

    def at_point(self, numbers: Sequence[float]) -> list[float]:
        """One row, as `grad` computes it; raises what is wrong with it."""
        from adcli.differentiate.gradient import gradient
        from adcli.differentiate.hessian import hessian

        run = self._run(numbers, self._max_operations)
        if list(run.results) != self._results:
            raise ProgramError(
                f"the results are {listing(run.results)}, of other inputs {listing(self._results)}",
                hint="each row has the same columns",
            )
        found = list(run.values().values())
        if self._wanted.order:
            for name in run.results:
                found += gradient(run, "reverse", self._towards, name).numbers
        if self._wanted.order > 1:
            matrix = hessian(run, self._towards).hessian
            found += [x for i, row in enumerate(matrix) for x in row[i:]]
        return found


class Table:
    """Columns as they were given, by the inputs that they belong to.

    Attributes:
        shapes: of each input that has columns its shape in one row.
        columns: of each element of these inputs its column.
        rows: how many rows there are.

    Raises:
        InputError: there is no such input, or no such array; elements are missing; columns
            are not of one length.
    """

    __slots__ = ("columns", "rows", "shapes")

    def __init__(self, program: Program, given: Mapping[str, Any]) -> None:
        from adcli.evaluate.blocks import elements

        self.shapes: dict[str, tuple[int, ...]] = {}
        self.columns: dict[str, Any] = {}
        known = set(program.inputs)
        parts: dict[str, dict[str, Any]] = {}
        lengths: set[int] = set()
        for name, column in given.items():
            stem = str(name).partition("[")[0]
            if name in known or stem not in known:
                program.check_input(name)
                shape, made, rows = elements(name, column)
                self.shapes[name] = shape
                self.columns.update(zip(element_names(name, shape), made, strict=True))
            else:
                shape, made, rows = elements(name, column)
                if shape:
                    raise InputError(f"'{name}' is one number in each row, not {len(made)}")
                parts.setdefault(stem, {})[name] = made[0]
            lengths.add(rows)
        for stem, columns in parts.items():
            if stem in self.shapes:
                raise InputError(f"'{stem}' is given as a whole and by its elements")
            self.shapes[stem] = shape_of_elements(stem, columns)
            self.columns.update(columns)
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
    there = set(indices)
    if len(there) < math.prod(shape):
        # The first gap is found before there are more names than columns.
        missing = next(index for index in _counted(shape) if index not in there)
        name = f"{stem}[{','.join(map(str, missing))}]"
        raise InputError(f"column '{name}' is missing", details=(f"'{stem}' has others",))
    return shape


def _counted(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The indices of the elements, row by row, one after the other."""
    for i in range(1, shape[0] + 1):
        if len(shape) == 1:
            yield (i,)
        else:
            yield from ((i, j) for j in range(1, shape[1] + 1))


# [1], [12] or [3,4]; counted from 1.
_ELEMENT = re.compile(r"\[([1-9][0-9]{0,8}(?:,[1-9][0-9]{0,8})?)\]")


def compiled(
    program: Program,
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, Given],
    wanted: Wanted,
    *,
    vectors: bool = True,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
) -> Columns:
    """A program compiled for columns; what neither has a column nor is constant is missing.

    Inputs with a default are constants then.

    Raises:
        InputError: what `check` raises; and what `Columns` raises.
    """
    check(program, shapes, constants, wanted)
    defaults = program.defaults(
        [name for name in program.inputs if name not in shapes and name not in constants]
    )
    return Columns(
        program,
        {**defaults, **constants},
        shapes,
        wanted,
        vectors=vectors,
        max_operations=max_operations,
    )


class Kept:
    """What was compiled for a program, for all threads.

    Attributes:
        compiled: by what it was compiled for.
        lock: held by who looks into it or adds to it.
    """

    __slots__ = ("compiled", "lock")

    def __init__(self) -> None:
        self.compiled: dict[object, Columns] = {}
        self.lock = threading.Lock()


def kept(
    there: Kept,
    program: Program,
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, Given],
    wanted: Wanted,
) -> Columns:
    """The program compiled for columns, now or before.

    Args:
        there: what was compiled for this program; what is compiled now is added.
        program: the program.
        shapes: as of `compiled`.
        constants: as of `compiled`; the bits of their numbers count.
        wanted: as of `compiled`.

    Raises:
        InputError: what `compiled` raises.
    """
    check(program, shapes, constants, wanted)
    bits = []
    for name in sorted(constants):
        shape, numbers = measure(name, constants[name])
        bits.append((name, shape, array("d", numbers).tobytes()))
    wrt = None if wanted.wrt is None else frozenset(wanted.wrt)
    key = (tuple(sorted(shapes.items())), tuple(bits), wanted.order, wrt)
    with there.lock:  # who needs the same waits for it
        found = there.compiled.get(key)
        if found is None:
            if len(there.compiled) >= _MOST_KEPT:
                del there.compiled[next(iter(there.compiled))]
            found = there.compiled[key] = compiled(program, shapes, constants, wanted)
    return found


def check(
    program: Program,
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, Given],
    wanted: Wanted,
) -> None:
    """Refuse columns and constants that are not the inputs.

    Raises:
        InputError: an input that there is not, that has no value, or two; a derivative
            towards one that has no column.
    """
    for name in wanted.wrt or ():
        program.check_input(name)
        if name not in shapes:
            raise InputError(f"'{name}' has no column", hint="derivatives are towards columns")
    for name in constants:
        program.check_input(name)
        if name in shapes:
            raise InputError(f"'{name}' is a constant and a column")
    missing = [name for name in program.required if name not in shapes and name not in constants]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        if len(missing) == 1:
            raise InputError(f"this input has neither a column nor a value: {names}")
        raise InputError(f"these inputs have neither columns nor values: {names}")
