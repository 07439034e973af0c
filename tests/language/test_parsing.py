"""Properties of the parser: random programs against Python, random text, huge text."""

from __future__ import annotations

import io
import math
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adcli
from adcli.errors import AdcliError, LimitError, ProgramError, Source, Span
from adcli.graph.program import Program
from adcli.language import files, lexer, parser
from adcli.render.messages import Messages

MOST_LINES = 9
# Of the processor: how busy the machine is does not matter.
LONGEST_SECONDS = 20
LONGEST_SECONDS_SLOW = 300

# The same examples in every run, so that a failure is somebody's doing.
PROFILE = settings(derandomize=True, deadline=None)


class StillRunningError(BaseException):
    """No exception that Hypothesis catches, to look for a shorter text that hangs, for minutes."""


@pytest.fixture(autouse=True)
def no_hang(request: pytest.FixtureRequest) -> Iterator[None]:
    """An alarm, where the system has one: a text must never hang the program."""
    if not hasattr(signal, "SIGPROF"):
        yield
        return

    is_slow = request.node.get_closest_marker("slow") is not None
    seconds = LONGEST_SECONDS_SLOW if is_slow else LONGEST_SECONDS

    def ring(number: int, frame: object) -> None:
        raise StillRunningError(f"after {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    # It rings again, should the first error be raised where Python has to ignore it; but not
    # soon: pytest has to report the error, and is no text that hangs.
    signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


# Random expressions.
#
# An expression is its tokens, and the same in Python. Python's precedence is that of the
# language, so both are made by putting pieces side by side, without brackets to keep
# them together: whether `a - b*-c^d` means the same to both is what is tested.

Expression = tuple[tuple[str, ...], str]

VARIABLES = {"a": 2.0, "b": -3.5, "c": 0.0, "x_1": 0.25, "δ": 7.0}
DEFINITIONS = """
negated(u) = -u
average(u, w) = (u + w)/2
third(u, w, z = 3) = z
"""
IN_PYTHON = {"^": "**", "−": "-", "·": "*", "×": "*", "≤": "<=", "≥": ">=", "≠": "!="}
OPERATORS = ("+", "-", "−", "*", "·", "×", "/", "^", "**")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=", "≤", "≥", "≠")
NUMBERS = ("0", "1", "2", "3", "0.5", ".25", "1e-3", "1_000", "2.", "1E300")


class Ieee:
    """A double with the arithmetic of IEEE 754, which Python's own raises errors for."""

    def __init__(self, value: float) -> None:
        self.value = float(value)

    def __add__(self, other: Ieee) -> Ieee:
        return Ieee(self.value + other.value)

    def __sub__(self, other: Ieee) -> Ieee:
        return Ieee(self.value - other.value)

    def __mul__(self, other: Ieee) -> Ieee:
        return Ieee(self.value * other.value)

    def __truediv__(self, other: Ieee) -> Ieee:
        u, w = self.value, other.value
        if w != 0:
            return Ieee(u / w)
        if u == 0 or u != u:
            return Ieee(math.nan)
        return Ieee(math.copysign(math.inf, u) * math.copysign(1.0, w))

    def __pow__(self, other: Ieee) -> Ieee:
        u, w = self.value, other.value
        odd = math.isfinite(w) and w % 2 == 1
        try:
            return Ieee(math.pow(u, w))
        except OverflowError:
            return Ieee(-math.inf if u < 0 and odd else math.inf)
        except ValueError:
            if u == 0:
                return Ieee(math.copysign(math.inf, u) if odd else math.inf)
            return Ieee(math.nan)

    def __neg__(self) -> Ieee:
        return Ieee(-self.value)

    def __pos__(self) -> Ieee:
        return self

    def __lt__(self, other: Ieee) -> bool:
        return self.value < other.value

    def __le__(self, other: Ieee) -> bool:
        return self.value <= other.value

    def __gt__(self, other: Ieee) -> bool:
        return self.value > other.value

    def __ge__(self, other: Ieee) -> bool:
        return self.value >= other.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ieee) and self.value == other.value

    def __ne__(self, other: object) -> bool:
        return isinstance(other, Ieee) and self.value != other.value

    __hash__ = None  # type: ignore[assignment]  # compared by value


