"""Blocks of programs, one a line, to blocks of answers: in this process or in one of several."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from adcli.batch.formats import SEPARATORS
from adcli.batch.programs import Answers, Common, lines_of
from adcli.evaluate.processes import Process, serve
from adcli.render.answers import JsonLines, Separated


class Lines:
    """Lines of one kind: how many, and the first of them with what is said about it."""

    __slots__ = ("count", "first", "what")

    def __init__(self, count: int = 0, first: int = 0, what: str = "") -> None:
        self.count = count
        self.first = first
        self.what = what

    def add(self, other: Lines) -> None:
        """Count lines that come behind these."""
        if not self.count:
            self.first, self.what = other.first, other.what
        self.count += other.count


class Totals:
    """What came of many lines.

    Attributes:
        lines: how many had something in them.
        failed: those without a result.
        not_finite: those whose value or derivatives are not finite.
        used: the common inputs that some program had.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.failed = Lines()
        self.not_finite = Lines()
        self.used: set[str] = set()

    def written(self) -> bytes:
        """All of it as a line of JSON."""
        kinds = [(kind.count, kind.first, kind.what) for kind in (self.failed, self.not_finite)]
        return json.dumps([self.lines, *kinds, sorted(self.used)]).encode()

    @classmethod
    def read(cls, line: bytes) -> Totals:
        """What was written as such a line."""
        totals = cls()
        totals.lines, failed, not_finite, used = json.loads(line)
        totals.failed, totals.not_finite = Lines(*failed), Lines(*not_finite)
        totals.used = set(used)
        return totals

    def add(self, other: Totals) -> None:
        """Count the lines of a block; blocks come in order."""
        self.lines += other.lines
        self.failed.add(other.failed)
        self.not_finite.add(other.not_finite)
        self.used |= other.used


class Answering:
    """Answers lines as text.

    Args:
        common: the arguments of `batch.programs.Common`, all of them data.
        form: "jsonl", "csv" or "tsv".
        ascii_only: whether JSON may have only ASCII.
    """

    def __init__(self, common: dict[str, Any], form: str, *, ascii_only: bool = False) -> None:
        self._given = {"common": common, "form": form, "ascii_only": ascii_only}
        self._answers = Answers(Common(**common))
        self._writer: JsonLines | Separated = JsonLines(ascii_only=ascii_only)
        if form in SEPARATORS:
            self._writer = Separated(SEPARATORS[form], common["columns"])

    def head(self) -> bytes:
        """What comes first."""
        return self._writer.head().encode()

    def line(self, number: int, line: bytes, totals: Totals) -> bytes:
        """The answer to a line, nothing if it is blank; it is counted."""
        answer = self._answers.answer(number, line)
        if answer is None:
            return b""
        totals.lines += 1
        if answer.error is not None:
            totals.failed.add(Lines(1, number, answer.error.message))
        elif answer.gradient is not None and answer.gradient.warnings:
            odd = [one.message for one in answer.gradient.warnings if one.is_non_finite]
            if odd:
                totals.not_finite.add(Lines(1, number, odd[0]))
        totals.used = self._answers.used
        return self._writer.line(answer.data()).encode()

    def process(self) -> Process:
        """A process that does the same to whole blocks."""
        return Process(__spec__.name, json.dumps(self._given).encode())


def message(first: int, block: bytes) -> bytes:
    """The number of a first line, and lines from there on, as a message to a process."""
    return b"%d\n%b" % (first, block)


def reply(received: bytes) -> tuple[Totals, bytes]:
    """What a process found, and the answers as text."""
    head, _, text = received.partition(b"\n")
    return Totals.read(head), text


def _start(first: bytes) -> Callable[[bytes], bytes]:
    """What the process does: messages to replies."""
    answering = Answering(**json.loads(first))

    def answer(received: bytes) -> bytes:
        number, _, block = received.partition(b"\n")
        totals = Totals()
        pieces = [answering.line(n, line, totals) for n, line in lines_of(int(number), block)]
        return b"".join([totals.written(), b"\n", *pieces])

    return answer


if __name__ == "__main__":
    serve(_start)
