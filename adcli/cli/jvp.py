"""adcli jvp"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.graph.program import Given
    from adcli.render.views import Look, Tables


@click.command("jvp", cls=options.Command)
@options.direction_option
@options.program_options
def command(request: options.Request, direction: Mapping[str, Given] | None) -> None:
    """The derivatives of all results along a direction: the Jacobian times a vector.

    One pass of forward mode; the matrix is never made.

    \b
    Example:
      adcli jvp "r*cos(a), r*sin(a)" r=2 a=pi/6 --direction r=1,a=0.5
    """
    direction = options.required(direction, "--direction", "x1=1,x2=0")
    run = request.run()
    from adcli.differentiate.products import jvp

    found = jvp(run, direction)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        return {
            **options.head("jvp", run),
            "direction": found.direction,
            "values": found.values,
            "jvp": found.jvp,
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.values import JvpTables

        return JvpTables(found, look)

    request.output.show(data, tables)
