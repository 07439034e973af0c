"""Tokens to syntax: the loop that runs the LALR(1) tables.

It keeps a stack of its own, so nesting is limited by memory only, and calls the builder
at each reduction, so no tree is walked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from adcli.errors import LimitError, Source
from adcli.language import syntax
from adcli.language.builder import Builder
from adcli.language.lexer import tokenize
from adcli.language.tables import Tables, tables

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
    actions, jumps, end_state = table.actions, table.jumps, table.end
    builder = Builder(source)
    rules = _rules(table)

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
            if length == 3:  # as any length below; most are of three symbols
                last = ends.pop()
                del ends[-2:], starts[-2:], states[-3:]
                ends.append(last)
                third, second = values.pop(), values.pop()
                if callback is None:
                    if only == 1:
                        values[-1] = second
                    elif only == 2:
                        values[-1] = third
                elif keep_all:
                    values[-1] = callback(builder, starts[-1], last, values[-1], second, third)
                else:
                    parts = (values[-1], second, third)
                    values[-1] = callback(builder, starts[-1], last, *[parts[i] for i in keep])
            elif length == 1:
                if callback is not None:
                    values[-1] = callback(builder, starts[-1], ends[-1], values[-1])
                states.pop()
            elif length == 0:
                assert callback is not None
                values.append(callback(builder, start, start))
                starts.append(start)
                ends.append(start)
            else:
                first, last = starts[-length], ends[-1]
                if callback is None:
                    value = values[only - length]
                elif keep_all:
                    value = callback(builder, first, last, *values[-length:])
                else:
                    value = callback(builder, first, last, *[values[i - length] for i in keep])
                del values[-length:], starts[1 - length :], ends[-length:], states[-length:]
                values.append(value)
                ends.append(last)
            state = jumps.get((states[-1], origin, kind))
            if state is None:
                state = table.jump(states[-1], origin, kind)
            states.append(state)
            if state == end_state and kind == "$END":
                items: list[syntax.Statement] = values[-1]
                return items
            row = actions[state]
    raise AssertionError("the tables accept every text that ends")


# What a production is to the loop above: how many symbols, which nonterminal, the builder's
# method (None passes a child through), which symbols carry meaning, whether all do, the first.
_Reduction = tuple[int, str, "Callable[..., Any] | None", list[int], bool, int]


@cache
def _rules(table: Tables) -> list[_Reduction]:
    """The productions with the builder's methods."""
    return [
        (
            rule.length,
            rule.origin,
            getattr(Builder, rule.callback) if rule.callback else None,
            rule.keep,
            len(rule.keep) == rule.length,
            rule.keep[0] if rule.keep else 0,
        )
        for rule in table.rules
    ]
