"""adcli grad"""

from __future__ import annotations

from typing import Any

import click

from adcli.cli import options


@click.command("grad", cls=options.Command)
@click.option(
    "--mode",
    type=click.Choice(("auto", "forward", "reverse")),
    default="auto",
    help="Forward: a pass for each input. Reverse: one in all. Auto takes the cheaper.",
)
@options.wrt_option("Differentiate with respect to these inputs only.")
@click.option("--result", metavar="NAME", help="Which result, if there are several.")
@options.program_options
def command(request: options.Request, mode: Any, wrt: list[str] | None, result: str | None) -> None:
    """The value and gradient of one scalar result.

    \b
    Example:
      adcli grad "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5
    """
    run = request.run()
    from adcli.differentiate.gradient import gradient

    found = gradient(run, mode, wrt, result)
    output = request.output
    output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, object]:
        return {
            **options.head("grad", run),
            "result": found.result,
            "mode": found.mode,
            "value": found.value,
            "gradient": found.gradient,
            "warnings": options.diagnostics_data(found.warnings),
        }

    if output.form == "json":
        output.json(data())
        return
    from adcli.render import values

    output.show(
        data=data,
        views=lambda: values.gradient_views(
            run, found, output.digits, ascii_only=output.ascii_only
        ),
        record=lambda: values.gradient_record(run, found),
        latex=lambda: values.gradient_latex(run, found, output.digits),
    )
