"""A drawing as DOT, the language of Graphviz; what `graphviz` lays out.

Labels are HTML-like, where nothing is special but `& < >` and quotes. Tooltips are
strings, where backslashes are too; see https://graphviz.org/doc/info/lang.html.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence

from adcli.differentiate.diagram import (
    COMPARED,
    CONSTANT,
    DECIDES,
    OUTSIDE,
    Arc,
    Diagram,
)
from adcli.render import palette
from adcli.render.diagram import Captions
from adcli.render.groups import Group, grouped
from adcli.render.safe import safe, to_ascii

_SHAPES = {
    "input": "box",
    "constant": "plain",
    "operation": "box",
    "choice": "box",
    "condition": "hexagon",
    "result": "box",
    "outside": "box",
}
_STYLES = {
    "input": "rounded,filled,bold",
    "constant": "",
    "operation": "rounded,filled",
    "choice": "rounded,filled",
    "condition": "filled",
    "result": "rounded,filled,bold",
    "outside": "rounded,filled,dashed",
}
# Keeps a text off the line beside it.
_SPACE = "\u00a0"
# Labels on arcs keep a rank of their own free; of so many arcs they stand at their heads.
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


def to_dot(drawings: Sequence[Diagram], digits: int | None, *, ascii_only: bool) -> str:
    """Drawings side by side, each with its title.

    Args:
        drawings: of one program: the graph, or its passes.
        digits: digits behind the point of numbers.
        ascii_only: whether only ASCII may be used.
    """
    arcs = sum(len(drawing.arcs) for drawing in drawings)
    lines = ["digraph {"]
    lines += [f"  {line}" for line in _defaults(arcs)]
    captions = [Captions(drawing, digits, ascii_only=ascii_only) for drawing in drawings]
    title = captions[0].title()
    if len(drawings) == 1:
        lines += [f"  {line}" for line in _heading([title, captions[0].subtitle()])]
        lines += _drawing(captions[0], "n", "  ", arcs)
    else:
        lines += [f"  {line}" for line in _heading([title])]
        for k, one in enumerate(captions, 1):
            lines.append(f"  subgraph cluster_pass{k} {{")
            lines += [f"    {line}" for line in _heading([one.subtitle()])]
            lines.append('    class="pass"; peripheries=0; margin=16')
            lines += _drawing(one, f"p{k}n", "    ", arcs)
            lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _defaults(arcs: int) -> list[str]:
    light = palette.LIGHT
    lines = [
        f'graph [rankdir=TB, bgcolor="{light.background}", fontname="sans-serif", fontsize=13, '
        f'fontcolor="{light.text}", labelloc=t, nodesep=0.3, ranksep=0.4, pad=0.25, '
        'charset="UTF-8"]',
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


def _heading(texts: Sequence[str]) -> list[str]:
    """A label of one large line and small ones below."""
    first, *rest = (_text(text) for text in texts)
    label = "".join([f"<B>{first}</B>", *(f"<BR/>{text}" for text in rest), "<BR/> "])
    return [f"label=<{label}>"]


def _drawing(captions: Captions, prefix: str, indent: str, arcs: int) -> list[str]:
    """The vertices in their groups, then the arcs."""
    drawing = captions.drawing
    layers = _Layers(drawing)
    far_into: dict[int, list[int]] = {}
    for number in sorted(layers.far):
        far_into.setdefault(drawing.arcs[number].head, []).append(number)
    lines = _group(captions, grouped(drawing), prefix, indent, far_into, Counter())
    is_crowded = arcs > _MOST_LABELLED
    for number, arc in enumerate(drawing.arcs):
        tail = f"{prefix}r{number}" if number in layers.far else f"{prefix}{arc.tail}"
        attributes = _arc(captions, arc, is_crowded=is_crowded)
        if number in layers.main:
            attributes["weight"] = str(_STRAIGHT_WEIGHT)
        head = f"{prefix}{arc.head}"
        if arc.tail in captions.beside and captions.is_second(arc):
            tail, head = head, tail
        lines.append(
            f"{indent}{tail} -> {head}" + (f" [{_join(attributes)}]" if attributes else "")
        )
    return lines


def _group(
    captions: Captions,
    group: Group,
    prefix: str,
    indent: str,
    far_into: Mapping[int, Sequence[int]],
    count: Counter[str],
) -> list[str]:
    """The vertices of a group, references to far operands of theirs, and its groups."""
    lines = [indent + _vertex(captions, index, f"{prefix}{index}") for index in group.members]
    beside = captions.beside
    for index in group.members:
        for number in far_into.get(index, ()):
            arc = captions.drawing.arcs[number]
            lines.append(indent + _reference(captions, arc, f"{prefix}r{number}"))
        if index in beside:
            lines.append(f"{indent}{{rank=same; {prefix}{index} {prefix}{beside[index]}}}")
    for inner in group.groups:
        count[prefix] += 1
        name = _text(captions.shown(inner.name()))
        tooltip = "\n".join(captions.around(inner.places[-1]))
        light = palette.LIGHT
        lines.append(f"{indent}subgraph cluster_{prefix}{count[prefix]} {{")
        lines.append(
            f'{indent}  label=<{name}>; class="group"; labeljust=l; style="rounded,dashed"; '
            f'fontsize=11; fontcolor="{light.faint}"; color="{light.frame}"; margin=8; '
            f"tooltip={_string(tooltip, captions)}"
        )
        lines += _group(captions, inner, prefix, indent + "  ", far_into, count)
        lines.append(f"{indent}}}")
    return lines


def _vertex(captions: Captions, index: int, identity: str) -> str:
    vertex = captions.drawing.vertices[index]
    caption = captions.vertex(vertex)
    light, mode = palette.LIGHT, captions.drawing.mode
    rows = [_text(caption.name)]
    if vertex.kind == CONSTANT:
        rows = [_SPACE + rows[0] + _SPACE]
    if caption.value:
        rows.append(_text(caption.value))
    if caption.derivative:
        color = light.passes[mode]
        rows.append(f'<FONT COLOR="{color}">{_text(caption.derivative)}</FONT>')
    fill, line = light.kinds[vertex.kind]
    attributes = {
        "label": f"<{'<BR/>'.join(rows)}>",
        "tooltip": _string("\n".join(caption.tooltip), captions),
        "class": f'"{vertex.kind}"',
        "shape": _SHAPES[vertex.kind],
        "style": f'"{_STYLES[vertex.kind]}"',
        "fillcolor": f'"{fill}"',
        "color": f'"{line}"',
    }
    if vertex.kind in (CONSTANT, OUTSIDE):
        attributes["fontcolor"] = f'"{light.faint}"'
    return f"{identity} [{_join(attributes)}]"


def _reference(captions: Captions, arc: Arc, identity: str) -> str:
    """A far operand beside its use."""
    vertex = captions.drawing.vertices[arc.tail]
    light = palette.LIGHT
    fill, line = light.kinds[OUTSIDE]
    caption = captions.vertex(vertex)
    attributes = {
        "label": f"<{_text(captions.name(vertex))}>",
        "tooltip": _string("\n".join(caption.tooltip), captions),
        "class": '"outside"',
        "shape": "box",
        "style": f'"{_STYLES[OUTSIDE]}"',
        "fillcolor": f'"{fill}"',
        "color": f'"{line}"',
        "fontcolor": f'"{light.faint}"',
    }
    return f"{identity} [{_join(attributes)}]"


def _arc(captions: Captions, arc: Arc, *, is_crowded: bool) -> dict[str, str]:
    """How an arc looks."""
    drawing, light = captions.drawing, palette.LIGHT
    kind = drawing.mode if arc.flows else ""
    if drawing.mode and not arc.flows:
        kind = "still"
    attributes: dict[str, str] = {}
    lines = captions.arc(arc)
    if lines:
        label = f"<{'<BR/>'.join(_SPACE + _text(line) + _SPACE for line in lines)}>"
        attributes["headlabel" if is_crowded else "label"] = label
        attributes["tooltip"] = attributes["labeltooltip"] = _string("\n".join(lines), captions)
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
    return ", ".join(f"{name}={value}" for name, value in attributes.items())


def _text(text: str) -> str:
    """A text inside of an HTML-like label."""
    return html.escape(text)


def _string(text: str, captions: Captions) -> str:
    """A quoted string in which nothing is special; lines end in \\n."""
    lines = []
    for line in text.split("\n"):
        line = to_ascii(safe(line)) if captions.ascii_only else safe(line)
        # Entities are read in strings too.
        lines.append(line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"'))
    return '"' + "\\n".join(lines) + '"'


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
        self.far = frozenset(i for i, span in enumerate(spans) if span > limit)
        main: dict[int, int] = {}
        if max(rank, default=0) < _DEEP:
            self.main = frozenset[int]()
            return
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
