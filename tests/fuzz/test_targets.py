"""The targets of atheris on what they begin with, so that they do not rot in between."""

from __future__ import annotations

import pytest
import seeds
import targets

CHOICES = range(0, 36, 5)


@pytest.mark.parametrize("target", [targets.parse, targets.differentiate])
def test_programs(target: object) -> None:
    assert callable(target)
    assert len(seeds.programs()) > 300
    for text in seeds.programs():
        target(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("target", [targets.cut, targets.table])
def test_tables(target: object) -> None:
    assert callable(target)
    tables = list(seeds.tables())
    assert len(tables) > 60
    for position, text in enumerate(tables):
        target(text + bytes([CHOICES[position % len(CHOICES)]]))


@pytest.mark.parametrize("choice", CHOICES)
def test_lines(choice: int) -> None:
    for text in seeds.lines():
        targets.lines(text + bytes([choice]))


def test_words() -> None:
    words = set(seeds.words())
    assert {"then", "..", "**", "softmax", "atan2", "≤", "by", "x"} <= words
