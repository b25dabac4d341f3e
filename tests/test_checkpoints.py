"""Training that is killed, interrupted or fails, and goes on to the very same end."""

import copy
import errno
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn import checkpoints, files, fingerprints, saving, training_files
from agnostic_nn.registered import from_json, to_json
from agnostic_nn.training import resume

pytest.importorskip("safetensors")

WIDTHS = [2, 8, 4, 1]
EPOCHS = 12
signals = pytest.mark.skipif(os.name == "nt", reason="signals")


class Crash(Exception):
    """What a callback of these tests raises."""


def crash_at(epoch):
    def callback(net, history):
        if net.training.epoch == epoch:
            raise Crash

    return callback


def network(backend="numpy", **options):
    options = {"dropout": 0.25, "l2": 0.01, "seed": 3, **options}
    return ann.Network(WIDTHS, "binary_cross_entropy", backend=backend, **options)


def same_bits(net, other):
    return (
        net.backend.to_numpy(net.theta).tobytes() == other.backend.to_numpy(other.theta).tobytes()
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


@pytest.fixture
def stopped(path, two_moons):
    """Train to the fifth epoch of twelve, and return what then lies on the disk."""

    def stopped(net=None, at=5, **options):
        with pytest.raises(Crash):
            ann.train(net or network(), *two_moons, **{"epochs": EPOCHS, **options},
                      checkpoint=path, callbacks=[crash_at(at)])  # fmt: skip
        return path

    return stopped


WRONG = [None, -1, 0, 0.5, 2**63, 10**400, "x", [[]], {}]


def places(content, place=()):
    """Where there is a value in a description."""
    if place:
        yield place
    if isinstance(content, (dict, list)):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield from places(content[key], (*place, key))


# Killed at any moment

WORKER = """
import json, os, sys
import agnostic_nn as ann
from agnostic_nn.training import resume
from agnostic_nn.backends import host

folder, run, checkpoint = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3] == "checkpoint"
random = host.generator(7)
X = random.standard_normal((60, 2))
Y = (X[:, :1] * X[:, 1:] > 0.0) * 1.0
path = folder + "/checkpoint.safetensors"
print("begun", flush=True)
if checkpoint and os.path.exists(path):
    net = resume(path, X, Y)
else:
    rate = ann.WarmUp(ann.Cosine(run.pop("rate")), 5)
    rule = ann.OPTIMIZERS[run.pop("optimizer")](rate)
    net = ann.Network([2, 12, 8, 1], "binary_cross_entropy", dropout=run.pop("dropout"), seed=3)
    where = {"checkpoint": path, "checkpoint_every": 1} if checkpoint else {}
    ann.train(net, X, Y, optimizer=rule, batch_size=16, **where, **run)
ann.save(net, folder + "/model.safetensors")
"""

RUNS = [
    {"optimizer": "adamw", "rate": 0.01, "dropout": 0.2, "epochs": 400, "validation": 0.2},
    {"optimizer": "nesterov", "rate": 0.1, "dropout": 0.0, "epochs": 1000, "validation": 0.3,
     "patience": 350, "clip_norm": 1.0, "tolerance": 1e-3},
    {"optimizer": "rmsprop", "rate": 0.01, "dropout": 0.1, "epochs": 400, "shuffle": False},
]  # fmt: skip


def start(folder, run, checkpoint="checkpoint"):
    folder.mkdir(exist_ok=True)
    arguments = [sys.executable, "-c", WORKER, str(folder), json.dumps(run), checkpoint]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"begun\n"
    return process


def model_of(folder, run, checkpoint="checkpoint"):
    """Let a process come to its end, and return the file it leaves."""
    process = start(folder, run, checkpoint)
    process.communicate(timeout=120)
    assert process.returncode == 0
    return (folder / "model.safetensors").read_bytes()


@signals
def test_killed_fifty_times_and_the_same_file_at_the_end(tmp_path):
    moments = random.Random(0)
    undisturbed = [model_of(tmp_path / f"whole{i}", run, "none") for i, run in enumerate(RUNS)]
    assert len(set(undisturbed)) == len(RUNS)
    kills = attempt = epochs_kept = 0
    while kills < 50:
        which = attempt % len(RUNS)
        folder = tmp_path / f"killed{attempt}"
        attempt += 1
        for _ in range(moments.randint(4, 12)):
            process = start(folder, RUNS[which])
            time.sleep(moments.uniform(0.0, 0.25))
            process.kill()
            process.communicate(timeout=120)
            if process.returncode == 0:
                break  # it was done before
            assert process.returncode == -signal.SIGKILL
            kills += 1
            if (folder / "checkpoint.safetensors").exists():
                ann.load(folder / "checkpoint.safetensors")  # whole, at every moment
                stands = saving.describe(folder / "checkpoint.safetensors")["training"]
                assert stands["epoch"] >= epochs_kept
                epochs_kept = stands["epoch"]
        assert model_of(folder, RUNS[which]) == undisturbed[which]
        assert sorted(file.name for file in folder.iterdir()) == [
            "checkpoint.safetensors",
            "model.safetensors",
        ]
        epochs_kept = 0


# The same bits, whatever is trained and wherever


@pytest.mark.parametrize("at", [1, 5, 11])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"validation": 0.25, "patience": 3},
        {"optimizer": "sgd", "clip_norm": 0.1, "shuffle": False, "batch_size": 7},
        {"optimizer": ann.Nesterov(ann.ReduceOnPlateau(0.5, patience=1), momentum=0.8)},
        {
            "optimizer": ann.Adam(ann.CosLog(0.1), weight_decay=ann.FlatCosine(0.1)),
            "patience": 12,
            "validation": 0.25,
            "watch": "score",
            "among_equals": "last",
            "drop_last": True,
        },
        {"optimizer": ann.AdamW(ann.WarmUp(ann.OneCycle(0.01, peak=0.1), 2), weight_decay=0.1)},
    ],
    ids=str,
)
def test_goes_on_to_the_same_bits(path, stopped, two_moons, options, at):
    whole = network()
    history = ann.train(whole, *two_moons, epochs=EPOCHS, **options)
    if at > len(history["epoch"]):
        pytest.skip("training stops before")
    net = resume(stopped(at=at, **options), *two_moons)
    assert same_bits(net, whole)
    for name, values in history.items():
        if name != "seconds":
            assert net.training.history[name] == values, name
            assert [type(value) for value in net.training.history[name]] == list(map(type, values))
    assert len(net.training.history["seconds"]) == len(history["seconds"])
    # and further on, as if it had been one process
    for each in (whole, net):
        ann.train(each, *two_moons, epochs=2)
    assert same_bits(net, whole)


