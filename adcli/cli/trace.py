"""adcli trace"""

from __future__ import annotations

from typing import Any

import click

from adcli.cli import options
from adcli.errors import InputError


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
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    metavar="x1=1,x2=0",
    help="One forward pass along this direction, instead of one for each input.",
)
@options.wrt_option("Forward passes for these inputs only.")
@click.option("--result", metavar="NAME", help="Reverse pass of this result only.")
@options.program_options
def command(
    request: options.Request,
    mode: str | None,
    notation: Any,
    seeds: tuple[str, ...],
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
    if mode == "reverse" and (seeds or wrt):
        raise InputError("--seed and --wrt are for forward passes", hint="leave out --mode reverse")
    if seeds and wrt:
        raise InputError("--seed is one pass; --wrt chooses among several")
    if mode == "forward" and result:
        raise InputError("--result chooses a reverse pass", hint="leave out --mode forward")
    run = request.run()
    from adcli.differentiate import trace
    from adcli.render import trace as render

    wanted = [label for item in run.wanted(wrt) for label in item.labels()]
    results = [run.result(result)] if result else list(run.results)
    trace.check_size(
        run,
        0 if mode == "reverse" else 1 if seeds else len(wanted),
        0 if mode == "forward" else len(results),
    )
    forward, reverse = [], []
    if mode != "reverse":
        if seeds:
            direction = options.read_direction(seeds, trace.input_elements(run), run)
            forward = [trace.forward_pass(run, direction)]
        else:
            forward = [trace.forward_pass(run, {name: 1.0}) for name in wanted]
    if mode != "forward":
        reverse = [trace.reverse_pass(run, {name: 1.0}) for name in results]

    diagnostics = trace.warnings(run, forward, reverse)
    output = request.output
    output.report(diagnostics, strict=request.strict)

    def parts(style: Any) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        writer = render.Writer(run, style)
        return (
            render.forward_data(writer, forward) if mode != "reverse" else None,
            render.reverse_data(writer, reverse) if mode != "forward" else None,
        )

    def data() -> dict[str, Any]:
        one, other = parts("plain")
        both = {"forward": one, "reverse": other} if one and other else (one or other or {})
        warnings = options.diagnostics_data(diagnostics)
        return {**options.head("trace", run), **both, "warnings": warnings}

    def views(style: Any) -> list[Any]:
        digits = render.DEFAULT_DIGITS if output.digits is None else output.digits
        writer = render.Writer(run, style, digits, notation)
        shown = [] if mode == "reverse" else render.forward_views(writer, forward)
        return shown + render.reverse_views(writer, reverse)

    def people() -> list[Any]:
        shown = views("ascii" if output.ascii_only else "text")
        if output.columns is not None and output.form == "table":
            render.fit(shown, output.columns)
        return shown

    output.show(
        data=data,
        views=people,
        record=lambda: render.record(*parts("plain")),
        latex=lambda: render.latex(views("latex")),
    )
