"""Words that are no NAME=VALUE: an option that is none, or a value without its name."""

from __future__ import annotations

import pytest
from ran import Ran, captured


@pytest.fixture
def adcli(capfd: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs a command line in this process."""

    def run(*arguments: str) -> Ran:
        return captured(capfd, *arguments)

    return run


F = "f(x) = x^2"


def no_option(word: str) -> str:
    return f"error: no such option '{word}'\n  see --help\n"


def no_name(word: str, value: str) -> str:
    return (
        f"error: '{word}' is not NAME=VALUE\n  write the name of the input too, as in x={value}\n"
    )


# The words behind the program, and what is said of them.
WORDS: dict[str, tuple[tuple[str, ...], str]] = {
    "an option of others": (("x=1", "-f", "json"), no_option("-f")),
    "the same first": (("-f", "json", "x=1"), no_option("-f")),
    "several letters": (("x=1", "-abc"), no_option("-abc")),
    "a name": (("-x",), no_option("-x")),
    "a number and a letter": (("-3x",), no_option("-3x")),
    "a value": (("3",), no_name("3", "3")),
    "a negative value": (("-3",), no_name("-3", "-3")),
    "a positive value": (("+3",), no_name("+3", "+3")),
    "a fraction": ((".5",), no_name(".5", ".5")),
    "a negative fraction": (("-2.5e-3",), no_name("-2.5e-3", "-2.5e-3")),
    "an end of fraction": (("1.",), no_name("1.", "1.")),
    "a value behind others": (("x=1", "-3"), no_name("-3", "-3")),
    "a value behind =": (("=3",), no_name("=3", "3")),
    "a negative value behind =": (("=-3",), no_name("=-3", "-3")),
    "a word": (
        ("three",),
        "error: 'three' is not NAME=VALUE\n  an expression with spaces needs quotes\n",
    ),
    "a word behind =": (("=three",), "error: '=three' is not NAME=VALUE\n"),
    "nothing on both sides": (("=",), "error: '=' is not NAME=VALUE\n"),
}


@pytest.mark.parametrize("command", ["eval", "grad", "jacobian", "trace", "check"])
@pytest.mark.parametrize("name", WORDS)
def test_words_that_are_no_binding(adcli, name: str, command: str) -> None:  # type: ignore[no-untyped-def]
    words, said = WORDS[name]
    ran = adcli(command, F, *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == said


@pytest.mark.parametrize("name", WORDS)
def test_of_tables_too(adcli, name: str) -> None:  # type: ignore[no-untyped-def]
    words, said = WORDS[name]
    ran = adcli("batch", F, "no_such_table.csv", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == said


@pytest.mark.parametrize("value", ["3", "-3", "+3", ".5", "-2.5e-3", "1."])
def test_what_the_hint_says_is_right(adcli, value: str) -> None:  # type: ignore[no-untyped-def]
    ran = adcli("eval", "f(x) = x", f"x={value}", "--format", "csv")
    assert (ran.code, ran.err) == (0, "")
    assert float(ran.rows[0]["f"]) == float(value)


@pytest.mark.parametrize("source", ["-x + 1", "-3 + x", "-x"])
def test_programs_that_begin_like_options(adcli, source: str) -> None:  # type: ignore[no-untyped-def]
    ran = adcli("eval", source, "x=2", "--format", "csv")
    assert (ran.code, ran.err) == (0, "")
    assert float(ran.rows[0]["f"]) == eval(source, {"x": 2})
