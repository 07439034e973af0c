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
        not_finite: how many have a value or derivatives that are not finite.
        first_not_finite: the first of those: its line and what is said about it.
        used: the common inputs that some program had.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.failed = 0
        self.first: tuple[int, str] | None = None
        self.not_finite = 0
        self.first_not_finite: tuple[int, str] | None = None
        self.used: set[str] = set()

    def written(self) -> bytes:
        """All of it as a line of JSON."""
        return json.dumps({**vars(self), "used": sorted(self.used)}).encode()

    @classmethod
    def read(cls, line: bytes) -> Totals:
        """What was written as such a line."""
        totals = cls()
        vars(totals).update(json.loads(line))
        totals.used = set(totals.used)
        return totals

    def add(self, other: Totals) -> None:
        """Count the lines of a block; blocks come in order."""
        self.lines += other.lines
        self.failed += other.failed
        self.first = self.first or other.first
        self.not_finite += other.not_finite
        self.first_not_finite = self.first_not_finite or other.first_not_finite
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
        elif answer.gradient is not None and answer.gradient.warnings:
            odd = [one.message for one in answer.gradient.warnings if one.is_non_finite]
            totals.not_finite += bool(odd)
            if odd and totals.first_not_finite is None:
                totals.first_not_finite = (number, odd[0])
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
