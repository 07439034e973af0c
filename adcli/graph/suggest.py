"""Did you mean ...? And other turns of phrase in messages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Letters of other alphabets that look like Latin ones (after Unicode TR 39, confusables).
_LOOKALIKES = dict(
    zip(
        "аеорсухіјѕһԁԛԝАВЕКМНОРСТХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρυκιαɑɡ",
        "aeopcyxijshdqwABEKMHOPCTXIJSABEZHIKMNOPTYXovpukiaag",
        strict=True,
    )
)


def skeleton(name: str) -> str:
    """A name with each letter that only looks like a Latin one replaced by it."""
    plain = unicodedata.normalize("NFKC", name)
    return "".join(_LOOKALIKES.get(character, character) for character in plain)


def lookalike(name: str, other: str) -> str:
    """Why two names that look the same differ, or ""."""
    if name == other or skeleton(name) != skeleton(other):
        return ""
    for a, b in zip(name, other, strict=False):
        if a != b:
            strange = b if a.isascii() else a
            title = unicodedata.name(strange, f"U+{ord(strange):04X}")
            return f"'{strange}' is {title}"
    return ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, if any is like it at all."""
    candidates = sorted(set(known))
    for candidate in candidates:
        if skeleton(candidate) == skeleton(name):
            return candidate
    for candidate in candidates:
        if candidate.casefold() == name.casefold():
            return candidate
    if len(name) > 100:
        return None
    from difflib import get_close_matches

    matches = get_close_matches(name, candidates, 1, 0.6)
    return matches[0] if matches else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint such as "did you mean 'sin'?", or ""."""
    found = closest(name, known)
    if found is None:
        return ""
    reason = lookalike(name, found)
    return f"did you mean '{found}'?" + (f" ({reason})" if reason else "")


def counted(number: int, what: str) -> str:
    """A number of things: 1 name, 2 names."""
    plural = {"index": "indices"}.get(what, f"{what}s")
    return f"{number} {what if number == 1 else plural}"


def naming(noun: str, names: Iterable[str]) -> str:
    """What things are called: the inputs are x, y."""
    found = listing(names)
    return f"the {noun}s are {found}" if found else f"the program has no {noun}s"


def listing(names: Iterable[str], most: int = 12) -> str:
    """Names with commas; of many only the first, and how many there are."""
    shown = list(names)
    if len(shown) > most:
        return ", ".join(shown[:most]) + f", ... ({len(shown)} in all)"
    return ", ".join(shown)
