"""adcli check"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options
from adcli.errors import ExitCode, InputError
from adcli.language.files import program_path

if TYPE_CHECKING:
    from adcli.render.views import Look, Tables


@click.command("check", cls=options.Command, can_say_no=True)
@click.option(
    "--gradient",
    "by_hand",
    metavar="SOURCE",
    callback=options.unshield,
    shell_complete=options.completed("programs"),
    help="A hand-written gradient: a program with a result for each input, in order.",
)
@click.option(
    "--points",
    type=options.WholeNumber(0, 1_000_000),
    default=0,
    metavar="N",
    help="Random points besides the given one.",
)
@click.option(
    "--seed",
    type=options.WholeNumber(0),
    default=0,
    metavar="S",
    help="Other random points (default 0).",
)
@options.range_option
@click.option(
    "--tolerance",
    type=options.PositiveNumber(),
    metavar="T",
    help="What |a - b|/max(1, |a|, |b|) may be (default 1e-8, of quotients what they can say).",
)
@options.wrt_option("Check the derivatives towards these inputs only.")
@options.result_option
@options.program_options
def command(
    request: options.Request,
    by_hand: str | None,
    points: int,
    seed: int,
    ranges: Mapping[str, tuple[float, float]],
    tolerance: float | None,
    wrt: list[str] | None,
    result: str | None,
) -> None:
    """Check a gradient: exact derivatives against difference quotients.

    With --gradient a gradient written by hand is checked against the exact one. Exit 1 if
    a component is wrong.

    \b
    Example:
      adcli check samples/black_scholes.ad --points 100
      adcli check "x^2*y" x=3 y=4 --gradient "2*x*y, x^2"
    """
    if by_hand == "-" and request.source == "-":
        raise InputError("the program and its gradient cannot both be standard input")
    written = None if by_hand is None else options.load(by_hand, None)
    path = program_path(by_hand or "")
    if path is not None and request.output.out is not None:
        options.keep([path], request.output.out)
    run = request.run({name: low / 2 + high / 2 for name, (low, high) in ranges.items()})
    from adcli.differentiate.check import Plan, check

    found = check(run, Plan(points, seed, ranges, written, tolerance), wrt, result)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        from adcli.render import check as render

        return {
            **options.head("check", run),
            "result": found.result,
            "passed": found.passed,
            "points": found.points,
            "skipped": found.skipped,
            "evaluations": found.evaluations,
            "components": [render.data(component) for component in found.components],
            "failures": [render.data(component) for component in found.failures],
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.check import CheckTables

        return CheckTables(found, look, by_hand=written is not None)

    request.output.show(data, tables)
    if not found.passed:
        raise click.exceptions.Exit(ExitCode.NO)
