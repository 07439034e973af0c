"""Colourings: what two columns of one colour must not share, and how few colours there are.

Properties are checked by brute force where patterns are small, and by their definition, entry
by entry, where they are large.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adcli.differentiate.coloring import NONE, color_columns, color_symmetric, count, groups

Pattern = list[list[int]]


# Patterns of columns.


@st.composite
def patterns(draw: st.DrawFn) -> tuple[Pattern, int]:
    """Rows of columns, ascending, and how many columns there are."""
    width = draw(st.integers(0, 9))
    row = st.sets(st.integers(0, width - 1), max_size=4) if width else st.just(set())
    return [sorted(columns) for columns in draw(st.lists(row, max_size=9))], width


def rivals(rows: Pattern, width: int) -> list[set[int]]:
    """For each column the others that have an entry in one of its rows."""
    found: list[set[int]] = [set() for _ in range(width)]
    for row in rows:
        for j in row:
            found[j].update(row)
    return [others - {j} for j, others in enumerate(found)]


def band(size: int, below: int, above: int) -> Pattern:
    """So many diagonals below the main one, and above."""
    return [list(range(max(0, i - below), min(size, i + above + 1))) for i in range(size)]


def blocks(*sizes: int) -> Pattern:
    """Square blocks along the diagonal."""
    found: Pattern = []
    for size in sizes:
        start = len(found)
        found += [list(range(start, start + size)) for _ in range(size)]
    return found


def check_columns(rows: Pattern, width: int) -> list[int]:
    """The colours, checked: they tell columns apart, and are no more than greedy ones need be."""
    colors = color_columns(rows, width)
    assert len(colors) == width
    for row in rows:
        assert len({colors[j] for j in row}) == len(row)
    used = {j for row in rows for j in row}
    assert [j for j in range(width) if colors[j] == NONE] == sorted(set(range(width)) - used)
    assert {colors[j] for j in used} == set(range(count(colors)))
    assert max(map(len, rows), default=0) <= count(colors) <= len(used)
    assert count(colors) <= 1 + max(map(len, rivals(rows, width)), default=0)
    return colors


@given(patterns())
def test_columns(pattern: tuple[Pattern, int]) -> None:
    """Columns of a common row differ, an empty one has no colour, and all colours are used."""
    check_columns(*pattern)


@given(patterns())
def test_groups(pattern: tuple[Pattern, int]) -> None:
    """The groups are the columns that have an entry, each once, by colour."""
    rows, width = pattern
    colors = color_columns(rows, width)
    found = groups(colors)
    assert all(found)
    assert sorted(j for group in found for j in group) == sorted({j for row in rows for j in row})
    for color, group in enumerate(found):
        assert {colors[j] for j in group} == {color}


@given(st.integers(1, 30), st.integers(0, 4), st.integers(0, 4))
def test_bands(size: int, below: int, above: int) -> None:
    """A band takes as many colours as its fullest row has entries, the fewest there can be."""
    rows = band(size, below, above)
    assert count(check_columns(rows, size)) == max(map(len, rows))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_blocks(sizes: list[int], chooser: random.Random) -> None:
    """Blocks take as many colours as the largest, wherever their columns stand."""
    rows = blocks(*sizes)
    places = list(range(len(rows)))
    chooser.shuffle(places)
    rows = [sorted(places[j] for j in row) for row in rows]
    assert count(check_columns(rows, len(rows))) == max(sizes)


COUNTS: dict[str, tuple[Pattern, int, int]] = {
    "nothing": ([], 0, 0),
    "no rows": ([], 5, 0),
    "no columns": ([[], [], []], 0, 0),
    "empty rows": ([[], []], 3, 0),
    "one entry": ([[1]], 3, 1),
    "diagonal": (band(50, 0, 0), 50, 1),
    "full": ([list(range(7))] * 7, 7, 7),
    "tall and full": ([[0, 1]] * 40, 2, 2),
    "full row and diagonal": ([list(range(20)), *band(20, 0, 0)], 20, 20),
    "full column and diagonal": ([sorted({0, i}) for i in range(20)], 20, 2),
    "cycle of 9": ([sorted({i, (i + 1) % 9, (i + 2) % 9}) for i in range(9)], 9, 3),
    "odd cycle": ([sorted({i, (i + 1) % 5}) for i in range(5)], 5, 3),
    "the first column last": ([[3], [2], [1], [0]], 4, 1),
    "an empty column between": ([[0, 2], [2, 4]], 5, 2),
    # Natural order takes 3 here, and largest first 2: a path whose ends come first.
    "path, ends first": ([[0, 2], [1, 3], [2, 3]], 4, 2),
    # And here the other way round.
    "path, fullest first": ([[1, 3], [0, 2], [3, 4], [0], [2, 4]], 5, 2),
}


@pytest.mark.parametrize("name", COUNTS)
def test_number_of_colors(name: str) -> None:
    """Patterns whose least number of colours is known."""
    rows, width, expected = COUNTS[name]
    assert count(check_columns(rows, width)) == expected


# Symmetric patterns.


def symmetric(size: int, edges: Sequence[tuple[int, int]], diagonal: Sequence[int]) -> Pattern:
    """Rows with an entry and its mirror for each edge, and entries on the diagonal."""
    found: list[set[int]] = [set() for _ in range(size)]
    for i, j in edges:
        found[i].add(j)
        found[j].add(i)
    for i in diagonal:
        found[i].add(i)
    return [sorted(row) for row in found]


@st.composite
def symmetric_patterns(draw: st.DrawFn) -> Pattern:
    """A graph of up to ten vertices, dense or not, some with an entry on the diagonal."""
    size = draw(st.integers(0, 10))
    pairs = list(itertools.combinations(range(size), 2))
    most = draw(st.sampled_from([size, 2 * size, len(pairs)]))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=most)) if pairs else []
    diagonal = draw(st.sampled_from([0, 1, 2]))  # nobody, everybody, somebody
    some = draw(st.sets(st.integers(0, size - 1))) if diagonal == 2 and size else set()
    return symmetric(size, edges, range(size) if diagonal == 1 else sorted(some))


def shuffled(rows: Pattern, seed: int) -> Pattern:
    """The same pattern, rows and columns in another order."""
    places = list(range(len(rows)))
    random.Random(seed).shuffle(places)
    found: Pattern = [[] for _ in rows]
    for i, row in enumerate(rows):
        found[places[i]] = sorted(places[j] for j in row)
    return found


def check_symmetric(rows: Pattern) -> list[int]:
    """The colours of a symmetric pattern, checked for everything that makes them one.

    Of an edge b - c, a path a - b - c - d of two colours has c's colour twice around b, and
    b's colour twice around c. One that has not can be read on one side or the other.
    """
    colors = color_symmetric(rows)
    assert len(colors) == len(rows)
    assert [color == NONE for color in colors] == [not row for row in rows]
    counts = [Counter(colors[j] for j in row) for row in rows]
    for i, row in enumerate(rows):
        for j in row:
            if i == j:
                assert counts[i][colors[i]] == 1
            else:
                assert colors[i] != colors[j]
                assert counts[i][colors[j]] == 1 or counts[j][colors[i]] == 1
    assert set(colors) - {NONE} == set(range(count(colors)))
    return colors


def four_in_two_colors(rows: Pattern, colors: Sequence[int]) -> list[tuple[int, ...]]:
    """The paths of four vertices with two colours, by trying all."""
    near = [set(row) - {i} for i, row in enumerate(rows)]
    return [
        (a, b, c, d)
        for b, around in enumerate(near)
        for c in around
        for a in around - {c}
        for d in near[c] - {a, b}
        if len({colors[v] for v in (a, b, c, d)}) <= 2
    ]


def recovered(rows: Pattern, colors: Sequence[int]) -> bool:
    """Whether sums of columns of one colour give back all numbers of a symmetric matrix."""
    entry = {(i, j): 2 ** (i + j) + 3 ** (i * j) for i, row in enumerate(rows) for j in row}
    sums: list[Counter[int]] = [Counter() for _ in rows]
    for (i, j), number in entry.items():
        sums[i][colors[j]] += number
    alone = [Counter(colors[j] for j in row) for row in rows]
    for (i, j), number in entry.items():
        own = alone[i][colors[j]] == 1
        if (sums[i][colors[j]] if own else sums[j][colors[i]]) != number:
            return False
    return True


@given(symmetric_patterns())
def test_symmetric(rows: Pattern) -> None:
    """Neighbours differ, no path of four has two colours, and the matrix can be read."""
    colors = check_symmetric(rows)
    assert four_in_two_colors(rows, colors) == []
    assert recovered(rows, colors)
    reach = [{k for j in [i, *rows[i]] for k in [j, *rows[j]]} for i in range(len(rows))]
    assert count(colors) <= max(map(len, reach), default=0)  # as any greedy colouring


def arrow(size: int, hub: int) -> Pattern:
    """A full diagonal, and a full row and column of one vertex."""
    return symmetric(size, [(hub, i) for i in range(size) if i != hub], range(size))


def grid(height: int, width: int) -> Pattern:
    """The five-point star on a rectangle."""
    at = {(i, j): i * width + j for i in range(height) for j in range(width)}
    edges = [
        (number, at[place])
        for (i, j), number in at.items()
        for place in ((i + 1, j), (i, j + 1))
        if place in at
    ]
    return symmetric(len(at), edges, range(len(at)))


def complete(size: int) -> Pattern:
    """All entries."""
    return [list(range(size)) for _ in range(size)]


def complete_without_diagonal(size: int) -> Pattern:
    """All entries but those on the diagonal."""
    return [[j for j in range(size) if j != i] for i in range(size)]


def tree(size: int) -> Pattern:
    """A binary tree."""
    return symmetric(size, [(i, (i - 1) // 2) for i in range(1, size)], range(size))


def two_hubs(size: int) -> Pattern:
    """The two last vertices are neighbours of all."""
    hubs = (size - 2, size - 1)
    edges = [(i, hub) for i in range(size) for hub in hubs if i != hub]
    return symmetric(size, edges, range(size))


def cycle(size: int) -> Pattern:
    """A ring."""
    return symmetric(size, [(i, (i + 1) % size) for i in range(size)], range(size))


# Symmetric patterns, and the most colours they may take: the fewest, where those are few.
FAMILIES: dict[str, tuple[Callable[[], Pattern], int]] = {
    "nothing": (list, 0),
    "empty": (lambda: [[], [], []], 0),
    "one": (lambda: [[0]], 1),
    "one without an entry": (lambda: [[]], 0),
    "diagonal": (lambda: band(30, 0, 0), 1),
    "tridiagonal": (lambda: band(30, 1, 1), 3),
    "tridiagonal of 2": (lambda: band(2, 1, 1), 2),
    "tridiagonal of 3": (lambda: band(3, 1, 1), 2),
    "tridiagonal, no diagonal": (lambda: symmetric(30, [(i, i + 1) for i in range(29)], []), 3),
    "pentadiagonal": (lambda: band(30, 2, 2), 5),
    "arrow, hub first": (lambda: arrow(40, 0), 2),
    "arrow, hub last": (lambda: arrow(40, 39), 2),
    "arrow, hub between": (lambda: arrow(40, 17), 2),
    "star without diagonal": (lambda: symmetric(9, [(4, i) for i in (0, 1, 2, 7, 8)], []), 2),
    "two hubs last": (lambda: two_hubs(30), 3),
    # Natural order takes 3 here, and largest first 4.
    "not largest first": (
        lambda: symmetric(6, [(0, 2), (0, 3), (1, 2), (3, 4), (3, 5), (4, 5)], []),
        3,
    ),
    "grid": (lambda: grid(8, 9), 7),
    "grid of 2": (lambda: grid(2, 12), 5),
    "complete": (lambda: complete(9), 9),
    "complete, no diagonal": (lambda: complete_without_diagonal(9), 9),
    "complete bipartite": (
        lambda: symmetric(12, [(i, j) for i in range(3) for j in range(3, 12)], range(12)),
        4,
    ),
    "disconnected": (lambda: blocks(3, 1, 4, 2), 4),
    "disconnected, with none": (lambda: [*blocks(3), [], *[[4, 5]] * 2, []], 3),
    "tree": (lambda: tree(63), 5),
    "cycle of 12": (lambda: cycle(12), 4),  # the fewest are 3
    "cycle of 4": (lambda: cycle(4), 3),
    "complete and large": (lambda: complete(110), 110),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name: str) -> None:
    """Known patterns, with few enough colours."""
    make, most = FAMILIES[name]
    rows = make()
    colors = check_symmetric(rows)
    assert count(colors) <= most
    if len(rows) <= 30:
        assert four_in_two_colors(rows, colors) == []
        assert recovered(rows, colors)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", FAMILIES)
def test_families_in_any_order(name: str, seed: int) -> None:
    """The order of the columns is not what makes it a colouring."""
    rows = shuffled(FAMILIES[name][0](), seed)
    colors = check_symmetric(rows)
    assert count(colors) <= sum(1 for row in rows if row)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [5, 40, 300])
def test_arrows_in_any_order(size: int, seed: int) -> None:
    """An arrow has two colours wherever its hub is."""
    assert count(check_symmetric(shuffled(arrow(size, 0), seed))) == 2


@pytest.mark.parametrize(
    ("rows", "most"),
    [
        (band(2000, 1, 1), 3),
        (band(2000, 3, 3), 7),
        (arrow(2000, 0), 2),
        (arrow(2000, 1999), 2),
        (two_hubs(2000), 3),
        (grid(40, 50), 7),
        (blocks(*[4] * 500), 4),
    ],
    ids=["tridiagonal", "band", "hub first", "hub last", "two hubs", "grid", "blocks"],
)
def test_large(rows: Pattern, most: int) -> None:
    """Two thousand columns take no more colours than twenty."""
    assert count(check_symmetric(rows)) <= most


@pytest.mark.parametrize(
    "empty",
    [
        0,
        10,
    ],
)
def test_large_and_dense(empty: int) -> None:
    """A dense structure is not worth the search, but a column without an entry has no colour."""
    rows: Pattern = [*complete(110), *[[] for _ in range(empty)]]
    colors = color_symmetric(rows)
    assert len(set(colors[:110])) == 110
    assert NONE not in colors[:110]
    assert set(colors[110:]) <= {NONE}
