"""adcli trace"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options
from adcli.errors import InputError

if TYPE_CHECKING:
    from adcli.graph.program import Given
    from adcli.render.views import Look, Tables


@click.command("trace", cls=options.Command)
@click.option(
    "--mode", type=click.Choice(("forward", "reverse")), help="Only one of the two (default: both)."
)
@click.option(
    "--notation",
    type=click.Choice(("textbook", "dual")),
    default="textbook",
    help="Forward mode in tangents, or in dual numbers.",
)
@options.named_numbers_option(
    "--seed", "seed", "One forward pass along this direction, instead of one for each input."
)
@options.wrt_option("Forward passes for these inputs only.")
@options.named_result_option("Reverse pass of this result only.")
@options.program_options
def command(
    request: options.Request,
    mode: str | None,
    notation: Any,
    seed: Mapping[str, Given] | None,
    wrt: list[str] | None,
    result: str | None,
) -> None:
    """The evaluation traces of the textbooks, forward and reverse.

    \b
    Example:
      adcli trace "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5
    """
    if notation == "dual" and mode == "reverse":
        raise InputError("dual numbers are a notation of forward mode")
    if notation == "dual" and request.output.form in ("json", "csv", "tsv"):
        raise InputError("dual numbers are a notation for people", hint="data has the tangents")
    if mode == "reverse" and (seed or wrt):
        raise InputError("--seed and --wrt are for forward passes", hint="leave out --mode reverse")
    if seed and wrt:
        raise InputError("--seed is one pass; --wrt chooses among several")
    if mode == "forward" and result:
        raise InputError("--result chooses a reverse pass", hint="leave out --mode forward")
    run = request.run()
    from adcli.differentiate import trace
    from adcli.differentiate.directions import direction

    wanted = [label for item in run.wanted(wrt) for label in item.labels()]
    results = [run.result(result)] if result else list(run.results)
    trace.check_size(
        run,
        0 if mode == "reverse" else 1 if seed else len(wanted),
        0 if mode == "forward" else len(results),
    )
    forward = reverse = None
    if mode != "reverse":
        seeds = [direction(run, seed, "seed")] if seed else [{name: 1.0} for name in wanted]
        forward = [trace.forward_pass(run, one) for one in seeds]
    if mode != "forward":
        reverse = [trace.reverse_pass(run, {name: 1.0}) for name in results]
    diagnostics = trace.warnings(run, forward or (), reverse or ())
    request.output.report(diagnostics, strict=request.strict)
    from adcli.render import trace as render

    def data() -> dict[str, Any]:
        warnings = options.diagnostics_data(diagnostics)
        traces = render.data(run, forward, reverse)
        return {**options.head("trace", run), **traces, "warnings": warnings}

    def tables(look: Look) -> Tables:
        return render.TraceTables(run, forward, reverse, notation, look)

    request.output.show(data, tables)