def test_every_backend_goes_on_to_the_same_bits(backend, stopped, two_moons):
    X, Y = two_moons
    make = {"backend": backend.backend, "dtype": backend.dtype}
    whole = network(**make)
    ann.train(whole, X, Y, epochs=EPOCHS, validation=0.2)
    net = resume(stopped(network(**make), validation=0.2), X, Y)
    assert net.backend is whole.backend
    assert net.dtype == whole.dtype
    assert same_bits(net, whole)


def test_goes_on_on_another_backend(backend, stopped, two_moons):
    whole = network(dtype="float32")
    ann.train(whole, *two_moons, epochs=EPOCHS)
    net = resume(stopped(network(dtype="float32")), *two_moons, backend=backend.backend)
    assert net.backend is backend.backend
    got = net.backend.to_numpy(net.theta)
    np.testing.assert_allclose(got, whole.theta, rtol=0.0, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_types(stopped, two_moons, dtype):
    library = "numpy" if dtype == "float16" else "torch"
    pytest.importorskip(library)
    options = {"optimizer": "nesterov"}  # Adam's epsilon is 0 in float16
    whole = network(library, dtype=dtype)
    ann.train(whole, *two_moons, epochs=EPOCHS, **options)
    net = resume(stopped(network(library, dtype=dtype), **options), *two_moons)
    assert net.dtype == whole.dtype
    numpy = ann.get_backend("numpy")
    bits = [numpy.asarray(each.theta.tolist(), np.float64) for each in (net, whole)]
    np.testing.assert_array_equal(*bits)


def test_what_an_optimizer_remembers_may_be_infinite(path, stopped, two_moons):
    """As a squared gradient is in float16, while the cost goes down."""
    net = network(dropout=0.0)
    ann.train(net, *two_moons, epochs=1)
    net.training.state[1][...] = np.inf
    net = resume(stopped(net, optimizer=None, epochs=EPOCHS), *two_moons)
    assert np.isinf(net.training.state[1]).all()
    assert len(net.training.history["epoch"]) == 1 + EPOCHS


def test_other_data_to_watch_and_weights(path, two_moons):
    X, Y = two_moons
    options = {"sample_weight": np.arange(1.0, 31.0), "validation": (X[30:], Y[30:])}
    whole = network()
    ann.train(whole, X[:30], Y[:30], epochs=EPOCHS, patience=2, **options)
    with pytest.raises(Crash):
        ann.train(network(), X[:30], Y[:30], epochs=EPOCHS, patience=2, **options,
                  checkpoint=path, callbacks=[crash_at(3)])  # fmt: skip
    assert same_bits(resume(path, X[:30], Y[:30], **options), whole)
    weights = {"sample_weight": options["sample_weight"]}
    with pytest.raises(ann.InvalidArgument, match=r"^validation's X was there when .* not there n"):
        resume(path, X[:30], Y[:30], **weights)
    with pytest.raises(ann.InvalidArgument, match=r"^validation's Y has other values"):
        resume(path, X[:30], Y[:30], validation=(X[30:], 1.0 - Y[30:]), **weights)
    with pytest.raises(
        ann.InvalidArgument, match=r"^sample_weight was there when .* not there now"
    ):
        resume(path, X[:30], Y[:30], validation=options["validation"])
    with pytest.raises(ann.InvalidArgument, match="fraction is in the checkpoint"):
        resume(path, X[:30], Y[:30], validation=0.2)


def test_training_that_has_ended_is_not_trained_again(path, two_moons):
    whole = network()
    ann.train(whole, *two_moons, epochs=EPOCHS, checkpoint=path)
    before = path.read_bytes()
    net = resume(path, *two_moons, callbacks=[crash_at(1)])
    assert same_bits(net, whole)
    assert path.read_bytes() == before
    ann.train(net, *two_moons, epochs=2, checkpoint=path)  # nothing is lost by replacing it
    assert saving.describe(path)["training"]["epoch"] == EPOCHS + 2


def test_a_callback_that_stops_ends_training(path, two_moons):
    net = network()
    ann.train(net, *two_moons, epochs=EPOCHS, checkpoint=path,
              callbacks=[lambda net, _: net.training.epoch == 4])  # fmt: skip
    again = resume(path, *two_moons)
    assert again.training.epoch == 4
    assert same_bits(again, net)


def test_a_checkpoint_is_a_model_file_too(stopped, two_moons):
    net = network()
    ann.train(net, *two_moons, epochs=EPOCHS, callbacks=[lambda n, _: n.training.epoch == 5])
    assert same_bits(ann.load(stopped()), net)


def test_without_a_checkpoint_nothing_is_written(tmp_path, monkeypatch, two_moons):
    monkeypatch.chdir(tmp_path)
    ann.train(network(), *two_moons, epochs=2)
    assert list(tmp_path.iterdir()) == []


# How often


def test_every_so_many_epochs(path, monkeypatch, two_moons):
    written, really_replace = [], files.replace

    def replace(path, content):
        really_replace(path, content)
        written.append(saving.describe(path)["training"]["epoch"])

    monkeypatch.setattr(files, "replace", replace)
    ann.train(network(), *two_moons, epochs=8, checkpoint=path, checkpoint_every=3)
    assert written == [0, 3, 6, 8]


def test_left_out_it_takes_a_twentieth_of_the_time(path, monkeypatch, two_moons):
    now, written = [0.0], []

    def replace(path, content):
        now[0] += 1.0
        written.append(now[0])

    @dataclass
    class Clock:
        @staticmethod
        def perf_counter():
            return now[0]

    def epoch(net, history):
        now[0] += 1.0

    monkeypatch.setattr(checkpoints, "time", Clock)
    monkeypatch.setattr(files, "replace", replace)
    ann.train(network(), *two_moons, epochs=65, checkpoint=path, callbacks=[epoch])
    assert written == [1.0, 22.0, 43.0, 64.0, 70.0]  # the last one is the end


# Stopped by what happens on the way


def test_a_callback_that_raises_loses_nothing(path, two_moons):
    whole = network()
    ann.train(whole, *two_moons, epochs=EPOCHS)
    net = network()
    with pytest.raises(Crash):
        ann.train(net, *two_moons, epochs=EPOCHS, callbacks=[crash_at(5)])
    assert net.training.epoch == len(net.training.history["cost"]) == 5
    ann.train(net, *two_moons, epochs=EPOCHS - 5)
    assert same_bits(net, whole)
    with pytest.raises(Crash):  # and the checkpoint is that of its epoch
        ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path, checkpoint_every=100,
                  callbacks=[crash_at(5)])  # fmt: skip
    assert saving.describe(path)["training"]["epoch"] == 5


