"""What is tried on any bytes: nothing but documented errors comes out.

Each target takes bytes and raises only if something is wrong. None of them knows atheris:
`fuzz.py` hands them to it, and a test tries them on the seeds.
"""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from adcli.batch import delimited, records
from adcli.batch import job as job_module
from adcli.batch import source as source_module
from adcli.batch.delimited import DelimitedReader
from adcli.batch.formats import SEPARATORS
from adcli.batch.job import Job
from adcli.batch.pipeline import Totals
from adcli.batch.rows import Rows
from adcli.differentiate.columns import Columns, compiled
from adcli.differentiate.gradient import gradient
from adcli.differentiate.rows import Wanted
from adcli.differentiate.symbolic import symbolic
from adcli.errors import AdcliError, ExitCode, Source
from adcli.graph.program import Given, Program
from adcli.render.messages import Messages
from adcli.render.symbolic import Derivatives

MOST_OPERATIONS = 2_000
# Longer derivatives are not written out here, for the sake of speed.
_MOST_WRITTEN = 300
_MOST_ELEMENTS = 16
_MOST_LINES = 9
# What a terminal or a reader would act on instead of showing it, by its Unicode category.
ACTIVE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def check_error(error: AdcliError) -> None:
    """An error has an exit code, and a message of a few lines without anything invisible."""
    assert error.exit_code in ExitCode
    assert 1 <= error.exit_code <= 6
    text = Messages().error(error)
    assert text.endswith("\n")
    assert text.count("\n") <= _MOST_LINES, text
    shown = {unicodedata.category(character) for character in set(text) - {"\n"}}
    assert shown.isdisjoint(ACTIVE), ascii(text)


def check_span(error: AdcliError, length: int) -> None:
    """The place that an error points to is in the text."""
    if error.span is not None:
        assert 0 <= error.span.start <= error.span.end <= length


# Programs.


def parse(data: bytes) -> None:
    """Bytes as a program: read and compiled, or an error with a place in it."""
    source = Source(data.decode("utf-8", "surrogateescape"))
    try:
        Program(source)
    except AdcliError as error:
        check_error(error)
        check_span(error, len(source.text))


def point(program: Program) -> dict[str, Given]:
    """Values for the inputs of a program, in their shapes."""
    at: dict[str, Any] = {}
    for number, parameter in enumerate(program.main.parameters):
        shape = tuple(2 if n is None else n for n in parameter.shape or ())
        if math.prod(shape) > _MOST_ELEMENTS or len(shape) > 2:
            continue
        value: Any = 0.75 + number
        for n in reversed(shape):
            value = [value] * n
        at[parameter.name] = value
    return at


def differentiate(data: bytes) -> None:
    """From a text to values, gradients in both modes, and formulas that are programs."""
    try:
        program = Program(Source(data.decode("utf-8", "surrogateescape")))
        at = point(program)
        run = program.run(at, MOST_OPERATIONS)
        for name in list(run.results)[:2]:
            # Both, even if one of them fails: what it says is looked at as well.
            forward = gradient(run, "forward", None, name)
            reverse = gradient(run, "reverse", None, name)
            assert list(forward.gradient) == list(reverse.gradient) == program.inputs
            assert len(forward.numbers) == len(reverse.numbers)
        shapes = {name: value for name, value in at.items() if isinstance(value, list)}
        result = next(iter(run.results), None)
        found = Derivatives(symbolic(program, shapes, None, result, MOST_OPERATIONS))
        if found.operations["raw"] <= _MOST_WRITTEN:
            check_printed(found.program)
            found.latex()
    except AdcliError as error:
        check_error(error)


def check_printed(text: str) -> None:
    """What was printed is a program."""
    Program(Source(text, "printed"))


# Tables.

ON_ERROR = ("fail", "skip", "null")
FORMATS = ("csv", "tsv", "jsonl", "arrow")
BLOCKS = (1, 7, 64, 1 << 21)


@cache
def _program(text: str) -> Program:
    return Program(Source(text))


def _compiled(
    program: Program, shapes: Any, constants: Any, wanted: Wanted, **more: Any
) -> Columns:
    """As `columns.compiled`, made once for all tables with such columns."""
    return _columns(program, tuple(shapes.items()), wanted.order)


@cache
def _columns(
    program: Program, shapes: tuple[tuple[str, tuple[int, ...]], ...], order: int
) -> Columns:
    return compiled(program, dict(shapes), {}, Wanted(order))


def compute(
    data: bytes, source: str, target: str, program: Program, on_error: str, block: int
) -> tuple[bytes, bytes, Totals] | AdcliError:
    """A table through everything, or why it does not go through."""
    size = source_module.BLOCK
    source_module.BLOCK, job_module.compiled = block, _compiled
    try:
        job = Job(Wanted(1), {}, on_error=on_error, jobs=1)
        reader = job.read(io.BytesIO(data), source, program)
        output, log = io.BytesIO(), io.BytesIO()
        totals = job.run(reader, job.compile(program, reader), output, target, log)
    except AdcliError as error:
        check_error(error)
        return error
    finally:
        source_module.BLOCK, job_module.compiled = size, compiled
    return output.getvalue(), log.getvalue(), totals


