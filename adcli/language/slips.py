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
    "break": "a loop ends with its range or condition",
    "continue": "a loop ends with its range or condition",
}


# What was recognised: message, first and last token of the span, hint.
_Found = tuple[str, Token, Token, str] | None


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
    token = tokens[number]
    found = _Slip(tokens, number, expected, is_function).recognise()
    message, first, last, hint = found or (f"{_show(token)} does not fit here", token, token, "")
    if last[0] in ("$END", "SEP") and last[1] != ";" and number:
        # Nothing stands at the end of a line or text: point at what stands before it.
        first = last = tokens[number - 1]
    return ProgramError(message, Span(source, first[2], last[3]), hint=hint)


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
        self.previous = self._before(1)
        self.following = tokens[number + 1] if number + 1 < len(tokens) else tokens[-1]
        self.opening = _opening(tokens, number)

    def _before(self, steps: int) -> Token:
        """The token so many steps before the one that does not fit."""
        position = self.number - steps
        return self.tokens[position] if position >= 0 else ("SEP", "", 0, 0)

    def _here(self, message: str, hint: str = "") -> _Found:
        return message, self.token, self.token, hint

    def _pair(self, message: str, hint: str = "") -> _Found:
        return message, self.previous, self.token, hint

    def recognise(self) -> _Found:
        """The first slip of those below that this is."""
        for recognise in (
            self._doubled,
            self._missing_value,
            self._foreign_word,
            self._equals,
            self._keyword_as_name,
            self._definition,
            self._range,
            self._several_in_brackets,
            self._choice,
            self._loop,
            self._missing_operator,
            self._end,
        ):
            found = recognise()
            if found is not None:
                return found
        return None

    def _missing_value(self) -> _Found:
        kind, word = self.token[:2]
        before, shown = self.previous[:2]
        if "NUMBER" not in self.expected:
            return None
        if kind in _STOPS:
            if before in _WANT_VALUE:
                if kind in ("$END", "SEP"):
                    what = "nothing is assigned" if shown == "=" else "a value is missing"
                    message = f"the expression ends after '{shown}'"
                    return message, self.previous, self.previous, what
                return self._here(f"a value is missing between '{shown}' and '{word}'")
            if before in ("LPAR", "LSQB") and kind in ("RPAR", "RSQB"):
                return self._pair("there is nothing between the brackets")
            if before in ("IF", "WHILE"):
                message = f"a condition is missing after '{shown}'"
                return message, self.previous, self.previous, ""
            if kind == "COMMA":
                return self._here("a value is missing before ','")
        elif kind in _OPERATORS - {"MINUS", "PLUS", "NOT"} or kind in ("THEN", "ELSE", "DOTS"):
            if before in _WANT_VALUE | {"IF", "WHILE"}:
                return self._here(f"a value is missing between '{shown}' and '{word}'")
            if before in ("SEP", "LBRACE", "LPAR", "LSQB") and kind not in ("THEN", "ELSE"):
                return self._here(f"a value is missing before '{word}'")
        return None

    def _foreign_word(self) -> _Found:
        word = self.previous[1]
        if self.previous[0] == "NAME" and word in _FOREIGN and self.token[0] not in _OPERATORS:
            message = f"'{word}' is not a word of this language"
            return message, self.previous, self.previous, _FOREIGN[word]
        return None

    def _equals(self) -> _Found:
        kind, word, _, end = self.token
        if kind == "UPDATE":
            return self._here(f"'{word}' assigns a value and cannot stand here")
        if kind != "EQUAL":
            return None
        if self._before(2)[0] == "FOR":
            hint = f"write for {self.previous[1]} in a..b"
            return self._here("a loop runs 'in' a range", hint)
        if self.previous[0] == "COMPARE":
            return self._pair(f"'{self.previous[1]}=' is not a comparison", "write ==")
        if self.previous[0] == "POWER":
            return self._pair("'^=' is not an operator", "write x = x^2")
        if self.previous[0] in _KEYWORDS:
            message = f"'{self.previous[1]}' is a word of the language and cannot be a name"
            return message, self.previous, self.previous, ""
        if self.following[0] == "COMPARE" and self.following[2] == end:
            pair = word + self.following[1]
            message = f"'{pair}' is not an operator"
            return message, self.token, self.following, f"write {self.following[1]}="
        if self.opening is not None and self.opening[0] in ("THEN", "ELSE"):
            message = "an arm of 'if ... then ... else' is a value, not an assignment"
            return self._here(message, "write y = if c then a else b")
        if self.opening is None and any(t[0] == "EQUAL" for t in self._item()):
            return self._here("one assignment to an item", "separate them with ';'")
        return self._here("'=' assigns a value and cannot stand here", "to compare, write ==")

    def _doubled(self) -> _Found:
        pair = self.previous[1] + self.token[1]
        hints = {
            "//": "the whole part of a quotient is floor(a/b)",
            "<>": "write !=",
            "->": "a function is defined as f(x) = ...",
            "=>": "write >=",
            "=<": "write <=",
            "..": "a range is a..b",
        }
        if self.previous[3] == self.token[2] and pair in hints:
            return self._pair(f"'{pair}' is not an operator", hints[pair])
        return None

    def _keyword_as_name(self) -> _Found:
        kind, word = self.token[:2]
        if kind in _KEYWORDS and "NAME" in self.expected and kind != "IF":
            message = f"'{word}' is a word of the language and cannot be a name here"
            return self._here(message)
        return None

    def _definition(self) -> _Found:
        kind = self.token[0]
        item = self._item()
        first = item[0] if item else self.token
        if first[0] == "DEF" and "NUMBER" not in self.expected and kind not in ("SEP", "$END"):
            depth = sum((t[0] == "LPAR") - (t[0] == "RPAR") for t in item)
            if depth > 0 and not any(t[0] == "EQUAL" and i > 1 for i, t in enumerate(item)):
                return self._here(
                    f"{_show(self.token)} does not fit in the parameters of '{first[1]}'",
                    "a parameter is a name, name[length] or name = value",
                )
        if kind == "LBRACE":
            if self.previous[0] == "RPAR" and first[0] == "NAME" and len(item) > 2:
                return self._here("a function with a block is defined with '='", "write = {")
            if self.opening is not None and self.opening is not first:
                message = "an 'if' that has a value is written with 'then'"
                return self._here(message, "write if c then a else b")
            if self.previous[0] in ("SEP", "LBRACE"):
                message = "a block stands behind 'if', 'for', 'while' or 'f(x) ='"
                return self._here(message)
        return None

    def _range(self) -> _Found:
        if self.token[0] != "DOTS":
            return None
        hint = "for a vector write [i for i in a..b]"
        return self._here("a range stands only behind 'in' and as an index", hint)

    def _several_in_brackets(self) -> _Found:
        if self.token[0] != "COMMA":
            return None
        bracket = _bracket(self.tokens, self.number)
        if bracket is None:
            return None
        inside = self.tokens[bracket:]
        called = bracket > 0 and self.tokens[bracket - 1][0] in ("NAME", "DEF")
        if any(t[0] == "FOR" for t in inside[: self.number - bracket]):
            message = "beside other arguments a comprehension stands in [ ]"
            return self._here(message, "write [... for i in a..b]")
        if self.tokens[bracket][0] == "LPAR" and not called:
            message = "several results stand without brackets"
            return message, self.tokens[bracket], self.token, "a vector is [a, b]"
        return None

    def _choice(self) -> _Found:
        kind, _, start, _ = self.token
        if kind == "IF" and self.previous[0] in _OPERATORS:
            return self._here(
                "an 'if' inside an expression stands in parentheses",
                "write (if ... then ... else ...)",
            )
        if self.opening is None or self.previous[0] not in OPERAND_ENDS:
            return None
        if self.opening[0] == "THEN" and kind in _STOPS:
            hint = "an expression needs both arms"
            return "this 'if ... then' has no 'else'", self.opening, self.opening, hint
        if self.opening[0] == "IF" and kind in (*_STOPS, "NAME", "NUMBER", "DEF", "ELSE"):
            apart = kind in _STOPS or self.previous[3] < start
            if apart and (kind in _STOPS or self._since("COMPARE")):
                return self._here("behind the condition comes 'then' or '{'")
        return None

    def _loop(self) -> _Found:
        kind, _, start, _ = self.token
        if self._before(2)[0] == "FOR" and kind in ("NAME", "NUMBER", "LPAR", "LBRACE", "RPAR"):
            hint = f"write for {self.previous[1]} in a..b"
            return self._here("a loop runs 'in' a range", hint)
        if self.opening is None or self.opening[0] not in ("FOR", "WHILE"):
            return None
        if self.previous[0] in OPERAND_ENDS and kind in (*_STOPS, "NAME", "NUMBER", "DEF"):
            apart = kind in _STOPS or self.previous[3] < start
            if apart and (kind in _STOPS or self._since("COMPARE") or self._since("DOTS")):
                return self._here("a block in { } is missing here")
        return None

    def _missing_operator(self) -> _Found:
        kind, word, start, _ = self.token
        if self.previous[0] not in OPERAND_ENDS or kind not in ("NAME", "NUMBER", "LPAR", "DEF"):
            return None
        before = self.previous[1]
        if self.previous[0] == "NUMBER" and kind == "NUMBER":
            if self.previous[3] == start:
                return self._pair(f"'{before}{word}' is not a number")
            return self._pair("two numbers in a row", "an operator or ',' is missing")
        if kind == "NAME" and self.following[0] in ("EQUAL", "UPDATE"):
            message = "a new line or ';' separates items"
            return message, self.token, self.token, ""
        power = self._before(3)
        if kind == "LPAR" and self._before(2)[0] == "POWER" and self.is_function(power[1]):
            message = f"the power of a function stands behind its brackets, not behind '{power[1]}'"
            return message, power, self.previous, f"write {power[1]}(...)^{before}"
        hint = f"write {before}*{word}"
        if self.previous[0] == "NAME" and self.is_function(before):
            simple = kind != "LPAR" and self.following[0] not in _BINDS_TIGHTER
            hint = f"write {before}({word})" if simple else f"write {before}(...)"
        elif kind == "NAME" and self.is_function(word):
            hint = f"write {word}(a, b)" if self.following[0] in ("NAME", "NUMBER") else hint
        return self._pair(f"an operator is missing between '{before}' and '{word}'", hint)

    def _end(self) -> _Found:
        kind, word = self.token[:2]
        if kind == "SEP" and word == ";":
            return self._here("';' ends an item and cannot stand here")
        if kind in ("SEP", "$END"):
            return self._here("the line ends too early", f"after {_show(self.previous)}")
        return None

    def _item(self) -> list[Token]:
        """The tokens of the item so far."""
        start = self.number
        while start and self.tokens[start - 1][0] not in ("SEP", "LBRACE"):
            start -= 1
        return self.tokens[start : self.number]

    def _since(self, kind: str) -> bool:
        """Whether such a token stands behind the word that is open."""
        position = self.number - 1
        while self.tokens[position] is not self.opening:
            if self.tokens[position][0] == kind:
                return True
            position -= 1
        return False


