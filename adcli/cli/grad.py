"""adcli grad"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.render.views import Look, Tables


@click.command("grad", cls=options.Command)
@options.mode_option("Forward: a pass for each input. Reverse: one in all. Auto takes the cheaper.")
@options.wrt_option("Differentiate with respect to these inputs only.")
@options.result_option
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
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        return {
            **options.head("grad", run),
            "result": found.result,
            "mode": found.mode,
            "value": found.value,
            "gradient": found.gradient,
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.values import GradientTables

        return GradientTables(run, found, look)

    request.output.show(data, tables)
