"""Every command on programs that nobody wrote, right and wrong: it answers or says why not."""

from __future__ import annotations

import random

import pytest
from commands import arguments, check
from grammar_programs import any_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def _try(chooser: random.Random) -> None:
    text = any_text(chooser)
    check(arguments(text, chooser), text)


@settings(max_examples=400, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_any_command_on_any_text(chooser: random.Random) -> None:
    _try(chooser)


@pytest.mark.thorough
@settings(max_examples=20_000, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_any_command_on_many_texts(chooser: random.Random) -> None:
    _try(chooser)
