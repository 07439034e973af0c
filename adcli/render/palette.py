"""The colours of drawings, light and dark. Pairs of text and ground have a contrast of 4.5."""

from __future__ import annotations


class Palette:
    """A set of colours.

    Attributes:
        background: of the drawing.
        text: of names and values.
        faint: of constants, labels and groups.
        line: of arcs.
        frame: of groups.
        kinds: fill and line of vertices, by their kind.
        passes: of tangents and adjoints, by mode.
        arcs: of special arcs: where a pass goes, where it does not ("still"), conditions.
    """

    def __init__(
        self,
        *,
        background: str,
        text: str,
        faint: str,
        line: str,
        frame: str,
        kinds: dict[str, tuple[str, str]],
        forward: str,
        reverse: str,
        still: str,
        decides: str,
    ) -> None:
        self.background = background
        self.text = text
        self.faint = faint
        self.line = line
        self.frame = frame
        self.kinds = kinds
        self.passes = {"forward": forward, "reverse": reverse}
        self.arcs = {"forward": forward, "reverse": reverse, "still": still, "decides": decides}


LIGHT = Palette(
    background="#ffffff",
    text="#1f2328",
    faint="#57606a",
    line="#6e7781",
    frame="#afb8c1",
    kinds={
        "input": ("#eef2ff", "#5b5bd6"),
        "constant": ("#ffffff", "#ffffff"),
        "operation": ("#f6f8fa", "#8c959f"),
        "choice": ("#f6f8fa", "#8c959f"),
        "condition": ("#fff8e1", "#bf8700"),
        "result": ("#e6f6ec", "#1a7f37"),
        "outside": ("#ffffff", "#afb8c1"),
    },
    forward="#0550ae",
    reverse="#b42318",
    still="#c4cbd3",
    decides="#bf8700",
)

DARK = Palette(
    background="#0d1117",
    text="#e6edf3",
    faint="#9aa4af",
    line="#8b949e",
    frame="#4b545f",
    kinds={
        "input": ("#1d2140", "#9a9cff"),
        "constant": ("#0d1117", "#0d1117"),
        "operation": ("#161b22", "#6e7681"),
        "choice": ("#161b22", "#6e7681"),
        "condition": ("#2b2308", "#d29922"),
        "result": ("#0f2a18", "#3fb950"),
        "outside": ("#0d1117", "#4b545f"),
    },
    forward="#79b8ff",
    reverse="#ff8f85",
    still="#3d444d",
    decides="#d29922",
)
