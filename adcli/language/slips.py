"""Why a text is not a program, said the way one would say it to its author.

The parser knows only that a token does not fit. This module looks at what stands around
it and recognises the slips people make: `2x`, `sin x`, `x +`, `=` for `==`, ...
"""

from __future__ import annotations

from collections.abc import Callable

from adcli.errors import ProgramError, Source, Span
from adcli.language.lexer import OPERAND_ENDS, Token

_OPERATORS = frozenset(
    {"PLUS", "MINUS", "TIMES", "DIVIDE", "MATMUL", "POWER", "COMPARE", "AND", "OR", "NOT"}
)
_WANT_VALUE = _OPERATORS | {"COMMA", "EQUAL", "UPDATE", "DOTS", "BY", "THEN", "ELSE", "IN"}
_STOPS = frozenset({"$END", "SEP", "RPAR", "RSQB", "RBRACE", "LBRACE", "COMMA"})
_KEYWORDS = frozenset({"IF", "THEN", "ELSE", "FOR", "IN", "WHILE", "AND", "OR", "NOT"})
_FOREIGN = {
    "return": "the value of a body is its last expression",
    "let": "write only the assignment",
    "var": "write only the assignment",
    "const": "write only the assignment",
    "def": "a function is defined as f(x) = ...",
    "function": "a function is defined as f(x) = ...",
    "fn": "a function is defined as f(x) = ...",
    "lambda": "a function is defined as f(x) = ...",
    "elif": "write 'else if'",
    "elseif": "write 'else if'",
    "print": "the value of a program is its last expression",
    "import": "a program is one text; there is nothing to import",
}


