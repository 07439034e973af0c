"""Which names a body reads and assigns, in the order of the text.

That order decides what is an input: a name of the main body whose first appearance is a
read (language.md, "Main").
"""

from __future__ import annotations

from collections.abc import Sequence

from adcli.language import syntax


class Names:
    """The names of a body.

    Attributes:
        first: for each name read or assigned, (position of its first appearance, whether
            that is a read), in order of the text.
        assigned: the names assigned anywhere, whole or by element.
        elements: those of which an element is assigned.
    """

    __slots__ = ("assigned", "elements", "first")

    def __init__(self, body: Sequence[syntax.Node]) -> None:
        events: list[tuple[int, str, bool]] = []
        self.assigned: set[str] = set()
        self.elements: set[str] = set()
        none: frozenset[str] = frozenset()
        # (node, names that a comprehension around it binds)
        pending: list[tuple[syntax.Node, frozenset[str]]] = [(node, none) for node in body]
        while pending:
            node, bound = pending.pop()
            if isinstance(node, syntax.Name):
                if node.name not in bound:
                    events.append((node.start, node.name, True))
            elif isinstance(node, syntax.Binary):  # as below, but most of a formula is this
                pending.append((node.left, bound))
                pending.append((node.right, bound))
            elif isinstance(node, syntax.Comprehension):
                pending.append((node.body, bound | {node.variable}))
                pending.append((node.domain, bound))
            elif isinstance(node, syntax.Assign):
                for target in node.targets:
                    if isinstance(target, syntax.Name):
                        events.append((target.start, target.name, False))
                        self.assigned.add(target.name)
                    else:
                        pending.append((target, bound))
                        self._element(target)
                pending += [(value, bound) for value in node.values]
            elif isinstance(node, syntax.Update):
                pending.append((node.target, bound))
                pending.append((node.value, bound))
                if isinstance(node.target, syntax.Name):
                    self.assigned.add(node.target.name)
                self._element(node.target)
            elif isinstance(node, syntax.For):
                events.append((node.start, node.variable, False))
                self.assigned.add(node.variable)
                pending.append((node.domain, bound))
                pending += [(item, bound) for item in node.body]
            else:
                pending += [(child, bound) for child in children(node)]
        events.sort(key=lambda event: event[0])
        self.first: dict[str, tuple[int, bool]] = {}
        for position, name, is_read in events:
            self.first.setdefault(name, (position, is_read))

    def _element(self, target: syntax.Expression) -> None:
        # x[i] = ... changes a vector that exists: the variable becomes the body's own.
        if isinstance(target, syntax.Index) and isinstance(target.base, syntax.Name):
            self.assigned.add(target.base.name)
            self.elements.add(target.base.name)


def children(node: syntax.Node) -> list[syntax.Node]:
    """The direct parts of a piece of syntax, in the order of the text."""
    found: list[syntax.Node] = []
    for part in node.__slots__:
        value = getattr(node, part)
        if isinstance(value, syntax.Node):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, syntax.Node)]
    return found
