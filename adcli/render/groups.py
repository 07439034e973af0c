"""The vertices of a drawing in groups: by the call, turn of a loop or arm they are from."""

from __future__ import annotations

from adcli.differentiate.diagram import Diagram
from adcli.graph.history import Place

# More frames than these are harder to read than none; the tooltips say it all the same.
_MOST_GROUPS = 60
_DEEPEST = 8


class Group:
    """A group.

    Attributes:
        places: what it is, several if each is all that is inside of the one before.
        members: the vertices in it and in none of its groups, as indices, in order.
        groups: the groups inside.
    """

    __slots__ = ("groups", "members", "places")

    def __init__(self, places: list[Place]) -> None:
        self.places = places
        self.members: list[int] = []
        self.groups: list[Group] = []


def grouped(drawing: Diagram) -> Group:
    """The vertices of a drawing in nested groups, or in one if there are too many."""
    top = Group([])
    made: dict[Place, Group] = {}
    for index, vertex in enumerate(drawing.vertices):
        path = [] if vertex.place is None else vertex.place.path(_DEEPEST + 1)
        if len(path) > _DEEPEST:
            return _flat(drawing)
        group = top
        for place in path:
            if place not in made:
                if len(made) >= _MOST_GROUPS:
                    return _flat(drawing)
                made[place] = Group([place])
                group.groups.append(made[place])
            group = made[place]
        group.members.append(index)
    for group in made.values():
        _collapse(group)
    return top


def _flat(drawing: Diagram) -> Group:
    group = Group([])
    group.members = list(range(len(drawing.vertices)))
    return group


def _collapse(group: Group) -> None:
    """Let a group that holds nothing but another be one with it."""
    while len(group.groups) == 1 and not group.members:
        (inner,) = group.groups
        group.places = [*group.places, *inner.places]
        group.members, group.groups = inner.members, inner.groups