PYTHON_NAMES: dict[str, object] = {
    "N": lambda text: Ieee(float(text)),
    "abs": lambda u: Ieee(abs(u.value)),
    "negated": lambda u: -u,
    "average": lambda u, w: (u + w) / Ieee(2),
    "third": lambda u, w, z=Ieee(3): z,  # noqa: B008  never changed
    **{name: Ieee(value) for name, value in VARIABLES.items()},
}


def token(text: str) -> Expression:
    """One token."""
    return (text,), IN_PYTHON.get(text, text)


def side_by_side(*parts: Expression) -> Expression:
    """Pieces one after the other, in both languages."""
    return tuple(t for part in parts for t in part[0]), " ".join(part[1] for part in parts)


def bracketed(inside: Expression) -> Expression:
    """( inside )."""
    return side_by_side(token("("), inside, token(")"))


def call(name: str, arguments: Sequence[Expression]) -> Expression:
    """name(arguments)."""
    inside = [arguments[0]]
    for argument in arguments[1:]:
        inside += [token(","), argument]
    return side_by_side(token(name), bracketed(side_by_side(*inside)))


def choice(condition: Expression, yes: Expression, no: Expression) -> Expression:
    """If ... then ... else ..., without brackets around it."""
    words = (token("if"), condition, token("then"), yes, token("else"), no)
    return side_by_side(*words)[0], f"({yes[1]}) if ({condition[1]}) else {no[1]}"


@st.composite
def leaf(draw: st.DrawFn) -> Expression:
    """A number or a variable."""
    if draw(st.booleans()):
        return token(draw(st.sampled_from(list(VARIABLES))))
    number = draw(st.sampled_from(NUMBERS))
    return (number,), f"N('{number}')"


@st.composite
def several(draw: st.DrawFn, texts: tuple[str, ...], most: int) -> Expression:
    """None to `most` of these tokens, one after the other."""
    return side_by_side(*map(token, draw(st.lists(st.sampled_from(texts), max_size=most))))


@st.composite
def arithmetic(draw: st.DrawFn, depth: int) -> Expression:
    """Operands and operators, side by side."""
    signs = several(("-", "+", "−"), 2)
    parts = [draw(signs), draw(expressions(depth))]
    for _ in range(draw(st.integers(1, 4))):
        parts += [token(draw(st.sampled_from(OPERATORS))), draw(signs), draw(expressions(depth))]
    return side_by_side(*parts)


@st.composite
def comparison(draw: st.DrawFn, depth: int) -> Expression:
    """A chain of comparisons, perhaps denied."""
    parts = [draw(several(("not",), 2)), draw(expressions(depth))]
    for _ in range(draw(st.integers(1, 3))):
        parts += [token(draw(st.sampled_from(COMPARISONS))), draw(expressions(depth))]
    return side_by_side(*parts)


@st.composite
def condition(draw: st.DrawFn, depth: int) -> Expression:
    """Comparisons joined by 'and' and 'or', side by side."""
    parts = [draw(comparison(depth))]
    for _ in range(draw(st.integers(0, 3))):
        term = draw(comparison(depth))
        if depth and draw(st.booleans()):
            term = side_by_side(draw(several(("not",), 2)), bracketed(draw(condition(depth - 1))))
        parts += [token(draw(st.sampled_from(("and", "or")))), term]
    return side_by_side(*parts)


