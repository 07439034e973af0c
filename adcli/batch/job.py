"""A whole table: which columns are which, and from one stream into another."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import orjson

from adcli.batch import pipeline
from adcli.batch.delimited import SEPARATORS, DelimitedReader
from adcli.batch.lines import LinesReader
from adcli.batch.rows import Rows
from adcli.batch.texts import DelimitedWriter, LinesWriter
from adcli.differentiate.columns import Columns, compiled, shape_of_elements
from adcli.differentiate.rows import Wanted
from adcli.errors import InputError
from adcli.graph.program import Given, Program
from adcli.graph.suggest import listing, suggestion

FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
}
_BINARY = ("parquet", "arrow")


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

    def read(self, stream: BinaryIO, form: str) -> Any:
        """The reader of a table.

        Raises:
            InputError: it is no such table.
        """
        if form in SEPARATORS:
            return DelimitedReader(stream, form, as_they_come=self.as_they_come)
        if form == "jsonl":
            return LinesReader(stream, as_they_come=self.as_they_come)
        from adcli.batch.arrow import ArrowReader

        return ArrowReader(stream, form)

    def compile(self, program: Program, names: Sequence[str]) -> Columns:
        """The program compiled for a table with these columns.

        Raises:
            InputError: columns that are missing, or there twice; results called like
                columns; and what `Columns` raises.
        """
        shapes = shapes_of(program, names, self.constants)
        for name in self.wanted.wrt or ():
            program.check_input(name)
            if name not in shapes:
                raise InputError(f"'{name}' has no column", hint="derivatives are towards columns")
        columns = compiled(program, shapes, self.constants, self.wanted, vectors=self.vectors)
        counts = Counter(names)
        for name in columns.inputs:
            if counts[name] > 1:
                raise InputError(f"the table has {counts[name]} columns called '{name}'")
        taken = [name for name in columns.names if counts[name]]
        if taken and not (self.only_results or self.sums):
            raise InputError(
                f"the table has a column called '{taken[0]}' already, as a result is",
                hint="--only-results leaves the columns of the table out",
            )
        return columns

    def run(
        self,
        reader: Any,
        columns: Columns,
        output: BinaryIO,
        form: str,
        errors: BinaryIO | None = None,
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
            RowFailedError, NonFiniteError: see `pipeline.Work`.
        """
        totals = pipeline.Totals()
        writer = self._writer(reader, columns.names, form)
        work = pipeline.Work(
            reader, columns, None if self.sums else writer, self.on_error, strict=self.strict
        )
        sink = None
        if form in _BINARY:
            from adcli.batch.arrow import ArrowSink

            sink = ArrowSink(output, form, is_file=is_file)
        # The header waits for the first rows: they may be an error, and then nothing is written.
        head = [writer.head()]

        def write(made: Any) -> None:
            if sink is not None:
                sink.write(made)
                return
            output.write(b"".join([*head, made]))
            head.clear()
            if self.as_they_come:
                output.flush()

        def receive(done: pipeline.Done) -> None:
            totals.add(done)
            if not self.sums:
                write(done.output)
            if errors is not None:
                for error in done.errors:
                    errors.write(orjson.dumps(error.data()) + b"\n")
            if progress is not None:
                progress(totals.rows)

        jobs = 1 if self.as_they_come else self.jobs or os.cpu_count() or 1
        pipeline.run(reader.blocks(), work, jobs, receive)
        if self.sums:
            sums = {name: np.array([totals.sum(name)]) for name in columns.names}
            write(writer.encode(Rows(1, {}, {}, 1, None), sums, None, None))
        if head and sink is None:
            write(b"")
        if sink is not None:
            sink.close(self._no_rows(reader, columns, writer))
        return totals

    def _writer(self, reader: Any, results: Sequence[str], form: str) -> Any:
        names = [] if self.only_results or self.sums else reader.names
        same = reader if form == reader.format else None
        if form in SEPARATORS:
            return DelimitedWriter(names, results, SEPARATORS[form], same, reader)
        if form == "jsonl":
            return LinesWriter(names, results, same, reader)
        from adcli.batch.arrow import ArrowEncoder

        return ArrowEncoder(names, reader)

    def _no_rows(self, reader: Any, columns: Columns, writer: Any) -> Any:
        """A table of no rows."""
        import pyarrow as pa

        nothing = np.empty(0)
        results = dict.fromkeys(columns.names, nothing)
        if reader.format in _BINARY:
            source: Any = pa.RecordBatch.from_pylist([], schema=reader.schema)
        else:
            source = (b"", np.empty(0, np.int64)) if reader.format in SEPARATORS else []
        inputs = dict.fromkeys(columns.inputs, nothing)
        return writer.encode(Rows(0, inputs, {}, 1, source), results, None, None)


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
        few = (
            f"column '{missing[0]}' is"
            if len(missing) == 1
            else f"columns are missing: {', '.join(missing)}"
        )
        hints = [hint for name in missing[:1] if (hint := suggestion(name, there))]
        raise InputError(
            f"{few} missing" if len(missing) == 1 else few,
            hint=hints[0] if hints else f"write {missing[0]}=... for a constant",
            details=(f"the table has {listing(list(names))}",) if names else (),
        )
    return shapes
