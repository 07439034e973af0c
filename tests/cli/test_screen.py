"""Tables on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest

from adcli.render import terminal
from adcli.render.terminal import Screen
from adcli.render.views import View


def shown(view: View, **options: object) -> str:
    stream = io.StringIO()
    screen = Screen(stream, None, color=False, ascii_only=bool(options.get("ascii_only")))
    screen.show([view], None)
    return stream.getvalue()


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_long_table_looks_like_a_short_one(
    monkeypatch: pytest.MonkeyPatch, ascii_only: bool
) -> None:
    view = View(
        ["name", "∂f/∂x", "words"],
        [["x₁", 1.5, "v̄₁ = 漢\nover two lines"], ["a longer name", -2e-300, ""], ["", 0.0, "z"]],
        "a title",
        ["a footer"],
    )
    short = shown(view, ascii_only=ascii_only)
    monkeypatch.setattr(terminal, "LONG", 0)
    assert shown(view, ascii_only=ascii_only) == short


def test_nothing_is_cut_short_in_a_pipe() -> None:
    view = View(["column"], [["word " * 10_000]])
    assert "word " * 9_999 in shown(view)
