"""`agnostic-nn bench`: that it runs and what it advises; how fast anything is decides nothing."""

import json
import os

import pytest

pytest.importorskip("typer")

from agnostic_nn.cli import main
from agnostic_nn.cli.bench import Times, busy_line, recommendation


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
    assert "half of them" in out


def test_the_spread_is_in_what_a_program_reads(capsys):
    code, out, _ = bench(capsys, "--quick", "--backends", "numpy", "--json")
    assert code == 0
    found = json.loads(out)
    assert [row["backend"] for row in found["steps"]] == ["numpy"] * 3
    for row in found["steps"]:
        assert 0.0 < row["seconds"]["low"] <= row["seconds"]["middle"] <= row["seconds"]["high"]
    assert found["advice"] == ['"numpy" is the only backend here.']


def test_a_busy_machine_is_told(capsys, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (9.0, 9.0, 9.0), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    _, out, _ = bench(capsys, "--quick", "--backends", "numpy")
    assert "The machine was busy (load 4.5 for each core" in out


@pytest.mark.parametrize(
    ("load", "share", "busy"), [(0.1, 0.99, False), (1.0, 0.99, True), (0.1, 0.5, True)]
)
def test_when_a_machine_is_busy(load, share, busy):
    assert (busy_line(load, share) is not None) == busy


def test_half_of_the_times_are_between_the_quartiles():
    assert Times.of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == (2.0, 4.0, 6.0)
    assert Times.of([1.0]) == (1.0, 1.0, 1.0)


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
