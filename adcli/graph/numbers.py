"""The one formatter of numbers."""

from __future__ import annotations

import math

_FIXED_BELOW = 1e7
_DECIMALS_FROM = 0.1


def number(x: float, digits: int | None = None) -> str:
    """A number for a reader.

    Args:
        x: the number.
        digits: digits behind the point, and at least as many significant ones of a small
            number; None for the shortest text that reads back as the same double.
    """
    if x != x:
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if digits is None:
        text = repr(x)
        return text[:-2] if text.endswith(".0") else text
    size = abs(x)
    if size >= _FIXED_BELOW:
        mantissa, _, exponent = f"{x:.{digits}e}".partition("e")
        return f"{_strip(mantissa)}e{exponent}"
    text = f"{x:.{max(digits, 1)}g}" if size < _DECIMALS_FROM else _strip(f"{x:.{digits}f}")
    return "0" if text == "-0" else text


def _strip(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