@st.composite
def argument(draw: st.DrawFn, depth: int) -> Expression:
    """What may stand alone: an expression, or a choice without brackets around it."""
    if not draw(st.booleans()):
        return draw(expressions(depth))
    if not depth:
        return draw(leaf())
    arms = draw(argument(depth - 1)), draw(argument(depth - 1))
    return choice(draw(condition(depth - 1)), *arms)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Expression:
    """An expression that may be an operand, if only for what stands beside it."""
    kinds = ("leaf", "arithmetic", "arithmetic", "brackets", "abs", "negated", "average", "third")
    kind = draw(st.sampled_from(kinds)) if depth else "leaf"
    if kind == "leaf":
        return draw(leaf())
    if kind == "arithmetic":
        return draw(arithmetic(depth - 1))
    if kind == "brackets":
        return bracketed(draw(argument(depth - 1)))
    counts = {"average": (2, 2), "third": (2, 3)}
    count = draw(st.integers(*counts.get(kind, (1, 1))))
    return call(kind, [draw(argument(depth - 1)) for _ in range(count)])


def in_python(expression: Expression) -> float:
    """The value of an expression, by Python."""
    value = eval(expression[1], {"__builtins__": {}, **PYTHON_NAMES})
    assert isinstance(value, Ieee)
    return value.value


def evaluate(text: str) -> float:
    """The value of an expression, by the language."""
    program = Program(Source(DEFINITIONS + text))
    (value,) = program.run({name: VARIABLES[name] for name in program.inputs}).values().values()
    return value


def touches(left: str, right: str) -> bool:
    """Whether two tokens side by side would be read as one."""
    return (left[-1].isalnum() or left[-1] in "_.") and (right[0].isalnum() or right[0] in "_.")


def joined(words: Sequence[str], spaces: Callable[[int], str] = lambda gap: "") -> str:
    """The tokens as text, what `spaces` says behind each, or a space where one is needed."""
    text = ""
    for position, word in enumerate(words):
        space = spaces(position)
        following = words[position + 1] if position + 1 < len(words) else "#"
        text += word + (space or (" " if touches(word, following) else ""))
    return text


@settings(PROFILE, max_examples=200)
@given(expressions())
def test_precedence_is_that_of_python(expression: Expression) -> None:
    assert repr(evaluate(joined(expression[0]))) == repr(in_python(expression))


@settings(PROFILE, max_examples=50)
@given(expressions(), expressions())
def test_statements(first: Expression, second: Expression) -> None:
    text = joined(first[0], lambda gap: " ")
    program = f"y = {text}; y += {joined(second[0])}\ny *= (\n{text})"
    expected = (Ieee(in_python(first)) + Ieee(in_python(second))) * Ieee(in_python(first))
    assert repr(evaluate(program)) == repr(expected.value)


def legal_newlines(words: Sequence[str]) -> list[bool]:
    """For each token whether a newline behind it is white space (language.md, "A program")."""
    before_operand = {*OPERATORS, *COMPARISONS, "(", ",", "if", "then", "else", "and", "or", "not"}
    depth = 0
    legal = []
    operand = False
    for word in words:
        depth += (word == "(") - (word == ")")
        is_binary = operand and word in (*OPERATORS, *COMPARISONS, "and", "or")
        legal.append(depth > 0 or is_binary or word == ",")
        operand = word not in before_operand
    return legal


SPACES = ("", " ", "  ", "\t", "\u00a0", "\u2009")
NEWLINES = ("\n", " \n\t", "\n\n", "\r\n", "# a comment, (with [ brackets\n", " #\n#= \n")


@settings(PROFILE, max_examples=80)
@given(expressions(), st.data())
def test_white_space_changes_nothing(expression: Expression, data: st.DataObject) -> None:
    words, _ = expression
    legal = legal_newlines(words)

    def spaces(gap: int) -> str:
        choices = SPACES + NEWLINES if legal[gap] else SPACES
        return data.draw(st.sampled_from(choices), label=f"behind {words[gap]!r}")

    before = data.draw(st.sampled_from(("", " ", "\n", "# first\n\n", "\t")))
    after = data.draw(st.sampled_from(("", " ", "\n", " # last", ";", "\n;\n# last\n")))
    text = before + joined(words, spaces) + after
    assert repr(evaluate(text)) == repr(evaluate(joined(words)))


# Errors, and where they point.


