"""The parser's tables: made from `grammar/adcli.lark` by Lark, then kept in the user's cache.

Lark is imported only to build them. A start of the program that finds them in the cache
reads plain JSON, checked against the grammar's text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from adcli.language import cache, grammar

if TYPE_CHECKING:
    from lark import Lark

_FORMAT = 1
_CACHE_NAME = f"parser-{_FORMAT}.json"

_loaded: Tables | None = None


class Rule:
    """One production: what to build from how many symbols.

    Attributes:
        origin: the nonterminal on the left.
        length: how many symbols on the right.
        callback: name of the builder's method, or "" to pass the only child through.
        keep: positions of the symbols that carry meaning.
    """

    __slots__ = ("callback", "keep", "length", "origin")

    def __init__(self, origin: str, length: int, callback: str, keep: list[int]) -> None:
        self.origin = origin
        self.length = length
        self.callback = callback
        self.keep = keep


class Tables:
    """What the lexer and the parser run on.

    Attributes:
        pattern: one regular expression, a named group for each terminal.
        keywords: reserved words and their terminals.
        actions: for each state, terminal -> next state (shift) or ~rule (reduce).
        gotos: for each state, nonterminal -> next state.
        rules: the productions.
        start, end: the first state, and the one in which the text may end.
        jumps: (state below, nonterminal, next terminal) -> where `jump` ends; filled as the
            parser comes by.
    """

    __slots__ = ("actions", "end", "gotos", "jumps", "keywords", "pattern", "rules", "start")

    def __init__(self, data: dict[str, Any]) -> None:
        self.pattern = re.compile(data["pattern"])
        self.keywords: dict[str, str] = data["keywords"]
        self.actions: list[dict[str, int]] = data["actions"]
        self.gotos: list[dict[str, int]] = data["gotos"]
        self.rules = [Rule(*rule) for rule in data["rules"]]
        self.start: int = data["start"]
        self.end: int = data["end"]
        self.jumps: dict[tuple[int, str, str], int] = {}

    def jump(self, below: int, origin: str, kind: str) -> int:
        """The state after a reduction, with all that only pass their one child through.

        Between an operand and its operator stand as many of those as there are levels of
        precedence. None looks at anything but the next token, so they are made in one step.

        Args:
            below: the state that the reduction uncovered.
            origin: the nonterminal it made.
            kind: the terminal of the next token.
        """
        state = self.gotos[below][origin]
        while state != self.end:
            action = self.actions[state].get(kind, 0)
            if action >= 0:
                break
            rule = self.rules[~action]
            if rule.length != 1 or rule.callback:
                break
            state = self.gotos[below][rule.origin]
        self.jumps[below, origin, kind] = state
        return state


def tables() -> Tables:
    """The tables of the grammar, built at most once in a process."""
    global _loaded
    if _loaded is None:
        text = grammar.read("adcli.lark")
        _loaded = _from_cache(text)
        if _loaded is None:
            data = _build(text)
            cache.store(_CACHE_NAME, json.dumps(data, separators=(",", ":")))
            _loaded = Tables(data)
    return _loaded


def _from_cache(text: str) -> Tables | None:
    stored = cache.load(_CACHE_NAME)
    if stored is None:
        return None
    try:
        data = json.loads(stored)
        return Tables(data) if data["grammar"] == text else None
    except (ValueError, KeyError, TypeError, RecursionError, re.error):
        return None


def _build(text: str) -> dict[str, Any]:
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

    lark = Lark(text, parser="lalr", lexer="basic", maybe_placeholders=False)
    data, memo = lark.memo_serialize([TerminalDef, LarkRule])
    parser = data["parser"]["parser"]
    symbols: dict[int, str] = parser["tokens"]

    rule_numbers: dict[int, int] = {}
    rules: list[list[Any]] = []
    for key, rule in memo.items():
        if rule["__type__"] == "Rule":
            rule_numbers[key] = len(rules)
            rules.append(_rule(rule))
    origins = {rule[0] for rule in rules}

    # Lark numbers its states arbitrarily; ours are positions in a list.
    positions = {state: i for i, state in enumerate(parser["states"])}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for row in parser["states"].values():
        shifts: dict[str, int] = {}
        goto: dict[str, int] = {}
        for number, (is_reduce, argument) in row.items():
            symbol = symbols[number]
            if is_reduce:
                shifts[symbol] = ~rule_numbers[argument["@"]]
            elif symbol in origins:
                goto[symbol] = positions[argument]
            else:
                shifts[symbol] = positions[argument]
        actions.append(shifts)
        gotos.append(goto)

    return {
        "grammar": text,
        **_lexer(lark),
        "actions": actions,
        "gotos": gotos,
        "rules": rules,
        "start": positions[parser["start_states"]["start"]],
        "end": positions[parser["end_states"]["start"]],
    }


def _rule(rule: dict[str, Any]) -> list[Any]:
    expansion = rule["expansion"]
    keep = [i for i, symbol in enumerate(expansion) if not symbol.get("filter_out")]
    name = rule["origin"]["name"]
    callback = rule["alias"] or name
    if rule["alias"] is None and rule["options"]["expand1"] and len(keep) == 1:
        callback = ""
    return [name, len(expansion), callback, keep]


def _lexer(lark: Lark) -> dict[str, Any]:
    """One expression for all terminals, longest first as Lark itself orders them."""
    keywords: dict[str, str] = {}
    groups: list[str] = []
    ordered = sorted(
        lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value))
    )
    for terminal in ordered:
        if terminal.pattern.value.isalpha() and terminal.pattern.type == "str":
            keywords[terminal.pattern.value] = terminal.name
        else:
            groups.append(f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})")
    return {"pattern": "|".join(groups), "keywords": keywords}
