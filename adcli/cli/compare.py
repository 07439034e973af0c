"""adcli compare"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli import options
from adcli.errors import InputError

if TYPE_CHECKING:
    from adcli.render.views import Look, Tables


@click.command("compare", cls=options.Command)
@click.option(
    "--steps", is_flag=True, help="Errors of difference quotients at steps from 0.1 to 1e-16."
)
@options.wrt_option("Differentiate with respect to these inputs only.")
@options.result_option
@options.picture_options
def command(
    request: options.Request, steps: bool, wrt: list[str] | None, result: str | None
) -> None:
    """Numerical, symbolic and automatic differentiation side by side.

    With --steps -o FILE.svg or FILE.png the errors are drawn.

    \b
    Example:
      adcli compare "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5
    """
    output = request.output
    picture = output.form in options.PICTURES
    if picture and not steps:
        raise InputError("only the errors over steps are a picture", hint="add --steps")
    run = request.run()
    from adcli.differentiate.compare import compare

    found = compare(run, wrt, result, steps=steps)
    output.report(found.warnings, strict=request.strict)
    if picture:
        from adcli.render.picture import steps_picture

        output.write(steps_picture(found, output.form))
        return

    def data() -> dict[str, Any]:
        from adcli.render import compare as render

        return {
            **options.head("compare", run),
            **render.data(found),
            "warnings": options.diagnostics_data(found.warnings),
        }

    def tables(look: Look) -> Tables:
        from adcli.render.compare import CompareTables

        return CompareTables(found, look)

    output.show(data, tables)
