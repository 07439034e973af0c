"""What fuzzing begins with: the samples, the golden cases, and tables from the tests."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
GRAMMAR = ROOT / "grammar"
_COMMAND = re.compile(r"^# (?:\$ adcli |file |inputs:)", re.MULTILINE)


@cache
def programs() -> tuple[str, ...]:
    """Programs, right and wrong ones."""
    texts = {path.read_text("utf-8") for path in sorted((ROOT / "samples").glob("*.ad"))}
    for path in sorted((TESTS / "cases").glob("*/*.txt")):
        text = path.read_text("utf-8")
        head = _COMMAND.split(text, maxsplit=1)[0]
        texts.add(head.removesuffix("\n"))
    return tuple(sorted(text for text in texts if text.strip()))


@cache
def words() -> tuple[str, ...]:
    """What programs are made of: the grammar's words and signs, names and numbers."""
    grammar = (GRAMMAR / "adcli.lark").read_text("utf-8")
    code = "\n".join(line for line in grammar.splitlines() if not line.startswith("//"))
    signs = {word for word in re.findall(r'"([^"\s]+)"', code) if not word.startswith("\\")}
    prelude = (GRAMMAR / "prelude.ad").read_text("utf-8")
    rules = (GRAMMAR / "derivatives.ad").read_text("utf-8")
    names = set(re.findall(r"^(\w+)\(", prelude + "\n" + rules, re.MULTILINE))
    return tuple(sorted(signs | names | set(_OTHERS.split())))


# Words that no file of the grammar has, numbers at the ends of ranges, and signs of elsewhere.
_OTHERS = """
by sum prod mean len dot norm zeros ones transpose log round arcsin pi π tau e inf nan x y f x₁
0 1 2 3 -1 0.5 .5 1e-3 1_000 1e308 1e400 5e-324 9007199254740993 10^12 1..3 x[1] A[1,2] f(x)=
f(x)={ {x} [x,y] [i for i in 1..3] for i in 1..3 {} while x<3 {x+=1} x>0 ; # := % | ² √ ∞ ∑ “
"""


def tables() -> Iterator[bytes]:
    """Tables as CSV: the sample, and those that mean harm in the tests of batch."""
    yield (ROOT / "samples" / "points.csv").read_bytes()
    folder = str(TESTS / "batch")
    if folder not in sys.path:
        sys.path.append(folder)
    from test_delimited import CELLS, HOSTILE, NO_NUMBERS

    for text in HOSTILE.values():
        yield text.encode("utf-8", "surrogateescape")
    for cell in (*CELLS, *NO_NUMBERS):
        yield f"s,x\na,{cell}\nb,2\n".encode()


def lines() -> Iterator[bytes]:
    """Tables as JSON lines."""
    yield from _LINES


_LINES = (
    b'{"x": 1.5, "v": [1, 2]}\n{"x": 2, "v": [3, 4.5], "s": "a"}\n',
    b'{"x": 1, "v": [1, 2], "s": {"a": [true, null]}}\n\n{"v": [1, 2], "x": 2}',
    b'{"s": 18446744073709551616, "x": 1e400}\n{"x": null}\n{"x": "1"}\n[1]\n{"x": NaN}\n',
    b'\xef\xbb\xbf{"x": 1, "x": 2, "f": 3}\r\n{"x": -0.0, "y\\u0000": "\\ud83d\\ude00"}\r\n',
    b'{"x": true}\n{"x": [[1, 2], [3]]}\n{"v": [], "x": 1}\n{"x": 1, "v": [1, null]}\n',
    b'{"x":1,"s":"\xff\xfe"}\n{"x":1}\n{"x":1,"s":"\xc3\xa9"}\n{',
    b'{"x": 1}\n{"x": 1, "a": ' + b"[" * 300 + b"]" * 300 + b"}\n",
    b'{"s": 1}\n{"x": 2, "s": 2.5}\n{"x": 12345678901234567890, "s": "1"}\n',
)
