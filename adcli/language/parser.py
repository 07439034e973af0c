"""Tokens to syntax: the loop that runs the LALR(1) tables.

It keeps a stack of its own, so nesting is limited by memory only, and calls the builder
at each reduction, so no tree is walked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adcli.errors import LimitError, Source
from adcli.language import syntax
from adcli.language.builder import Builder
from adcli.language.lexer import tokenize
from adcli.language.tables import tables

MAX_CHARACTERS = 64 * 1024 * 1024


def parse(source: Source, is_function: Callable[[str], bool]) -> list[syntax.Statement]:
    """The items of a program, in order.

    Args:
        source: the text.
        is_function: whether a name is a built-in function; only messages depend on it.

    Raises:
        ProgramError: the text is not a program; the message says why and where.
        LimitError: the text is too long, or its blocks are nested too deeply.
    """
    if len(source.text) > MAX_CHARACTERS:
        raise LimitError(
            f"the program has {len(source.text):,} characters; the limit is {MAX_CHARACTERS:,}"
        )
    table = tables()
    tokens = tokenize(source, table)
    actions, gotos, end_state = table.actions, table.gotos, table.end
    builder = Builder(source)
    # A rule that only passes its child through costs a jump and nothing else.
    rules = [
        (
            rule.length,
            rule.origin,
            getattr(builder, rule.callback) if rule.callback else None,
            rule.keep,
            len(rule.keep) == rule.length,
            rule.keep[0] if rule.keep else 0,
        )
        for rule in table.rules
    ]

    states = [table.start]
    values: list[Any] = []
    starts: list[int] = []
    ends: list[int] = []
    row = actions[table.start]
    for number, token in enumerate(tokens):
        kind, _, start, end = token
        while True:
            action = row.get(kind)
            if action is None:
                from adcli.language.slips import explain

                raise explain(source, tokens, number, row, is_function)
            if action >= 0:
                states.append(action)
                values.append(token)
                starts.append(start)
                ends.append(end)
                row = actions[action]
                break
            length, origin, callback, keep, keep_all, only = rules[~action]
            if length == 1:
                if callback is not None:
                    values[-1] = callback(starts[-1], ends[-1], values[-1])
                states.pop()
            elif length == 0:
                assert callback is not None
                values.append(callback(start, start))
                starts.append(start)
                ends.append(start)
            else:
                first, last = starts[-length], ends[-1]
                if callback is None:
                    value = values[only - length]
                elif keep_all:
                    value = callback(first, last, *values[-length:])
                else:
                    value = callback(first, last, *[values[i - length] for i in keep])
                del values[-length:], starts[1 - length :], ends[-length:], states[-length:]
                values.append(value)
                ends.append(last)
            state = gotos[states[-1]][origin]
            states.append(state)
            if state == end_state and kind == "$END":
                items: list[syntax.Statement] = values[-1]
                return items
            row = actions[state]
    raise AssertionError("the tables accept every text that ends")