def check(error: AdcliError) -> None:
    """An error is a sentence, points into its text, and is short when it is printed."""
    assert error.message
    assert "\n" not in error.message
    if error.span is not None:
        assert 0 <= error.span.start <= error.span.end <= len(error.span.source.text)
        line = error.span.line
        assert 1 <= line <= error.span.source.text.count("\n") + 1
        assert 1 <= error.span.column <= len(error.span.source.line(line)) + 2
    printed = Messages().error(error)
    assert printed.startswith("error: ")
    assert printed.count("\n") <= MOST_LINES


def try_out(text: str) -> AdcliError | None:
    """Read a program and run it with ones for its inputs; the error, checked, if any."""
    try:
        program = Program(Source(text))
        program.run(dict.fromkeys(program.inputs, 1.0), max_operations=2000)
    except AdcliError as error:
        check(error)
        return error
    return None


@settings(PROFILE, max_examples=50)
@given(expressions(), st.data())
def test_unknown_function_is_pointed_at(expression: Expression, data: st.DataObject) -> None:
    words, _ = expression
    operands = [i for i, word in enumerate(words) if word in VARIABLES or word in NUMBERS]
    place = data.draw(st.sampled_from(operands))
    wrong = joined([*words[:place], "wrong", "(", "1", ")", *words[place + 1 :]], lambda gap: " ")
    error = try_out(DEFINITIONS + wrong)
    assert isinstance(error, ProgramError)
    assert error.message == "unknown function 'wrong'"
    assert error.span is not None
    assert error.span.text == "wrong"


@settings(PROFILE, max_examples=50)
@given(expressions(), st.data())
def test_wrong_index_is_pointed_at(expression: Expression, data: st.DataObject) -> None:
    words, _ = expression
    operands = [i for i, word in enumerate(words) if word in VARIABLES or word in NUMBERS]
    place = data.draw(st.sampled_from(operands))
    wrong = joined([*words[:place], "[8,9][3]", *words[place + 1 :]], lambda gap: " ")
    error = try_out(DEFINITIONS + wrong)
    if error is not None:  # else the arm was not taken
        assert error.message == "index 3 is outside: there are 2 elements"
        assert error.span is not None
        assert error.span.text == "[8,9][3]"


@settings(PROFILE, max_examples=100)
@given(expressions(), st.data())
def test_a_token_more_or_less(expression: Expression, data: st.DataObject) -> None:
    words = list(expression[0])
    place = data.draw(st.integers(0, len(words) - 1))
    if data.draw(st.booleans()):
        del words[place]
    else:
        words.insert(place, data.draw(st.sampled_from(VOCABULARY)))
    try_out(DEFINITIONS + joined(words, lambda gap: " "))


VOCABULARY = (
    *("x", "y", "f", "v", "i", "sin", "max", "sum", "len", "zeros", "pi", "e", "by", "x₁"),
    *("0", "1", "2.5", "1e9", "1..3", "[1, 2]", "[[1, 2], [3, 4]]", "f(x)", "x[1]", "x[1..2]"),
    *("if", "then", "else", "for", "in", "while", "and", "or", "not", "return"),
    *("+", "-", "*", "/", "^", "**", "@", "=", "+=", "/=", "==", "<", ">=", "!=", "..", ","),
    *("(", ")", "[", "]", "{", "}", ";", "\n", "#", " ", ".", ":", "%", "²", "⁻¹", "!", "'"),
    *("х", "é", "\u200b", "\u202e", "\x00", "\ufeff", "–", "∑", "½", "😀", "\r", "\\"),
    *("x = 2\n", "f(x) = ", "f(x, y = 2) = {", "for i in 1..3 {", "if x > 0 {", "while x > 1 {"),
    *("g(a) = a, 2*a\n", "p, q = g(1)\n", "x, y = ", "v = zeros(3)\n", "v[2] = 5\n", "x += 1\n"),
    *("(if x > 0 then 1 else 2)", "i for i in v", "[i^2 for i in 1..3]", "transpose(", "} else {"),
)


