"""Text to syntax. The only room that imports Lark, and only to build the parser's tables."""

from adcli.language.parser import parse

__all__ = ["parse"]