def explain(
    source: Source,
    tokens: list[Token],
    number: int,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> ProgramError:
    """The error for the token at `number`, which does not fit.

    Args:
        tokens: all tokens of the program.
        expected: the parser's row of what would have fitted, by terminal.
        is_function: whether a name is a built-in function.
    """
    token = tokens[number]
    previous = tokens[number - 1] if number else ("SEP", "", 0, 0)
    for recognise in (
        _missing_value,
        _foreign_word,
        _equals,
        _doubled,
        _definition,
        _choice,
        _missing_operator,
        _keyword,
    ):
        found = recognise(tokens, number, token, previous, expected, is_function)
        if found is not None:
            message, first, last, hint = found
            return ProgramError(message, Span(source, first, last), hint=hint)
    return ProgramError(
        f"{_show(token)} does not fit here", Span(source, token[2], max(token[3], token[2] + 1))
    )


_Found = tuple[str, int, int, str] | None


def _missing_value(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    kind, word, start, end = token
    if "NUMBER" not in expected or kind not in _STOPS:
        return None
    if previous[0] in _WANT_VALUE:
        what = "a value is missing" if previous[1] != "=" else "nothing is assigned"
        if kind in ("$END", "SEP"):
            return f"the expression ends after '{previous[1]}'", previous[2], previous[3], what
        return f"a value is missing between '{previous[1]}' and '{word}'", start, end, ""
    if kind in ("RPAR", "RSQB", "COMMA") and previous[0] in ("LPAR", "LSQB"):
        if kind == "COMMA":
            return "a value is missing before ','", start, end, ""
        return "there is nothing between the brackets", previous[2], end, ""
    if previous[0] in ("IF", "WHILE"):
        return f"a condition is missing after '{previous[1]}'", previous[2], previous[3], ""
    return None


def _foreign_word(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    if previous[0] == "NAME" and previous[1] in _FOREIGN and token[0] not in _OPERATORS:
        return (
            f"'{previous[1]}' is not a word of this language",
            previous[2],
            previous[3],
            _FOREIGN[previous[1]],
        )
    return None


def _equals(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    kind, word, start, end = token
    if kind == "EQUAL":
        if number >= 2 and tokens[number - 2][0] == "FOR":
            return "a loop runs 'in' a range", start, end, f"write for {previous[1]} in a..b"
        if previous[0] == "COMPARE":
            return f"'{previous[1]}=' is not a comparison", previous[2], end, "write =="
        return "'=' assigns a value and cannot stand here", start, end, "to compare, write =="
    if kind == "UPDATE":
        return f"'{word}' assigns a value and cannot stand here", start, end, ""
    return None


def _doubled(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    pair = previous[1] + token[1]
    hints = {
        "//": "the whole part of a quotient is floor(a/b)",
        "=>": "write >=",
        "=<": "write <=",
        "=≥": "write >=",
        "<>": "write !=",
        "*/": "",
        "..": "a range is a..b",
    }
    if previous[3] == token[2] and pair in hints:
        return f"'{pair}' is not an operator", previous[2], token[3], hints[pair]
    if token[0] in _OPERATORS and previous[0] in _WANT_VALUE:
        return (
            f"a value is missing between '{previous[1]}' and '{token[1]}'",
            token[2],
            token[3],
            "",
        )
    return None


def _definition(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    kind, _, start, end = token
    item = number
    while item and tokens[item - 1][0] not in ("SEP", "LBRACE"):
        item -= 1
    if tokens[item][0] == "DEF" and "NUMBER" not in expected and kind not in ("SEP", "$END"):
        brackets = sum(t[0] == "LPAR" for t in tokens[item:number]) - sum(
            t[0] == "RPAR" for t in tokens[item:number]
        )
        if brackets > 0:
            return (
                f"{_show(token)} does not fit in the parameters of '{tokens[item][1]}'",
                start,
                end,
                "a parameter is a name, name[length] or name = value",
            )
    if kind == "LBRACE" and previous[0] == "RPAR" and tokens[item][0] == "NAME":
        return "a function with a block is defined with '='", start, end, "write = {"
    return None


def _choice(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    kind, word, start, end = token
    if kind == "IF" and previous[0] in _OPERATORS:
        return (
            "an 'if' inside an expression stands in parentheses",
            start,
            end,
            "write (if ... then ... else ...)",
        )
    if kind == "DOTS":
        return "a range stands only in 'for ... in' and in [ ]", start, end, ""
    if previous[0] not in OPERAND_ENDS or kind not in (*_STOPS, "NAME", "NUMBER", "DEF"):
        return None
    opening = _opening(tokens, number)
    if opening is None or (kind not in _STOPS and previous[3] == start):
        return None
    if opening[0] == "THEN":
        if kind not in _STOPS:
            return None
        hint = "an expression needs both arms"
        return "this 'if ... then' has no 'else'", opening[2], opening[3], hint
    if kind not in _STOPS and not any(t[0] == "COMPARE" for t in tokens[:number]):
        return None
    if opening[0] == "IF":
        return "behind the condition comes 'then' or '{'", start, max(end, start + 1), ""
    return "a block in { } is missing here", start, max(end, start + 1), ""


def _opening(tokens: list[Token], number: int) -> Token | None:
    """The 'if', 'then', 'for' or 'while' that the item before `number` has not finished."""
    depth = 0
    for before in reversed(tokens[:number]):
        depth += (before[0] in ("RPAR", "RSQB")) - (before[0] in ("LPAR", "LSQB"))
        if depth < 0 or before[0] in ("SEP", "LBRACE", "RBRACE", "ELSE"):
            return None
        if depth == 0 and before[0] in ("IF", "THEN", "WHILE", "FOR"):
            return before
    return None


def _missing_operator(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    kind, word, start, end = token
    if previous[0] not in OPERAND_ENDS or kind not in ("NAME", "NUMBER", "LPAR", "DEF"):
        return None
    before = previous[1]
    if previous[0] == "NUMBER" and kind == "NUMBER":
        together = previous[3] == start
        message = f"'{before}{word}' is not a number" if together else "two numbers in a row"
        return message, previous[2], end, "" if together else "an operator or ',' is missing"
    if previous[0] == "NAME" and kind in ("NAME", "NUMBER"):
        if is_function(before):
            hint = f"write {before}({word})"
        else:
            hint = f"write {before}*{word}"
        return (
            f"an operator is missing between '{before}' and '{word}'",
            previous[2],
            end,
            hint,
        )
    shown = word if kind != "LPAR" else "("
    return (
        f"an operator is missing between '{before}' and '{shown}'",
        previous[2],
        end,
        f"write {before}*{shown}",
    )


def _keyword(
    tokens: list[Token],
    number: int,
    token: Token,
    previous: Token,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> _Found:
    kind, word, start, end = token
    if kind in _KEYWORDS and "NAME" in expected:
        return f"'{word}' is a word of the language and cannot be a name here", start, end, ""
    if kind == "SEP" and word == ";":
        return "';' ends an item and cannot stand here", start, end, ""
    if kind in ("SEP", "$END"):
        return "the line ends too early", previous[2], previous[3], f"after {_show(previous)}"
    return None


def _show(token: Token) -> str:
    if token[0] == "$END":
        return "the end of the program"
    if token[0] == "SEP" and token[1] != ";":
        return "the end of the line"
    return f"'{token[1]}'"
