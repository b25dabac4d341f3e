"""`agnostic-nn bench`: that it runs and what it advises; how fast anything is decides nothing."""

import pytest

pytest.importorskip("typer")

from agnostic_nn.cli import main
from agnostic_nn.cli.bench import recommendation


def bench(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_:
        main(["bench", *arguments])
    streams = capsys.readouterr()
    return exit_.value.code, streams.out, streams.err


def test_a_quick_run_shows_every_net_and_advises(capsys):
    code, out, _ = bench(capsys, "--quick", "--backends", "numpy,array_api_strict")
    assert code == 0
    for words in ("30-64-64-2", "784-512-512-10", "examples/s", "array_api_strict", "Use backend"):
        assert words in out


def test_an_unknown_backend_is_an_error_of_one_line(capsys):
    code, _, error = bench(capsys, "--quick", "--backends", "nunpy")
    assert code == 2
    assert error.startswith("agnostic-nn: error: ")
    assert error.count("\n") == 1
    assert "'nunpy'" in error


def test_the_fastest_is_recommended():
    steps = {
        "small": {"numpy": 1.0, "torch": 4.0, "jax": 2.0},
        "large": {"numpy": 3.0, "torch": 4.0, "jax": 1.5},
    }
    assert recommendation(steps) == [
        'Use backend "numpy" for nets like small: 2.0 times as fast as the next.',
        'Use backend "jax" for nets like large: 2.0 times as fast as numpy.',
    ]


def test_numpy_is_recommended_where_it_is_about_as_fast():
    found = recommendation({"small": {"numpy": 1.05, "jax": 1.0}})
    assert found == ['Use backend "numpy" for nets like small: no other is clearly faster.']


def test_one_backend_needs_no_comparison():
    assert recommendation({"small": {"numpy": 1.0}}) == ['"numpy" is the only backend here.']


def test_without_numpy_the_next_is_compared_with():
    found = recommendation({"a": {"torch": 2.0, "jax": 1.0}, "b": {"torch": 3.0, "jax": 1.0}})
    assert found == [
        'Use backend "jax" for nets like a and b: 2.0 to 3.0 times as fast as the next.'
    ]