def full_after(monkeypatch, writes):
    """Let the disk be full after so many files."""
    left, sync = [writes], os.fsync

    def fsync(handle):
        if Path(f"/proc/self/fd/{handle}").is_file():  # and not a folder
            left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_a_full_disk_stops_training_and_the_last_checkpoint_stays(path, monkeypatch, two_moons):
    whole = network()
    ann.train(whole, *two_moons, epochs=EPOCHS)
    net = network()
    with monkeypatch.context() as patch:
        full_after(patch, 3)
        with pytest.raises(
            ann.InvalidArgument,
            match=r"^checkpoint='.*checkpoint.safetensors': No space left on device\. Training "
            r"stopped after epoch 6; the checkpoint of epoch 4 is whole: training goes on from "
            r"there once the file can be written\.$",
        ):
            ann.train(net, *two_moons, epochs=EPOCHS, checkpoint=path, checkpoint_every=2)
    assert list(path.parent.iterdir()) == [path]
    assert saving.describe(path)["training"]["epoch"] == 4
    assert net.training.epoch == 6  # and what this process has learned is still there
    with monkeypatch.context() as patch:
        full_after(patch, 0)
        with pytest.raises(
            ann.InvalidArgument, match=r"after epoch 6; the checkpoint of epoch 4 is whole"
        ):
            resume(path, *two_moons)
    assert same_bits(resume(path, *two_moons), whole)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_a_disk_that_is_full_from_the_start(path, monkeypatch, two_moons):
    net = network()
    before = net.theta.copy()
    full_after(monkeypatch, 0)
    with pytest.raises(ann.InvalidArgument, match=r"on device\. Training has not begun\.$"):
        ann.train(net, *two_moons, epochs=EPOCHS, checkpoint=path)
    assert list(path.parent.iterdir()) == []
    assert np.array_equal(net.theta, before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_a_disk_that_is_full_after_the_first_epoch(path, monkeypatch, two_moons):
    full_after(monkeypatch, 1)
    with pytest.raises(
        ann.InvalidArgument, match=r"after epoch 1; no epoch has been kept: training can begin anew"
    ):
        ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path, checkpoint_every=1)


@pytest.mark.parametrize("gone", ["folder", "file", "content"])
def test_what_is_said_to_be_kept_is_what_is_there(tmp_path, two_moons, monkeypatch, gone):
    path = tmp_path / "run" / "checkpoint.safetensors"
    path.parent.mkdir()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def loses(net, history):
        if net.training.epoch == 3:
            assert saving.describe(path)["training"]["epoch"] == 2
            monkeypatch.setattr(os, "fsync", full)
            if gone == "content":
                path.write_bytes(path.read_bytes()[:-1] + b"?")
            if gone == "file":
                path.unlink()
            if gone == "folder":
                shutil.rmtree(path.parent)

    reason = "No such file or directory" if gone == "folder" else "No space left on device"
    with pytest.raises(
        ann.InvalidArgument,
        match=rf"{reason}\. Training stopped after epoch 4; no epoch has been kept: training can",
    ):
        ann.train(network(), *two_moons, epochs=6, checkpoint=path, checkpoint_every=2,
                  callbacks=[loses])  # fmt: skip


