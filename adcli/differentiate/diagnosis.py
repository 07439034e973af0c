"""Whether anything has to be said about a result; if so, `blame` is opened to say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adcli.differentiate.reverse import depends
from adcli.graph.primitives import KINKED
from adcli.graph.program import Run

if TYPE_CHECKING:
    from adcli.differentiate.blame import Diagnostic


class Failed:
    """A pass that ended in a derivative which is not finite.

    Attributes:
        mode: "forward" or "reverse".
        seeds: the tangents or adjoints it began with, by node.
        wanted: of forward mode the nodes whose tangents were wanted, or None.
        first_order: how many nodes there were before derivatives were recorded; those
            behind them make it a pass of second order. None if there are none.
    """

    __slots__ = ("first_order", "mode", "seeds", "wanted")

    def __init__(
        self,
        mode: str,
        seeds: Mapping[int, float],
        wanted: Sequence[int] | None = None,
        first_order: int | None = None,
    ) -> None:
        self.mode = mode
        self.seeds = seeds
        self.wanted = wanted
        self.first_order = first_order


def diagnosis(
    run: Run, names: Sequence[str], nodes: list[int], *, finite: bool, failed: Failed | None
) -> list[Diagnostic]:
    """Warnings and notes about derivatives.

    Args:
        run: the program at a point.
        names: the results differentiated.
        nodes: the inputs differentiated.
        finite: whether all values of these results are finite.
        failed: a pass whose derivatives are not, or None.
    """
    quiet = finite and failed is None
    if quiet and not run.equalities and not run.kinks and KINKED.isdisjoint(run.graph.op):
        return []
    from adcli.differentiate.blame import Diagnostic, blame_derivative, notes, value_warnings

    found = value_warnings(run, names, depends(run.graph, nodes))
    if failed is not None:
        blame = blame_derivative(run, failed, nodes, found)
        if not blame and not any(warning.is_non_finite for warning in found):
            blame = [Diagnostic("derivative", "a derivative is not finite")]
        found += blame
    return found + notes(run, [run.results[name] for name in names], nodes)
