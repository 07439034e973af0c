"""adcli diff"""

from __future__ import annotations

from typing import Any

import click

from adcli.cli import options


@click.command("diff", cls=options.Command)
@options.wrt_option("Differentiate with respect to these inputs only.")
@options.result_option
@click.option("--shared", is_flag=True, help="Name the parts that occur more than once.")
@options.text_options
def command(
    request: options.Request, wrt: list[str] | None, result: str | None, shared: bool
) -> None:
    """The symbolic derivatives of one scalar result, in the language itself.

    A value of an input says only its shape: x=[0,0,0] is a vector of three.

    \b
    Example:
      adcli diff "2*x^3 + 3*x^2"
    """
    program, values, limit = request.program()
    from adcli.differentiate.symbolic import symbolic
    from adcli.render.symbolic import Derivatives

    found = Derivatives(symbolic(program, values, wrt, result, limit), shared=shared)
    output = request.output
    count = found.operations
    if output.form == "json":
        data: dict[str, Any] = {
            "command": "diff",
            "function": program.name,
            "inputs": values,
            "result": found.result,
            "derivatives": found.derivatives,
            "program": found.program,
            "operations": count,
            "warnings": [],  # a formula has no value
        }
        output.json(data)
    elif output.form == "latex":
        output.write(found.latex())
    else:
        text = found.program
        if not output.quiet:
            text += (
                f"# operations: {count['value']:,} in the program; {count['raw']:,} in its "
                f"derivatives written out, {count['shared']:,} with equal parts shared\n"
            )
        output.write(text)
