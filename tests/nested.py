"""What is in lists of lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def texts(nested: Any) -> Iterator[str]:
    """The texts in a text, a list, or a list of rows, in order."""
    if isinstance(nested, str):
        yield nested
    else:
        for item in nested:
            yield from texts(item)
