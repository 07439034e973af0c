"""adcli rules"""

from __future__ import annotations

from typing import Any

import click

from adcli.cli import options


@click.command("rules", cls=options.Command)
@click.argument(
    "names",
    nargs=-1,
    metavar="[NAME ...]",
    callback=options.unshield,
    shell_complete=options.completed("primitives"),
)
@options.look_options
def command(request: options.Request, names: tuple[str, ...]) -> None:
    """The primitives and their derivative rules, all or those named.

    \b
    Example:
      adcli rules sqrt atan2
    """
    from adcli.graph.rules import rule_texts
    from adcli.render import rules

    rows = rule_texts(names)

    def data() -> dict[str, Any]:
        return {"command": "rules", "rules": [rules.data(row) for row in rows]}

    request.output.show(data, lambda look: rules.RuleTables(rows))
