"""Lines of `each` that nobody wrote: each is answered, by a value or by why there is none."""

from __future__ import annotations

import json
import random
import unicodedata

import pytest
from grammar_programs import any_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from targets import ACTIVE, point

from adcli.batch.programs import Answers, Common
from adcli.errors import AdcliError, Source
from adcli.graph.program import Program
from adcli.render.answers import JsonLines, Separated

TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
LIMIT = 300


def _point(text: str) -> dict[str, object]:
    """Where a program may be evaluated; nowhere if it is none."""
    try:
        return dict(point(Program(Source(text))))
    except AdcliError:
        return {}


def _try(chooser: random.Random) -> None:
    text = any_text(chooser)
    at = _point(text)
    common = Common({"x": 0.5, "y": -1.5}, max_operations=LIMIT)
    question = json.dumps({"source": text, "at": at})
    for line in (question, question[: chooser.randrange(len(question))], text):
        data = line.encode("utf-8", "surrogatepass")
        for one in data.split(b"\n"):
            answer = Answers(common).answer(7, one)
            if answer is None:
                assert not one.strip() or one.strip().startswith(b"#")
                continue
            found = answer.data()
            assert ("error" in found) != ("value" in found)
            written = JsonLines().line(found)
            assert written.endswith("\n")
            assert json.loads(written)["line"] == 7
            assert ACTIVE.isdisjoint(_categories(written[:-1]))
            Separated(",", {"x": ["df_dx"]}).line({**found, "gradient": {}})
    answer = Answers(common).answer(1, question.encode())
    if answer is None or answer.gradient is None:
        return
    program = Program(Source(text))
    known = {name: value for name, value in common.values.items() if name in program.inputs}
    values = program.run({**known, **at}, LIMIT).values()  # type: ignore[dict-item]
    assert repr(values[answer.gradient.result]) == repr(answer.gradient.value)


def _categories(text: str) -> set[str]:
    return {unicodedata.category(character) for character in set(text)}


@settings(max_examples=200, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_any_line(chooser: random.Random) -> None:
    _try(chooser)


@pytest.mark.thorough
@settings(max_examples=20_000, deadline=None, suppress_health_check=TOO_SLOW)
@given(st.randoms(use_true_random=False))
def test_many_lines(chooser: random.Random) -> None:
    _try(chooser)