def test_what_a_killed_writer_left_is_cleared_away_and_nothing_else(path, stopped, two_moons):
    stopped()
    theirs = [
        f".{path.name}.original",
        f".{path.name}.0123abcd",
        ".another",
        f"{path.name}.ann-part",
    ]
    for name in (*theirs, f".{path.name}.ann-part", f".{path.name}.ann-lock"):
        (path.parent / name).write_bytes(b"half a file")
    resume(path, *two_moons)
    assert {file.name for file in path.parent.iterdir()} == {*theirs, path.name}
    for name in (f".{path.name}.ann-part", f".{path.name}.ann-lock"):
        (path.parent / name).write_bytes(b"")
    resume(path, *two_moons)  # which has ended
    assert {file.name for file in path.parent.iterdir()} == {*theirs, path.name}


def test_a_run_that_is_killed_before_its_first_epoch_can_go_on(path, two_moons, monkeypatch):
    whole = network()
    ann.train(whole, *two_moons, epochs=EPOCHS)
    with monkeypatch.context() as patch:
        patch.setattr(ann.get_backend("numpy"), "epoch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path)
    kept = path.read_bytes()
    assert same_bits(resume(path, *two_moons), whole)
    path.write_bytes(kept)  # and it can begin anew: nothing is lost
    net = network()
    ann.train(net, *two_moons, epochs=EPOCHS, checkpoint=path)
    assert same_bits(net, whole)


def test_two_runs_on_one_checkpoint(path, stopped, two_moons):
    words = "checkpoint.safetensors' is being written by another run: wait for its end, or choose"

    def another(net, history):
        for second in (
            lambda: ann.train(network(), *two_moons, epochs=1, checkpoint=path),
            lambda: resume(path, *two_moons),
        ):
            with pytest.raises(ann.InvalidArgument, match=words):
                second()
        if net.training.epoch == 7:
            raise Crash

    with pytest.raises(Crash):
        ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path, callbacks=[another])
    with pytest.raises(Crash):
        resume(path, *two_moons, callbacks=[another, crash_at(8)])
    assert resume(path, *two_moons).training.epoch == EPOCHS


def test_two_processes_on_one_checkpoint(tmp_path, two_moons):
    """The lock of one that was killed is nobody's."""
    process = start(tmp_path, {**RUNS[0], "epochs": 10**6})
    path = tmp_path / "checkpoint.safetensors"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(ann.InvalidArgument, match="is being written by another run"):
        resume(path, *two_moons)
    process.kill()
    process.communicate(timeout=60)
    with pytest.raises(ann.InvalidArgument, match="X has shape"):
        resume(path, *two_moons)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(path, stopped, two_moons):
    stopped()
    path.parent.chmod(0o555)
    try:
        with pytest.raises(ann.InvalidArgument, match="wanted a file in a folder that can be wri"):
            resume(path, *two_moons)
    finally:
        path.parent.chmod(0o755)
    ended = resume(path, *two_moons)
    path.parent.chmod(0o555)
    try:
        assert same_bits(resume(path, *two_moons), ended)
    finally:
        path.parent.chmod(0o755)


class TestNotFinite:
    X, Y = [[30.0], [-30.0]], [1.0, -1.0]

    def diverge(self, rate, **options):
        net = ann.Network([1, 1], "squared_error", initializer="zeros")
        with np.errstate(all="ignore"), pytest.warns(ann.TrainingWarning) as caught:
            ann.train(net, self.X, self.Y, epochs=60, optimizer=ann.Momentum(rate), **options)
        return net, str(caught[0].message)

    def test_says_where_and_what_to_try(self):
        net, message = self.diverge(1.0)
        epoch = net.training.epoch
        assert message == (
            f"the cost is not finite after epoch {epoch}: training stopped at a learning rate of "
            "1, the parameters are those of epoch 1. A smaller learning rate, clip_norm or "
            "standardized features may help."
        )

    def test_the_last_step_may_break_what_the_cost_does_not_show(self):
        """An infinite theta after an epoch of finite cost is not the best one."""
        _, message = self.diverge(1e38)
        assert "after epoch 1: " in message
        assert "not worth keeping" in message

    def test_training_can_go_on_with_a_smaller_rate(self):
        net, _ = self.diverge(1.0)
        assert all(np.isfinite(slot).all() for slot in net.training.state)
        ann.train(net, self.X, self.Y, epochs=5, optimizer=ann.Momentum(1e-6))
        assert np.isfinite(net.training.history["cost"][-1])

    def test_where_nothing_came_of_it_no_checkpoint_is_left(self, path):
        self.diverge(1e38, checkpoint=path)
        assert list(path.parent.iterdir()) == []

    def test_the_checkpoint_holds_the_best(self, path):
        net, _ = self.diverge(1.0, checkpoint=path)
        again = resume(path, self.X, self.Y)
        assert same_bits(again, net)
        assert again.training.epoch == net.training.epoch

    def test_narrow_types_are_named(self):
        net = ann.Network([1, 1], "squared_error", initializer="zeros", dtype="float16")
        with np.errstate(all="ignore"), pytest.warns(ann.TrainingWarning, match="dtype='float32'"):
            ann.train(net, self.X, self.Y, epochs=60, optimizer="sgd")


