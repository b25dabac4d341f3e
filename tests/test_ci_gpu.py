"""`ci/gpu` without a GPU: what it keeps of its parts, and that every kind of command runs."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

CI = Path(__file__).parent.parent / "ci"


@pytest.fixture(scope="module", autouse=True)
def ci_is_on_the_path():
    sys.path.insert(0, str(CI))
    yield
    sys.path.remove(str(CI))


@pytest.fixture
def results(tmp_path, monkeypatch):
    import parts

    monkeypatch.setattr(parts, "GRACE", 0.5)
    return parts.Results(tmp_path / "found" / "now.json", {"machine": "this one"})


def part(name, *programs, seconds=30.0):
    import parts

    return parts.Part(name, seconds, [parts.python("-c", program) for program in programs])


def read(results):
    return json.loads(results.file.read_text())


LEAVES = "import json; json.dump({'answer': 42}, open('{folder}/found.json', 'w'))"
FAILS = "import sys; print('why it fails'); sys.exit(7)"
SLEEPS = "import time; print('it began'); time.sleep(60)"


class TestResults:
    def test_what_is_kept_of_a_command(self, results):
        results.run(part("first", LEAVES + "; print('hello')"))
        found = read(results)
        assert found["machine"] == "this one"
        (first,) = found["parts"]
        assert set(first) == {"name", "state", "budget", "seconds", "environment", "commands"}
        assert (first["name"], first["state"], first["budget"]) == ("first", "passed", 30.0)
        (command,) = first["commands"]
        assert set(command) == {"command", "state", "exit", "seconds", "found", "printed"}
        assert command["found"] == {"answer": 42}
        assert command["printed"] == ["hello"]
        assert results.exit_code == 0

    def test_a_part_that_fails_stops_no_other(self, results):
        results.run(part("first", FAILS, LEAVES))
        results.run(part("second", LEAVES))
        first, second = read(results)["parts"]
        assert (first["state"], second["state"]) == ("failed", "passed")
        assert [one["state"] for one in first["commands"]] == ["failed", "passed"]
        assert first["commands"][0]["exit"] == 7
        assert first["commands"][0]["printed"] == ["why it fails"]
        assert results.exit_code == 1

    def test_a_part_beyond_its_budget_is_stopped(self, results):
        began = time.perf_counter()
        results.run(part("first", SLEEPS, LEAVES, seconds=3.0))
        assert time.perf_counter() - began < 30.0
        results.run(part("second", LEAVES))
        first, second = read(results)["parts"]
        assert [one["state"] for one in first["commands"]] == ["stopped", "not reached"]
        assert first["commands"][0]["printed"][0] == "it began"
        assert (first["state"], second["state"]) == ("stopped", "passed")
        assert results.exit_code == 3  # nothing failed, and not everything was seen

    def test_who_is_stopped_can_still_leave_what_was_found(self, results):
        program = f"{LEAVES}\nimport time\nprint('left')\ntime.sleep(60)"
        results.run(part("first", program, seconds=4.0))
        assert read(results)["parts"][0]["commands"][0]["found"] == {"answer": 42}

    def test_who_does_not_listen_is_stopped_with_all_it_started(self, results, tmp_path):
        alive = tmp_path / "alive"
        child = f"import time\nwhile True: open({str(alive)!r}, 'a').write('.'); time.sleep(0.05)"
        program = (
            "import signal, subprocess, sys, time; "
            "signal.signal(signal.SIGINT, signal.SIG_IGN); "
            f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
        )
        results.run(part("first", program, seconds=4.0))
        assert results.parts[0]["state"] == "stopped"
        seen = alive.stat().st_size
        time.sleep(0.3)
        assert seen > 0
        assert alive.stat().st_size == seen

    def test_a_reader_finds_all_that_is_known_at_any_time(self, results, tmp_path):
        copy = tmp_path / "copy.json"
        program = f"import shutil; shutil.copy({str(results.file)!r}, {str(copy)!r})"
        results.run(part("first", LEAVES, program))
        commands = json.loads(copy.read_text())["parts"][0]["commands"]
        assert [one["state"] for one in commands] == ["passed", "running"]

    def test_summary(self, results):
        results.run(part("first", LEAVES))
        results.run(part("second", FAILS))
        results.parts[0]["commands"][0]["tests"] = {"passed": 12, "failed": 0, "skipped": 3}
        results.parts[1]["commands"][0]["tests failed"] = {"test_it.py::test_that": "why"}
        header, first, second, *notes = results.summary().splitlines()
        assert header.split() == ["part", "state", "seconds", "of", "tests", "passed", "failed",
                                  "skipped"]  # fmt: skip
        name, state, seconds, budget, *counts = first.split()
        assert (name, state, budget, counts) == ("first", "passed", "30", ["12", "0", "3"])
        assert seconds == f"{results.parts[0]['seconds']:.1f}"
        assert second.split()[:2] == ["second", "failed"]
        assert notes[0].startswith("second: failed: ")
        assert notes[1].strip() == "test_it.py::test_that"


def test_outcomes_of_tests_are_known_one_by_one(results, tmp_path, monkeypatch):
    import parts

    file = tmp_path / "test_mine.py"
    file.write_text(
        "import os, signal, pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2\n"
        "@pytest.mark.skip\n"
        "def test_left_out(): pass\n"
        "def test_lost(): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CI), os.environ.get("PYTHONPATH", "")]))
    command = parts.python("-m", "pytest", "-q", "-p", "outcomes", "-p", "no:cacheprovider",
                           "--rootdir", str(tmp_path), str(file))  # fmt: skip
    results.run(parts.Part("tests", 60, [command]))
    (one,) = read(results)["parts"][0]["commands"]
    assert one["tests"] == {"passed": 1, "failed": 1, "skipped": 1}
    ((name, why),) = one["tests failed"].items()
    assert name.endswith("test_mine.py::test_bad")
    assert "assert 1 == 2" in why
    assert one["state"] == "failed"


def script():
    loader = SourceFileLoader("ci_gpu", str(CI / "gpu"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("ci_gpu", loader))
    loader.exec_module(module)
    return module


def test_all_parts_fit_into_eight_minutes():
    gpu = script()
    found = gpu.parts(gpu.ON_A_GPU)
    assert sum(part.seconds for part in found) + gpu.PROBING <= 8 * 60
    assert [part.name for part in found] == [part.name for part in gpu.in_small(gpu.REHEARSED)]


def test_what_is_measured_is_known():
    from benchmarks.tasks import TASKS

    assert set(script().NETS) <= set(TASKS)


@pytest.mark.parametrize("name", ["examples", "suite"])
def test_the_files_of_commands_are_there(name):
    (part,) = (part for part in script().parts(["cupy"]) if part.name == name)
    files = [word for command in part.commands for word in command if word.endswith(".py")]
    assert all((CI.parent / file).exists() for file in files)
    assert len(files) == {"examples": len(list((CI.parent / "examples").glob("*.py"))),
                          "suite": 0}[name]  # fmt: skip


def test_unknown_parts():
    done = subprocess.run([sys.executable, CI / "gpu", "parsity"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown parts parsity; there are probe, parity, suite, " in done.stderr


def test_a_folder_without_wheels(tmp_path):
    done = subprocess.run([sys.executable, CI / "gpu", "--wheels", tmp_path], capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 2
    assert f"--wheels {tmp_path}: there are none" in done.stderr


def test_wheels_are_used_for_one_run_alone(tmp_path, monkeypatch):
    ran, site = [], str(tmp_path / "site")
    gpu = script()
    monkeypatch.setattr(gpu.subprocess, "run", lambda command, **_: ran.append(command))
    gpu.install([Path("a.whl"), Path("b.whl")], site)
    (command,) = ran
    assert command[-4:] == ["--target", site, "a.whl", "b.whl"]
    assert {"--no-index", "--no-deps"} <= set(command)
    monkeypatch.setenv("PYTHONPATH", "mine")
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in gpu.machine.gpu_environment(tf32=False):
        monkeypatch.setenv(name, "as it was")
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    gpu.prepare_environment(site)
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [site, str(CI.parent), str(CI), "mine"]
    assert os.environ["CUPY_TF32"] == "0"


def test_rehearsal(tmp_path):
    pytest.importorskip("typer")
    pytest.importorskip("array_api_strict")
    from benchmarks import table

    chosen = ["parity", "suite", "train", "float32"]
    done = subprocess.run(
        [sys.executable, CI / "gpu", "--rehearse", "--out", tmp_path, *chosen],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("*-gpu.json")
    found = json.loads(file.read_text())
    assert set(found) == {
        "date", "processor", "cores", "memory_GiB", "system", "python", "rehearsal", "commit",
        "gpus", "installed", "parts",
    }  # fmt: skip
    assert found["rehearsal"]
    assert "numpy" in found["installed"]
    parts = {part["name"]: part["commands"][0] for part in found["parts"]}
    assert list(parts) == ["probe", *chosen]
    assert all(part["state"] == "passed" for part in found["parts"])
    assert parts["probe"]["found"]["backends"]["array_api_strict"]["products"] == "float32"
    assert parts["parity"]["found"]["holds"]
    assert parts["suite"]["tests"]["passed"] > 0
    (measured,) = table.runs(found)
    assert measured["results"][0]["contenders"]
    assert "**agnostic_nn array_api_strict**" in table.markdown(measured)
    assert all(name in done.stdout for name in ("probe", *chosen, str(file)))