@settings(PROFILE, max_examples=600)
@given(st.lists(st.sampled_from(VOCABULARY), max_size=14), st.sampled_from(["", " "]))
def test_token_soup(words: list[str], between: str) -> None:
    try_out(between.join(words))


@settings(PROFILE, max_examples=200)
@given(st.text(max_size=30))
def test_character_soup(text: str) -> None:
    try_out(text)


PROGRAMS = [
    re.split(r"^# (?:\$ adcli |file |inputs:)", path.read_text("utf-8"), maxsplit=1, flags=re.M)[0]
    for path in sorted((Path(__file__).parent.parent / "cases" / "programs").glob("*.txt"))
]


@settings(PROFILE, max_examples=300)
@given(st.sampled_from(PROGRAMS), st.data())
def test_damaged_programs(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    text = text[:start] + data.draw(st.sampled_from(("", *VOCABULARY))) + text[end:]
    try_out(text)


@pytest.mark.parametrize(
    "text",
    [
        "x +",
        "x = \n\n",
        "(\n",
        "else",
        "f(x",
        "if x > 0",
        "for i in 1..3",
        "while x > 0\n",
        "for",
        "if",
    ],
)
def test_spans_at_the_end(text: str) -> None:
    assert try_out(text) is not None


@pytest.mark.parametrize("item", ["y + 5", "(y + 5)", "[y + 5][1]", "f(y)", "-3 + y*5"])
def test_item_behind_a_block(item: str) -> None:
    # A '}' ends its item whatever follows, a bracket too.
    assert value(f"f(x) = x + 5\ny = 1\nif x > 0 {{ y = 2 }} {item}", x=1) == 7
    assert value(f"f(x) = x + 5\ny = 1\nif x > 0 {{ y = 2 }}{item}", x=1) == 7


# Sizes. No pass recurses over the size of a program.

MANY = 100_000
FEWER = 20_000
SOME = 10_000


def value(text: str, **inputs: object) -> float:
    """The value of a program of one result."""
    (result,) = adcli.load(text).eval(inputs).values()  # type: ignore[arg-type]  # numbers and lists
    return result


def test_sum_of_many_terms() -> None:
    assert value("+".join(["x"] * MANY), x=1) == MANY


def test_difference_of_many_terms() -> None:
    assert value("x" + " - x" * MANY, x=1) == 1 - MANY


def test_many_brackets() -> None:
    assert value("(" * MANY + "x" + ")" * MANY, x=7) == 7


def test_many_calls() -> None:
    expected = 1.0
    for _ in range(FEWER):
        expected = math.sin(expected)
    assert value("sin(" * FEWER + "x" + ")" * FEWER, x=1) == expected


def test_many_signs() -> None:
    assert value("-" * MANY + "x", x=7) == 7
    assert value("-" * (MANY + 1) + "x", x=7) == -7


def test_many_powers() -> None:
    assert value("^".join(["x"] * FEWER), x=1) == 1


def test_many_nested_sums() -> None:
    assert value("(x + " * FEWER + "x" + ")" * FEWER, x=1) == FEWER + 1


def test_many_nested_indices() -> None:
    assert value("x[" * FEWER + "1" + "]" * FEWER, x=[1]) == 1


def test_many_choices() -> None:
    assert value("if x > 1 then 2 else " * SOME + "3", x=1) == 3


def test_many_conditions() -> None:
    condition = " or ".join(["x > 1"] * SOME) + " or " + " and ".join(["x > 0"] * SOME)
    assert value(f"if {condition} then 1 else 2", x=1) == 1
    assert value("if " + "not " * MANY + "x > 0 then 1 else 2", x=1) == 1


def test_many_links() -> None:
    assert value("if " + " < ".join(map(str, range(FEWER))) + " then 1 else 2") == 1


def test_many_statements() -> None:
    assert value("y = 0\n" + "y += x\n" * SOME + "y", x=1) == SOME


def test_many_arms() -> None:
    arms = "else if x > 1 { y = 1 } " * SOME
    assert value("if x > 1 { y = 1 } " + arms + "else { y = 2 }\ny", x=1) == 2


def test_many_functions() -> None:
    text = "f0(x) = x\n" + "\n".join(f"f{i}(x) = f{i - 1}(x) + 1" for i in range(1, SOME))
    assert value(text, x=1) == SOME


def test_many_comprehensions() -> None:
    loops = "".join(f" for i{k} in 1..1)" for k in range(1000))
    assert value("sum(" * 1000 + "7" + loops) == 7


def test_many_elements() -> None:
    assert value("sum([" + ", ".join(["x"] * MANY) + "])", x=1) == MANY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * MANY, "this '(' is never closed"),
        ("x" + ")" * MANY, "this ')' closes nothing"),
        ("(" * FEWER + "x y" + ")" * FEWER, "an operator is missing between 'x' and 'y'"),
        ("x + " * FEWER + "2 3", "two numbers in a row"),
        ("if " * FEWER, "a condition is missing after 'if'"),
        (
            "[" * FEWER + "1" + "]" * FEWER,
            "a vector of matrices; there are vectors and matrices only",
        ),
        ("{" * (lexer.MAX_BLOCK_DEPTH + 1), "blocks are nested more than 100 deep"),
    ],
)
def test_errors_in_long_text(text: str, message: str) -> None:
    error = try_out(text)
    assert error is not None
    assert error.message == message


