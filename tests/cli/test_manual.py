"""The manual page: all of the commands, as groff and mandoc like it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adcli.cli import manual
from adcli.cli.main import COMMANDS, group
from adcli.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
FORMATTERS = {
    "groff": ["groff", "-man", "-Tutf8", "-ww", "-P-cbou"],
    "mandoc": ["mandoc", "-Tutf8"],
}
# Wide enough for the longest line of an example.
WIDE = {"groff": ["-rLL=200n"], "mandoc": ["-Owidth=200"]}


def formatted(program: str, text: str) -> str:
    """A page as a reader sees it; a warning is an error."""
    if not shutil.which(program):
        pytest.skip(f"no {program}")
    done = subprocess.run(
        [*FORMATTERS[program], *WIDE[program]],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(".\b", "", done.stdout)  # bold is a letter over itself


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("program", list(FORMATTERS))
def test_the_page_says_all(program: str) -> None:
    shown = formatted(program, manual.page())
    plain = words(shown)
    headings = re.findall(r"^[A-Z][A-Z ]+$", shown, re.MULTILINE)
    assert headings == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS",
        "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES",
    ]  # fmt: skip
    context = click.Context(group)
    for name, summary in COMMANDS.items():
        command = group.get_command(context, name)
        assert command is not None
        (part,) = re.findall(
            rf"^   adcli {name}\n(.*?)(?=^ {{0,3}}\S)", shown, re.MULTILINE | re.DOTALL
        )
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert re.search(rf"(?<![-\w]){parameter.opts[0]}(?![-\w])", part), name
                assert words(parameter.help or "?") in plain
        examples = shown.split("EXAMPLES")[1]
        assert summary in examples
        assert command.help is not None
        for line in command.help.split("Example:\n")[1].strip().split("\n"):
            assert line.strip() in examples
    for code in ExitCode:
        assert re.search(rf"^ +{code:d} ", shown, re.MULTILINE)


def test_nothing_is_said_twice() -> None:
    lines = manual.page().split("\n")
    texts = [line for line in lines if line.startswith("Read inputs from a JSON object")]
    assert len(texts) == 1


def test_every_variable_that_is_looked_at_is_there() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "adcli").rglob("*.py"))
    looked_at = re.findall(r'(?:environ|variables)(?:\.get\(|\[)"([A-Z_]+)"', code)
    assert {"NO_COLOR", "XDG_CACHE_HOME"} <= set(looked_at)
    documented = set(re.findall(r"[A-Z_]+", " ".join(manual.ENVIRONMENT)))
    # Of other systems, and what the scripts of the shells and builders of packages set.
    aside = {"LOCALAPPDATA", "COMP_WORDS", "COMP_CWORD", "SOURCE_DATE_EPOCH"}
    assert set(looked_at) - aside <= documented


def test_lint() -> None:
    if not shutil.which("mandoc"):
        pytest.skip("no mandoc")
    done = subprocess.run(
        ["mandoc", "-Tlint"],
        input=manual.page(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "")


HOSTILE = [
    r"a\b \n \(em \fB \*x",
    ".TH is no request here",
    "'so is this",
    "--max-operations -1",
    "\"x\" 'y' `z` x^2 ~x",
    "∂f/∂x̄ × ε 漢",
    r"\& \% \e",
]


@pytest.mark.parametrize("program", list(FORMATTERS))
@pytest.mark.parametrize("text", HOSTILE)
def test_escapes(program: str, text: str) -> None:
    page = f".TH T 1 2020-01-01 t t\n.SH NAME\nt \\- t\n.SH X\n.nf\n{manual.escaped(text)}\n.fi\n"
    shown = formatted(program, page).split("\nX\n")[1].split("\n\n")[0]
    assert shown.strip() == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"))))
def test_an_escaped_line_is_ascii_and_no_request(text: str) -> None:
    line = manual.escaped(text)
    assert line.isascii()
    assert not line.startswith((".", "'"))
    assert not re.search(r'(?<!\\)[-"]|[\'`^~]', re.sub(r"\\\([a-z]{2}|\\\[u\w+\]", "", line))


# Some begin as requests do.
WORDS = st.sampled_from([".TH", ".", "..", "'so", "'", "...and", "word", "--option", r"\&", "a.b"])


@given(st.lists(WORDS, min_size=1, max_size=60))
def test_no_line_of_a_paragraph_is_a_request(words: list[str]) -> None:
    """Wherever it is wrapped; and nothing gets lost."""
    lines = list(manual._text([[" ".join(words)]]))
    assert not any(line.startswith((".", "'")) for line in lines)
    plain = " ".join(line.removeprefix(r"\&") for line in lines)
    assert plain == " ".join(manual.escaped(word).removeprefix(r"\&") for word in words)


def test_the_date_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert ' 1970-01-02 "adcli ' in manual.page().split("\n")[0]


@pytest.mark.parametrize("given", ["", "never", "9" * 20, "9" * 5000])
def test_a_date_that_is_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    assert re.search(r" \d{4}-\d\d-\d\d ", manual.page().split("\n")[0])
