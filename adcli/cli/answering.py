"""Blocks of programs, one a line, to blocks of answers: in this process or in one of several."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from adcli.batch.programs import Answers, Common, lines_of
from adcli.evaluate.processes import Process, serve
from adcli.render.answers import JsonLines, Separated

SEPARATORS = {"csv": ",", "tsv": "\t"}


class Totals:
    """What came of many lines.

    Attributes:
        lines: how many had something in them.
        failed: how many of them have no result.
        first: the first of those: its line and the message.
        used: the common inputs that some program had.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.failed = 0
        self.first: tuple[int, str] | None = None
        self.used: set[str] = set()

    def add(self, other: Totals) -> None:
        """Count the lines of a block; blocks come in order."""
        self.lines += other.lines
        self.failed += other.failed
        self.first = self.first or other.first
        self.used |= other.used


class Answering:
    """Answers lines as text.

    Args:
        common: the arguments of `batch.programs.Common`, all of them data.
        form: "jsonl", "csv" or "tsv".
    """

    def __init__(self, common: dict[str, Any], form: str) -> None:
        self._given = {"common": common, "form": form}
        self._answers = Answers(Common(**common))
        self._writer: JsonLines | Separated = JsonLines()
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
            totals.failed += 1
            totals.first = totals.first or (number, answer.error.message)
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
    totals = Totals()
    totals.lines, totals.failed, first, used = json.loads(head)
    totals.first = tuple(first) if first else None
    totals.used = set(used)
    return totals, text


def _start(first: bytes) -> Callable[[bytes], bytes]:
    """What the process does: messages to replies."""
    answering = Answering(**json.loads(first))

    def answer(received: bytes) -> bytes:
        number, _, block = received.partition(b"\n")
        totals = Totals()
        pieces = [answering.line(n, line, totals) for n, line in lines_of(int(number), block)]
        found = (totals.lines, totals.failed, totals.first, sorted(totals.used))
        return b"".join([json.dumps(found).encode(), b"\n", *pieces])

    return answer


if __name__ == "__main__":
    serve(_start)