def test_data_that_do_not_fit_the_memory(monkeypatch, two_moons):
    def check_data(*_):
        raise MemoryError

    monkeypatch.setattr(ann.Network, "check_data", check_data)
    with pytest.raises(ann.OutOfMemory, match=r"^the data needs about 0\.0 GiB beside .* CPU has"):
        ann.train(network(), *two_moons, epochs=1)


# Ctrl-C


@signals
def test_ctrl_c_waits_for_the_end_of_the_epoch(path, two_moons):
    def interrupt(net, history):
        if net.training.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    whole = network()
    ann.train(whole, *two_moons, epochs=EPOCHS)
    with pytest.raises(KeyboardInterrupt):
        ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path, checkpoint_every=100,
                  callbacks=[interrupt])  # fmt: skip
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert saving.describe(path)["training"]["epoch"] == 3
    assert same_bits(resume(path, *two_moons), whole)


@signals
def test_ctrl_c_in_the_last_epoch_still_counts(path, two_moons):
    def interrupt(net, history):
        if net.training.epoch == EPOCHS:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path, callbacks=[interrupt])
    assert resume(path, *two_moons).training.epoch == EPOCHS


@signals
def test_a_second_ctrl_c_does_not_wait(path, two_moons):
    reached = []

    def interrupt(net, history):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        reached.append(net)

    with pytest.raises(KeyboardInterrupt):
        ann.train(network(), *two_moons, epochs=EPOCHS, checkpoint=path, callbacks=[interrupt])
    assert reached == []


@signals
def test_a_handler_of_the_users_own_stays(path, two_moons):
    calls = []
    before = signal.signal(signal.SIGINT, lambda *_: calls.append(1))
    try:
        ann.train(network(), *two_moons, epochs=2, checkpoint=path,
                  callbacks=[lambda *_: os.kill(os.getpid(), signal.SIGINT)])  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [1, 1]


# The command line


@pytest.fixture
def command():
    """Start a command; whatever still runs at the end of the test is stopped."""
    processes = []

    def command(*arguments, **options):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-u", "-m", "agnostic_nn.cli", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                **options,
            )
        )
        return processes[-1]

    yield command
    for process in processes:
        process.kill()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    pytest.importorskip("typer")
    pandas = pytest.importorskip("pandas")
    folder = tmp_path_factory.mktemp("table")
    numbers = np.random.default_rng(0)
    frame = pandas.DataFrame(numbers.standard_normal((200, 3)), columns=["a", "b", "c"])
    frame["kind"] = np.where(frame["a"] * frame["b"] > 0.0, "same", "other")
    frame.to_csv(folder / "points.csv", index=False)
    return folder / "points.csv"


TRAIN = [
    "--target",
    "kind",
    "--epochs",
    600,
    "--hidden",
    8,
    "--optimizer",
    "adam",
    "--backend",
    "numpy",
]


def without_epochs(error):
    """What was said beside how far training is, which is said now and then."""
    return [line for line in error.splitlines() if not line.startswith("epoch ")]


@signals
@pytest.mark.parametrize("by", ["SIGINT", "SIGKILL"])
def test_a_run_goes_on_to_the_same_model(command, table, tmp_path, has_learned, by):
    whole = command("train", table, *TRAIN, "--out", tmp_path / "whole", "--checkpoint-every", 0)
    process = command(
        "train", table.name, *TRAIN, "--out", tmp_path / "run", "--checkpoint-every", 5,
        cwd=table.parent,
    )  # fmt: skip
    has_learned(process, tmp_path / "run" / "checkpoint.safetensors")
    process.send_signal(getattr(signal, by))
    out, error = process.communicate(timeout=60)
    assert sorted(file.name for file in (tmp_path / "run").glob("[a-z]*")) == [
        "checkpoint.safetensors",
        "settings.json",
    ]
    if by == "SIGINT":
        assert process.returncode == 130
        assert without_epochs(error) == ["agnostic-nn: error: interrupted."]
        last = out.splitlines()[-1]
        assert last.endswith(f"Go on with: agnostic-nn resume {tmp_path / 'run'}")
    process = command("resume", tmp_path / "run")
    out, error = process.communicate(timeout=60)
    assert (process.returncode, without_epochs(error)) == (0, [])
    assert "training: goes on after epoch " in out
    assert "of 600\n" in out
    whole.communicate(timeout=60)
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert models[0] == models[1]
    files = [sorted(file.name for file in (tmp_path / name).iterdir()) for name in ("whole", "run")]
    assert files[0] == files[1]
    process = command("resume", tmp_path / "run")
    assert "It is done." in process.communicate(timeout=60)[1]
    assert process.returncode == 2


