"""What the README says is so: commands, pictures, Python, JSON keys, exit codes, a new primitive.

Every command is run and its output compared. With ADCLI_UPDATE_CASES=1 the outputs are
written into the README instead.
"""

from __future__ import annotations

import ast
import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
PATH = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])


def blocks_of(kind: str) -> list[str]:
    """The blocks of code of one kind."""
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def tables() -> list[list[list[str]]]:
    """The cells of each table, without its head."""
    text = README.read_text(encoding="utf-8")
    found = re.findall(r"^\|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    cut = re.compile(r"(?<!\\)\|")
    return [
        [[cell.strip() for cell in cut.split(row)[1:-1]] for row in rows.splitlines()]
        for rows in found
    ]


def run(command: str) -> str:
    """What a command prints in a pipe, errors first where it was made first."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LC_ALL", "LC_CTYPE", "NO_COLOR", "TERM")
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**environment, "PATH": PATH, "LANG": "C.UTF-8", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
    )
    return done.stdout


def commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def test_readme_commands() -> None:
    text = README.read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 8
    made = {
        block: "".join(f"$ {command}\n{run(command)}" for command in commands(block))
        for block in blocks
    }
    if os.environ.get("ADCLI_UPDATE_CASES"):
        README.write_text(BLOCK.sub(lambda match: made[match[0]], text), encoding="utf-8")
        pytest.skip("the README was brought up to date")
    for block, expected in made.items():
        assert block == expected


PICTURE = re.compile(r"^(adcli graph .* -o )(samples/pictures/\S+\.svg)$", re.MULTILINE)
IMAGE = re.compile(r"(?:!\[.+?\]\(|<img src=\")(samples/[^)\"]+)")


def drawn(path: Path) -> list[tuple[str, str, str]]:
    """What a picture says: its elements with class and text; where they stand may differ."""
    root = ElementTree.parse(path).getroot()
    return sorted(
        (element.tag, element.get("class", ""), element.text or "") for element in root.iter()
    )


def test_readme_pictures_can_be_made_again(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    made = PICTURE.findall(text)
    assert sorted(IMAGE.findall(text)) == sorted(path for _, path in made)
    assert {ROOT / path for _, path in made} == set((ROOT / "samples" / "pictures").iterdir())
    for command, path in made:
        fresh = tmp_path / Path(path).name
        assert run(f"{command}{fresh}") == ""
        assert drawn(fresh) == drawn(ROOT / path)


def test_readme_names_every_command_option_and_function() -> None:
    from adcli.cli.main import COMMANDS, group
    from adcli.graph.program import function_names

    text = README.read_text(encoding="utf-8")
    (functions,) = re.findall(r"^Functions: (.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    words = set(re.findall(r"[a-z0-9]+", functions))
    aliases = {name for name in function_names() if name.startswith(("arc", "ar"))}
    missing = {name for name in function_names() if name not in words | aliases | {"logbase"}}
    assert not missing
    import click

    context = click.Context(group)
    for name in COMMANDS:
        assert f"`{name}`" in text
        command = group.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                shown = re.search(rf"`{re.escape(parameter.opts[0])}[\s`|]", text)
                assert shown, f"{name} {parameter.opts[0]}"


INSTALL = [
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/adcli trace"
    ' "ln(x1) + x1*x2 - sin(x2)" x1=2 x2=5',
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
]


# What `tests/cli/test_completion.py` and `test_manual.py` run.
SHELL = {
    'eval "$(adcli completion bash)"',
    'eval "$(adcli completion zsh)"',
    "adcli completion fish > ~/.config/fish/completions/adcli.fish",
    "adcli manual | man -l -",
    "mkdir -p ~/.local/share/man/man1 && adcli manual > ~/.local/share/man/man1/adcli.1",
}


def test_readme_commands_that_are_not_run_here() -> None:
    """The first two install; then there are pictures, made above, and scripts that exist."""
    text = README.read_text(encoding="utf-8")
    first = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[:2]
    assert first == [("sh", f"{command}\n") for command in INSTALL]
    for line in "".join(blocks_of("sh")).splitlines()[2:]:
        if PICTURE.match(line) or line.startswith("pip install ") or line in SHELL:
            continue
        script = re.fullmatch(r"python (tests/\S+\.py)( --quick)?", line.split("#")[0].strip())
        assert script, line
        assert (ROOT / script[1]).is_file()
        assert "--quick" not in line or "--quick" in (ROOT / script[1]).read_text(encoding="utf-8")


def test_readme_extras_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = README.read_text(encoding="utf-8")
    named = {name for names in re.findall(r"'\.\[([\w,]+)\]'", text) for name in names.split(",")}
    assert named == set(project["optional-dependencies"])
    assert f"Python {project['requires-python'].strip('>=')} or newer" in text


def headings(path: Path) -> set[str]:
    """What a link into a file may name."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", text)
    assert links
    for file, heading in links:
        path = ROOT / (file or name)
        assert path.exists(), file
        assert not heading or heading in headings(path), heading


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = re.findall(r"`((?:adcli|tests|grammar|samples)/[\w/.]*)`", text)
    files += re.findall(r"^python (\S+)", text, re.MULTILINE)
    assert len(files) >= 15
    for file in files:
        assert (ROOT / file).exists(), file


