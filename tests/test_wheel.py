"""The built wheel, installed in an empty environment and used outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: x for name, x in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_alone_is_enough(tmp_path: Path) -> None:
    # By way of the source distribution, so that both are complete.
    run(sys.executable, "-m", "build", "--outdir", tmp_path / "dist", ROOT, cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for needed in ("adcli/py.typed", "adcli/grammar/adcli.lark", "licenses/LICENSE"):
        assert any(name.endswith(needed) for name in names), needed
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    got = run(
        scripts / "adcli", "grad", "ln(x1) + x1*x2 - sin(x2)", "x1=2", "x2=5", "--format", "csv",
        cwd=tmp_path,
    )  # fmt: skip
    assert got == "f,df_dx1,df_dx2\n11.652071455223084,5.5,1.7163378145367738\n"
    assert "v̄₀" in run(scripts / "adcli", "trace", "sigmoid(x)", "x=1", cwd=tmp_path)
    where = run(scripts / "python", "-c", "import adcli; print(adcli.__file__)", cwd=tmp_path)
    assert str(tmp_path) in where
