"""adcli each"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from adcli.batch.formats import ENDINGS
from adcli.cli import options
from adcli.cli.streams import format_of, reading, writing
from adcli.errors import ExitCode, FileError
from adcli.language.files import reason

if TYPE_CHECKING:
    from adcli.cli.answering import Answering, Totals
    from adcli.differentiate.blame import Diagnostic

FORMATS = ("jsonl", "csv", "tsv")
_ENDINGS = {ending: form for ending, form in ENDINGS.items() if form in FORMATS}
# Bytes that are answered at a time: some hundred lines, less than a tenth of a second.
_BLOCK = 1 << 15
# From here on a file is answered by several processes: starting one takes 0.1 s.
_LARGE = 1 << 18


@click.command("each", cls=options.Command, can_say_no=True, answers_errors=True)
@click.argument(
    "lines", metavar="FILE", callback=options.unshield, shell_complete=options.completed("files")
)
@options.bindings_argument
@click.option(
    "--to", type=click.Choice(FORMATS), help="The format of the output (default: JSON lines)."
)
@options.mode_option("As of `grad`: forward mode, reverse, or whichever takes less.")
@options.wrt_option("Differentiate with respect to these inputs only, of those there are.")
@options.result_option
@click.option(
    "--jobs",
    type=options.WholeNumber(1, 1024),
    metavar="N",
    help="Processes (default: for large files one a core).",
)
@options.lines_options
def command(
    request: options.Request,
    target: str | None,
    lines: str,
    to: str | None,
    mode: Any,
    wrt: list[str] | None,
    result: str | None,
    jobs: int | None,
) -> None:
    """Values and gradients of many programs, one a line.

    A line of FILE (- is standard input) is a program, or a JSON object with one and what is
    its own: {"source": "x^2", "at": {"x": 3}, "wrt": ["x"], "mode": "forward"}. Each is
    answered by a line as it comes; NAME=VALUE are inputs of all.

    \b
    Example:
      printf '%s\\n' 'x^2*y' 'sin(x) + y' | adcli each - x=3 y=2
    """
    from adcli.batch.programs import derivative_columns
    from adcli.cli.answering import Answering, Totals

    if target is not None:
        options.keep([lines], target)
    form = format_of(target or "-", to, "--to", _ENDINGS, "jsonl")
    values = request.values()
    common = {
        "values": values,
        "mode": mode,
        "wrt": wrt,
        "result": result,
        "function": request.function,
        "max_operations": request.limit,
        "strict": request.strict,
        "columns": None if form == "jsonl" else derivative_columns(values, wrt),
    }
    answering = Answering(common, form, ascii_only=request.output.ascii_only)
    totals = Totals()
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(reading(lines))
        output = stack.enter_context(writing(target, request.output.environment.stdout, stream))
        output.write(answering.head())
        output.flush()
        for text in _answers(answering, _blocks(stream), totals, jobs or _jobs(stream)):
            output.write(text)
            output.flush()
    request.output.report(_notes(totals, values, wrt), strict=False)
    if totals.failed.count:
        raise click.exceptions.Exit(ExitCode.NO)


def _jobs(stream: BinaryIO) -> int:
    """How many processes there are if nobody says: one, but for a large file."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return 1
    is_large = stat.S_ISREG(status.st_mode) and status.st_size >= _LARGE
    return (os.cpu_count() or 1) if is_large else 1


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines, as many at a time as are there, and the number of the first.

    Raises:
        FileError: they cannot be read.
    """
    from adcli.batch.programs import blocks

    # Not by the buffered stream, which cannot be closed while a thread waits for it.
    try:
        yield from blocks(functools.partial(os.read, stream.fileno()), _BLOCK)
    except OSError as error:
        raise FileError(f"the lines cannot be read: {reason(error)}") from None


def _answers(
    answering: Answering, blocks: Iterator[tuple[int, bytes]], totals: Totals, jobs: int
) -> Iterator[bytes]:
    """The answers as text, each as soon as it is known and those before it are.

    Args:
        answering: makes them.
        blocks: the lines.
        totals: they are counted there.
        jobs: the number of processes.
    """
    if jobs == 1:
        from adcli.batch.programs import lines_of

        for first, block in blocks:
            for number, line in lines_of(first, block):
                yield answering.line(number, line, totals)
        return
    from adcli.cli.answering import message, reply
    from adcli.evaluate.processes import side_by_side

    messages = (message(first, block) for first, block in blocks)
    for received in side_by_side(messages, answering.process, jobs):
        found, text = reply(received)
        totals.add(found)
        yield text


def _notes(totals: Totals, values: dict[str, Any], wrt: list[str] | None) -> list[Diagnostic]:
    """What is to be said about lines without a finite result, and inputs that none has."""
    from adcli.differentiate.blame import Diagnostic

    notes = []
    for lines, what in (
        (totals.failed, "have no result"),
        (totals.not_finite, "have a value or derivatives that are not finite"),
    ):
        if lines.count:
            message = (
                f"{lines.count:,} of {totals.lines:,} programs {what}; "
                f"the first is in line {lines.first:,}: {lines.what}"
            )
            notes.append(Diagnostic("rows", message))
    unused = [name for name in (*values, *(wrt or ())) if name not in totals.used]
    if unused and totals.lines > totals.failed.count:
        notes.append(Diagnostic("rows", f"no program has an input '{unused[0]}'"))
    return notes