def _chosen(data: bytes) -> tuple[bytes, str, str, int]:
    """A table, and by its last byte what is done with it."""
    *_, last = data or b"\0"
    target = FORMATS[last % 4]
    on_error = ON_ERROR[last // 4 % 3]
    return data[:-1], target, on_error, BLOCKS[last // 12 % 3]


def _same(one: Any, other: Any) -> bool:
    """Whether a table became the same twice; an error may be of another block first."""
    if isinstance(one, AdcliError) or isinstance(other, AdcliError):
        return type(one) is type(other) and str(one) == str(other)
    same_bytes: bool = one[:2] == other[:2]
    return same_bytes and one[2].rows == other[2].rows


def cut(data: bytes) -> None:
    """Bytes as records of CSV and TSV: those that Python finds, in blocks of any size too."""
    text, *_, block = _chosen(data)
    plain = text.decode("utf-8", "surrogateescape")
    for separator in SEPARATORS.values():
        found = records.cut(text, separator, b"\n", 1)
        made = [
            delimited.cells(record.decode("utf-8", "surrogateescape"), separator)
            for record in found
        ]
        assert made == _python_records(plain, separator)
        for small in (block, 1 << 21):
            assert _in_blocks(text, separator, small) == _in_blocks(text, separator, 5)
        assert [record for _, record in _in_blocks(text, separator, block)] == list(found)


def _in_blocks(text: bytes, separator: str, size: int) -> list[tuple[int, bytes]]:
    """The lines and records of a text without its mark, block by block."""
    before = source_module.BLOCK
    source_module.BLOCK = size
    try:
        stream = io.BytesIO(source_module.BOM_UTF8 + text)
        source = source_module.Source(stream, 1 << 20, ValueError, as_they_come=False)
        found = []
        for part in source.blocks(lambda data: records.last_end(data, separator)):
            rows = records.cut(part.data, separator, b"\n", part.line)
            lines = rows.lines
            places = range(lines, lines + len(rows)) if isinstance(lines, int) else lines
            found += zip(places, rows, strict=True)
        return found
    finally:
        source_module.BLOCK = before


def table(data: bytes, form: str = "csv") -> None:
    """Bytes as CSV: the same in blocks of any size, and read fast or with care."""
    text, target, on_error, block = _chosen(data)
    program = _program("f(x, y = 2) = x*y + sin(x)")
    whole = compute(text, form, target, program, on_error, BLOCKS[-1])
    if target != "arrow":  # whose output shows the blocks
        assert _same(whole, compute(text, form, target, program, on_error, block)), (
            whole,
            compute(text, form, target, program, on_error, block),
        )
    separator = SEPARATORS[form]
    try:
        reader = DelimitedReader(io.BytesIO(text), form)
    except AdcliError:
        return
    if "x" not in reader.names:
        return
    for part in reader.blocks():
        found = records.cut(part.data, separator, reader.ending, part.line)
        fast = reader.decode(part, ("x",))
        assert _seen(fast) == _seen(reader._careful(found, ("x",)))
    if not isinstance(whole, AdcliError) and target == form:
        _check_copied(whole, separator, on_error)


def _check_copied(made: tuple[bytes, bytes, Totals], separator: str, on_error: str) -> None:
    """What was written has a record for each row that is kept, with cells for all columns."""
    output, log, totals = made
    assert len(log.splitlines()) == totals.failed
    found = _python_records(output.decode("utf-8", "surrogateescape"), separator)
    kept = totals.rows - (totals.failed if on_error == "skip" else 0)
    assert len(found) == kept + 1, output
    assert len(set(map(len, found))) == 1, output


def _python_records(text: str, separator: str) -> list[list[str]]:
    stream = io.StringIO(text, newline="")
    return [record for record in csv.reader(stream, delimiter=separator) if record]


def _seen(rows: Rows) -> list[Any]:
    """All that is known of the rows of a block."""
    found: list[Any] = []
    for row, record in enumerate(rows.source):
        numbers = [float(column[row]).hex() for column in rows.columns.values()]
        error = rows.errors.get(row)
        what = None if error is None else tuple(sorted(error.data().items(), key=str))
        found.append((rows.line(row), record, numbers, what))
    return found


def lines(data: bytes) -> None:
    """Bytes as JSON lines: the same in blocks of any size, and objects come out."""
    text, target, on_error, block = _chosen(data)
    program = _program("f(x, v[2]) = x*v[1] + sin(v[2])")
    whole = compute(text, "jsonl", target, program, on_error, BLOCKS[-1])
    if target != "arrow":
        assert _same(whole, compute(text, "jsonl", target, program, on_error, block)), (
            whole,
            compute(text, "jsonl", target, program, on_error, block),
        )
    if isinstance(whole, AdcliError) or target != "jsonl":
        return
    output, log, totals = whole
    made = [_object(line) for line in output.split(b"\n")[:-1]]  # a CR may stand in a line
    kept = totals.rows - (totals.failed if on_error == "skip" else 0)
    assert len(made) == kept
    assert len(log.splitlines()) == totals.failed
    names = ("f", "df_dx", "df_dv[1]", "df_dv[2]")
    if not all(set(names) <= set(found) for found in made):
        # Then x is a vector or a matrix, by the first line that has one, and so is the result.
        assert all({"f", "f[1]", "f[1,1]"} & set(found) for found in made)
        return
    for found in made:
        _check_row(found, [found[name] for name in names])


def _check_row(found: dict[str, Any], results: Sequence[float | None]) -> None:
    """The results of a row are those of its numbers."""
    if None in results:
        return
    x, (a, b) = float(found["x"]), map(float, found["v"])
    exact = (x * a + math.sin(b), a, x, math.cos(b))
    for got, number in zip(results, exact, strict=True):
        assert got is not None
        assert abs(got - number) <= 1e-14 * (abs(x * a) + abs(number) + 1), (found, number)


def _object(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    assert isinstance(found, dict)
    return found


TARGETS = {
    "parse": parse,
    "differentiate": differentiate,
    "cut": cut,
    "table": table,
    "lines": lines,
}
