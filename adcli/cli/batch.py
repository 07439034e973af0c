"""adcli batch"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from adcli.batch.formats import BINARY, ENDINGS, FORMATS
from adcli.cli import options, signals
from adcli.cli.files import whole_file
from adcli.cli.streams import format_of, reading, writing
from adcli.errors import ExitCode, InputError

if TYPE_CHECKING:
    from adcli.batch.pipeline import Totals
    from adcli.differentiate.blame import Diagnostic
    from adcli.differentiate.columns import Columns
    from adcli.graph.program import Program


@click.command("batch", cls=options.Command, can_say_no=True)
@options.source_argument
@click.argument("table", callback=options.unshield, shell_complete=options.completed("tables"))
@options.bindings_argument
@click.option("--from", "from_", type=click.Choice(FORMATS), help="The format of TABLE.")
@click.option("--to", type=click.Choice(FORMATS), help="The format of the output.")
@options.wrt_option("Differentiate with respect to these columns only.")
@click.option("--value-only", is_flag=True, help="Differentiate nothing.")
@click.option("--hessian", is_flag=True, help="Second derivatives too: the upper triangle.")
@click.option("--only-results", is_flag=True, help="Leave out the columns of TABLE.")
@click.option("--sum", "sums", is_flag=True, help="The sums over all rows instead of a table.")
@click.option(
    "--on-error",
    type=click.Choice(("fail", "skip", "null")),
    default="fail",
    help="Rows that cannot be computed: an error, left out, or without results.",
)
@click.option(
    "--errors",
    metavar="FILE.jsonl",
    shell_complete=options.completed("files"),
    help="Write the rows without results here.",
)
@click.option("--jobs", type=options.WholeNumber(1, 1024), metavar="N", help="Threads.")
@click.option(
    "--math",
    type=click.Choice(("auto", "libm")),
    default="auto",
    help="libm: no vector functions of the C library.",
)
@click.option("--line-buffered", is_flag=True, help="Answer each line as it arrives.")
@options.table_options
def command(
    request: options.Request,
    target: str | None,
    table: str,
    from_: str | None,
    to: str | None,
    wrt: list[str] | None,
    value_only: bool,
    hessian: bool,
    only_results: bool,
    sums: bool,
    on_error: str,
    errors: str | None,
    jobs: int | None,
    math: str,
    line_buffered: bool,
) -> None:
    """Values and exact gradients beside the rows of a table.

    Inputs are the columns of the same name, of a vector x[1], x[2], ...; those given as
    NAME=VALUE are constants.

    \b
    Example:
      adcli batch samples/baydin.ad samples/points.csv
    """
    if value_only and (hessian or wrt):
        raise InputError("--value-only differentiates nothing", hint="leave it out")
    program, constants, limit = request.program()
    # NumPy's BLAS starts a thread for each core when it is loaded, and has nothing to do here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from adcli.batch.job import Job
    from adcli.differentiate.rows import Wanted

    job = Job(
        Wanted(0 if value_only else 2 if hessian else 1, wrt),
        constants,
        on_error=on_error,
        only_results=only_results,
        sums=sums,
        strict=request.strict,
        jobs=jobs,
        vectors=math == "auto",
        as_they_come=line_buffered,
        max_operations=limit,
    )
    if errors is not None:
        _check_log(errors, [(target, "the output"), (table, "the table")], request.files())
    form = format_of(table, from_, "--from", ENDINGS, "csv")
    made = format_of(target or "-", to, "--to", ENDINGS, "csv")
    if line_buffered and (target is not None or form in BINARY or made in BINARY):
        raise InputError("--line-buffered is for lines of text in a pipe", hint="leave it out")
    environment = request.output.environment
    if target is None and made in BINARY and environment.stdout.isatty():
        raise InputError(f"{made} is no text for a terminal", hint=f"write -o FILE.{made}")
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(reading(table))
        reader = job.read(stream, form, program)
        columns = job.compile(program, reader)
        progress: Callable[[int], None] | None = None
        is_among_rows = target is None and environment.stdout.isatty()
        if environment.stderr.isatty() and not (request.output.quiet or is_among_rows):
            from adcli.batch.pipeline import Progress

            meter = Progress(environment.stderr)
            stack.callback(meter.end)
            stack.enter_context(signals.undone(meter.leave))
            progress = meter.rows
        log = stack.enter_context(whole_file(errors)) if errors else None
        output = stack.enter_context(writing(target, environment.stdout, stream))
        totals = job.run(reader, columns, output, made, log, progress, is_file=target is not None)
        output.flush()
    notes = _notes(totals, columns, reader.unit, on_error)
    request.output.report([*_constants(program, reader.names), *notes], strict=False)
    if totals.failed:
        raise click.exceptions.Exit(ExitCode.NO)


def _check_log(errors: str, others: list[tuple[str | None, str]], files: Iterable[str]) -> None:
    """Raise if the rows without results would be written over something else."""
    hint = "--errors wants a file of its own"
    if errors == "-":
        raise InputError("'-' is no file", hint=hint)
    for other, what in [*others, *((file, "read too") for file in files)]:
        if other is not None and options.is_same_file(errors, other):
            raise InputError(f"'{errors}' is {what}", hint=hint)


def _constants(program: Program, names: Iterable[str]) -> list[Diagnostic]:
    """What is to be said about columns that are called like constants of the program."""
    from adcli.differentiate.blame import Diagnostic

    return [
        Diagnostic(
            "columns",
            f"'{name}' is the constant here, not the column of that name",
            "",
            None,
            f"a parameter takes the column: f({name}, ...) = ...",
        )
        for name in sorted(program.constants.intersection(names).difference(program.inputs))
    ]


def _notes(totals: Totals, columns: Columns, unit: str, on_error: str) -> list[Diagnostic]:
    """What is to be said about rows without results, and results that are not finite."""
    from adcli.differentiate.blame import Diagnostic

    notes = []
    if totals.failed:
        what = "were left out" if on_error == "skip" else "have no result"
        notes.append(Diagnostic("rows", f"{totals.failed:,} of {totals.rows:,} rows {what}"))
    if totals.first is not None:
        line, numbers = totals.first
        message = (
            f"{totals.not_finite:,} of {totals.rows:,} rows have results that are not finite; "
            f"the first is at {unit} {line:,}"
        )
        notes += [Diagnostic("rows", message), *columns.diagnose(numbers)]
    return notes
