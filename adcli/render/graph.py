"""The computational graph in every format it is drawn in."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.differentiate.blame import Diagnostic
from adcli.differentiate.diagram import Diagram
from adcli.render.diagram import Captions
from adcli.render.dot import to_dot
from adcli.render.tree import Trees
from adcli.render.views import Look


class Drawing:
    """The graph of a program, or one or more passes over it side by side.

    Args:
        drawings: the graph, or its passes.
        digits: digits behind the point of numbers, None for as many as traces have.
        ascii_only: whether only ASCII may be used.
    """

    def __init__(
        self, drawings: Sequence[Diagram], digits: int | None = None, *, ascii_only: bool = False
    ) -> None:
        self.drawings = drawings
        self.digits = digits
        self.ascii_only = ascii_only

    def dot(self) -> str:
        """Text for Graphviz."""
        return to_dot(self.drawings, self.digits, ascii_only=self.ascii_only)

    def mermaid(self) -> str:
        """Text for Mermaid."""
        from adcli.render.mermaid import to_mermaid

        return to_mermaid(self.drawings, self.digits, ascii_only=self.ascii_only)

    def mermaid_with_notes(self) -> tuple[str, list[Diagnostic]]:
        """Text for Mermaid, and a note if it is more than Mermaid draws."""
        from adcli.render.mermaid import MOST_ARROWS, MOST_CHARACTERS

        text = self.mermaid()
        arrows = sum(len(one.arcs) for one in self.drawings)
        if arrows <= MOST_ARROWS and len(text) <= MOST_CHARACTERS:
            return text, []
        message = (
            f"{arrows:,} arrows and {len(text):,} characters: Mermaid draws at most "
            f"{MOST_ARROWS:,} and {MOST_CHARACTERS:,} unless a page allows more"
        )
        return text, [Diagnostic("size", message)]

    def svg(self) -> str:
        """A picture that fits light and dark pages. Raises what `graphviz.picture` does."""
        return self.picture("svg").decode()

    def picture(self, form: str) -> bytes:
        """A picture: "svg", "png" or "pdf". Raises what `graphviz.picture` does."""
        from adcli.render.graphviz import picture

        return picture(self.dot(), form, self.title())

    def trees(self, look: Look) -> Trees:
        """Trees for the terminal."""
        return Trees(self.drawings, look)

    def title(self) -> str:
        """What is drawn, on one line."""
        captions = [Captions(one, self.digits, ascii_only=self.ascii_only) for one in self.drawings]
        return ": ".join([captions[0].title(), "; ".join(one.subtitle() for one in captions)])

    def _repr_svg_(self) -> str | None:
        """What notebooks show; without pygraphviz they show `repr`."""
        from adcli.render.graphviz import is_installed

        return self.svg() if is_installed() else None

    def __repr__(self) -> str:
        return f"<adcli drawing of {self.title()}>"
