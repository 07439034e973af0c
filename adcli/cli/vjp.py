"""adcli vjp"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.graph.program import Given
    from adcli.render.views import Look, Tables


@click.command("vjp", cls=options.Command)
@options.named_numbers_option(
    "--weights", "weight", "The weight of each result; those left out have 0.", of="result"
)
@options.wrt_option("Differentiate with respect to these inputs only.")
@options.program_options
def command(
    request: options.Request, weights: Mapping[str, Given] | None, wrt: list[str] | None
) -> None:
    """The gradient of a weighted sum of the results: a vector times the Jacobian.

    One pass of reverse mode; the matrix is never made.

    \b
    Example:
      adcli vjp "r*cos(a), r*sin(a)" r=2 a=pi/6 --weights "f=[1, 2]"
    """
    run = request.run()
    example = ",".join(f"{name}={int(not i)}" for i, name in enumerate(list(run.results)[:3]))
    weights = options.required(weights, "--weights", example)
    from adcli.differentiate.products import vjp

    found = vjp(run, weights, wrt)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        return {
            **options.head("vjp", run),
            "weights": found.weights,
            "values": found.values,
            "vjp": found.vjp,
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.values import VjpTables

        return VjpTables(run, found, look)

    request.output.show(data, tables)
