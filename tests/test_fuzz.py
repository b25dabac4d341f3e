"""A few thousand mutated model files; `fuzz_models.py` has them by the hundred thousand."""

import fuzz_models
import numpy as np
import pytest


def test_load():
    """Refused with one line that names the file, or loaded as it was; fast, in little memory."""
    contents, networks = fuzz_models.originals()
    outcomes, found = set(), []
    for number in range(2000):
        kind, of, content = fuzz_models.mutate(7, number, contents)
        outcome, wrong, *_ = fuzz_models.judge(kind, of, content, networks)
        outcomes.add((kind, outcome))
        if wrong:
            found.append((number, kind, wrong))
    assert not found
    assert ("flip_bits", "refused") in outcomes
    assert ("reformat", "loaded") in outcomes


def test_every_mutation_is_drawn():
    """The rare and costly ones are so seldom drawn that each has its turn here."""
    contents, networks = fuzz_models.originals()
    for mutation in fuzz_models.MUTATIONS:
        for number in range(4):
            content = mutation(np.random.default_rng(number), contents[0], contents)
            _, wrong, *_ = fuzz_models.judge(mutation.__name__, 0, content, networks)
            assert wrong is None, (mutation.__name__, number)


def test_predict():
    """`agnostic-nn predict`: exit code 2 and one line, or the predictions of the original."""
    pytest.importorskip("pandas")
    pytest.importorskip("typer")
    original = fuzz_models.predicted()
    assert original[2].count("\n") > 1
    found = []
    for number in range(200):
        kind, wrong = fuzz_models.judge_prediction(8, number, original)
        if wrong:
            found.append((number, kind, wrong))
    assert not found