# Behind `f x` in `f x*y`: then the brackets of f(...) may be meant to go on.
_BINDS_TIGHTER = frozenset({"TIMES", "DIVIDE", "MATMUL", "POWER", "COMMA", "LPAR", "LSQB"})


def _opening(tokens: list[Token], number: int) -> Token | None:
    """The 'if', 'then', 'else', 'for' or 'while' that the item has not finished."""
    depth = 0
    for before in reversed(tokens[:number]):
        depth += (before[0] in ("RPAR", "RSQB")) - (before[0] in ("LPAR", "LSQB"))
        if depth < 0 or before[0] in ("SEP", "LBRACE", "RBRACE"):
            return None
        if depth == 0 and before[0] in ("IF", "THEN", "ELSE", "WHILE", "FOR"):
            return before
    return None


def _bracket(tokens: list[Token], number: int) -> int | None:
    """Where the innermost open bracket stands."""
    depth = 0
    for position in range(number - 1, -1, -1):
        kind = tokens[position][0]
        depth += (kind in ("RPAR", "RSQB")) - (kind in ("LPAR", "LSQB"))
        if depth < 0:
            return position
    return None


def _show(token: Token) -> str:
    if token[0] == "$END":
        return "the end of the program"
    if token[0] == "SEP" and token[1] != ";":
        return "the end of the line"
    return f"'{token[1]}'"
