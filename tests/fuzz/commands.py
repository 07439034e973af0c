"""Commands run in this process, with their streams caught, and what any of them has to keep to."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from targets import ACTIVE, point

from adcli.cli.main import main
from adcli.errors import AdcliError, ExitCode, Source
from adcli.graph.program import Program

_TABLES = ("table", "json", "csv", "tsv", "markdown", "latex")
_OF_FORMULAS = ("text", "json", "latex")
_OF_GRAPHS = ("tree", "dot", "mermaid")
# Options of commands; of each tuple one is chosen. {x} is an input, {f} a result.
_COMMANDS: dict[str, Sequence[Sequence[str]]] = {
    "eval": (_TABLES,),
    "grad": (_TABLES, ("", "--mode forward", "--mode reverse", "--result {f}", "--wrt {x}")),
    "trace": (
        _TABLES, ("", "--mode forward", "--mode reverse", "--seed {x}=1", "--notation dual"),
    ),
    "graph": (
        _OF_GRAPHS,
        ("", "--values", "--no-values", "--mode forward", "--mode reverse", "--result {f}",
         "--values --mode forward --seed {x}=1", "--wrt {x}"),
    ),
    "jacobian": (_TABLES, ("", "--sparse", "--mode forward", "--mode reverse", "--wrt {x}")),
    "hessian": (_TABLES, ("", "--sparse", "--result {f}")),
    "jvp": (_TABLES, ("--direction {x}=1", "--direction {x}=inf", "")),
    "vjp": (_TABLES, ("--weights {f}=1", "--weights {f}=nan")),
    "hvp": (_TABLES, ("--direction {x}=1", "--direction {x}=-2 --result {f}")),
    "taylor": (_TABLES, ("--order 4 --wrt {x}", "--order 3 --direction {x}=2", "--order 0")),
    "diff": (_OF_FORMULAS, ("", "--shared", "--result {f}", "--wrt {x}")),
    "check": (_TABLES, ("--points 2", "--points 2 --result {f}", "--tolerance 1e-6")),
    "compare": (_TABLES, ("", "--result {f}", "--steps --wrt {x}")),
}  # fmt: skip
_VALUES = ("0.75", "1.5", "2", "-1", "0", "-0.0", "1e-9", "3", "inf", "nan", "1e300", "x", "[1,2]")
_LOOKS = ("", "--ascii", "--color always", "--digits 3", "--strict", "--quiet")


class Answer:
    """What a command said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


class _Stream(io.TextIOWrapper):
    """A stream that keeps what is written, and can be asked for it."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", newline="\n")

    @property
    def text(self) -> str:
        self.flush()
        kept = self.buffer
        assert isinstance(kept, io.BytesIO)
        return kept.getvalue().decode("utf-8")


def run(arguments: Sequence[str], stdin: bytes = b"") -> Answer:
    """Run a command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        out, err = _Stream(), _Stream()
        patch.setattr(sys, "stdin", _Stream(stdin))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        for name in ("LC_ALL", "LC_CTYPE", "NO_COLOR"):
            patch.delenv(name, raising=False)
        patch.setitem(os.environ, "LANG", "C.UTF-8")
        code = main(list(arguments))
        return Answer(code, out.text, err.text)


def arguments(text: str, chooser: random.Random) -> list[str]:
    """A command line for a program on standard input: of any command, at some point."""

    def pick(options: Sequence[str]) -> str:
        return options[chooser.randrange(len(options))]

    name = pick(list(_COMMANDS))
    formats, ways = (*_COMMANDS[name], ("",))[:2]
    inputs, results, at = _inputs(text)
    bindings = []
    for key, value in at.items():
        if chooser.randrange(8):
            usual = chooser.randrange(3)
            bindings.append(f"{key}={_constant(value) if usual else pick(_VALUES)}")
    way = pick(ways)
    for mark, known, other in (("{x}", inputs, "x"), ("{f}", results, "f")):
        way = way.replace(mark, pick(known) if known and chooser.randrange(10) else other)
    look = pick(_LOOKS) if chooser.randrange(3) == 0 else ""
    if name in ("diff", "graph") and look.startswith(("--digits", "--strict")):
        look = ""
    form = pick(formats)
    limit = ["--max-operations", "300"]
    return [name, "-", *bindings, "--format", form, *way.split(), *look.split(), *limit]


def _inputs(text: str) -> tuple[list[str], list[str], dict[str, Any]]:
    """The inputs and results of a program and a point; nothing if it is none."""
    try:
        program = Program(Source(text))
        return program.inputs, program.results, point(program)
    except AdcliError:
        return [], [], {}


def _constant(value: Any) -> str:
    return str(value).replace(" ", "")


def check(given: Sequence[str], text: str) -> Answer:
    """Run a command on a program: it answers, or says why not, in a documented way."""
    answer = run(given, text.encode("utf-8", "surrogatepass"))
    code, out, err = answer.code, answer.out, answer.err
    assert code in ExitCode
    assert code <= ExitCode.LIMIT
    if "always" not in given:
        for stream in (out, err):
            shown = {unicodedata.category(c) for c in set(stream) - {"\n", "\t"}}
            assert shown.isdisjoint(ACTIVE), ascii(stream)
    if code not in (ExitCode.DONE, ExitCode.NO):
        assert out == ""
        head = err.removeprefix("\x1b[1;31m").split("error:")
        assert "error:" in err, err
        assert len(("error:" + head[-1]).splitlines()) <= 9, err
        return answer
    assert out.endswith("\n"), out
    form = given[list(given).index("--format") + 1]
    if form == "json":
        for line in out.splitlines():
            json.loads(line, parse_constant=_refuse)
    elif form in ("csv", "tsv"):
        list(csv.reader(io.StringIO(out, newline=""), delimiter="," if form == "csv" else "\t"))
    return answer


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")
