"""The files of the language that come with adcli: one definition out of many, on demand.

A start of the program needs three rules, not fifty: the text is cut at the lines that
begin a definition, and only the pieces asked for are ever parsed.
"""

from __future__ import annotations

import re

from adcli.errors import Source
from adcli.language import grammar, parse, syntax

_HEAD = re.compile(r"^(\w+)\(", re.MULTILINE)


class Definitions:
    """The functions of a file in the grammar folder, by name."""

    def __init__(self, file: str) -> None:
        self.file = file
        text = grammar.read(file)
        heads = list(_HEAD.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        self.texts = {
            head[1]: text[head.start() : end] for head, end in zip(heads, ends, strict=True)
        }
        self._parsed: dict[str, tuple[Source, syntax.Function]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.texts

    def get(self, name: str) -> tuple[Source, syntax.Function]:
        """The source and the syntax of one definition.

        Raises:
            KeyError: the file does not define that name.
        """
        found = self._parsed.get(name)
        if found is None:
            source = Source(self.texts[name], f"grammar/{self.file}")
            (function,) = parse(source, self.__contains__)
            assert isinstance(function, syntax.Function)
            found = self._parsed[name] = (source, function)
        return found