def test_readme_python() -> None:
    """Each expression with a comment has the value of the comment, as a doctest has it."""
    names: dict[str, Any] = {}
    checked = 0
    for block in blocks_of("python"):
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            code = ast.unparse(statement)
            _, found, want = lines[(statement.end_lineno or 0) - 1].partition("  # ")
            if not isinstance(statement, ast.Expr) or not found:
                exec(code, names)  # noqa: S102 - the text is our own
                continue
            got = repr(eval(code, names))
            checked += 1
            assert doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS), (code, got)
    assert checked >= 20


ARGUMENTS = {
    "jvp": "--direction x1=1",
    "vjp": "--weights f=1",
    "hvp": "--direction x1=1",
    "taylor": "--wrt x1",
}
COMMON = {"command", "function", "inputs", "warnings"}


def test_readme_json_keys() -> None:
    """The table of keys has each command's own, no more and no less."""
    (rows,) = [table for table in tables() if table[0] == ["`eval`", "`results`"]]
    for command, described in rows:
        name = command.strip("`")
        own = set(re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", described)))
        keys: set[str] = set()
        for more in ("", *re.findall(r"`(--\w+)`", described)):
            line = f"adcli {name} samples/baydin.ad --format json {ARGUMENTS.get(name, '')} {more}"
            keys |= set(json.loads(run(line)))
        assert keys == own | COMMON, name


def test_readme_exit_codes() -> None:
    from adcli.errors import ExitCode

    codes = [row[0] for table in tables() for row in table if row[0].isdigit()]
    assert codes == [str(int(code)) for code in ExitCode]


CHANGE = re.compile(r"^--- (\S+)\n((?:[ +].*\n|\n)+)", re.MULTILINE)


def changed(folder: Path) -> list[str]:
    """The changes of the README's new primitive, made in a copy; which files."""
    changes = [change for block in blocks_of("diff") for change in CHANGE.findall(block)]
    for name, lines in changes:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        # Each piece is some lines that are there, then those to be added.
        for there, added in re.findall(r"((?:^ .*\n)+)((?:^\+.*\n)+)", lines, re.MULTILINE):
            old, new = (re.sub(r"^.", "", part, flags=re.MULTILINE) for part in (there, added))
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, old + new)
        path.write_text(text, encoding="utf-8")
    return [name for name, _ in changes]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what is needed to run adcli and its tests from a folder."""
    ignored = shutil.ignore_patterns("__pycache__", "fuzz", "benchmarks")
    for name in ("adcli", "grammar", "tests", "samples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def python(folder: Path, *arguments: str) -> str:
    """What the copy in a folder prints; its cache is its own."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    environment.pop("ADCLI_UPDATE_CASES", None)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_readme_new_primitive(copy: Path) -> None:
    """The steps are complete: all commands know it, at a point, as a formula and in tables."""
    assert len(changed(copy)) == 5
    (copy / "points.csv").write_text("x\n2\n", encoding="utf-8")
    end = "230.25850929940458"
    for arguments in (
        ["grad", "exp10(x)", "x=2", "--format", "csv"],
        ["batch", "exp10(x)", "points.csv", "--math", "libm"],
        ["compare", "exp10(x)", "x=2", "--format", "csv"],
        ["vjp", "exp10(x)", "x=2", "--weights", "f=1", "--format", "csv"],
    ):
        assert end in python(copy, "-m", "adcli", *arguments)
    assert python(copy, "-m", "adcli", "diff", "exp10(x)", "--quiet") == "ln(10)*exp10(x)\n"


@pytest.mark.slow
def test_readme_new_primitive_passes_the_tests(copy: Path) -> None:
    """Without a test of its own."""
    tests = [name for name in changed(copy) if name.startswith("tests/")]
    printed = python(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
        "-k", "exp10 or reference or rules",
        "tests/graph/test_primitives.py", "tests/evaluate/test_native.py",
        "tests/evaluate/test_precise.py", "tests/differentiate/test_hessian.py",
        "tests/differentiate/test_taylor.py",
    )  # fmt: skip
    assert len(tests) == 3
    assert "passed" in printed
    assert "failed" not in printed
