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


# What was recognised: message, start and end of the span, hint.
_Found = tuple[str, int, int, str] | None


def explain(
    source: Source,
    tokens: list[Token],
    number: int,
    expected: dict[str, int],
    is_function: Callable[[str], bool],
) -> ProgramError:
    """The error for a token that does not fit.

    Args:
        source: the program.
        tokens: all its tokens.
        number: which of them does not fit.
        expected: the parser's row of what would have fitted, by terminal.
        is_function: whether a name is a built-in function.
    """
    found = _Slip(tokens, number, expected, is_function).recognise()
    if found is None:
        _, _, start, end = tokens[number]
        found = (f"{_show(tokens[number])} does not fit here", start, max(end, start + 1), "")
    message, first, last, hint = found
    return ProgramError(message, Span(source, first, last), hint=hint)


class _Slip:
    """A token that does not fit, and what stands around it."""

    def __init__(
        self,
        tokens: list[Token],
        number: int,
        expected: dict[str, int],
        is_function: Callable[[str], bool],
    ) -> None:
        self.tokens = tokens
        self.number = number
        self.expected = expected
        self.is_function = is_function
        self.token = tokens[number]
        self.previous = tokens[number - 1] if number else ("SEP", "", 0, 0)

    def recognise(self) -> _Found:
        """The first slip of those below that this is."""
        for recognise in (
            self._missing_value,
            self._foreign_word,
            self._equals,
            self._doubled,
            self._definition,
            self._choice,
            self._missing_operator,
            self._keyword,
        ):
            found = recognise()
            if found is not None:
                return found
        return None

    def _missing_value(self) -> _Found:
        kind, word, start, end = self.token
        if "NUMBER" not in self.expected or kind not in _STOPS:
            return None
        if self.previous[0] in _WANT_VALUE:
            what = "a value is missing" if self.previous[1] != "=" else "nothing is assigned"
            if kind in ("$END", "SEP"):
                return (
                    f"the expression ends after '{self.previous[1]}'",
                    self.previous[2],
                    self.previous[3],
                    what,
                )
            return f"a value is missing between '{self.previous[1]}' and '{word}'", start, end, ""
        if kind in ("RPAR", "RSQB", "COMMA") and self.previous[0] in ("LPAR", "LSQB"):
            if kind == "COMMA":
                return "a value is missing before ','", start, end, ""
            return "there is nothing between the brackets", self.previous[2], end, ""
        if self.previous[0] in ("IF", "WHILE"):
            return (
                f"a condition is missing after '{self.previous[1]}'",
                self.previous[2],
                self.previous[3],
                "",
            )
        return None

    def _foreign_word(self) -> _Found:
        if (
            self.previous[0] == "NAME"
            and self.previous[1] in _FOREIGN
            and self.token[0] not in _OPERATORS
        ):
            return (
                f"'{self.previous[1]}' is not a word of this language",
                self.previous[2],
                self.previous[3],
                _FOREIGN[self.previous[1]],
            )
        return None

    def _equals(self) -> _Found:
        kind, word, start, end = self.token
        if kind == "EQUAL":
            if self.number >= 2 and self.tokens[self.number - 2][0] == "FOR":
                return (
                    "a loop runs 'in' a range",
                    start,
                    end,
                    f"write for {self.previous[1]} in a..b",
                )
            if self.previous[0] == "COMPARE":
                return (
                    f"'{self.previous[1]}=' is not a comparison",
                    self.previous[2],
                    end,
                    "write ==",
                )
            return "'=' assigns a value and cannot stand here", start, end, "to compare, write =="
        if kind == "UPDATE":
            return f"'{word}' assigns a value and cannot stand here", start, end, ""
        return None

    def _doubled(self) -> _Found:
        pair = self.previous[1] + self.token[1]
        hints = {
            "//": "the whole part of a quotient is floor(a/b)",
            "=>": "write >=",
            "=<": "write <=",
            "=≥": "write >=",
            "<>": "write !=",
            "*/": "",
            "..": "a range is a..b",
        }
        if self.previous[3] == self.token[2] and pair in hints:
            return f"'{pair}' is not an operator", self.previous[2], self.token[3], hints[pair]
        if self.token[0] in _OPERATORS and self.previous[0] in _WANT_VALUE:
            return (
                f"a value is missing between '{self.previous[1]}' and '{self.token[1]}'",
                self.token[2],
                self.token[3],
                "",
            )
        return None

    def _definition(self) -> _Found:
        kind, _, start, end = self.token
        item = self.number
        while item and self.tokens[item - 1][0] not in ("SEP", "LBRACE"):
            item -= 1
        if (
            self.tokens[item][0] == "DEF"
            and "NUMBER" not in self.expected
            and kind not in ("SEP", "$END")
        ):
            brackets = sum(t[0] == "LPAR" for t in self.tokens[item : self.number]) - sum(
                t[0] == "RPAR" for t in self.tokens[item : self.number]
            )
            if brackets > 0:
                name = self.tokens[item][1]
                return (
                    f"{_show(self.token)} does not fit in the parameters of '{name}'",
                    start,
                    end,
                    "a parameter is a name, name[length] or name = value",
                )
        if kind == "LBRACE" and self.previous[0] == "RPAR" and self.tokens[item][0] == "NAME":
            return "a function with a block is defined with '='", start, end, "write = {"
        return None

    def _choice(self) -> _Found:
        kind, _word, start, end = self.token
        if kind == "IF" and self.previous[0] in _OPERATORS:
            return (
                "an 'if' inside an expression stands in parentheses",
                start,
                end,
                "write (if ... then ... else ...)",
            )
        if kind == "DOTS":
            hint = "for a vector write [i for i in a..b]"
            return "a range stands only behind 'in' and as an index", start, end, hint
        if self.previous[0] not in OPERAND_ENDS or kind not in (*_STOPS, "NAME", "NUMBER", "DEF"):
            return None
        opening = _opening(self.tokens, self.number)
        if opening is None or (kind not in _STOPS and self.previous[3] == start):
            return None
        if opening[0] == "THEN":
            if kind not in _STOPS:
                return None
            hint = "an expression needs both arms"
            return "this 'if ... then' has no 'else'", opening[2], opening[3], hint
        if kind not in _STOPS and not any(t[0] == "COMPARE" for t in self.tokens[: self.number]):
            return None
        if opening[0] == "IF":
            return "behind the condition comes 'then' or '{'", start, max(end, start + 1), ""
        return "a block in { } is missing here", start, max(end, start + 1), ""

    def _missing_operator(self) -> _Found:
        kind, word, start, end = self.token
        if self.previous[0] not in OPERAND_ENDS or kind not in ("NAME", "NUMBER", "LPAR", "DEF"):
            return None
        before = self.previous[1]
        if self.previous[0] == "NUMBER" and kind == "NUMBER":
            together = self.previous[3] == start
            message = f"'{before}{word}' is not a number" if together else "two numbers in a row"
            return (
                message,
                self.previous[2],
                end,
                "" if together else "an operator or ',' is missing",
            )
        if self.previous[0] == "NAME" and kind in ("NAME", "NUMBER"):
            hint = (
                f"write {before}({word})" if self.is_function(before) else f"write {before}*{word}"
            )
            return (
                f"an operator is missing between '{before}' and '{word}'",
                self.previous[2],
                end,
                hint,
            )
        shown = word if kind != "LPAR" else "("
        return (
            f"an operator is missing between '{before}' and '{shown}'",
            self.previous[2],
            end,
            f"write {before}*{shown}",
        )

    def _keyword(self) -> _Found:
        kind, word, start, end = self.token
        if kind in _KEYWORDS and "NAME" in self.expected:
            return f"'{word}' is a word of the language and cannot be a name here", start, end, ""
        if kind == "SEP" and word == ";":
            return "';' ends an item and cannot stand here", start, end, ""
        if kind in ("SEP", "$END"):
            return (
                "the line ends too early",
                self.previous[2],
                self.previous[3],
                f"after {_show(self.previous)}",
            )
        return None


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


def _show(token: Token) -> str:
    if token[0] == "$END":
        return "the end of the program"
    if token[0] == "SEP" and token[1] != ";":
        return "the end of the line"
    return f"'{token[1]}'"