def test_blocks_may_be_nested() -> None:
    depth = lexer.MAX_BLOCK_DEPTH
    assert value("y = 0\n" + "if x > 0 { " * depth + "y = 5" + " }" * depth + "\ny", x=1) == 5


def test_long_tokens() -> None:
    name = "x" * FEWER
    assert value(f"{name} + {'9' * 400} - {'9' * 400}", **{name: 1}) != 1  # inf - inf
    assert value("#" + "x" * MANY + "\n1 # " + "y" * MANY) == 1
    assert value("\n" * MANY + "1" + ";" * MANY) == 1


@pytest.mark.thorough
def test_more_choices() -> None:
    assert value("if x > 1 then 2 else " * MANY + "3", x=1) == 3
    assert value("if " + " or ".join(["x > 1"] * MANY) + " then 1 else 2", x=1) == 2
    assert value("(x + " * MANY + "x" + ")" * MANY, x=1) == MANY + 1
    assert value("x[" * MANY + "1" + "]" * MANY, x=[1]) == 1


@pytest.mark.thorough
@settings(PROFILE, max_examples=10_000)
@given(st.lists(st.sampled_from(VOCABULARY), max_size=20), st.sampled_from(["", " "]))
def test_more_token_soup(words: list[str], between: str) -> None:
    try_out(between.join(words))


def test_text_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_CHARACTERS", 100)
    assert value("x" + " " * 99, x=1) == 1
    with pytest.raises(LimitError, match="the program has 101 characters; the limit is 100"):
        adcli.load("x" + " " * 100)


def test_file_too_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "_MAX_BYTES", 100)
    path = tmp_path / "long.ad"
    path.write_text("x" + " " * 99)
    assert adcli.load(path).eval(x=1) == {"f": 1.0}
    path.write_text("x" + " " * 100)
    with pytest.raises(LimitError, match="larger than the limit of 100 bytes"):
        adcli.load(path)
    with pytest.raises(LimitError, match="larger than the limit of 100 bytes"):
        files.read_stream(io.BytesIO(b" " * 101), "standard input")


def test_lines_and_columns() -> None:
    source = Source("a\nbc\r\n\nd", "name")
    places = [Span(source, offset, offset + 1) for offset in range(len(source.text) + 1)]
    assert [(place.line, place.column) for place in places] == [
        *((1, 1), (1, 2)),
        *((2, 1), (2, 2), (2, 3), (2, 4)),
        (3, 1),
        *((4, 1), (4, 2)),
    ]
    assert [source.line(number) for number in (1, 2, 3, 4)] == ["a", "bc", "", "d"]
