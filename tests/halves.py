"""Cases of which every second one is enough in the ordinary run; all are thorough."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def half(cases: Iterable[Any]) -> list[Any]:
    """The cases for a parameter, every second one only with `-m thorough`."""
    return [
        pytest.param(case, marks=pytest.mark.thorough) if position % 2 else case
        for position, case in enumerate(cases)
    ]
