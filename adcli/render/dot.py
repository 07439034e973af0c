"""A drawing as DOT, the language of Graphviz; what `graphviz` lays out.

Labels are HTML-like: there `& < >` and quotes stand for themselves as entities, and a
backslash as two. Tooltips are strings, which Graphviz reads twice: there it is four. See
https://graphviz.org/doc/info/lang.html and https://graphviz.org/docs/attr-types/escString.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Mapping, Sequence

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
    Arc,
    Diagram,
)
from adcli.render import palette
from adcli.render.diagram import ROLES, Caption, Captions
from adcli.render.groups import Group, grouped

# Shape and style of vertices.
_LOOKS = {
    INPUT: ("box", "rounded,filled,bold"),
    CONSTANT: ("plain", ""),
    OPERATION: ("box", "rounded,filled"),
    CHOICE: ("box", "rounded,filled"),
    CONDITION: ("hexagon", "filled"),
    RESULT: ("box", "rounded,filled,bold"),
    OUTSIDE: ("box", "rounded,filled,dashed"),
}
_LINE_BREAK = "<BR/>"
# Keeps a text off the line beside it.
_SPACE = "&#160;"
# The layout keeps room for labels on arcs; of more arcs than this that takes too long, and
# only the tooltips have them.
_MOST_LABELLED = 250
# An arc over many ranks takes a vertex of the layout in each. If there are more of those
# than this, the far ends are drawn beside their uses, as references.
_MOST_PASSED = 60
_LONG_SPANS = (24, 12, 6, 3)
# So many ranks are deep; arcs that are to be straight weigh more there.
_DEEP = 12
_STRAIGHT_WEIGHT = 4
# Beyond this many arcs the layout may settle for less, and beyond more for straight lines.
_MANY_ARCS = 400
_STRAIGHT = 900
# Points of the title, by how many vertices a drawing has at least.
_TITLE_SIZES = ((400, 40), (120, 26), (40, 18), (0, 13))


def to_dot(drawings: Sequence[Diagram], digits: int | None, *, ascii_only: bool) -> str:
    """Drawings side by side, each with its title.

    Args:
        drawings: of one program: the graph, or its passes.
        digits: digits behind the point of numbers.
        ascii_only: whether only ASCII may be used.
    """
    arcs = sum(len(drawing.arcs) for drawing in drawings)
    size = sum(len(drawing.vertices) for drawing in drawings)
    captions = [Captions(drawing, digits, ascii_only=ascii_only) for drawing in drawings]
    title = captions[0].title()
    lines = ["digraph {", *_indented(_defaults(arcs, size))]
    if len(captions) == 1:
        lines += _indented([_heading([title, captions[0].subtitle()])])
        lines += _indented(_drawing(captions[0], "n"))
    else:
        lines += _indented([_heading([title])])
        for k, one in enumerate(captions, 1):
            inside = [_heading([one.subtitle()]), 'class="pass"; peripheries=0; margin=16']
            inside += _drawing(one, f"p{k}n")
            lines += _indented([f"subgraph cluster_pass{k} {{", *_indented(inside), "}"])
    return "\n".join([*lines, "}", ""])


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _defaults(arcs: int, size: int) -> list[str]:
    light = palette.LIGHT
    points = next(points for least, points in _TITLE_SIZES if size >= least)
    lines = [
        f'graph [rankdir=TB, bgcolor="{light.background}", fontname="sans-serif", '
        f'fontsize={points}, fontcolor="{light.text}", labelloc=t, nodesep=0.3, ranksep=0.4, '
        'pad=0.25, charset="UTF-8"]',
        f'node [fontname="sans-serif", fontsize=13, fontcolor="{light.text}", '
        'margin="0.14,0.07", height=0.3, width=0.3]',
        f'edge [fontname="sans-serif", fontsize=11, fontcolor="{light.faint}", '
        f'color="{light.line}", arrowsize=0.7]',
    ]
    if arcs > _MANY_ARCS:
        lines.append("nslimit=1; nslimit1=1; mclimit=0.3; searchsize=10")
    if arcs > _STRAIGHT:
        lines.append("splines=line")
    return lines


def _heading(texts: Sequence[str]) -> str:
    """A label of one bold line and others below."""
    first, *rest = (_text(text) for text in texts)
    return f"label=<{_LINE_BREAK.join([f'<B>{first}</B>', *rest, ' '])}>"


def _drawing(captions: Captions, prefix: str) -> list[str]:
    """The vertices in their groups, then the arcs."""
    drawing = captions.drawing
    layers = _Layers(drawing)
    far_into: dict[int, list[int]] = {}
    for number in sorted(layers.far):
        far_into.setdefault(drawing.arcs[number].head, []).append(number)
    lines = _group(captions, grouped(drawing), prefix, far_into, itertools.count(1))
    is_labelled = len(drawing.arcs) <= _MOST_LABELLED
    for number, arc in enumerate(drawing.arcs):
        tail = f"{prefix}r{number}" if number in layers.far else f"{prefix}{arc.tail}"
        head = f"{prefix}{arc.head}"
        attributes = _arc(captions, arc, is_labelled=is_labelled)
        if number in layers.main:
            attributes["weight"] = str(_STRAIGHT_WEIGHT)
        if arc.tail in captions.beside and captions.is_second(arc):
            tail, head = head, tail
        lines.append(f"{tail} -> {head}" + (f" {_join(attributes)}" if attributes else ""))
    return lines


def _group(
    captions: Captions,
    group: Group,
    prefix: str,
    far_into: Mapping[int, Sequence[int]],
    numbers: Iterator[int],
) -> list[str]:
    """The vertices of a group, references to far operands of theirs, and its groups."""
    lines = []
    for index in group.members:
        vertex = captions.drawing.vertices[index]
        caption = captions.vertex(vertex)
        label = _label(caption, vertex.kind, captions.drawing.mode)
        looks = _vertex(vertex.kind, label, caption.tooltip)
        lines.append(f"{prefix}{index} {_join(looks)}")
        for number in far_into.get(index, ()):
            far = captions.drawing.vertices[captions.drawing.arcs[number].tail]
            looks = _vertex(OUTSIDE, _text(captions.name(far)), captions.vertex(far).tooltip)
            lines.append(f"{prefix}r{number} {_join(looks)}")
            # Above it, it would stand beside the group before, and the next group beside that.
            lines.append(f"{{rank=same; {prefix}r{number} {prefix}{index}}}")
    for index in group.members:
        if index in captions.beside:
            head = captions.beside[index]
            lines.append(f"{{rank=same; {prefix}{index} {prefix}{head}}}")
    light = palette.LIGHT
    for inner in group.groups:
        name = _text(captions.group(inner.places))
        tooltip = _string(captions.around(inner.places[-1]))
        inside = [
            f'label=<{name}>; class="group"; labeljust=l; peripheries=1; style="rounded,dashed"; '
            f'fontsize=11; fontcolor="{light.faint}"; color="{light.frame}"; margin=8; '
            f"tooltip={tooltip}",
            *_group(captions, inner, prefix, far_into, numbers),
        ]
        lines += [f"subgraph cluster_{prefix}{next(numbers)} {{", *_indented(inside), "}"]
    return lines


def _label(caption: Caption, kind: str, mode: str) -> str:
    rows = [_text(caption.name)]
    if kind == CONSTANT:
        rows = [_SPACE + rows[0] + _SPACE]
    if caption.value:
        rows.append(_text(caption.value))
    if caption.derivative:
        color = palette.LIGHT.passes[mode]
        rows.append(f'<FONT COLOR="{color}">{_text(caption.derivative)}</FONT>')
    return _LINE_BREAK.join(rows)


def _vertex(kind: str, label: str, tooltip: Sequence[str]) -> dict[str, str]:
    """How a vertex looks."""
    light = palette.LIGHT
    shape, style = _LOOKS[kind]
    fill, line = light.kinds[kind]
    attributes = {
        "label": f"<{label}>",
        "tooltip": _string(tooltip),
        "class": f'"{kind}"',
        "shape": shape,
        "style": f'"{style}"',
        "fillcolor": f'"{fill}"',
        "color": f'"{line}"',
    }
    if kind in (CONSTANT, OUTSIDE):
        attributes["fontcolor"] = f'"{light.faint}"'
    return attributes


def _arc(captions: Captions, arc: Arc, *, is_labelled: bool) -> dict[str, str]:
    """How an arc looks."""
    drawing, light = captions.drawing, palette.LIGHT
    kind = drawing.mode if arc.flows else "still" if drawing.mode else ""
    attributes: dict[str, str] = {}
    lines = captions.arc(arc)
    if lines:
        if is_labelled or arc.role in ROLES:
            label = _LINE_BREAK.join(_SPACE + _text(line) + _SPACE for line in lines)
            attributes["label"] = f"<{label}>"
            attributes["labeltooltip"] = _string(lines)
        attributes["tooltip"] = _string(lines)
    if arc.role in (COMPARED, DECIDES):
        attributes["style"] = "dashed"
        kind = "decides"
    if drawing.vertices[arc.tail].kind == CONSTANT:
        kind = kind or "still"
        attributes["arrowhead"] = "none"
    if arc.flows:
        attributes["penwidth"] = "1.6"
        attributes["fontcolor"] = f'"{light.passes[drawing.mode]}"'
        if drawing.mode == "reverse":
            attributes["dir"] = "back"
    if kind:
        attributes["class"] = f'"{kind}"'
        attributes["color"] = f'"{light.arcs[kind]}"'
    return attributes


def _join(attributes: dict[str, str]) -> str:
    return "[" + ", ".join(f"{name}={value}" for name, value in attributes.items()) + "]"


def _text(text: str) -> str:
    """A text inside of an HTML-like label."""
    return html.escape(text).replace("\\", "\\\\")


def _string(lines: Sequence[str]) -> str:
    """Lines as a quoted string in which nothing is special."""
    quoted = (
        # Entities are read in strings too.
        line.replace("&", "&amp;").replace("\\", "\\\\\\\\").replace('"', '\\"')
        for line in lines
    )
    return '"' + "\\n".join(quoted) + '"'


class _Layers:
    """How far down each vertex of a drawing stands, and what follows from it.

    Attributes:
        far: the arcs whose operand is to be drawn beside its use, as a reference.
        main: in a deep drawing, of each vertex the arc from its deepest operand: these are
            kept straight, or a chain of diamonds may drift aside at no cost.
    """

    def __init__(self, drawing: Diagram) -> None:
        rank = _ranks(drawing)
        spans = [rank[arc.head] - rank[arc.tail] for arc in drawing.arcs]
        # Where an arc passes over many ranks the layout needs a vertex in each: a parameter
        # that every turn of a long loop uses would take a number of them that grows with
        # its square.
        for limit in (max(spans, default=0), *_LONG_SPANS):
            if sum(span - 1 for span in spans if 1 < span <= limit) <= _MOST_PASSED:
                break
        distant = {arc.tail for arc, span in zip(drawing.arcs, spans, strict=True) if span > limit}
        # What is referred to once is referred to wherever it is not near.
        self.far = frozenset(
            i
            for i, (arc, span) in enumerate(zip(drawing.arcs, spans, strict=True))
            if arc.tail in distant and span > _LONG_SPANS[-1]
        )
        main: dict[int, int] = {}
        if max(rank, default=0) >= _DEEP:
            for i, arc in enumerate(drawing.arcs):
                best = main.get(arc.head)
                if best is None or rank[arc.tail] > rank[drawing.arcs[best].tail]:
                    main[arc.head] = i
        self.main = frozenset(main.values())


def _ranks(drawing: Diagram) -> list[int]:
    """The rank of each vertex: one below its operands, or just above its first use."""
    rank = [0] * len(drawing.vertices)
    for arc in drawing.arcs:  # in the order computed
        rank[arc.head] = max(rank[arc.head], rank[arc.tail] + 1)
    first: dict[int, int] = {}
    for arc in drawing.arcs:
        first[arc.tail] = min(first.get(arc.tail, rank[arc.head]), rank[arc.head])
    heads = {arc.head for arc in drawing.arcs}
    for index, least in first.items():
        if index not in heads:
            rank[index] = least - 1
    return rank
