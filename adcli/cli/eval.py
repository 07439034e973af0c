"""adcli eval"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.render.views import Look, Tables


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
    request.output.report(diagnostics, strict=request.strict)
    results = run.values()

    def data() -> dict[str, Any]:
        warnings = options.diagnostics_data(diagnostics)
        return {**options.head("eval", run), "results": results, "warnings": warnings}

    def tables(look: Look) -> Tables:
        from adcli.render.values import EvaluationTables

        return EvaluationTables(results, look)

    request.output.show(data, tables)
