"""What a benchmark found: lines of what was measured beside what must be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One figure.

    Attributes:
        what: what was measured, or which peer.
        measured: the figures, with their units.
        must: what must be reached; empty if nothing was promised.
        reached: whether it was; None if nothing was promised.
    """

    what: str
    measured: str
    must: str = ""
    reached: bool | None = None


@dataclass(frozen=True)
class Row:
    """A row of the table: what one run measured."""

    title: str
    lines: list[Line]


def at_most(what: str, measured: str, figure: float, limit: float, unit: str) -> Line:
    """A figure that has to stay below a limit."""
    return Line(what, measured, f"at most {limit:g} {unit}", figure <= limit)


def at_least(what: str, measured: str, figure: float, limit: float, unit: str) -> Line:
    """A figure that has to get above a limit."""
    return Line(what, measured, f"at least {limit:g} {unit}", figure >= limit)


def left_out(peer: str) -> Line:
    """The line of a peer that cannot be measured."""
    return Line(peer, "not installed, left out")


def show(row: Row) -> None:
    """Print a row."""
    print(f"\n{row.title}")
    for line in row.lines:
        verdict = {None: "", True: "reached", False: "NOT REACHED"}[line.reached]
        text = f"  {line.what:34} {line.measured:52} {line.must:28} {verdict}"
        print(text.rstrip(), flush=True)
