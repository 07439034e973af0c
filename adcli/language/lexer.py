"""Text to tokens, and the three decisions the grammar leaves to it: SEP, DEF and BY.

A newline is white space inside brackets and wherever the item before it cannot have
ended; a name that opens `name(...) =` at the start of an item defines a function; `by`
is a word of the language only behind an operand.
"""

from __future__ import annotations

import unicodedata

from adcli.errors import LimitError, ProgramError, Source, Span
from adcli.language.tables import Tables

MAX_BLOCK_DEPTH = 100
# Each takes 200 bytes, and as much again as syntax.
MAX_TOKENS = 1 << 21

# (terminal, text, start, end), offsets in characters.
Token = tuple[str, str, int, int]

# Kinds about which something has to be decided below; all others are tokens as they stand.
_DECIDED = frozenset(
    ("WS", "COMMENT", "NAME", "SEP", "EQUAL", "LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE")
)
OPERAND_ENDS = frozenset({"NAME", "NUMBER", "RPAR", "RSQB"})
_ITEM_ENDS = OPERAND_ENDS | {"RBRACE"}
_CLOSES = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
_SUBSCRIPTS = frozenset("₀₁₂₃₄₅₆₇₈₉")

# Characters that other notations use for something this language writes another way.
_ELSEWHERE = {
    "%": "the remainder is mod(a, b)",
    "|": "the absolute value is abs(x); of conditions, 'or'",
    "&": "of conditions, 'and'",
    "!": "of conditions, 'not'; 'not equal' is !=",
    "√": "the square root is sqrt(x)",
    "∛": "the cube root is cbrt(x)",
    "∑": "a sum is sum(... for i in 1..n)",
    "∏": "a product is prod(... for i in 1..n)",
    "∞": "infinity is inf",
    "÷": "division is /",
    "∕": "division is /",
    "–": "minus is -",
    "—": "minus is -",
    "∗": "multiplication is *",
    "≈": "a condition compares exactly: <, <=, ==, ...",
    "→": "assignment is =",
    "∧": "of conditions, 'and'",
    "∨": "of conditions, 'or'",
    "¬": "of conditions, 'not'",
    "⁄": "division is /",
    "$": "a program is plain text, not LaTeX",
    "\\": "a program is plain text, not LaTeX",
    ":": "a range is a..b, and blocks are in { }",
    "?": "a choice is 'if c then a else b'",
    "'": "there is no text in this language, only numbers",
    '"': "there is no text in this language, only numbers",
    "`": "there is no text in this language, only numbers",
    ".": "a number may begin with a point (.5), a range is a..b",
}
_SUPERSCRIPTS = {c: str(i) for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "-", "⁺": "+", "ⁿ": "n"}


def tokenize(source: Source, tables: Tables) -> list[Token]:
    """The tokens of a program, ended by one of type `$END`.

    Raises:
        ProgramError: a character that has no meaning, or brackets that do not match.
        LimitError: blocks nested deeper than MAX_BLOCK_DEPTH, or more than MAX_TOKENS tokens.
    """
    text = source.text
    keywords = tables.keywords
    tokens: list[Token] = []
    brackets: list[int] = []  # positions in `tokens` of what is open
    depth = 0
    previous = "SEP"
    position = 0
    opened = -1  # where the bracket opened that the previous token closed

    for match in tables.pattern.finditer(text):
        start, end = match.span()
        if start != position or len(tokens) > MAX_TOKENS:
            break
        position = end
        kind = match.lastgroup or ""
        if kind not in _DECIDED and previous != "RBRACE":
            tokens.append((kind, match[0], start, end))
            previous = kind
            continue
        if kind in ("WS", "COMMENT"):
            continue
        word = match[0]
        if previous == "RBRACE" and kind not in ("SEP", "RBRACE") and word != "else":
            # A block ends its item; what follows on the line is the next one.
            tokens.append(("SEP", "", start, start))
            previous = "SEP"
        if kind == "NAME":
            if not word.isascii():
                _check_name(source, word, start)
            if word in keywords:
                kind = keywords[word]
                if kind in ("ELSE", "THEN") and previous == "SEP" and tokens:
                    tokens.pop()
            elif word == "by" and previous in OPERAND_ENDS:
                kind = "BY"
        elif kind == "SEP":
            if word == "\n" and brackets and tokens[brackets[-1]][0] != "LBRACE":
                continue
            if previous not in _ITEM_ENDS and (word == "\n" or previous in ("SEP", "LBRACE")):
                continue
        elif kind in ("LPAR", "LSQB"):
            brackets.append(len(tokens))
        elif kind == "LBRACE":
            if previous == "SEP" and tokens:
                tokens.pop()
            brackets.append(len(tokens))
            depth += 1
            if depth > MAX_BLOCK_DEPTH:
                raise LimitError(
                    f"blocks are nested more than {MAX_BLOCK_DEPTH} deep", Span(source, start, end)
                )
        elif kind in _CLOSES:
            if not brackets or tokens[brackets[-1]][0] != _CLOSES[kind]:
                raise _mismatch(source, tokens, brackets, (kind, word, start, end))
            opened = brackets.pop()
            if kind == "RBRACE":
                depth -= 1
                if previous == "SEP":
                    tokens.pop()
        elif kind == "EQUAL" and previous == "RPAR" and _defines(tokens, opened):
            _, name, *place = tokens[opened - 1]
            tokens[opened - 1] = ("DEF", name, place[0], place[1])
        tokens.append((kind, word, start, end))
        previous = kind

    if len(tokens) > MAX_TOKENS:
        raise _too_many(source, tokens[MAX_TOKENS])
    if position != len(text):
        raise _unexpected(source, position)
    if brackets:
        kind, word, start, end = tokens[brackets[-1]]
        raise ProgramError(f"this '{word}' is never closed", Span(source, start, end))
    if tokens and previous == "SEP":
        tokens.pop()
    tokens.append(("$END", "", len(text), len(text)))
    return tokens


