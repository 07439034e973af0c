"""A whole table: which columns are which, and from one stream into another."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa

from adcli.batch import pipeline
from adcli.batch.delimited import DelimitedReader
from adcli.batch.formats import BINARY, SEPARATORS
from adcli.batch.lines import LinesReader
from adcli.batch.rows import COPIED, TEXTS, TYPED, Reader, Rows, Writer, shown
from adcli.batch.sinks import Behind, Output, TextSink
from adcli.batch.texts import DelimitedWriter, LinesWriter
from adcli.batch.vectors import expanded
from adcli.differentiate.columns import Columns, compiled, shape_of_elements
from adcli.differentiate.rows import Wanted
from adcli.errors import DEFAULT_MAX_OPERATIONS, InputError, NonFiniteError
from adcli.graph.program import Given, Program
from adcli.graph.suggest import closest, listing, suggestion

# A column that a program can read, or an element of a vector.
_NAME = re.compile(r"[^\W\d]\w*(?:\[[\d, ]+\])?")


class Job:
    """What is asked for.

    Attributes:
        wanted: which derivatives.
        constants: inputs that are the same in all rows.
        on_error: what becomes of rows that cannot be computed: "fail", "skip" or "null".
        only_results: whether the columns of the input table are left out.
        sums: whether only the sums over all rows are wanted.
        strict: whether a result that is not finite is an error.
        jobs: how many threads; None for all cores.
        vectors: whether the vector library of the C library may be used.
        as_they_come: whether each line is answered as it arrives.
        max_operations: the most operations to record.
    """

    def __init__(
        self,
        wanted: Wanted,
        constants: Mapping[str, Given],
        *,
        on_error: str = pipeline.FAIL,
        only_results: bool = False,
        sums: bool = False,
        strict: bool = False,
        jobs: int | None = None,
        vectors: bool = True,
        as_they_come: bool = False,
        max_operations: int = DEFAULT_MAX_OPERATIONS,
    ) -> None:
        self.wanted = wanted
        self.constants = constants
        self.on_error = on_error
        self.only_results = only_results
        self.sums = sums
        self.strict = strict
        self.jobs = jobs
        self.vectors = vectors
        self.as_they_come = as_they_come
        self.max_operations = max_operations

    def read(self, stream: BinaryIO, form: str, program: Program) -> Reader:
        """The reader of a table.

        Raises:
            InputError: it has no columns.
            FileError: it is no such table.
        """
        lists = {
            name: shape
            for name, shape in program.declared_shapes().items()
            if name not in self.constants
        }
        if form in SEPARATORS:
            return DelimitedReader(stream, form, as_they_come=self.as_they_come)
        if form == "jsonl":
            return LinesReader(stream, lists, as_they_come=self.as_they_come)
        from adcli.batch.arrow import ArrowReader

        return ArrowReader(stream, form, lists)

    def compile(self, program: Program, reader: Reader) -> Columns:
        """The program compiled for the columns of a table.

        Raises:
            InputError: columns that are missing, or there twice; results called like
                columns; and what `Columns` raises.
        """
        names = expanded(reader.names, reader.vectors)
        try:
            shapes = shapes_of(program, names, self.constants)
        except InputError as error:
            error.details += _other_format(reader)
            raise
        counts = Counter(names)
        for name in names:
            if counts[name] > 1 and name.partition("[")[0] in shapes:
                raise InputError(f"the table has {counts[name]} columns called '{name}'")
        columns = compiled(
            program,
            shapes,
            self.constants,
            self.wanted,
            vectors=self.vectors,
            max_operations=self.max_operations,
        )
        taken = [name for name in columns.names if counts[name]]
        if taken and not self.leaves_out:
            raise InputError(
                f"the table has a column called '{taken[0]}' already, as a result is",
                hint="--only-results leaves the columns of the table out",
                details=("or give the function another name: g(x) = ...",),
            )
        return columns

    @property
    def leaves_out(self) -> bool:
        """Whether the output has no columns of the input table."""
        return self.only_results or self.sums

    def run(
        self,
        reader: Reader,
        columns: Columns,
        output: Output,
        form: str,
        errors: Output | None = None,
        progress: Callable[[int], None] | None = None,
        *,
        is_file: bool = False,
    ) -> pipeline.Totals:
        """Compute a table.

        Args:
            reader: the table.
            columns: the compiled program.
            output: where the results go.
            form: in which format.
            errors: where the rows go that have no result, as JSON lines.
            progress: told how many rows are done.
            is_file: whether the output is a file, that is not read before all is written.

        Raises:
            InputError: the output's format cannot have such columns.
            RowFailedError, NonFiniteError: see `pipeline.Work`.
        """
        totals = pipeline.Totals()
        writer = self._writer(reader, columns, form)
        work = pipeline.Work(
            reader, columns, None if self.sums else writer, self.on_error, strict=self.strict
        )
        sink = self._sink(output, form, writer, is_file=is_file)

        def receive(done: pipeline.Done) -> None:
            totals.add(done)
            if not self.sums:
                sink.write(done.output)
            if errors is not None:
                for error in done.errors:
                    errors.write(orjson.dumps(error.data()) + b"\n")
            if progress is not None:
                progress(totals.rows)

        jobs = 1 if self.as_they_come else self.jobs or os.cpu_count() or 1
        try:
            pipeline.run(reader.blocks(), work, jobs, receive)
            if self.sums:
                sums = {name: np.array([totals.sum(name)]) for name in columns.names}
                self._check_sums(sums)
                sink.write(writer.encode(Rows(1, {}, {}, 1), sums, None, None))
            nothing = dict.fromkeys(columns.names, np.empty(0))
            sink.finish(writer.encode(reader.nothing(), nothing, None, None))
        except BaseException as error:
            sink.abort()
            if isinstance(error, pa.ArrowException):  # a few of its types are like that
                raise InputError(f"a column cannot be written as {form}: {error}") from None
            raise
        return totals

    def _check_sums(self, sums: Mapping[str, Any]) -> None:
        for name, (number,) in sums.items():
            if self.strict and not np.isfinite(number):
                raise NonFiniteError(f"the sum of '{name}' is not finite")

    def _writer(self, reader: Reader, columns: Columns, form: str) -> Writer:
        """What makes the output; the reader is told what its rows are for."""
        results = columns.names
        names = [] if self.leaves_out else reader.names
        is_copied = form == reader.format or {form, reader.format} <= set(BINARY)
        use = COPIED
        if names and not is_copied:
            use = TEXTS if form in SEPARATORS else TYPED
            _check_names(names, form)
        reader.prepare(use, len(columns.inputs), len(results))
        if form in SEPARATORS:
            source = reader if is_copied else None
            return DelimitedWriter(names, results, SEPARATORS[form], reader.vectors, source)
        if form == "jsonl":
            if is_copied and names and isinstance(reader, LinesReader):
                reader.taken = frozenset(results)
            return LinesWriter(names, is_copied=is_copied)
        from adcli.batch.arrow import ArrowEncoder

        return ArrowEncoder(names)

    def _sink(self, output: Output, form: str, writer: Writer, *, is_file: bool) -> Any:
        if form in BINARY:
            from adcli.batch.arrow import ArrowSink

            sink: Any = ArrowSink(output, form, is_file=is_file)
        else:
            sink = TextSink(output, writer.head(), flushes=self.as_they_come)
        return Behind(sink) if is_file else sink


def _check_names(names: Sequence[str], form: str) -> None:
    """Raise unless the columns of a table can be those of another format."""
    for name, count in Counter(names).items():
        if count > 1 and form not in SEPARATORS:
            raise InputError(
                f"the table has {count} columns called '{name}', which {form} cannot have",
                hint="--only-results leaves the columns of the table out",
            )
        try:
            name.encode()
        except UnicodeEncodeError:
            raise InputError(f"the name of the column '{shown(name)}' is not UTF-8") from None


def _other_format(reader: Reader) -> tuple[str, ...]:
    """What a table seems to be that has not the columns it should have, if that shows."""
    first = reader.names[0] if reader.format in SEPARATORS and reader.names else ""
    if first.startswith(('{"', "[{")):
        return ("it looks like JSON: --from jsonl reads an object a line",)
    if len(reader.names) > 1:
        return ()
    for form, separator in SEPARATORS.items():
        if separator in first and form != reader.format:
            return (f"it looks like {form.upper()}: --from {form}",)
    for separator in (";", "|"):
        if separator in first:
            return (f"its columns seem to be separated by '{separator}', not by commas or tabs",)
    return ()


def shapes_of(
    program: Program, names: Sequence[str], constants: Mapping[str, Given]
) -> dict[str, tuple[int, ...]]:
    """Which inputs have columns in a table, and their shapes in one row.

    Raises:
        InputError: inputs have neither columns nor a value; the message lists all of them.
    """
    there = set(names)
    shapes: dict[str, tuple[int, ...]] = {}
    missing = []
    for name in program.inputs:
        if name in constants:
            continue
        elements = [other for other in there if other.startswith(f"{name}[")]
        if name in there:
            shapes[name] = ()
        elif elements:
            shapes[name] = shape_of_elements(name, elements)
        elif name in program.required:
            missing.append(name)
    if missing:
        first = missing[0]
        like = closest(first, there)
        if like is None:
            hint = f"write {first}=... for a constant"
        elif _NAME.fullmatch(like):
            hint = suggestion(first, [like])
        else:
            hint = f"no program can read '{shown(like)}', which is no name; rename the column"
        raise InputError(
            f"column '{first}' is missing"
            if len(missing) == 1
            else f"columns are missing: {', '.join(missing)}",
            hint=hint,
            details=(f"the table has {listing(list(names))}",) if names else (),
        )
    return shapes
