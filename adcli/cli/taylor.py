"""adcli taylor"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.graph.program import Given
    from adcli.render.views import Look, Tables


@click.command("taylor", cls=options.Command)
@click.option(
    "--order",
    type=options.WholeNumber(0, 10_000),
    default=8,
    metavar="K",
    help="The order of the last coefficient, up to 10,000 (default 8).",
)
@options.wrt_option("The input to expand in, if there are several.")
@options.direction_option
@options.result_option
@options.program_options
def command(
    request: options.Request,
    order: int,
    wrt: list[str] | None,
    direction: Mapping[str, Given] | None,
    result: str | None,
) -> None:
    """The Taylor series of one scalar result, in one input or along a direction.

    \b
    Example:
      adcli taylor "ln(1 + x)" x=0 --order 5
    """
    run = request.run()
    from adcli.differentiate.taylor import taylor

    found = taylor(run, order, wrt, direction, result)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        return {
            **options.head("taylor", run),
            "result": found.result,
            "direction": found.direction,
            "order": found.order,
            "coefficients": found.coefficients,
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.series import TaylorTables

        return TaylorTables(run, found, look)

    request.output.show(data, tables)
