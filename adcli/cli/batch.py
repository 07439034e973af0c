"""adcli batch"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from adcli.batch.formats import BINARY, ENDINGS, FORMATS
from adcli.cli import options
from adcli.cli.files import Writer, waiting, whole_file
from adcli.errors import ExitCode, FileError, InputError

if TYPE_CHECKING:
    from adcli.batch.pipeline import Totals
    from adcli.differentiate.blame import Diagnostic
    from adcli.differentiate.columns import Columns

# Signals that ask for an end: of the user, of the system, and of a terminal that closes.
_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("batch", cls=options.Command)
@click.argument("source", callback=options.unshield)
@click.argument("table", callback=options.unshield)
@click.argument("bindings", nargs=-1, metavar="[NAME=VALUE ...]", callback=options.unshield)
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
@click.option("--errors", metavar="FILE.jsonl", help="Write the rows without results here.")
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
        _check_log(errors, target, table)
    form = _format(table, from_, "--from")
    made = _format(target or "-", to, "--to")
    if line_buffered and (target is not None or form in BINARY or made in BINARY):
        raise InputError("--line-buffered is for lines of text in a pipe", hint="leave it out")
    environment = request.output.environment
    with contextlib.ExitStack() as stack:
        check_signals = stack.enter_context(_ended_by_signals())
        stream = stack.enter_context(_reading(table))
        reader = job.read(stream, form, program)
        columns = job.compile(program, reader)
        log = stack.enter_context(whole_file(errors)) if errors else None
        output = stack.enter_context(_writing(target, made, environment.stdout))
        show: Callable[[int], None] | None = None
        is_among_rows = target is None and environment.stdout.isatty()
        if environment.stderr.isatty() and not (request.output.quiet or is_among_rows):
            from adcli.batch.pipeline import Progress

            meter = Progress(environment.stderr)
            stack.callback(meter.end)
            show = meter.rows

        def progress(rows: int) -> None:
            check_signals()
            if show is not None:
                show(rows)

        totals = job.run(reader, columns, output, made, log, progress, is_file=target is not None)
        output.flush()
    request.output.report(_notes(totals, columns, reader.unit, on_error), strict=False)
    if totals.failed:
        raise click.exceptions.Exit(ExitCode.NO)


def _check_log(errors: str, target: str | None, table: str) -> None:
    """Raise if the rows without results would be written over something else."""
    for other, what in ((target, "the output"), (table, "the table")):
        if other is not None and os.path.realpath(errors) == os.path.realpath(other):
            raise InputError(f"'{errors}' is {what}", hint="--errors wants a file of its own")


def _format(path: str, given: str | None, option: str) -> str:
    """The format of a table: as said, or by its ending; of a stream CSV.

    Raises:
        InputError: the ending says none.
    """
    if given is not None:
        return given
    ending = os.path.splitext(path)[1].lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if path == "-" or path.startswith("/dev/"):
        return "csv"
    raise InputError(
        f"'{path}' has no ending that says a format",
        details=(f"endings: {', '.join(ENDINGS)}; or say {option}",),
    )


@contextlib.contextmanager
def _reading(path: str) -> Iterator[BinaryIO]:
    """The bytes of a table.

    Raises:
        FileError: it cannot be read.
    """
    from adcli.language.files import reason

    if path == "-":
        if sys.stdin is None:
            raise FileError("standard input is closed")
        with waiting(sys.stdin.fileno()):
            yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below)
        if os.path.isdir(path):
            raise IsADirectoryError
    except OSError as error:
        raise FileError(f"cannot read '{path}': {reason(error)}") from None
    with file:
        yield file


@contextlib.contextmanager
def _writing(path: str | None, form: str, stdout: Any) -> Iterator[Writer]:
    """Where bytes are written: a file that appears whole, or standard output.

    Raises:
        InputError: what is no text is to be written to a terminal.
        FileError: the file cannot be written.
    """
    if path is None:
        if form in BINARY and stdout.isatty():
            raise InputError(f"{form} is no text for a terminal", hint=f"write -o FILE.{form}")
        stdout.flush()
        with waiting(stdout.fileno()):
            yield Writer(stdout.buffer)
        return
    with whole_file(path) as file:
        yield file


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[Callable[[], None]]:
    """Let a request to end take the half-written file away.

    Yields:
        What is to be called now and then: an exception gets lost where Python throws
        exceptions away, which is in the callbacks of garbage.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None  # only the main thread is told of signals
        return
    came: list[int] = []

    def check() -> None:
        if came:
            raise KeyboardInterrupt if came[0] == signal.SIGINT else SystemExit(128 + came[0])

    def end(number: int, frame: Any) -> None:
        for other in heard:  # a second one is not to disturb the clearing up
            signal.signal(other, signal.SIG_IGN)
        came.append(number)
        check()

    # What somebody has told to be ignored, as nohup does, stays so.
    usual = (signal.SIG_DFL, signal.default_int_handler)
    heard = [number for number in _REQUESTS if signal.getsignal(number) in usual]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
