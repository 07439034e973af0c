"""Colourings: columns of one colour are computed in one pass and told apart afterwards.

After Gebremedhin, Manne and Pothen, What Color Is Your Jacobian?, SIAM Review 47 (2005):
sections 3.3 (columns) and 4.2 (star colouring of symmetric matrices). Greedy, so that the
number of colours is small but not always the smallest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

NONE = -1
# Up to this size any structure is coloured.
_SMALL = 100

Rows = Sequence[Sequence[int]]


def color_columns(rows: Rows, columns: int) -> list[int]:
    """Colour columns so that two with an entry in the same row differ.

    Args:
        rows: the columns of the entries of each row.
        columns: how many columns there are.

    Returns:
        A colour from 0 for each column, NONE for those without an entry.
    """
    least = max((len(row) for row in rows), default=0)
    entries: list[list[int]] = [[] for _ in range(columns)]
    for i, row in enumerate(rows):
        for j in row:
            entries[j].append(i)
    if least == columns:
        return list(range(columns))
    # Bands want the natural order, and where that is not best, largest first often is.
    natural = _columns(entries, len(rows), range(columns))
    if count(natural) == least:
        return natural
    return min(natural, _columns(entries, len(rows), _largest_first(entries)), key=count)


def _columns(entries: Rows, rows: int, order: Iterable[int]) -> list[int]:
    taken = [0] * rows  # by row, a bit for each colour that has an entry there
    colors = [NONE] * len(entries)
    for j in order:
        if entries[j]:
            forbidden = 0
            for i in entries[j]:
                forbidden |= taken[i]
            colors[j] = _lowest_not_in(forbidden)
            bit = 1 << colors[j]
            for i in entries[j]:
                taken[i] |= bit
    return colors


def color_symmetric(rows: Rows) -> list[int]:
    """Colour the columns of a symmetric matrix so that each entry or its mirror can be read.

    Neighbours differ, and no path of four vertices has two colours. Then of each entry
    (i, j) either j is the only neighbour of i in its colour, or i the only one of j.

    Args:
        rows: the columns of the entries of each row, symmetric.

    Returns:
        A colour from 0 for each column, NONE for those without an entry.
    """
    size = len(rows)
    if size > _SMALL and 2 * sum(len(row) for row in rows) > size * size:
        counter = itertools.count()  # there is little to gain
        return [next(counter) if row else NONE for row in rows]
    neighbors = [[j for j in row if j != i] for i, row in enumerate(rows)]
    orders = (range(size), _largest_first(neighbors))
    found = min((_star(neighbors, order) for order in orders), key=count)
    return [color if row else NONE for color, row in zip(found, rows, strict=True)]


def _star(neighbors: Rows, order: Iterable[int]) -> list[int]:
    size = len(neighbors)
    colors = [NONE] * size
    near = [0] * size  # by vertex, a bit for each colour among its neighbours
    # By vertex w, a bit for each colour of a neighbour x that has another neighbour of w's
    # colour: a further neighbour of w in the colour of x would end a path of two colours.
    ends = [0] * size
    # By vertex and colour, the first neighbour of that colour.
    first: list[dict[int, int]] = [{} for _ in range(size)]
    for v in order:
        forbidden = near[v]
        for w in neighbors[v]:
            # While the vertex between them has no colour, two neighbours must differ.
            forbidden |= near[w] if colors[w] == NONE else ends[w]
        color = colors[v] = _lowest_not_in(forbidden)
        bit = 1 << color
        for x in neighbors[v]:
            near[x] |= bit
            other = first[x].setdefault(color, v)
            if other != v and colors[x] != NONE:
                ends[other] |= 1 << colors[x]
                ends[v] |= 1 << colors[x]
    return colors


def _largest_first(entries: Rows) -> list[int]:
    return sorted(range(len(entries)), key=lambda j: -len(entries[j]))


def _lowest_not_in(bits: int) -> int:
    return (~bits & (bits + 1)).bit_length() - 1


def count(colors: Sequence[int]) -> int:
    """How many colours there are."""
    return max(colors, default=NONE) + 1


def groups(colors: Sequence[int]) -> list[list[int]]:
    """The columns of each colour."""
    found: list[list[int]] = [[] for _ in range(count(colors))]
    for j, color in enumerate(colors):
        if color != NONE:
            found[color].append(j)
    return found