def test_what_the_command_refuses(table, tmp_path, stopped, capsys):
    from agnostic_nn.cli import main

    def fails(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        assert exit_.value.code == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    assert "holds no checkpoint.safetensors and settings.json" in fails("resume", tmp_path / "no")
    path = stopped()
    for settings in ("[1]", "{", '{"strange": 1}'):
        (tmp_path / "settings.json").write_text(settings)
        assert "settings.json is damaged" in fails("resume", tmp_path)
    settings = {"data": str(table), "target": "kind", "task": None, "test_fraction": 0.2, "seed": 0}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    assert "X has shape (160, 3), wanted (n_samples, 2)" in fails("resume", tmp_path)
    ann.save(network(), path)
    assert "is damaged" in fails("resume", tmp_path)
    word = "checkpoint_every=-1: wanted a whole number at least 0"
    assert word in fails("train", table, "--checkpoint-every", -1, "--out", tmp_path / "out")


def killed_before_its_first_epoch(table, folder, monkeypatch):
    """What then lies in the folder: what it was told, and where it began."""
    from agnostic_nn.cli import main

    def stop(*_):
        shutil.copytree(folder, folder.with_name("kept"))
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(ann.get_backend("numpy"), "epoch", stop)
        with pytest.raises(Crash):
            main(["train", str(table), *map(str, TRAIN), "--out", str(folder)])
    return folder.with_name("kept")


def run_command(*arguments):
    from agnostic_nn.cli import main

    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return exit_.value.code


@pytest.mark.parametrize("how", ["resume", "again"])
def test_a_run_that_is_killed_before_its_first_epoch(table, tmp_path, monkeypatch, how):
    folder = killed_before_its_first_epoch(table, tmp_path / "run", monkeypatch)
    assert not (tmp_path / "run").exists()  # which was stopped, and took back what it had made
    names = {file.name for file in folder.iterdir()}
    assert {"checkpoint.safetensors", "settings.json", ".run.ann-lock"} <= names
    (folder / ".history.csv.ann-part").write_bytes(b"half")
    again = ["train", table, *TRAIN, "--out", folder]
    assert run_command(*(["resume", folder] if how == "resume" else again)) == 0
    names = {file.name for file in folder.iterdir()}
    assert "model.safetensors" in names
    assert not any(name.startswith((".", "checkpoint")) for name in names)
    assert run_command(*again) == 2  # now there is something in it


def test_other_folders_are_not_as_good_as_empty(table, tmp_path, capsys):
    for name, content in (
        ("settings.json", '{"editor.fontSize": 12}'),
        ("checkpoint.safetensors", "x"),
    ):
        (tmp_path / name).write_text(content)
        assert run_command("train", table, *TRAIN, "--out", tmp_path) == 2
        assert "choose a folder that is new or empty" in capsys.readouterr().err
        assert (tmp_path / name).read_text() == content
        (tmp_path / name).unlink()


def test_two_runs_in_one_folder(table, tmp_path, stopped, capsys):
    with files.held(tmp_path / "run"):
        assert run_command("train", table, *TRAIN, "--out", tmp_path) == 2
        assert "is being written by another run" in capsys.readouterr().err
        stopped()
        assert run_command("resume", tmp_path) == 2
        assert "is being written by another run" in capsys.readouterr().err


def test_every_field_of_the_settings_is_checked(table, tmp_path, monkeypatch, capsys):
    folder = killed_before_its_first_epoch(table, tmp_path / "run", monkeypatch)
    from agnostic_nn.cli.runs import read_run

    stored = json.loads((folder / "settings.json").read_text())
    taken = set()
    for place in places(stored):
        for wrong in WRONG:
            content = copy.deepcopy(stored)
            *parents, last = place
            inside = content
            for key in parents:
                inside = inside[key]
            inside[last] = wrong
            (folder / "settings.json").write_text(json.dumps(content))
            try:
                read_run(folder)
            except ann.InvalidArgument as error:
                assert re.match(r"run='.*kept': its settings.json is damaged \(.*\)\.$", str(error))  # noqa: PT017
            else:
                taken.add((*place, repr(wrong)))
    for name, wrong in [("seed", "'x'"), ("test_fraction", "'x'"), ("data", "[[]]"), ("task", "-1"),
                        ("epochs", "0.5"), ("backend", "{}"), ("hidden", "0.5")]:  # fmt: skip
        assert name in stored["settings"]
        assert ("settings", name, wrong) not in taken
    stored["settings"]["test_fraction"] = 2.0
    for text in (json.dumps(stored), "[" * 100_000, '{"data": {"rows": 1}, "settings": {}}'):
        (folder / "settings.json").write_text(text)
        capsys.readouterr()
        assert run_command("resume", folder) == 2
        assert capsys.readouterr().err.count("\n") == 1


# What is refused


def test_other_data_are_refused(stopped, two_moons):
    X, Y = two_moons
    path = stopped()
    before = path.read_bytes()
    for other, words in [
        ((X[:30], Y[:30]), r"^X has shape \(30, 2\), and had \(40, 2\) when the checkpoint was w"),
        ((X[:, :1], Y), r"^X has shape \(40, 1\), wanted \(n_samples, 2\)"),
        ((X + 1e-3, Y), "^X has other values than when the checkpoint was written"),
        ((X, 1.0 - Y), "^Y has other values than when the checkpoint was written"),
        ((X[::-1], Y), "^X has other values .* in the same order"),
    ]:
        with pytest.raises(ann.InvalidArgument, match=words):
            resume(path, *other)
    with pytest.raises(ann.InvalidArgument, match=r"^sample_weight was not there when .* is there"):
        resume(path, X, Y, sample_weight=np.ones(40))
    assert path.read_bytes() == before


def test_every_row_of_large_data_is_looked_at(backend, monkeypatch):
    net = ann.Network([3, 1], "squared_error", backend=backend.backend, dtype=backend.dtype)
    X = np.random.default_rng(0).standard_normal((1000, 3)).astype(backend.dtype)

    def prints(X):
        return fingerprints.fingerprint(net, {"X": backend.asarray(X)})

    whole = prints(X)
    monkeypatch.setattr(fingerprints, "CHUNK", 100)
    assert prints(X) == whole
    for row in (0, 1, 30, 999):
        changed = X.copy()
        changed[row, 2] = np.nextafter(changed[row, 2], np.inf, dtype=X.dtype)
        assert prints(changed) != whole
    assert whole["X"] == {"shape": [1000, 3], "sha256": hashlib.sha256(X.tobytes()).hexdigest()}


def test_data_of_older_checkpoints_are_looked_at_as_they_were(path, stopped, two_moons):
    """A digest of rows at even distances, and none of weights that would hold elsewhere."""
    X, Y = two_moons
    whole = network()
    ann.train(whole, X, Y, epochs=EPOCHS, sample_weight=np.arange(40) + 1.0)
    stopped(sample_weight=np.arange(40) + 1.0)
    older = saving.describe(path)["training"]
    for name, each in older["data"].items():
        each["digest"] = each.pop("sha256") if name in "XY" else "of weights that were scaled"
    net = saving.load(path, training=True)
    tensors = {
        name: tensor
        for name, tensor in saving.decode(path)[2].items()
        if name.startswith(training_files.PREFIX)
    }
    files.write(path, saving.encode(net, tensors, training=older))
    with pytest.raises(ann.InvalidArgument, match=r"^X has other values"):
        resume(path, X + 1.0, Y, sample_weight=np.arange(40) + 1.0)
    assert same_bits(resume(path, X, Y, sample_weight=np.arange(40) + 1.0), whole)
    assert fingerprints._sample(2**20, 4) is None
    assert list(fingerprints._sample(2**20, 9)[:3]) == [0, 3, 6]


def test_weights_of_any_size_come_again(path, stopped, two_moons):
    """Also of such that the dtype does not hold: their shares of the largest are looked at."""
    weights = 1e300 * np.linspace(0.1, 1.0, 40)
    stopped(network(dtype="float32"), sample_weight=weights)
    with pytest.raises(ann.InvalidArgument, match=r"^sample_weight has other values than when"):
        resume(path, *two_moons, sample_weight=1e300 * np.linspace(0.2, 1.0, 40))
    net = resume(path, *two_moons, sample_weight=weights)
    assert net.training.epoch == EPOCHS


def test_other_weights_are_refused(path, stopped, two_moons, backend):
    weights = np.linspace(0.1, 1.0, 40).astype(np.float32)
    stopped(network(backend.backend), sample_weight=weights)
    other = weights.copy()
    other[3] *= 2.0
    with pytest.raises(ann.InvalidArgument, match=r"^sample_weight has other values than when"):
        resume(path, *two_moons, sample_weight=other)
    for where in ("numpy", backend.backend):  # which may round a sum in another way
        resume(path, *two_moons, sample_weight=weights, backend=where)


class Own(ann.Schedule):
    def __call__(self, epoch, epochs, costs=()):
        return 0.1 if epoch <= epochs else len(costs)


class OwnRule(ann.SGD):
    pass


@pytest.mark.parametrize("rule", [OwnRule(0.1), ann.SGD(Own(0.1)), ann.Adam(ann.WarmUp(Own(0.1)))])
def test_what_has_no_name_is_refused_before_training(path, two_moons, rule):
    net = network()
    before = net.theta.copy()
    with pytest.raises(ann.InvalidArgument, match=r"^Own.* has no name .*agnostic_nn"):
        ann.train(net, *two_moons, epochs=1, optimizer=rule, checkpoint=path)
    assert np.array_equal(net.theta, before)
    assert net.training is None
    assert not path.exists()
    ann.train(net, *two_moons, epochs=1, optimizer=rule)


def test_what_is_registered_can_be_kept(path, stopped, two_moons, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(ann.OPTIMIZERS, "own", OwnRule)
        patch.setitem(ann.SCHEDULES, "own", Own)
        stopped(optimizer=OwnRule(Own(0.1)))
        assert isinstance(resume(path, *two_moons).training.optimizer, OwnRule)
    with pytest.raises(ann.InvalidArgument, match=r"'own', which is .*OPTIMIZERS\['own'\] before"):
        resume(path, *two_moons)


def test_every_rule_and_schedule_comes_back():
    for schedule in ann.SCHEDULES.values():
        for rule in ann.OPTIMIZERS.values():
            made = rule(schedule(), weight_decay=np.float64(0.5))
            content = json.loads(json.dumps(to_json(made)))
            assert from_json(content, "OPTIMIZERS", "") == made
    made = ann.SGD()
    object.__setattr__(made, "learning_rate", 1j)
    with pytest.raises(ann.InvalidArgument, match=r"learning_rate=.* cannot be kept in a file"):
        to_json(made)


def test_an_unfinished_checkpoint_is_not_replaced(path, stopped, two_moons):
    before = stopped().read_bytes()
    with pytest.raises(ann.InvalidArgument, match=r"has not ended: go on .* resume\('.*', X, Y\)"):
        ann.train(network(), *two_moons, epochs=1, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["model", "text", "folder"])
def test_other_files_are_not_replaced(path, two_moons, kind):
    if kind == "model":
        ann.save(network(), path)
        with pytest.raises(ann.InvalidArgument, match="is no checkpoint: wanted a file that train"):
            resume(path, *two_moons)
    elif kind == "text":
        path.write_text("my only copy")
    else:
        path.mkdir()
    with pytest.raises(ann.InvalidArgument, match=r"^checkpoint='.*exists and is no checkpoint"):
        ann.train(network(), *two_moons, epochs=1, checkpoint=path)
    assert path.exists()


def test_arguments_that_make_no_sense(path, two_moons):
    for every in (0, -1, 1.5, "2"):
        with pytest.raises(
            ann.InvalidArgument, match=r"^checkpoint_every=.* wanted a whole number"
        ):
            ann.train(network(), *two_moons, checkpoint=path, checkpoint_every=every)
    with pytest.raises(
        ann.InvalidArgument, match=r"^checkpoint_every=2: wanted checkpoint as well"
    ):
        ann.train(network(), *two_moons, checkpoint_every=2)
    with pytest.raises(ann.InvalidArgument, match="in a folder that can be written to"):
        ann.train(network(), *two_moons, checkpoint=path.parent / "no" / "where")
    with pytest.raises(ann.InvalidArgument, match="there is no such file"):
        resume(path, *two_moons)


def test_a_history_of_something_else(path, two_moons):
    def name(net, history):
        history.setdefault("name", []).append("first")

    with pytest.raises(ann.InvalidArgument, match=r"^history\['name'\] holds something else than"):
        ann.train(network(), *two_moons, epochs=2, checkpoint=path, callbacks=[name])


@pytest.mark.parametrize("where", [100, 2000, -50])
def test_a_damaged_checkpoint(stopped, two_moons, where):
    path = stopped()
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ann.InvalidArgument, match=r"^path="):
        resume(path, *two_moons)


@pytest.mark.filterwarnings("ignore")  # values of the right kind may still make it diverge
def test_every_field_of_a_checkpoint_is_checked(path, two_moons):
    """Whole by its digest, and yet not what training writes: one sentence, or a value that is."""
    X, Y = two_moons
    options = {"validation": (X, Y), "sample_weight": np.ones(40)}
    with pytest.raises(Crash):
        ann.train(
            network(), X, Y, epochs=4, patience=4, clip_norm=1.0, **options, checkpoint=path,
            optimizer=ann.AdamW(ann.WarmUp(ann.Cosine(0.01), 2)), callbacks=[crash_at(3)],
        )  # fmt: skip
    net, _, tensors = saving.decode(path)
    tensors = {name: each for name, each in tensors.items() if name.startswith("training.")}
    stored = saving.describe(path)["training"]
    taken, messages = set(), []
    for place in places(stored):
        for wrong in (*WRONG, "none at all"):
            training = copy.deepcopy(stored)
            *parents, last = place
            inside = training
            for key in parents:
                inside = inside[key]
            inside[last] = wrong
            if wrong == "none at all":
                del inside[last]
            path.write_bytes(saving.encode(net, tensors, training=training))
            try:
                resume(path, X, Y, **options)
            except ann.AgnosticNNError as error:
                messages.append(str(error))
            else:
                taken.add((place, repr(wrong)))
    assert not any("\n" in message or len(message) > 1000 for message in messages)
    for place, wrong in [
        (("settings", "last"), "'x'"), (("every",), "0"), (("best",), "{}"), (("data",), "None"),
        (("settings", "shuffle"), "0"), (("finished",), "0"), (("settings", "validation"), "'x'"),
        (("step",), repr(2**63)), (("epoch",), "0.5"), (("history",), "{}"), (("backend",), "'x'"),
        (("data", "X", "shape"), "[[]]"), (("optimizer", "learning_rate", "length"), "'x'"),
    ]:  # fmt: skip
        assert place in set(places(stored))
        assert (place, wrong) not in taken


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("best", np.zeros(3, np.float32), r"shape \(3,\)"),
        ("best", np.full(14, np.nan, np.float32), "training.best holds NaN or infinity"),
        ("best", np.zeros(14, np.int32), "int32 of shape"),
        ("best", None, "training.best"),
        ("best_buffers", None, "training.best_buffers"),
        ("best_buffers", np.full(6, np.inf, np.float32), "training.best_buffers holds NaN or inf"),
        ("optimizer.1", None, "training.optimizer.1"),
        ("history.cost", np.zeros((2, 1)), "a row of float64"),
        ("history.cost", np.zeros(2, np.float32), "a row of float64"),
    ],
)
def test_tensors_that_are_not_what_training_writes(path, two_moons, name, tensor, words):
    layers = [2, ann.layers.Dense(3), ann.layers.BatchNorm(), ann.layers.Dense(1)]
    net = ann.Network(layers, "binary_cross_entropy")
    ann.train(net, *two_moons, epochs=2, checkpoint=path)
    description, tensors = saving.describe(path), saving.decode(path)[2]
    more = {each: tensors[each] for each in tensors if each.startswith(training_files.PREFIX)}
    more[f"{training_files.PREFIX}{name}"] = tensor
    more = {each: tensor for each, tensor in more.items() if tensor is not None}
    files.write(path, saving.encode(net, more, training=description["training"]))
    with pytest.raises(ann.InvalidArgument, match=rf"description is damaged .*{words}"):
        resume(path, *two_moons)


def test_the_doors_of_the_file(tmp_path):
    """A file is whole before its name points to it, and then the name is brought to the disk."""
    calls = []
    fsync, replace = os.fsync, Path.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: (calls.append("sync"), fsync(handle)))
        patch.setattr(Path, "replace", lambda *two: (calls.append("rename"), replace(*two)))
        files.write(tmp_path / "file", b"content")
    assert calls == ["sync", "rename", "sync"]
