"""adcli hessian"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.render.views import Look, Tables


@click.command("hessian", cls=options.Command)
@options.wrt_option("Differentiate with respect to these inputs only.")
@options.result_option
@options.sparse_option
@options.program_options
def command(
    request: options.Request, wrt: list[str] | None, result: str | None, sparse: bool
) -> None:
    """The value, gradient and matrix of second derivatives of one scalar result.

    \b
    Example:
      adcli hessian samples/rosenbrock.ad
    """
    run = request.run()
    from adcli.differentiate.hessian import hessian
    from adcli.differentiate.jacobian import check_dense

    if not sparse:
        size = sum(len(item.nodes) for item in run.wanted(wrt))
        check_dense("Hessian", size, size, instead="use --sparse, or the product hvp --direction")
    found = hessian(run, wrt, result)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        names = found.columns
        return {
            **options.head("hessian", run),
            "result": found.result,
            "value": found.value,
            "gradient": found.gradient,
            "colors": found.colors,
            "operations": found.operations,
            "columns": names,
            **options.matrix_data("hessian", names, names, found.matrix, sparse),
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.matrices import HessianTables

        return HessianTables(run, found, look, sparse=sparse)

    request.output.show(data, tables)
