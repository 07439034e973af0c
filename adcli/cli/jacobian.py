"""adcli jacobian"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options

if TYPE_CHECKING:
    from adcli.render.views import Look, Tables


@click.command("jacobian", cls=options.Command)
@options.mode_option(
    "Forward: a pass for each colour of the inputs. Reverse: of the results. Auto: the fewer."
)
@options.wrt_option("Differentiate with respect to these inputs only.")
@options.sparse_option
@options.program_options
def command(request: options.Request, mode: Any, wrt: list[str] | None, sparse: bool) -> None:
    """The Jacobian matrix: the derivatives of all results.

    \b
    Example:
      adcli jacobian "r*cos(a), r*sin(a)" r=2 a=pi/6
    """
    run = request.run()
    from adcli.differentiate.jacobian import check_dense, jacobian

    if not sparse:
        columns = sum(len(item.nodes) for item in run.wanted(wrt))
        check_dense(
            "Jacobian",
            len(run.results),
            columns,
            instead="use --sparse, or the products jvp and vjp",
        )
    found = jacobian(run, mode, wrt)
    request.output.report(found.warnings, strict=request.strict)

    def data() -> dict[str, Any]:
        values = {"values": list(found.values.values())}
        matrix = options.matrix_data("jacobian", found.rows, found.columns, found.matrix, sparse)
        return {
            **options.head("jacobian", run),
            "mode": found.mode,
            "passes": found.passes,
            "rows": found.rows,
            "columns": found.columns,
            **values,
            **matrix,
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.matrices import JacobianTables

        return JacobianTables(found, look, sparse=sparse)

    request.output.show(data, tables)