def _too_many(source: Source, token: Token) -> LimitError:
    """The error for a text that is too long to be a program."""
    return LimitError(
        f"the program has more than {MAX_TOKENS:,} words and signs",
        Span(source, token[2], token[3]),
        details=("numbers are read from a file: --at FILE.json, or batch",),
    )


def _defines(tokens: list[Token], opened: int) -> bool:
    """Whether the bracket at `opened` begins the parameters of a definition."""
    if opened < 1 or tokens[opened - 1][0] != "NAME":
        return False
    return opened == 1 or tokens[opened - 2][0] in ("SEP", "LBRACE")


def _check_name(source: Source, word: str, start: int) -> None:
    r"""Names are letters, digits, '_' and subscripts; what else `\\w` takes is not."""
    for i, character in enumerate(word):
        if character in _SUPERSCRIPTS:
            raise _superscript(source, start + i)
        category = unicodedata.category(character)
        if category[0] != "L" and category != "Nd" and character not in _SUBSCRIPTS | {"_"}:
            raise ProgramError(
                f"'{character}' ({_describe(character)}) cannot be part of a name",
                Span(source, start + i, start + i + 1),
            )


def _superscript(source: Source, start: int) -> ProgramError:
    end = start
    while end < len(source.text) and source.text[end] in _SUPERSCRIPTS:
        end += 1
    exponent = "".join(_SUPERSCRIPTS[character] for character in source.text[start:end])
    return ProgramError(
        f"an exponent is written with '^', not as '{source.text[start:end]}'",
        Span(source, start, end),
        hint=f"write ^{exponent}",
    )


def _describe(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _unexpected(source: Source, position: int) -> ProgramError:
    """The error for a character no terminal begins with."""
    character = source.text[position]
    span = Span(source, position, position + 1)
    if character in _SUPERSCRIPTS:
        return _superscript(source, position)
    if source.text.startswith(":=", position):
        return ProgramError(
            "':=' is not an operator", Span(source, position, position + 2), hint="write ="
        )
    if character in _ELSEWHERE:
        return ProgramError(f"'{character}' means nothing here", span, hint=_ELSEWHERE[character])
    plain = unicodedata.normalize("NFKC", character)
    if "\udc80" <= character <= "\udcff":
        return ProgramError(f"the byte 0x{ord(character) - 0xDC00:02x} is not UTF-8 text", span)
    if unicodedata.combining(character):
        return ProgramError(
            f"a combining character, {_describe(character)}, cannot be part of a name", span
        )
    if unicodedata.category(character) in ("Cf", "Cc", "Zl", "Zp", "Zs", "Cs", "Co", "Cn"):
        return ProgramError(f"an invisible character, {_describe(character)}", span)
    if plain != character and plain.isascii():
        return ProgramError(
            f"'{character}' ({_describe(character)}) only looks like '{plain}'",
            span,
            hint=f"write {plain}",
        )
    return ProgramError(f"'{character}' ({_describe(character)}) means nothing here", span)


def _mismatch(
    source: Source, tokens: list[Token], brackets: list[int], closing: Token
) -> ProgramError:
    _, word, start, end = closing
    span = Span(source, start, end)
    if not brackets:
        return ProgramError(f"this '{word}' closes nothing", span)
    _, open_word, open_start, _ = tokens[brackets[-1]]
    line, column = source.position(open_start)
    return ProgramError(
        f"'{word}' closes the '{open_word}' of line {line}, column {column}",
        span,
        hint=f"expected '{ {'(': ')', '[': ']', '{': '}'}[open_word] }'",
    )
