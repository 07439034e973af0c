"""adcli hvp"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.graph.program import Given
    from adcli.render.views import Look, Tables


@click.command("hvp", cls=options.Command)
@options.direction_option
@options.wrt_option("The Hessian of these inputs only.")
@options.result_option
@options.program_options
def command(
    request: options.Request,
    direction: Mapping[str, Given] | None,
    wrt: list[str] | None,
    result: str | None,
) -> None:
    """The Hessian of one scalar result times a vector; the matrix is never made.

    \b
    Example:
      adcli hvp samples/rosenbrock.ad --direction "x=[1,0,0,0]"
    """
    direction = options.required(direction, "--direction", "x1=1,x2=0")
    run = request.run()
    from adcli.differentiate.hessian import hvp

    found = hvp(run, direction, wrt, result)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        return {
            **options.head("hvp", run),
            "result": found.result,
            "direction": found.direction,
            "value": found.value,
            "gradient": found.gradient,
            "hvp": found.hvp,
            "operations": found.operations,
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.matrices import HvpTables

        return HvpTables(run, found, look)

    request.output.show(data, tables)
