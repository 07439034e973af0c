"""adcli eval"""

from __future__ import annotations

import click

from adcli.cli import options


@click.command("eval", cls=options.Command)
@options.program_options
def command(request: options.Request) -> None:
    """The value of a program.

    \b
    Example:
      adcli eval "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5
    """
    run = request.run()
    from adcli.differentiate.blame import value_warnings

    diagnostics = value_warnings(run)
    output = request.output
    output.report(diagnostics, strict=request.strict)
    results = run.values()

    def data() -> dict[str, object]:
        warnings = options.diagnostics_data(diagnostics)
        return {**options.head("eval", run), "results": results, "warnings": warnings}

    if output.form == "json":
        output.json(data())
        return
    from adcli.render import values

    output.show(
        data=data,
        views=lambda: values.evaluation_views(results),
        record=lambda: values.evaluation_record(results),
        latex=lambda: values.evaluation_latex(results, output.digits),
    )
