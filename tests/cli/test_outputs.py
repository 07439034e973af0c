"""Golden outputs: files in tests/cases/outputs, a command in the first line, then what it prints.

With ADCLI_UPDATE_CASES=1 the files are written instead. Read the difference.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from adcli.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted((ROOT / "tests" / "cases" / "outputs").glob("*.txt"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_output(
    path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    command, _, expected = path.read_text(encoding="utf-8").partition("\n")
    program, *arguments = shlex.split(command)
    assert program == "adcli"
    assert main(arguments) == 0
    sys.stdout.flush()
    printed = capfd.readouterr().out
    if os.environ.get("ADCLI_UPDATE_CASES"):
        path.write_text(f"{command}\n{printed}", encoding="utf-8")
        pytest.skip("written")
    assert printed == expected
