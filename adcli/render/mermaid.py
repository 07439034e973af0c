"""A drawing as a flowchart of Mermaid, which pages on code and wikis draw from text.

Texts stand in quotes with every sign that could mean something as an entity code
(https://mermaid.js.org/syntax/flowchart.html, "Entity codes to escape characters").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from adcli.differentiate.diagram import (
    CHOICE,
    COMPARED,
    CONDITION,
    CONSTANT,
    DECIDES,
    INPUT,
    OPERATION,
    OUTSIDE,
    RESULT,
    Diagram,
)
from adcli.render.diagram import Captions
from adcli.render.groups import Group, grouped
from adcli.render.palette import LIGHT

_SHAPES = {
    INPUT: ("([", "])"),
    CONSTANT: ("[", "]"),
    OPERATION: ("(", ")"),
    CHOICE: ("(", ")"),
    CONDITION: ("{{", "}}"),
    RESULT: ("([", "])"),
    OUTSIDE: ("(", ")"),
}
_PLAIN = frozenset(" .,=+()/")
# What Mermaid's marks for entities are made of.
_MARKS = frozenset("ﬂ°¶ß")
_IN_TITLES = frozenset("<>&")
# What Mermaid draws unless the page it stands on allows more.
MOST_ARROWS, MOST_CHARACTERS = 500, 50_000


def to_mermaid(drawings: Sequence[Diagram], digits: int | None, *, ascii_only: bool) -> str:
    """Drawings as one flowchart, each in a frame if there are several.

    Args:
        drawings: of one program: the graph, or its passes.
        digits: digits behind the point of numbers.
        ascii_only: whether only ASCII may be used.
    """
    captions = [Captions(drawing, digits, ascii_only=ascii_only) for drawing in drawings]
    title = captions[0].title()
    if len(captions) == 1:
        title = f"{title} ({captions[0].subtitle()})"
    lines = ["---", f"title: {json.dumps(_title(title), ensure_ascii=ascii_only)}", "---"]
    # Arrows of reverse mode point to the inputs, which stay above.
    is_reverse = drawings[0].mode == "reverse"
    direction = "BT" if is_reverse else "TB"
    lines.append(f"flowchart {direction}")
    flowing: list[int] = []
    count = 0
    for k, one in enumerate(captions):
        prefix = f"n{k}x" if len(captions) > 1 else "n"
        indent = "  "
        if len(captions) > 1:
            lines.append(f"  subgraph pass{k} [{_quoted(one.subtitle())}]")
            lines.append(f"    direction {direction}")
            indent = "    "
        lines += _group(one, grouped(one.drawing), prefix, indent, Counter())
        for arc in one.drawing.arcs:
            ends = f"{prefix}{arc.tail}", f"{prefix}{arc.head}"
            tail, head = ends[::-1] if is_reverse and arc.flows else ends
            # The other way round there are lines, but no arrows.
            is_line = one.drawing.vertices[arc.tail].kind == CONSTANT
            if is_reverse and not arc.flows:
                is_line, tail, head = True, head, tail
            arrow = _arrow(arc.role, is_line)
            texts = one.arc(arc)
            label = f"|{_quoted_lines(texts)}|" if texts else ""
            lines.append(f"{indent}{tail} {arrow}{label} {head}")
            if arc.flows:
                flowing.append(count)
            count += 1
        if len(captions) > 1:
            lines += ["  end", f"  class pass{k} group"]
    lines += _styles(drawings, flowing)
    return "\n".join(lines) + "\n"


def _group(
    captions: Captions, group: Group, prefix: str, indent: str, count: Counter[str]
) -> list[str]:
    lines = []
    for index in group.members:
        vertex = captions.drawing.vertices[index]
        texts = captions.vertex(vertex).lines()
        opening, closing = _SHAPES[vertex.kind]
        label = _quoted_lines(texts)
        lines.append(f"{indent}{prefix}{index}{opening}{label}{closing}:::{vertex.kind}")
    for inner in group.groups:
        count[prefix] += 1
        name = f"{prefix}group{count[prefix]}"
        lines.append(f"{indent}subgraph {name} [{_quoted(captions.group(inner.places))}]")
        lines += _group(captions, inner, prefix, indent + "  ", count)
        lines.append(f"{indent}end")
        lines.append(f"{indent}class {name} group")
    return lines


def _arrow(role: str, is_line: bool) -> str:
    if role in (COMPARED, DECIDES):
        return "-.-" if is_line else "-.->"
    return "---" if is_line else "-->"


def _styles(drawings: Sequence[Diagram], flowing: Sequence[int]) -> list[str]:
    kinds = dict.fromkeys(vertex.kind for drawing in drawings for vertex in drawing.vertices)
    lines = [f"  classDef group fill:none,stroke:{LIGHT.frame},stroke-dasharray:4 3"]
    for kind in kinds:
        fill, line = LIGHT.kinds[kind]
        # On the page itself a text keeps the page's colour, which may be dark or light.
        style = f"fill:{fill},stroke:{line},color:{LIGHT.text}"
        if kind == CONSTANT:
            style = "fill:none,stroke:none"
        elif kind == OUTSIDE:
            style = f"fill:none,stroke:{line},stroke-dasharray:4 3"
        lines.append(f"  classDef {kind} {style}")
    if flowing:
        color = LIGHT.passes[drawings[0].mode]
        numbers = ",".join(map(str, flowing))
        lines.append(f"  linkStyle {numbers} stroke:{color},color:{color},stroke-width:2px")
    return lines


def _quoted_lines(texts: Sequence[str]) -> str:
    return '"' + "<br>".join(_escaped(text) for text in texts) + '"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """A text of which Mermaid reads nothing as markup."""
    return "".join(c if _is_plain(c) else f"#{ord(c)};" for c in text)


def _title(text: str) -> str:
    """The same for a title, where little is markup, and entity codes are not read.

    Mermaid's own mark for one, which it makes of codes elsewhere, is.
    """
    return "".join(f"ﬂ°°{ord(c)}¶ß" if c in _IN_TITLES or c in _MARKS else c for c in text)


def _is_plain(c: str) -> bool:
    return c.isalnum() or c in _PLAIN if c.isascii() else c not in _MARKS
