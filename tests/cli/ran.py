"""What a command did, as tests of commands see it."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import Any

import pytest

from adcli.cli.main import main


class Ran:
    """Exit code, standard output and standard error."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def rows(self) -> list[dict[str, str]]:
        """The records of a CSV."""
        return list(csv.DictReader(io.StringIO(self.out)))

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The objects of JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def captured(capfd: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    """What a command line does in this process."""
    code = main(arguments)
    sys.stdout.flush()
    return Ran(code, *capfd.readouterr())
