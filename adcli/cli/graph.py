"""adcli graph"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from adcli.cli import options
from adcli.errors import DEFAULT_MAX_NODES, InputError

if TYPE_CHECKING:
    from adcli.graph.program import Given


@click.command("graph", cls=options.Command)
@click.option(
    "--values/--no-values",
    default=None,
    help="With or without values (default: with, if inputs are given).",
)
@click.option(
    "--mode",
    type=click.Choice(("forward", "reverse")),
    help="Add tangents or adjoints, and the local partial derivatives.",
)
@options.named_numbers_option(
    "--seed", "seed", "One forward pass along this direction, instead of one for each input."
)
@options.wrt_option("Only what depends on these inputs; forward passes for these.")
@options.named_result_option("Only what this result depends on.")
@click.option(
    "--max-nodes",
    type=options.WholeNumber(1),
    default=DEFAULT_MAX_NODES,
    metavar="N",
    help=f"The most nodes of a picture (default {DEFAULT_MAX_NODES:,}).",
)
@options.graph_options
def command(
    request: options.Request,
    values: bool | None,
    mode: str | None,
    seed: Mapping[str, Given] | None,
    wrt: list[str] | None,
    result: str | None,
    max_nodes: int,
) -> None:
    """The computational graph as a tree, as DOT or Mermaid, or as a picture.

    Without inputs its structure; with inputs the values on it; with --mode one pass over it.

    \b
    Example:
      adcli graph "(x1^2 + x2^2)^(1/2)" x1=3 x2=4 --mode reverse
    """
    if mode and values is False:
        raise InputError("a pass needs values", hint="leave out --no-values")
    output = request.output
    is_tree = output.form == "tree"
    output.check_writable()
    from adcli.differentiate import diagram

    if values or mode or (values is None and request.has_inputs):
        from adcli.graph.history import History

        run = request.run(history=History())
    else:
        run = diagram.structure(*request.program())
    drawn = diagram.drawings(
        run,
        mode or "",
        seed=seed,
        wrt=wrt,
        result=result,
        max_nodes=None if is_tree else max_nodes,
    )
    output.report(diagram.warnings(drawn), strict=request.strict)
    from adcli.render.graph import Drawing

    if is_tree:
        output.show_views(lambda look: Drawing(drawn).trees(look))
        return
    drawing = Drawing(drawn, output.digits, ascii_only=output.environment.ascii_asked)
    if output.form == "dot":
        output.write(drawing.dot())
    elif output.form == "mermaid":
        text, notes = drawing.mermaid_with_notes()
        output.report(notes, strict=False)
        output.write(text)
    else:
        output.write(drawing.picture(output.form))
