"""The benchmarks: what is measured survives whatever else goes wrong."""

import json
import os
import sys
from types import SimpleNamespace

import pytest

from agnostic_nn.backends import on_numba
from benchmarks import __main__ as benchmarks
from benchmarks import break_even, contenders, measure, report, tasks
from benchmarks.contenders import Contender

TASK = tasks.quick(tasks.TASKS["30-64-64-2"])


def contender(name, fails_at=None):
    """Someone who does nothing, and fails in its n-th run."""
    runs = []

    def run(_):
        runs.append(name)
        if len(runs) == fails_at:
            raise RuntimeError("out of order\nand more")
        return {"loss": 1.0}

    return Contender(name, "cpu", lambda *_: run)


@pytest.fixture
def three(monkeypatch):
    """Three contenders: one fails while it warms up, one in its second round."""
    those = [contender("steady"), contender("early", 1), contender("late", 4)]
    monkeypatch.setattr(measure, "contenders", lambda *_: those)
    monkeypatch.setattr(measure, "PAUSE", 0.0)


@pytest.mark.usefixtures("three")
def test_who_fails_is_left_out_and_the_others_go_on():
    turns = measure.Turns(TASK, ["numpy"], "", quick=True)
    for number in (1, 2, 3):
        turns.take(number)
    result = turns.result()
    assert [(one["name"], len(one["seconds"])) for one in result["contenders"]] == [("steady", 3)]
    assert result["left_out"] == dict.fromkeys(["early", "late"], "RuntimeError: out of order")


@pytest.mark.usefixtures("three")
def test_an_interrupted_task_keeps_the_rounds_that_were_whole(tmp_path, monkeypatch):
    out, take = tmp_path / "found.json", measure.Turns.take
    out.write_text(json.dumps({"results": []}))

    def interrupted(turns, number):
        if number == 2:
            raise KeyboardInterrupt
        take(turns, number)

    monkeypatch.setattr(measure.Turns, "take", interrupted)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.setattr(on_numba, "BUDGET", on_numba.BUDGET)
    wish = f"measure --tasks {TASK.name} --backends numpy --threads 1 --rounds 3 --quick --out"
    monkeypatch.setattr(sys, "argv", [*wish.split(), str(out)])
    with pytest.raises(KeyboardInterrupt):
        measure.main()
    (result,) = json.loads(out.read_text())["results"]
    assert [len(one["seconds"]) for one in result["contenders"]] == [1, 1]


def test_what_was_measured_before_it_ended_is_shown(tmp_path, monkeypatch, capsys):
    def ended(options, threads, chosen, rounds, out):
        del options, chosen, rounds
        found = json.loads(out.read_text())
        one = {"name": "steady", "device": "cpu", "median": 1.0, "minimum": 1.0, "cores": 1.0}
        one |= {"seconds": [1.0], "processor": 0.5}
        result = {
            "title": TASK.title,
            "kind": "train",
            "unit": "step",
            "contenders": [one],
            "left_out": {},
        }
        found["results"].append(result | {"threads": threads})
        out.write_text(json.dumps(found))
        return 1

    monkeypatch.setattr(benchmarks, "in_a_process", ended)
    out = tmp_path / "found.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--threads", "1,2", "--json", str(out)])
    with pytest.raises(SystemExit, match="ended early; what was measured by then stands above"):
        benchmarks.main()
    printed = capsys.readouterr().out
    assert "steady" in printed
    assert "1 thread, 1 round" in printed
    assert [result["threads"] for result in json.loads(out.read_text())["results"]] == [1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fit_is_compared_with_the_same_training(dtype):
    pytest.importorskip("sklearn")
    task = tasks.quick(tasks.TASKS[f"fit-30-64-64-2-{dtype}"])
    turns = measure.Turns(task, ["numpy"], "agnostic_nn", quick=True)
    turns.take(1)
    result = turns.result()
    fit, train = result["contenders"]
    assert report.beside_limit(result, fit) == fit["median"] / train["median"]
    assert report.beside_limit(result, train) is None
    assert fit["epochs"] == task.epochs
    assert fit["loss"] == pytest.approx(train["loss"], rel=0.2)  # from other weights, as many steps


@pytest.mark.parametrize(
    ("module", "line"), [("rich", "which shows the results"), ("matplotlib", "draws the picture")]
)
def test_packages_are_asked_for_before_anything_is_measured(monkeypatch, capsys, module, line):
    monkeypatch.setattr(report, "find_spec", lambda name: None if name == module else name)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--picture", "times.png"])
    with pytest.raises(SystemExit):
        benchmarks.main()
    assert line in capsys.readouterr().err


def test_peers_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda name: None if name == "optax" else name)
    assert list(contenders.missing_peers("scan,torch")) == [("JAX scan + optax", "optax")]
    assert list(contenders.missing_peers("torch")) == []


def test_where_compiling_has_paid():
    def runs(start, step):
        parts = dict.fromkeys(break_even.PARTS, start / 3) | {"step": step}
        return [parts, parts | {"step": 2.0 * step}]

    seen = {"numpy": runs(1.0, 3e-4), "cold": runs(3.0, 1e-4), "warm": runs(0.5, 1e-4)}
    assert break_even.break_even(seen, "cold", min) == pytest.approx(100 + 2.0 / 2e-4)
    assert break_even.break_even(seen, "cold", max) == pytest.approx(100 + 2.0 / 4e-4)
    assert break_even.break_even(seen, "warm", min) == 100  # it was ahead before
    seen["slow"] = runs(0.5, 5e-4)
    assert break_even.break_even(seen, "slow", min) == float("inf")


def test_a_first_result_in_a_process_of_its_own(tmp_path):
    options = SimpleNamespace(threads=1, processor=True)
    found = break_even.in_a_process(options, "30-64-64-2", "numpy", str(tmp_path))
    assert set(found) == {*break_even.PARTS, "step", "auto"}
    assert all(seconds > 0.0 for seconds in found.values())
