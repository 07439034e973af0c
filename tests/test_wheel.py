"""The built wheel, installed in empty environments and used outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from minimum import constraints, oldest_python

ROOT = Path(__file__).resolve().parents[1]
FORMULA = ("ln(x1) + x1*x2 - sin(x2)", "x1=2", "x2=5")

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """What a command prints, and its errors where it is expected to fail."""
    environment = {name: x for name, x in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both; the wheel is made from the source distribution, so both are complete."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


def wheel_of(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


def files(folder: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_wheel_has_the_package_alone(built: Path) -> None:
    with zipfile.ZipFile(wheel_of(built)) as archive:
        names = set(archive.namelist())
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == files("adcli") | {f"adcli/{name}" for name in files("grammar")}
    assert any(name.endswith("licenses/LICENSE") for name in about)


def test_the_source_distribution_has_the_rest(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    documents = {"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
    folders = {"adcli", "grammar", "samples", "tests", ".ci"}
    top = {name.partition("/")[0] for name in names}
    assert top == documents | folders | {"pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names >= files("samples") | {"tests/conftest.py", ".ci/run"}
    assert not [name for name in names if "cache" in name and not name.endswith("/cache.py")]


def installed(folder: Path, wheel: str | Path, *options: str | Path) -> Path:
    """The Python of a new environment that has a wheel, in a folder with an unusual name."""
    home = folder / "a place, für ∂"
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", *options, wheel, cwd=folder)
    return python


def computes(adcli: tuple[str | Path, ...], folder: Path) -> None:
    """Each way to numbers, once: a point, a trace, tables and their formats."""
    got = run(*adcli, "grad", *FORMULA, "--format", "csv", cwd=folder)
    assert got == "f,df_dx1,df_dx2\n11.652071455223084,5.5,1.7163378145367738\n"
    assert "v̄₀" in run(*adcli, "trace", "sigmoid(x)", "x=1", cwd=folder)
    (folder / "t.csv").write_text("x\n3\n")
    run(*adcli, "batch", "x^2", "t.csv", "-o", "t.parquet", cwd=folder)
    got = run(*adcli, "batch", "x^3", "t.parquet", "--only-results", "--to", "jsonl", cwd=folder)
    assert got == '{"f":27.0,"df_dx":27.0}\n'


def test_the_wheel_alone_is_enough(tmp_path: Path, built: Path) -> None:
    python = installed(tmp_path, wheel_of(built))
    computes((python.with_name("adcli"),), tmp_path)
    where = run(python, "-c", "import adcli; print(adcli.__file__)", cwd=tmp_path)
    assert str(tmp_path) in where
    for command in (["graph", *FORMULA], ["compare", *FORMULA, "--steps"]):
        message = run(python, "-m", "adcli", *command, "-o", "p.png", cwd=tmp_path, code=2)
        assert "pip install 'adcli[draw]'" in message
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "adcli", cwd=tmp_path)
    left = [path for path in python.parents[1].rglob("*adcli*") if "__pycache__" not in path.parts]
    assert left == []


@pytest.mark.skipif(
    sys.version_info[:2] != oldest_python(), reason="the lowest versions are of the oldest Python"
)
def test_the_lowest_versions(tmp_path: Path, built: Path) -> None:
    """The wheel with its extras, and the lowest version of each package it asks for."""
    lowest = tmp_path / "minimum.txt"
    lowest.write_text("\n".join(constraints()))
    python = installed(tmp_path, f"{wheel_of(built)}[compare,draw]", "-c", lowest)
    adcli = (python, "-W", "error", "-m", "adcli")
    computes(adcli, tmp_path)
    run(*adcli, "graph", *FORMULA, "-o", "graph.svg", cwd=tmp_path)
    run(*adcli, "compare", *FORMULA, "--steps", "-o", "steps.png", cwd=tmp_path)
    assert "50 digits" in run(*adcli, "compare", *FORMULA, cwd=tmp_path)
