"""Inputs that mean harm: what is run, what must be said, and what it may cost."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as parquet

MANY = 100_000
# The machines of tests are busy: what is allowed is many times what is measured alone.
SECONDS = 30.0
# A single point takes 20 MB, a table 140 MB, most of them pyarrow's and LLVM's.
MEGABYTES = 200.0

# Made when the row runs, if it is large.
Content = bytes | str | Callable[[], bytes | str]


class Row(NamedTuple):
    """A command and what must come of it, in an empty folder.

    Args:
        name: what is wrong with it.
        arguments: of adcli.
        code: the exit code, or those there may be.
        says: what standard error has, among other things; if "", it is empty.
        shows: what standard output has, among other things; if None, it is empty.
        stdin: standard input.
        files: in the folder, by name.
        prepare: more to do in the folder beforehand.
        after: more to check in the folder afterwards.
        variables: of the environment; None takes one away.
        seconds, megabytes: the most it may take.
        stdout: where it goes: "pipe", "full" (/dev/full), "closed", "gone" (a pipe that nobody
            reads), "terminal" (20 columns wide).
        number: a signal that is sent at random moments.
        is_data: standard output is a table, in which cells are what they were.
        slow: whether it takes seconds.
    """

    name: str
    arguments: tuple[str, ...]
    code: int | tuple[int, ...] = 0
    says: str = ""
    shows: str | None = None
    stdin: Content = b""
    files: Mapping[str, Content] = {}
    prepare: Callable[[Path], None] | None = None
    after: Callable[[Path], None] | None = None
    variables: Mapping[str, str | None] = {}
    seconds: float = SECONDS
    megabytes: float = MEGABYTES
    stdout: str = "pipe"
    number: signal.Signals | None = None
    is_data: bool = False
    slow: bool = False


# Each at a point; `batch` on the table of `TABLE`.
COMMANDS: dict[str, tuple[str, ...]] = {
    **{
        name: (name, "sin(x)*x", "x=1")
        for name in (
            *("eval", "grad", "trace", "graph", "jacobian", "hessian"),
            *("taylor", "compare", "check"),
        )
    },
    "diff": ("diff", "sin(x)*x"),
    "batch": ("batch", "f(x) = sin(x)*x", "t.csv"),
}
AT_A_POINT = ("eval", "grad", "trace", "jacobian", "hessian", "taylor", "compare", "check")
TABLE = {"t.csv": "x\n1\n2\n"}


def content(given: Content) -> bytes:
    made = given() if callable(given) else given
    return made.encode() if isinstance(made, str) else made


def repeated(text: str, times: int = MANY, before: str = "", behind: str = "") -> Content:
    return lambda: (before + text * times + behind).encode()


def programs() -> Iterator[Row]:
    """Texts that are no programs, or are larger than any."""
    commands = itertools.cycle(AT_A_POINT)
    for name, text in (("empty", ""), ("blank", " \n\t\r\n "), ("comment", "# none"), (";", ";;;")):
        yield Row(name, (next(commands), text), 3, "the program is empty")
    for name, command in (("batch", ("batch", "-", "t.csv")), ("graph", ("graph", "-"))):
        files = {"t.csv": "x\n1\n"}
        yield Row(f"empty {name}", command, 3, "the program is empty", files=files)
    for text, says in {
        "f(x) = {": "this '{' is never closed",
        "sin(x": "this '(' is never closed",
        "[x, 1": "this '[' is never closed",
        "x)": "this ')' closes nothing",
        "(x]": "']' closes the '(' of line 1, column 1",
        "x +": "the expression ends after '+'",
        "f(x) =": "1:",
        "if x > 0 then 1": "1:",
        "for i in 1..": "1:",
        "while x > 0": "1:",
        "1e": "1:",
    }.items():
        yield Row(f"truncated {text}", (next(commands), text, "x=1"), 3, says)
    for name, text, says in (
        ("brackets", "(", "this '(' is never closed"),
        ("square brackets", "[", "this '[' is never closed"),
        ("closing", ")", "this ')' closes nothing"),
        ("minus signs", "-", "the expression ends after '-'"),
        ("calls", "sin(", "this '(' is never closed"),
        ("indices", "x[", "this '[' is never closed"),
        ("powers", "x^", "the expression ends after '^'"),
        ("choices", "if x > 0 then ", "1:"),
        ("quotes", '"', "'\"' means nothing here"),
    ):
        given = (next(commands), "-", "x=1")
        yield Row(f"{MANY} {name}", given, 3, says, stdin=repeated(text), megabytes=300)
    for text in ("{", "if x > 0 { ", "for i in 1..2 { "):
        says = "blocks are nested more than 100 deep"
        yield Row(f"{MANY} {text}", ("grad", "-", "x=1"), 6, says, None, repeated(text))
    for name, text in (
        ("balanced brackets", repeated("(", MANY, behind="x" + ")" * MANY)),
        ("minus signs and x", repeated("-", MANY, behind="x")),
        ("semicolons", repeated(";", MANY, behind="x")),
        ("terms", repeated("x + ", MANY, behind="(1 - 99999)*x - x")),
    ):
        for given in (("grad", "-", "x=1"), ("diff", "-")):
            yield Row(f"{name} {given[0]}", given, 0, "", "1", text, seconds=60)
    calls = repeated("sin(", MANY, behind="x" + ")" * MANY)
    yield Row("nested calls", ("grad", "-", "x=7"), 0, "", "0.00547690437", calls, seconds=60)
    for name, junk, code, says in (
        ("letters", repeated("abc ", 500_000), 3, "an operator is missing between 'abc' and"),
        ("signs", repeated("@#$%^&*!~ ", 300_000), 3, "a value is missing before '@'"),
        ("bytes", lambda: bytes(range(255, -1, -1)) * 10_000, 5, "not UTF-8 text: byte 0xff"),
        ("zeros", lambda: b"\0" * 3_000_000, 3, "an invisible character, U+0000"),
        ("commas", repeated(",", 1_000_000), 3, "1:1"),
    ):
        yield Row(
            f"megabytes of {name}", ("grad", "-", "x=1"), code, says, stdin=junk, megabytes=400
        )
    yield Row(
        *("a name of megabytes", ("grad", "-", "x=1"), 2, "input 'aaaa"),
        stdin=repeated("a", 3_000_000),
    )
    yield Row(
        *("megabytes of words", ("grad", "-", "x=1"), 6, "more than 2,097,152 words and signs"),
        stdin=repeated("abc ", 4_000_000),
        seconds=180,
        megabytes=500,
        slow=True,
    )


def numbers() -> Iterator[Row]:
    """Numbers that no double holds."""
    for name, number in (
        ("digits", repeated("9", 10**7, behind="+x")),
        ("digits behind the point", repeated("9", 10**7, before="0.", behind="+x")),
    ):
        says = "inf + 2 is inf" if name == "digits" else ""
        yield Row(
            *(f"ten million {name}", ("grad", "-", "x=2"), 0, says, "forward mode"),
            stdin=number,
        )
    exponent = repeated("9", 10**7, before="1e", behind="+x")
    yield Row("ten million digits of exponent", ("grad", "-", "x=2"), 0, "is inf", "inf", exponent)
    for command, shows in (("eval", "inf"), ("grad", "inf"), ("trace", "inf"), ("jacobian", "inf")):
        yield Row(f"1e400 {command}", (command, "1e400*x", "x=2"), 0, "inf", shows)
    tower = "9^9^9^9^9^9^9*x"
    for command in ("eval", "grad", "hessian", "taylor", "trace", "compare", "check"):
        code = (0, 1)
        yield Row(f"tower {command}", (command, tower, "x=2"), code, "inf", "", seconds=60)
    yield Row("tower diff", ("diff", tower), 0, "", "inf\n")
    yield Row(
        "tower of inputs", ("grad", "-", "x=2"), 0, "is inf", "inf", repeated("x^", 1000, "", "x")
    )
    yield Row("1e400 strict", ("eval", "1e400*x", "x=2", "--strict"), 4, "inf × 2 is inf")
    yield Row("a huge length", ("eval", "zeros(1e300)"), 6, "the limit is 10,000,000")
    for option, command in (
        ("--order", "taylor"),
        ("--points", "check"),
        ("--digits", "eval"),
        ("--max-nodes", "graph"),
    ):
        numbers = ["-1", "1e-9", ""]
        if option != "--max-nodes":  # as many as one likes: it is the user's own limit
            numbers += ["1e9", "1" + "0" * 30]
        for number in numbers:
            given = (command, "x^2", "x=1", option, number)
            yield Row(f"{option} {number}", given, 2, f"invalid value for '{option}'")
    yield Row(
        *("Arabic digits in an option", ("taylor", "x^2", "x=1", "--order", "٣"), 2, "--order"),
    )
    yield Row(
        *(
            "a long number in an option",
            ("eval", "x", "x=1", "--digits", "1" * 5000),
            2,
            "--digits",
        ),
    )


def floods() -> Iterator[Row]:
    """Short texts that ask for much memory or time."""
    commands = itertools.cycle(("eval", "grad", "trace", "jacobian", "hessian", "taylor"))
    count = ("--max-operations", "300000")
    for name, text in (
        ("while", "while x > 0 { x = x + 1 }; x"),
        ("while without effect", "while x > 0 { y = 1 }; x"),
        ("for", "y = 0; for i in 1..10^18 { y += x }; y"),
        ("two recursions", "f(n) = if n < 2 then n else f(n - 1) + f(n - 2); f(60*x)"),
        (
            "ackermann",
            "a(m, n) = if m < 1 then n + 1 else a(m - 1, if n < 1 then 1 else "
            "a(m, n - 1)); a(4*x, 4)",
        ),
        (
            "doubling",
            "; ".join(
                ["f0(x) = x + x"] + [f"f{i}(x) = f{i - 1}(f{i - 1}(x))" for i in range(1, 60)]
            ),
        ),
        (
            "grows",
            "v = [x]; for i in 1..10^6 { v = [(if j <= len(v) then v[j] else x) "
            "for j in 1..len(v) + 1] }; sum(v)",
        ),
        (
            "doubles",
            "v = [x]; for i in 1..60 { v = [v[1 + mod(j, len(v))] for j in 1..2*len(v)] }; sum(v)",
        ),
        ("copies", "v = zeros(10^4); for i in 1..10^6 { w = v; w[1] = i; v = w }; x*sum(v)"),
        ("slices", "v = zeros(10^4); for i in 1..10^6 { w = v[1..10^4] }; x"),
        ("sums", "v = zeros(10^4); for i in 1..10^6 { w = max(v) }; x"),
        (
            "transposes",
            "A = [[i + j for i in 1..100] for j in 1..100]; "
            "for i in 1..10^6 { A = transpose(A) }; x",
        ),
        (
            "products",
            "A = [[i*x for i in 1..50] for j in 1..50]; for i in 1..100 { A = A @ A }; sum(A)",
        ),
        ("deep", "f(n, w) = if n < 1 then sum(w) else f(n - 1, 2*w) + w[1]; f(10^6, x*ones(10^4))"),
    ):
        given = (next(commands), text, "x=1", *count)
        yield Row(f"endless {name}", given, 6, "--max-operations N allows more", seconds=60)
    product = "A = [[i/2500 for i in 1..50] for j in 1..50]; for i in 1..10^6 { A = A @ A }; sum(A)"
    yield Row(
        *("endless products of constants", ("eval", product), 6, "--max-operations N allows more"),
        seconds=120,
        slow=True,
    )
    for command in AT_A_POINT:
        says = "calls inside calls more than 100,000 deep"
        given = (command, "g(x) = h(x); h(x) = g(x); f(x) = g(x)", "x=1")
        yield Row(f"recursion {command}", given, 6, says, megabytes=300)
    for text in (
        "x*zeros(10^12)",
        "x*sum(ones(1e15))",
        "x*sum(i for i in 1..10^12)",
        "sum([x for i in 1..10^9])",
        "x*sum(ones(10^4) @ [[1] for i in 1..10^9])",
    ):
        for command in itertools.islice(commands, 2):
            yield Row(f"{text} {command}", (command, text, "x=1"), 6, "the limit is 10,000,000")
    for text in ("x*zeros(10^12)", "x*sum(i for i in 1..10^12)"):
        for command in ("diff", "graph"):
            yield Row(f"{text} {command}", (command, text), 6, "the limit is")
    yield Row("a long parameter", ("diff", "f(x[10^12]) = sum(x)"), 3, "1:")
    for command in ("diff", "graph"):
        yield Row(
            *(
                f"a parameter of 10^12 elements {command}",
                (command, "f(x[1000000000000]) = sum(x)"),
            ),
            *(6, "the limit is"),
            slow=True,
        )
    yield Row(
        *(
            "a vector of vectors",
            ("eval", "v = zeros(10^4); w = [v for i in 1..5*10^3]; len(w)*x", "x=1"),
        ),
        *(6, "more than 10,000,000 operations"),
    )
    for text in (
        "A = [[x for i in 1..1000] for j in 1..1000]; sum(A @ A)",
        "A = [[1] for i in 1..5000]; x*sum(A @ transpose(A))",
    ):
        says = "multiplications; the limit is 10,000,000"
        yield Row(f"product {text}", ("grad", text, "x=1"), 6, says)
    for given in (
        "zeros(10^12)",
        "ones(10^9)",
        "[i for i in 1..10^12]",
        "[zeros(10^5) for i in 1..10^5]",
    ):
        says = "--max-operations N allows more"
        yield Row(f"x={given}", (next(commands), "sum(x)", f"x={given}"), 6, says)
        direction = ("jvp", "x^2", "x=1", "--direction", f"x={given}")
        yield Row(f"--direction {given}", direction, 6, says)
    drawn = ("check", "x^2", "x=1", "--points", "1", "--range", "x=zeros(10^12)..2")
    yield Row("--range zeros(10^12)", drawn, 6, says)
    for command in ("jacobian", "hessian"):
        text = "x*sum(x)" if command == "jacobian" else "sum(x)^2"
        given = (command, text, "x=ones(20000)")
        yield Row(f"dense {command}", given, 6, "(3.2 GB); the limit is 4,000,000")
        yield Row(f"entries {command}", (*given, "--sparse"), 6, "4,000,000")
    wide = ("trace", "sum(x)^2", "x=ones(2000)")
    yield Row("a wide trace", wide, 6, "lines; the limit is 500,000")
    long = "f(x) = { y = x; for i in 1..200000 { y = sin(y) }; y }"
    yield Row("a long trace", ("trace", long, "x=1"), 6, "lines; the limit is 500,000")
    yield Row("a long picture", ("graph", long, "--format", "svg"), 6, "are too many; the limit is")
    yield Row("jobs", ("batch", "x", "-", "--jobs", "999999999"), 2, "'--jobs'", stdin="x\n1\n")
    for text, says in (
        ("f(x) = sum(x*zeros(10^12))", "the limit is"),
        ("f(x) = sum(x*i for i in 1..10^12)", "the limit is"),
        ("f(x) = f(x + 1)", "calls inside calls"),
        ("f(x) = { y = x; while y > 0 { y += 1 }; y }", "operations"),
        ("f(x) = { y = x; for i in 1..10^9 { y = sin(y) }; y }", "the limit is"),
        ("f(x) = { while 1 > 0 { y = 1 }; x }", "operations"),
    ):
        yield Row(
            *(f"batch {text}", ("batch", text, "-", "--max-operations", "300000"), (1, 6), says),
            stdin="x\n1\n2\n",
            seconds=60,
        )
    for last, says in (("x[1000000000000]", "is no element of 'x'"), ("x[3]", "x[2]")):
        given = ("batch", "f(x[]) = sum(x)", "-")
        yield Row(f"columns x[1], {last}", given, 2, says, stdin=f"x[1],{last}\n1,1\n")
    names = ",".join(f"x[{i + 1}]" for i in range(20_000))
    table = f"{names}\n{','.join(['1'] * 20_000)}\n"
    yield Row(
        *("batch dense Hessian", ("batch", "f(x[]) = sum(x)^2", "-", "--hessian"), 6, "the limit"),
        stdin=table,
        slow=True,
    )
    yield Row(
        *("batch of a long vector", ("batch", "f(x[]) = sum(x)^2", "-"), (0, 6), "", ""),
        stdin=table,
        is_data=True,
        slow=True,
        seconds=90,
        megabytes=500,
    )


def letters() -> Iterator[Row]:
    """Text that looks like other text, or does something to a terminal."""
    commands = itertools.cycle((*AT_A_POINT, "diff", "graph"))
    for text, says in {
        '__import__("os").system("id")': "'\"' means nothing here",
        "__import__(os)": "unknown function '__import__'",
        "x.__class__": "'.' means nothing here",
        "(lambda: 1)()": "':' means nothing here",
        "eval(x)": "unknown function 'eval'",
        "open(x)": "unknown function 'open'",
        "exec(x)": "unknown function 'exec'",
        "f'{x}'": "means nothing here",
        "x if x else 1": "1:",
        "import os": "1:",
        "ѕin(x)": "'ѕin'",
        "eхp(x)": "'eхp'",
        "ｓｉｎ(x)": "'ｓｉｎ'",
        "１ + x": "FULLWIDTH DIGIT ONE",
        "x + ١": "ARABIC-INDIC DIGIT ONE",
        "x\u202e*2": "RIGHT-TO-LEFT OVERRIDE",
        "x \u2066+ 1": "LEFT-TO-RIGHT ISOLATE",
        "x\u200b + 1": "ZERO WIDTH SPACE",
        "x\u200d + 1": "ZERO WIDTH JOINER",
        "x\x00 + 1": "U+0000",
        "x + \ufeff1": "U+FEFF",
        "x\x1b[31m + 1": "U+001B",
        "x\x9b31m + 1": "U+009B",
        "x\u2028y = 1": "LINE SEPARATOR",
        "x\x7f": "U+007F",
        "x\x85": "U+0085",
        "y = x\ry*2": "1:",
    }.items():
        yield Row(f"{text!r}", (next(commands), "-"), 3, says, stdin=text)
    yield Row("a look-alike input", ("eval", "х*2", "x=1"), 2, "CYRILLIC SMALL LETTER HA")
    yield Row("a ligature", ("eval", "ﬁx*2", "fix=2"), 2, "LATIN SMALL LIGATURE FI")
    yield Row(
        "broken UTF-8", ("grad", "-", "x=1"), 5, "byte 0xff at offset 4", None, b"x + \xff\xfe"
    )
    files = {"p.ad": b"f(x) = x # \xe9"}
    yield Row("Latin-1", ("grad", "p.ad", "x=1"), 5, "'p.ad' is not UTF-8 text", files=files)
    yield Row("UTF-16", ("grad", "-"), 5, "text in UTF-16", stdin="x + 1".encode("utf-16"))
    surrogate = os.fsdecode(b"x\xff")
    yield Row("broken argument", ("eval", surrogate), 3, "the byte 0xff is not UTF-8 text")
    for name, text in (("BOM", "\ufeffx^2"), ("CRLF", "y = x\r\ny*x\r\n")):
        yield Row(name, ("eval", "-", "x=3"), 0, "", "9", text)
    hidden = 'x^2 # \u202e\x1b]0;t\x07[red]<b>&"];--><script>$\\input{a}'
    # In a comment they harm nobody, but it is the title of a picture.
    for command, *options in (
        ("trace",),
        ("graph",),
        ("graph", "--values"),
        *(("graph", "--format", form) for form in ("dot", "mermaid", "svg")),
        *(("trace", "--format", form) for form in ("latex", "markdown", "json")),
        *(("jacobian", "--format", form) for form in ("latex", "markdown", "csv")),
        ("eval", "--color", "never"),
    ):
        given = (command, hidden, "x=1", *options)
        yield Row(f"a comment {' '.join((command, *options))}", given, 0, "", "")
    yield Row("SVG of HTML", ("graph", "x # <script>", "--format", "svg"), 0, "", "&lt;script&gt;")
    yield Row("markup in a title", ("graph", "x # [red]a[/red]", "x=1"), 0, "", "# [red]a[/red]")
    for form, shows in (("latex", "a\\_b"), ("markdown", "a\\_b | \\_i\\_"), ("table", "a_b")):
        given = ("jacobian", "f(a_b, _i_) = a_b*_i_", "a_b=1", "_i_=2", "--format", form)
        yield Row(f"underscores {form}", given, 0, "", shows)
    turns = itertools.cycle(
        (
            *("an input", "a binding", "an option", "a result", "a function"),
            *("a command", "a file", "an output", "a cell", "a header"),
        )
    )
    for text in (
        "[red]n[/red]",
        "\x1b]0;t\x07",
        "\u202eevil",
        "<b>&amp;</b>",
        "a\u200bb",
        "\x9b31m",
        "[/]",
    ):
        shown = (
            text.encode("unicode_escape").decode() if not text.isascii() or "\x1b" in text else text
        )
        table = f"x,{text}\n{text},1\n"
        places = {
            "an input": (("grad", "x", "x=1", f"{text}=1"), 2),
            "a binding": (("eval", "x", text.replace("=", "")), 2),
            "an option": (("trace", "x", "x=1", "--format", text), 2),
            "a result": (("hessian", "x", "x=1", "--result", text), 2),
            "a function": (("taylor", "x", "x=1", "--function", text), 2),
            "a command": ((text,), 2),
            "a file": (("check", f"@{text}.ad"), 5),
            "an output": (("jacobian", "x", "x=1", "-o", f"{text}/a.csv"), 5),
            "a cell": (("batch", "f(x) = x", "-"), 1),
            "a header": (("batch", "f(y) = y", "-"), 2),
        }
        # Each place once for a text or two, and each text in some.
        for place in itertools.islice(turns, 4):
            given, code = places[place]
            stdin = table if given[0] == "batch" else ""
            yield Row(f"{place} {text!r}", given, code, shown, stdin=stdin)


def tables() -> Iterator[Row]:
    """Tables that are none, or not quite."""
    one = ("batch", "f(x) = x^2")
    for name, text, code, says in (
        ("a short row", "x,y\n1,2\n3\n", 1, "line 3: 1 cell, but the header has 2"),
        ("a long row", "x,y\n1,2,3\n", 1, "line 2: 3 cells, but the header has 2"),
        ("nothing", "", 2, "the table is empty"),
        ("blank lines", "\n\n\n", 2, "the table is empty"),
        ("no header", "1,2\n3,4\n", 2, "column 'x' is missing"),
        ("a header twice", "x,x\n1,2\n", 2, "the table has 2 columns called 'x'"),
        ("another header", "X,z\n1,2\n", 2, "column 'x' is missing"),
        ("blank headers", ",,\n1,2,3\n", 2, "column 'x' is missing"),
        ("an open quote", 'x,y\n"1,2\n3,4\n', 1, "line 2: a quote is not closed"),
        ("full-width digits", "x\n１２\n", 1, "'１２' is not a number"),
        ("Arabic digits", "x\n١٢\n", 1, "is not a number"),
        ("a blank cell", "x,y\n,1\n", 1, "line 2, column 'x': the cell is blank"),
        ("white space", "x,y\n \t,1\n", 1, "line 2, column 'x'"),
        ("hexadecimal", "x\n0x10\n", 1, "'0x10' is not a number"),
        ("underscores", "x\n1_000\n", 1, "'1_000' is not a number"),
        ("a decimal comma", 'x\n"1,5"\n', 1, "'1,5' is not a number"),
        ("NUL", "x\n1\x002\n", 1, "'1\\x002' is not a number"),
        ("two BOMs", "\ufeff\ufeffx\n1\n", 2, "no program can read '\\ufeffx'"),
        ("broken UTF-8", b"x\n1\xff\n", 1, "is not a number"),
        ("a formula", "x\n=1+1\n", 1, "'=1+1' is not a number"),
        ("a program", 'x\n__import__("os")\n', 1, "is not a number"),
    ):
        yield Row(f"CSV: {name}", (*one, "-"), code, says, stdin=text)
    for name, text, says, shows in (
        ("no rows", "x,y\n", "", "x,y,f,df_dx\n"),
        ("nan", "x\nnan\n", "input x is nan", "nan,nan"),
        ("inf", "x\ninf\n-Infinity\n", "2 of 2 rows", "inf,inf"),
        ("1e400", "x\n1e400\n", "input x is inf", "inf"),
        ("BOM", "\ufeffx\n1\n", "", "1,1,2"),
        ("CRLF", "x\r\n1\r\n", "", "1,1,2"),
        ("a cell of 2 MB", lambda: "x,y\n1," + "a" * 2**21 + "\n", "", "aaa,1,2"),
        ("a number of 2 MB", lambda: "x\n" + "1" * 2**21 + "\n", "input x is inf", "inf"),
        ("a header of 2 MB", lambda: "x," + "y" * 2**21 + "\n1,2\n", "", "1,2,1,2"),
    ):
        yield Row(f"CSV: {name}", (*one, "-"), 0, says, shows, text, megabytes=400, is_data=True)
    yield Row(
        *("CSV: letters of 2 MB", (*one, "-"), 1, "aaa...' is not a number"),
        stdin=lambda: "x\n" + "a" * 2**21 + "\n",
        megabytes=400,
    )
    yield Row(
        *("CSV: another header of 2 MB", (*one, "-"), 2, "column 'x' is missing"),
        stdin=lambda: "y" * 2**21 + "\n1\n",
    )
    yield Row(
        *("CSV: a million columns", (*one, "-"), 2, "... (1000000 in all)"),
        stdin=lambda: ",".join(f"c{i}" for i in range(10**6)) + "\n" + ",".join("1" * 10**6),
        megabytes=400,
        seconds=90,
        slow=True,
    )
    yield Row(
        *("CSV: a long index", ("batch", "f(x[]) = sum(x)", "-"), 2, "is no element of 'x'"),
        stdin=f"x[{'9' * 5000}]\n1\n",
    )
    utf16 = "x\n1\n".encode("utf-16")
    yield Row("CSV: UTF-16", (*one, "-"), 5, "the table is text in UTF-16", stdin=utf16)
    for name, text, code, says in (
        ("NaN", '{"x": NaN}\n', 2, "not JSON"),
        ("NaN later", '{"x": 1}\n{"x": NaN}\n', 1, "line 2: not JSON"),
        ("Infinity", '{"x": 1}\n{"x": -Infinity}\n', 1, "line 2: not JSON"),
        ("depth", '{"x": ' + "[" * 2000 + "]" * 2000 + "}\n", 2, "depth"),
        ("depth later", '{"x": 1}\n{"x": ' + "[" * 2000 + "]" * 2000 + "}\n", 1, "line 2"),
        ("depth without end", '{"x": ' + "[" * MANY + "\n", 2, "depth"),
        ("half a line", '{"x": 1}\n{"x": 2', 1, "line 2: not JSON: unexpected end of data"),
        ("a list", "[1, 2]\n", 2, "not an object"),
        ("null", '{"x": null}\n', 1, "line 1, column 'x': the value is null"),
        ("a text", '{"x": "1"}\n', 1, "is not a number"),
        ("an escape", '{"x": "\\u001b[31m"}\n', 1, "is not a number"),
        ("another key", '{"y": 1}\n', 2, "column 'x' is missing"),
        ("half a surrogate", '{"x": "\\ud800"}\n', 2, "not JSON"),
        ("nothing", "", 2, "the table is empty"),
        ("a number of ten million digits", repeated("9", 10**7, '{"x": ', "}\n"), 2, "infinity"),
        ("a line of 2 MB", repeated("a", 2**21, '{"x": "', '"}\n'), 1, "aaa...' is not a number"),
    ):
        given = (*one, "-", "--from", "jsonl")
        yield Row(f"JSONL: {name}", given, code, says, stdin=text, megabytes=300)
    keys = '{"x": 1, ' + ", ".join(f'"k{i}": 1' for i in range(20_000)) + "}\n"
    yield Row(
        *("JSONL: 20,000 keys", (*one, "-", "--from", "jsonl"), 0, "", "1,2"),
        stdin=keys,
        megabytes=500,
        is_data=True,
        slow=True,
        seconds=180,
    )
    whole = _parquet()
    for name, data, says in (
        ("empty", b"", "cannot be read"),
        ("three bytes", b"PAR", "cannot be read"),
        ("truncated", whole[: len(whole) // 2], "cannot be read"),
        ("one byte less", whole[:-1], "cannot be read"),
        ("a giant footer", b"PAR1" + b"x" * 99 + b"\xff\xff\xff\x7fPAR1", "cannot be read"),
        ("a text", b"x\n1\n", "cannot be read"),
    ):
        files = {"t.parquet": data}
        yield Row(f"Parquet: {name}", (*one, "t.parquet"), 5, says, files=files)
    yield Row(
        *("Parquet: a broken footer", (*one, "t.parquet"), 5, "cannot be read"),
        files={"t.parquet": b"PAR1" + bytes(64) + b"\x40\0\0\0PAR1"},
    )
    for ending, data in (("arrow", _arrow(True)), ("arrow", _arrow(False))):
        for size in (0, 3, len(data) // 2):
            files = {f"t.{ending}": data[:size]}
            name = f"Arrow: {size} bytes of {len(data)}"
            yield Row(name, (*one, "t.arrow"), 5, "the table cannot be read", files=files)


def _parquet() -> bytes:
    made = io.BytesIO()
    parquet.write_table(pa.table({"x": [1.0] * 1000}), made)
    return made.getvalue()


def _arrow(is_file: bool) -> bytes:
    made = io.BytesIO()
    table = pa.table({"x": [1.0] * 1000})
    with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(made, table.schema) as writer:
        writer.write_table(table)
    return made.getvalue()


def points() -> Iterator[Row]:
    """Points in files."""
    for name, text, code, says in (
        ("NaN", '{"x": NaN}', 0, "input x is nan"),
        ("ten million digits", repeated("9", 10**7, '{"x": ', "}"), 0, "input x is inf"),
        ("depth", '{"x": ' + "[" * 2000 + "]" * 2000 + "}", 2, "nested too deeply"),
        ("half", '{"x": 1', 2, "'p.json' is not JSON"),
        ("a key twice", '{"x": 1, "x": 2}', 2, "input 'x' is given twice"),
        ("a list", "[1]", 2, "'p.json' holds no JSON object"),
        ("an escape", '{"\\u001b[31m": 1, "x": 1}', 2, "\\x1b[31m"),
        ("markup", '{"[red]": 1, "x": 1}', 2, "'[red]'"),
        ("a text", '{"x": "[red]\\u202e"}', 2, "x"),
        ("nothing", "", 2, "'p.json' is not JSON"),
        ("bytes", b"\xff\xfe", 5, "'p.json' is not UTF-8 text"),
    ):
        shows = "x" if code == 0 else None
        given = ("grad", "x^2", "--at", "p.json")
        yield Row(f"--at {name}", given, code, says, shows, files={"p.json": text})
    yield Row(
        *("--at a key of 2 MB", ("grad", "x^2", "--at", "p.json"), 2, "was given"),
        files={"p.json": lambda: '{"' + "k" * 2**21 + '": 1}'},
    )


def _link(name: str, target: str) -> Callable[[Path], None]:
    return lambda folder: os.symlink(target, folder / name)


def _is_link(name: str, has: bytes) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        assert (folder / name).is_symlink()
        assert has in (folder / name).read_bytes()

    return check


def _only(*names: str) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        assert sorted(os.listdir(folder)) == sorted(names)

    return check


def _unchanged(name: str, data: bytes) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        assert (folder / name).read_bytes() == data

    return check


def _forbid(folder: Path) -> None:
    (folder / "p.ad").chmod(0)


def files() -> Iterator[Row]:
    """Files and streams that are not what they should be."""
    commands = itertools.cycle((*AT_A_POINT, "diff", "graph"))
    for source, says in {
        "@.": "cannot read '.': is a directory",
        "missing.ad": "cannot read 'missing.ad': no such file or directory",
        "@/proc/self/mem": "cannot read '/proc/self/mem': input/output error",
        "@loop": "cannot read 'loop': too many levels of symbolic links",
        "@t.csv/p.ad": "not a directory",
    }.items():
        for command in itertools.islice(commands, 2):
            given = (command, source)
            made = _link("loop", "loop")
            yield Row(f"{source} {command}", given, 5, says, files=TABLE, prepare=made)
    if os.getuid() != 0:  # who may read everything
        says = "cannot read 'p.ad': permission denied"
        yield Row("unreadable", ("eval", "p.ad"), 5, says, files={"p.ad": "1"}, prepare=_forbid)
    for source in ("@/dev/zero", "@/dev/urandom"):
        says = "is larger than the limit of"
        yield Row(f"{source}", ("eval", source), 6, says, megabytes=400)
    for form in ("csv", "jsonl"):
        given = ("batch", "f(x) = x", "/dev/zero", "--from", form)
        says, slow = "of more than 67,108,864 bytes", form == "csv"
        yield Row(f"/dev/zero {form}", given, 6, says, megabytes=500, slow=slow)
    for name, says in ((".", "is a directory"), ("missing.csv", "no such file or directory")):
        given = ("batch", "f(x) = x", name, "--from", "csv")
        yield Row(f"a table {name}", given, 5, f"cannot read '{name}': {says}")
    yield Row(
        *("a table with errors", ("batch", "f(x) = x", "/proc/self/mem", "--from", "csv")),
        *(5, "the table cannot be read: input/output error"),
    )
    yield Row(
        *("a long name of a file", ("eval", "@" + "a" * 5000), 5, "cannot read 'aaaa"),
    )
    endings = {"graph": "svg", "trace": "json", "diff": "json", "compare": "csv", "check": "json"}
    for turn, (name, command) in enumerate(COMMANDS.items()):
        out = f"o.{endings.get(name, 'csv')}"
        full = Row(f"/dev/full {name}", command, 5, "no space left", stdout="full")
        closed = Row(f"closed {name}", command, 5, "standard output is closed", stdout="closed")
        gone = Row(f"no reader {name}", command, 141, stdout="gone")
        missing = Row(f"no folder {name}", (*command, "-o", f"no/{out}"), 5, f"write 'no/{out}'")
        link = Row(f"a link {name}", (*command, "-o", out))
        made = _link(out, f"real.{out}")
        link = link._replace(prepare=made, after=_is_link(out, b""))
        for row in (full, gone) if turn % 2 else (closed, missing, link):
            yield row._replace(files=TABLE)
    for command in ("grad", "batch"):
        form = "--to" if command == "batch" else "--format"
        given = (*COMMANDS[command], "-o", "/dev/full", form, "csv")
        yield Row(f"-o /dev/full {command}", given, 5, "cannot write '/dev/full'", files=TABLE)
    same = ("batch", "f(x) = x", "t.csv", "-o", "t.csv")
    has = _unchanged("t.csv", b"x,f,df_dx\n1,1,1\n2,2,1\n")
    yield Row("the table is the output", same, files=TABLE, after=has)
    bad = {"t.csv": "x\n1\na\n"}
    has = _unchanged("t.csv", b"x\n1\na\n")
    yield Row("the bad table is the output", same, 1, "line 3", files=bad, after=has)
    given = ("batch", "f(x) = x", "t.csv", "-o", "l.csv")
    yield Row(
        *("the output is a link to the table", given),
        files=TABLE,
        prepare=_link("l.csv", "t.csv"),
        after=_is_link("l.csv", b"x,f,df_dx\n1,1,1\n"),
    )
    given = ("batch", "f(x) = x", "t.csv", "--on-error", "skip", "--errors", "t.csv")
    yield Row("the table is for errors", given, 2, "'t.csv' is the table", files=TABLE)
    given = ("eval", "@p.csv", "-o", "p.csv")
    yield Row(
        *("the program is the output", given, (2, 5), "p.csv"),
        files={"p.csv": "1 + 1"},
        after=_unchanged("p.csv", b"1 + 1"),
    )


CACHE = "cache/adcli/parser-1.json"


GRAMMAR = '{"grammar": ' + json.dumps(
    (Path(__file__).parents[2] / "grammar/adcli.lark").read_text(encoding="utf-8")
)


def _planted(text: str) -> Callable[[Path], None]:
    """A cache file with something else in it, and the right checksum."""
    return _garbage(f"{zlib.crc32(text.encode()):08x}\n{text}".encode())


def _given_away(folder: Path) -> None:
    if os.getuid() == 0:  # only root may
        _garbage(b"00000000\n{}")(folder)
        os.chown(folder / "cache/adcli", 12345, 12345)


def _garbage(data: bytes, mode: int = 0o700) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        path = folder / CACHE
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        path.parent.chmod(mode)

    return prepare


def _elsewhere(folder: Path) -> None:
    (folder / "cache").mkdir()
    (folder / "theirs").mkdir(mode=0o700)
    os.symlink(folder / "theirs", folder / "cache/adcli")


def _cache_is_a_link(folder: Path) -> None:
    (folder / "cache/adcli").mkdir(mode=0o700, parents=True)
    os.symlink("/dev/zero", folder / CACHE)


def _cache_is_a_folder(folder: Path) -> None:
    (folder / CACHE).mkdir(mode=0o700, parents=True)


def places() -> Iterator[Row]:
    """Homes, caches, locales and terminals of other people."""
    cache = {"XDG_CACHE_HOME": None}
    commands = itertools.cycle(("grad", "batch", "diff"))
    for name, variables in {
        "no home": {"HOME": None},
        "a home that is missing": {"HOME": "/nonexistent"},
        "a home nobody writes to": {"HOME": "/proc/self"},
        "a home that is a file": {"HOME": "/dev/null"},
        "a relative home": {"HOME": "."},
        "an empty home": {"HOME": ""},
    }.items():
        given = COMMANDS[next(commands)]
        made: dict[str, str | None] = {**cache, **variables}
        yield Row(name, given, 0, "", "x", files=TABLE, variables=made, after=_only("t.csv"))
    picture = ("compare", "sin(x)", "x=1", "--steps", "-o", "s.png")
    made = {**cache, "HOME": "/proc/self", "XDG_CONFIG_HOME": None, "MPLCONFIGDIR": None}
    yield Row("a picture without a home", picture, variables=made, seconds=90)
    for name, prepare in {
        "garbage": _garbage(b"\xff\x00garbage"),
        "nothing": _garbage(b""),
        "open to all": _garbage(b"00000000\n{}", 0o777),
        "somebody else's": _given_away,
        "null": _planted("null"),
        "a number": _planted("1e400"),
        "a list": _planted("[" * MANY),
        "an object": _planted("{}"),
        "another grammar": _planted('{"grammar": "start: NAME"}'),
        "no states": _planted(GRAMMAR + ', "tables": {}}'),
        "a link": _elsewhere,
        "a folder": _cache_is_a_folder,
    }.items():
        given = COMMANDS[next(commands)]
        made = {"XDG_CACHE_HOME": "cache"}
        yield Row(
            f"a planted cache: {name}",
            given,
            0,
            "",
            "x",
            files=TABLE,
            prepare=prepare,
            variables=made,
        )
    yield Row(
        *("a planted cache: a file without end", COMMANDS["grad"], 0, "", "x"),
        prepare=_cache_is_a_link,
        variables={"XDG_CACHE_HOME": "cache"},
        seconds=90,
        slow=True,
    )
    everything = itertools.cycle(COMMANDS)
    for locale in ("C", "POSIX", "en_US.ISO-8859-1", "none.such"):
        for command in itertools.islice(everything, 3):
            yield Row(
                *(f"locale {locale} {command}", COMMANDS[command], 0, "", ""),
                files=TABLE,
                variables={"LC_ALL": locale, "PYTHONUTF8": "0"},
            )
    yield Row(
        *("an error in a locale that is not UTF-8", ("eval", "х*2 + ∂", "х=1"), 3, "1:7"),
        variables={"LC_ALL": "C", "PYTHONUTF8": "0"},
    )
    for encoding in ("ascii", "latin-1"):
        variables = {"PYTHONIOENCODING": encoding}
        yield Row(f"{encoding} trace", COMMANDS["trace"], 0, "", "x", variables=variables)
    for command in COMMANDS:
        files = {"t.csv": "x\n1\n"}
        yield Row(
            f"20 columns {command}", COMMANDS[command], 0, "", "", files=files, stdout="terminal"
        )
    yield Row("20 columns error", ("eval", "sin(x", "x=1"), 3, "", "1:4", stdout="terminal")
    yield Row("20 columns help", ("--help",), 0, "", "Commands", stdout="terminal")


def lines() -> Iterator[Row]:
    """Lines of `each`: what is wrong with one is its answer, and the next is answered."""
    behind = "\nx\n"
    good = '"value": 3.0, "gradient": {"x": 1.0}}'
    few = ("each", "-", "x=3", "--max-operations", "300000", "--jobs", "1")
    for name, line, says in (
        ("truncated", "sin(x", "this '(' is never closed"),
        ("brackets", repeated("("), "this '(' is never closed"),
        ("minus signs", repeated("-"), "the expression ends"),
        ("nested blocks", repeated("{ "), "not JSON"),
        ("junk", repeated("abc ", 500_000), "an operator is missing"),
        ("words", repeated("abc ", 3_000_000), "more than 2,097,152 words and signs"),
        ("endless", "while x > 0 { x = x + 1 }; x", "more than 300,000 operations"),
        ("endless recursion", "f(n) = f(n + 1); f(x)", "calls inside calls"),
        ("zeros", "x*sum(zeros(10^12))", "the limit is 300,000"),
        ("terms", "x*sum(i for i in 1..10^12)", "the limit is 300,000"),
        ("Python", "__import__('os').system('id')", "means nothing here"),
        ("an attribute", "x.__class__", "means nothing here"),
        ("a file", "@/etc/passwd", "is no program"),
        ("look-alike", "х + х", "input 'х' has no value"),
        ("zero width", "x\u200b", "U+200B"),
        ("bidirectional", "x + \u202e1", "U+202E"),
        ("NUL", "x\0", "U+0000"),
        ("no UTF-8", b"x\xff", "byte 0xff at offset 1"),
        ("escape", "x\x1b[31m", "U+001B"),
        ("markup", "[red]x[/red]", "an operator is missing"),
        ("depth", repeated("[", 2_000, before='{"source": "x", "at": {"x": '), "nested too deeply"),
        ("more depth", repeated("[", before='{"source": '), "nested too deeply"),
        ("no end", '{"source": "x"', "not JSON"),
        ("a number of ten million digits", repeated("9", 10**7, behind="+q"), "'q' has no value"),
        ("a key of 2 MB", repeated("k", 2**21, before='{"', behind='": 1}'), "a line has no 'kkk"),
        ("many keys", _keys, "'k1' is given twice"),
    ):
        text = _followed(line, behind)
        for form in ("jsonl", "csv") if len(name) < 9 else ("jsonl",):
            shows = good if form == "jsonl" else "x,3.0,1.0,"
            yield Row(
                *(f"each: {name} as {form}", (*few, "--to", form), 1, says[:20], shows, text),
                megabytes=700,
            )
    programs = {"l.txt": "x^2\nsine(x)\n", "out.txt": ""}
    for name, arguments, code, says in (
        ("a missing file", ("each", "missing"), 5, "cannot read 'missing': no such file"),
        ("a folder", ("each", "."), 5, "is a directory"),
        ("a name of 5,000 letters", ("each", "a" * 5000), 5, "cannot read 'aaaa"),
        ("the output is the input", ("each", "l.txt", "-o", "l.txt", "--to", "csv"), 2, "'l.txt'"),
        ("no folder", ("each", "l.txt", "-o", "no/o.csv"), 5, "cannot write 'no/o.csv'"),
        ("no value", ("each", "l.txt", "x="), 2, "has no value"),
        ("a device", ("each", "l.txt", "-o", "/dev/full", "--to", "csv"), 5, "no space left"),
    ):
        yield Row(f"each: {name}", arguments, code, says, files=programs)
    for stdout, code, says in (
        ("full", 5, "no space left"),
        ("closed", 5, "closed"),
        ("gone", 141, ""),
    ):
        given = ("each", "l.txt", "x=1")
        yield Row(f"each: {stdout}", given, code, says, stdout=stdout, files=programs)


def _keys() -> str:
    """A point of 100,000 inputs, one of them twice."""
    keys = ", ".join(f'"k{i}": {i}' for i in range(100_000))
    return f'{{"source": "x", "at": {{{keys}, "k1": 1}}}}'


def _followed(line: Content, behind: str) -> Content:
    return lambda: content(line) + behind.encode()


def signals() -> Iterator[Row]:
    """Signals at random moments; what is then done is all or nothing."""
    long = "f(x) = { y = x; for i in 1..5000 { y = sin(y) + x }; y }"
    rows = "x\n" + "1\n" * 200_000
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGPIPE, 0)):
        for command in ("grad", "check", "taylor"):
            given = (command, long, "x=1")
            yield Row(
                f"{number.name} {command}", given, (0, code), "", "", number=number, seconds=60
            )
        given = ("batch", "f(x) = sin(x)", "t.csv", "-o", "o.csv")
        yield Row(
            *(f"{number.name} batch", given, (0, code), ""),
            files={"t.csv": rows},
            number=number,
            seconds=60,
        )
        given = ("each", "t.csv", "x=2", "-o", "o.csv", "--jobs", "3")
        yield Row(
            *(f"{number.name} each", given, (0, 1, code), ""),
            files={"t.csv": "x^2 + sin(x)\n" * 20_000},
            number=number,
            seconds=60,
        )


def table() -> list[Row]:
    """All rows, each under a name of its own."""
    kinds = (programs, numbers, floods, letters, tables, points, files, places, lines, signals)
    rows = [row for kind in kinds for row in kind()]
    assert len({row.name for row in rows}) == len(rows)
    return rows


ADCLI = (sys.executable, "-m", "adcli")
