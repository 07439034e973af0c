"""The one place that makes text from users safe to print: names, cells, file names, source.

What a terminal or a reader would act on instead of showing - control characters, escape
sequences, bidirectional overrides, invisible characters - becomes a visible escape.
"""

from __future__ import annotations

import re
import unicodedata

# The notation's own characters take one column each, its dots and bars none.
_COMBINING = re.compile("[\u0300-\u036f]")
_PERHAPS_WIDE = re.compile(
    "[^\u0020-\u058f\u2000-\u22ff\u2500-\u257f]|[\u200b-\u200f\u2028-\u202e]"
)
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# What the notation uses, for terminals that have only ASCII.
_ASCII = str.maketrans(
    {
        **{c: str(i) for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
        **{c: f"^{i}" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        "₋": "-",
        "⁻": "^-",
        "×": "*",
        "√": "sqrt ",
        "∛": "cbrt ",
        "⌊": "floor(",
        "⌋": ")",
        "⌈": "ceil(",
        "⌉": ")",
        "∂": "d",
        "ε": "eps",
        "…": "...",
        "›": ">",
        "\u00a0": " ",
        "·": ".",
        "≈": "~",
    }
)


def safe(text: str) -> str:
    """A text on one line with everything active in it made visible."""
    if text.isprintable():  # no control, format, surrogate, private or unassigned character
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _ACTIVE else c for c in text)


def to_ascii(text: str) -> str:
    """A text in ASCII: notation transcribed, the rest as escapes."""
    if text.isascii():
        return text
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _escape(character: str) -> str:
    code = ord(character)
    if character == "\t":
        return " "
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """The columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    if not _PERHAPS_WIDE.search(text):
        return len(_COMBINING.sub("", text))
    total = 0
    for c in text:
        if unicodedata.combining(c):
            continue
        total += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return total
