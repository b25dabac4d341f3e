"""Model files: what is written is what is read, and nothing else is accepted."""

import hashlib
import json
import os
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import agnostic_nn as ann
from agnostic_nn import container, descriptions, files, saving
from agnostic_nn.installing import install_line
from agnostic_nn.saving import load, load_with_preparation, save
from agnostic_nn.tabular import Preparation


@pytest.fixture
def net():
    return ann.Network(
        [3, 5, 4, 2],
        "categorical_cross_entropy",
        activation=["tanh", "relu"],
        dropout=[0.1, 0.2],
        l2=0.01,
        seed=7,
        dtype="float64",
    )


@pytest.fixture
def file(net, tmp_path):
    path = tmp_path / "model.safetensors"
    save(net, path, preparation={"columns": ["a", "b"], "mean": 1.5})
    return path


def parts(path):
    """Return the header and the data of a file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def forge(path, change, resign=True):
    """Change a file's tensors and description in place, and give it a digest that fits."""
    header, _ = parts(path)
    description = json.loads(header["__metadata__"]["agnostic_nn"])
    tensors = safetensors.numpy.load_file(path)
    change(tensors, description)
    if resign:
        description.pop("digest")
        description["digest"] = container.digest_of(tensors, description)
    metadata = {"agnostic_nn": json.dumps(description)}
    path.write_bytes(safetensors.numpy.save(tensors, metadata=metadata))


def activation(name):
    return ann.Activation(name, lambda Z, **_: Z * Z, lambda Z, **_: 2.0 * Z)


def with_header(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def refused(path, *words, **options):
    with pytest.raises(ann.InvalidArgument) as caught:
        load(path, **options)
    for word in (*words, repr(str(path))):
        assert word in str(caught.value)


def test_comes_back_the_same(net, file):
    again = load(file)
    assert repr(again) == repr(net)
    assert again.objective == net.objective
    assert again.seed == net.seed
    np.testing.assert_array_equal(again.theta, net.theta)


def test_trains_on_after_loading(net, file):
    X, Y = np.eye(3), np.eye(3)[:, :2]
    assert ann.train(load(file), X, Y, epochs=2) != {}


def test_preparation_comes_back(file):
    _, preparation = load_with_preparation(file)
    assert preparation == {"columns": ["a", "b"], "mean": 1.5}


def test_any_reader_of_safetensors_finds_the_layers(net, file):
    tensors = safetensors.numpy.load_file(file)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "layers.0.W": (5, 3),
        "layers.0.b": (5, 1),
        "layers.2.W": (4, 5),  # behind a layer of dropout
        "layers.2.b": (4, 1),
        "layers.4.W": (2, 4),
        "layers.4.b": (2, 1),
    }
    np.testing.assert_array_equal(tensors["layers.2.W"], net.parameters[1].W)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtype_stays_or_changes(tmp_path, dtype):
    save(ann.Network([2, 1], "squared_error", dtype=dtype), tmp_path / "m")
    assert load(tmp_path / "m").dtype_name == dtype
    assert load(tmp_path / "m", dtype="float32").dtype_name == "float32"


def test_other_backends(tmp_path):
    pytest.importorskip("array_api_strict")
    net = ann.Network([2, 3, 1], "squared_error", backend="array_api_strict")
    save(net, tmp_path / "m")
    assert load(tmp_path / "m").backend.name == "numpy"
    again = load(tmp_path / "m", backend="array_api_strict")
    assert again.backend is net.backend
    assert bool(again.xp.all(again.theta == net.theta))


def test_bfloat16_is_kept_exactly(tmp_path):
    pytest.importorskip("torch")
    net = ann.Network([2, 3, 1], "squared_error", backend="torch", dtype="bfloat16")
    save(net, tmp_path / "m")
    again = load(tmp_path / "m", backend="torch")
    assert again.dtype_name == "bfloat16"
    assert bool((again.theta == net.theta).all())
    refused(tmp_path / "m", "bfloat16", "load it with dtype='float32'", backend="numpy")
    assert load(tmp_path / "m", backend="numpy", dtype="float32").dtype_name == "float32"


def test_an_estimator_is_saved_by_its_network(net, tmp_path):
    class Fitted:
        network_ = net

    save(Fitted(), tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").theta, net.theta)
    with pytest.raises(ann.InvalidType, match="net is of type str"):
        save("net", tmp_path / "m")


def test_replaces_in_one_step_and_leaves_nothing_beside(net, file):
    net.theta += 1.0
    save(net, file)
    np.testing.assert_array_equal(load(file).theta, net.theta)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.skipif(os.name == "nt", reason="modes")
@pytest.mark.parametrize("mode", [0o600, 0o444, 0o664])
def test_the_mode_stays(net, file, mode):
    file.chmod(mode)
    save(net, file)
    assert file.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_one(net, file, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target = file.rename(tmp_path / "elsewhere" / "target")
    file.symlink_to(target)
    before = target.read_bytes()
    net.theta += 1.0
    save(net, file)
    assert file.is_symlink()
    assert target.read_bytes() != before
    np.testing.assert_array_equal(load(file).theta, net.theta)
    new = tmp_path / "new"
    new.symlink_to(tmp_path / "elsewhere" / "later")
    save(net, new)
    assert (tmp_path / "elsewhere" / "later").is_file()
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {"target", "later"}


def test_what_is_no_file_is_not_replaced(net, tmp_path):
    fifo = tmp_path / "fifo"
    if hasattr(os, "mkfifo"):
        os.mkfifo(fifo)
    else:
        fifo.mkdir()
    with pytest.raises(ann.InvalidArgument, match=r"fifo' cannot be written: it is not a file\."):
        save(net, fifo)


def test_half_a_file_of_a_killed_writer_is_written_over(net, file):
    for name in (
        ".model.safetensors.ann-part",
        ".model.safetensors.ann-lock",
        ".model.safetensors.x",
    ):
        (file.parent / name).write_bytes(b"half a file")
    save(net, file)
    assert {path.name for path in file.parent.iterdir()} == {file.name, ".model.safetensors.x"}


def test_two_writers_wait_for_each_other(net, file, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.01)
    with files.held(file), pytest.raises(ann.InvalidArgument, match="is being written by another"):
        save(net, file)
    monkeypatch.setattr(files, "PATIENCE", 60.0)
    save(net, file)
    assert not any(files.is_left_over(path) for path in file.parent.iterdir())


def test_without_filelock(net, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "filelock", None)
    with pytest.raises(ann.DependencyMissing, match=re.escape(install_line("save"))):
        save(net, tmp_path / "m")


def test_a_failed_write_keeps_what_was_there(net, file, monkeypatch):
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ann.InvalidArgument, match="No space left on device"):
        save(net, file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_folder_that_does_not_exist(net, tmp_path):
    with pytest.raises(ann.InvalidArgument, match="cannot be written: No such file or directory"):
        save(net, tmp_path / "nowhere" / "m")


def test_parameters_that_are_not_finite_are_not_saved(net, tmp_path):
    net.theta[0] = float("nan")
    with pytest.raises(ann.InvalidArgument, match=r"layers\.0\.W holds NaN or infinity"):
        save(net, tmp_path / "m")


@pytest.mark.parametrize("preparation", [{"f": len}, {"x": float("nan")}])
def test_preparation_must_be_json(net, tmp_path, preparation):
    with pytest.raises(ann.InvalidArgument, match="preparation cannot be written as JSON"):
        save(net, tmp_path / "m", preparation=preparation)


def test_preparation_must_fit_the_header(net, tmp_path):
    with pytest.raises(ann.InvalidArgument, match="preparation takes"):
        save(net, tmp_path / "m", preparation={"x": "x" * container.LARGEST_HEADER})


# What load refuses


def test_not_existing(tmp_path):
    refused(tmp_path / "m", "there is no such file")
    refused(tmp_path, "cannot be read")


@pytest.mark.parametrize("kept", [0, 5, 8, 100, -1])
def test_cut_short(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    refused(file, "cut short")


def test_longer_than_it_says(file):
    file.write_bytes(file.read_bytes() + b"x")
    refused(file, "cut short or damaged")


@pytest.mark.parametrize("place", [-1, -20, 300])
def test_one_flipped_bit(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    refused(file)


def test_wrong_digest(file):
    forge(file, lambda _, description: description.update(seed=8), resign=False)
    refused(file, "digest does not fit")


def test_header_too_long_is_refused_unread(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(path, "is not a model file", "header would take")


@pytest.mark.parametrize("header", [b"not json", b"[1, 2]", b"[" * 100_000, {"x": 1}, {"x": {}}])
def test_not_ours(tmp_path, header):
    with_header(tmp_path / "m", header)
    refused(tmp_path / "m", "is not a model file")


def test_safetensors_of_someone_else(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(safetensors.numpy.save({"x": np.ones(3)}))
    refused(path, "not one of agnostic_nn")


def test_future_version(file):
    forge(file, lambda _, description: description.update(format_version=3, version="9.0"))
    refused(file, "format version 3", "9.0", "wanted a later agnostic_nn")


ANY_FORMAT = [
    {"format_version": 0},
    {"format_version": None},
    {"loss": 3},
    {"dtype": "int8"},
    {"seed": "x"},
    {"seed": -1},
    {"l2": "x"},
]


@pytest.mark.parametrize(
    "change",
    [
        *ANY_FORMAT,
        {"features": "abc"},
        {"features": True},
        {"features": 0},
        {"output": ["softmax"]},
        {"layers": None},
        {"layers": []},
        {"layers": ["Dense"]},
        {"layers": [{"units": 2}]},
        {"layers": [{"name": "Dense", "units": 2, "strange": 1}]},
        {"layers": [{"name": "Dense", "units": "x"}]},
        {"layers": [{"name": ["Dense"], "units": 2}]},
        {"layers": [{"name": "Dense", "units": 2, "activation": {"activation": ["relu"]}}]},
        {"layers": [{"name": "Sequential", "layers": [{"name": "Dropout", "rate": 2.0}]}]},
        {"layers": [{"name": "Embedding", "columns": [[0, 2], [0, 3]], "length": 2}]},
    ],
)
def test_damaged_description(file, change):
    forge(file, lambda _, description: description.update(change))
    with pytest.raises(ann.AgnosticNNError):
        load(file)


@pytest.mark.parametrize(
    "change",
    [
        *ANY_FORMAT,
        {"widths": "abc"},
        {"widths": None},
        {"activations": []},
        {"activations": [["relu"], "relu", "softmax"]},
        {"dropout": [2.0, 2.0]},
    ],
)
def test_damaged_description_of_format_1(tmp_path, change):
    file = tmp_path / "model.safetensors"
    shutil.copy(Path(__file__).parent / "data" / "models" / "v1-float16.safetensors", file)
    forge(file, lambda _, description: description.update(change))
    with pytest.raises(ann.AgnosticNNError):
        load(file)


def test_huge_widths_need_no_memory(file):
    forge(file, lambda _, description: description["layers"][0].update(units=10**9))
    refused(file, "layers.0.W", "wanted F64 of shape [1000000000, 3]")


def test_wrong_shape_type_and_names(file):
    def transpose(tensors, description):
        tensors["layers.0.W"] = np.ascontiguousarray(tensors["layers.0.W"].T)

    content = file.read_bytes()
    forge(file, transpose)
    refused(file, "layers.0.W is 'F64' of shape [3, 5]", "wanted F64 of shape [5, 3]")

    file.write_bytes(content)
    forge(file, lambda tensors, _: tensors.update({"layers.0.b": np.ones((5, 1), "float32")}))
    refused(file, "layers.0.b is 'F32'")

    file.write_bytes(content)
    forge(file, lambda tensors, _: tensors.pop("layers.0.b"))
    refused(file, "holds the tensors", "layers.0.b")


def test_overlapping_tensors(file):
    header, data = parts(file)
    header["layers.0.W"]["data_offsets"] = header["layers.2.W"]["data_offsets"]
    with_header(file, header, data)
    refused(file, "damaged")


def test_not_finite(file):
    def spoil(tensors, _):
        tensors["layers.2.b"][0] = np.inf

    forge(file, spoil)
    refused(file, "layers.2.b holds NaN or infinity")


def test_activations_and_losses_of_ones_own(tmp_path, monkeypatch):
    square = activation("square")
    save(ann.Network([2, 3, 1], "squared_error", activation=square), tmp_path / "m")
    refused(tmp_path / "m", "activation 'square'", "agnostic_nn.ACTIVATIONS['square']")
    monkeypatch.setitem(ann.ACTIVATIONS, "square", square)
    assert load(tmp_path / "m").objective.perceptron.activations[0] is square

    error = ann.LOSSES["squared_error"]
    mine = ann.Loss("mine", error.function, error.derivative, "identity")
    save(ann.Network([2, 1], mine), tmp_path / "m")
    refused(tmp_path / "m", "loss 'mine'", "agnostic_nn.LOSSES['mine']")


def test_a_name_that_means_something_else_is_not_saved(tmp_path):
    relu = activation("relu")
    with pytest.raises(ann.InvalidArgument, match="give it a name of its own"):
        save(ann.Network([2, 3, 1], "squared_error", activation=relu), tmp_path / "m")


def test_without_safetensors(net, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    with pytest.raises(ann.DependencyMissing, match=re.escape(install_line("save"))):
        save(net, tmp_path / "m")


def test_digest_is_sha256(file):
    header, _ = parts(file)
    description = json.loads(header["__metadata__"]["agnostic_nn"])
    assert len(description["digest"]) == hashlib.sha256().digest_size * 2


# Files of every format there has been

MODELS = sorted((Path(__file__).parent / "data" / "models").glob("*.safetensors"))


@pytest.mark.parametrize("path", MODELS, ids=[path.stem for path in MODELS])
def test_every_file_there_ever_was_keeps_loading(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    net = load(path, dtype="float64")
    np.testing.assert_allclose(net.predict(expected["X"]), expected["predictions"], rtol=1e-6)


def test_there_are_files_of_every_format():
    versions = {saving.describe(path)["format_version"] for path in MODELS}
    assert versions == set(range(1, descriptions.FORMAT_VERSION + 1))


def test_preparation_of_the_command_line_keeps_loading():
    path = next(path for path in MODELS if path.stem == "v1-command-line")
    _, preparation = load_with_preparation(path)
    assert Preparation.from_json(preparation).classes == ("no", "yes")


def test_training_goes_on_from_files_there_ever_were(tmp_path):
    """From where the optimizer stood, and from a checkpoint with settings of its own.

    The first has dropout, and the masks are today's from there on: those of before repeated.
    """
    for stem in ("v1-training", "v1-checkpoint", "v2-training"):
        path = tmp_path / f"{stem}.safetensors"
        path.write_bytes((MODELS[0].parent / path.name).read_bytes())
        expected = json.loads((MODELS[0].parent / f"{stem}.json").read_text())
        X, Y = expected["X"], expected["Y"]
        if stem.endswith("checkpoint"):
            net = ann.resume(path, X, Y)
        else:
            net = load(path, training=True)
            ann.train(net, X, Y, epochs=2, batch_size=4)
        np.testing.assert_allclose(net.training.history["cost"], expected["costs"], rtol=1e-4)


# What the optimizer remembers


@pytest.mark.parametrize("optimizer", list(ann.OPTIMIZERS))
def test_training_goes_on_where_it_was_saved(tmp_path, optimizer):
    """Saved and loaded in between, it comes to the same bytes."""
    random = np.random.default_rng(0)
    X, Y = random.standard_normal((20, 3)), random.standard_normal((20, 1))
    one, other = (ann.Network([3, 6, 1], "squared_error", dropout=0.2) for _ in range(2))
    ann.train(one, X, Y, epochs=5, optimizer=optimizer)
    ann.train(other, X, Y, epochs=2, optimizer=optimizer)
    save(other, tmp_path / "m", training=True)
    again = load(tmp_path / "m", training=True)
    ann.train(again, X, Y, epochs=3)
    assert again.theta.tobytes() == one.theta.tobytes()
    assert again.training.optimizer == one.training.optimizer
    assert again.training.step == one.training.step
    for name in ("epoch", "cost", "learning_rate"):
        assert again.training.history[name] == one.training.history[name]


def test_numbers_of_numpy_are_kept(tmp_path, two_moons):
    net = ann.Network([2, 4, 1], "binary_cross_entropy")
    ann.train(net, *two_moons, epochs=np.int64(1), batch_size=np.int64(8), shuffle=np.True_)
    save(net, tmp_path / "m", training=True)
    assert load(tmp_path / "m", training=True).training.step == 5


def test_training_goes_on_elsewhere(tmp_path, backend, two_moons):
    """Saved on NumPy, loaded on any backend and in any dtype: the optimizer moves along."""
    net = ann.Network([2, 4, 1], "binary_cross_entropy", dtype="float64")
    ann.train(net, *two_moons, epochs=2)
    save(net, tmp_path / "m", training=True)
    again = load(tmp_path / "m", backend=backend.backend, dtype=backend.dtype, training=True)
    for slot, expected in zip(again.training.state, net.training.state, strict=True):
        assert again.backend.owns(slot)
        assert slot.dtype == again.theta.dtype
        np.testing.assert_allclose(
            again.backend.to_numpy(slot).astype(float), expected, rtol=backend.unit_roundoff
        )
    ann.train(again, *two_moons, epochs=1)
    assert again.training.history["epoch"] == [1, 2, 3]


def test_without_being_asked_nothing_of_training_is_kept(net, tmp_path, two_moons):
    save(net, tmp_path / "untrained", training=True)
    assert load(tmp_path / "untrained", training=True).training is None
    net = ann.Network([2, 4, 1], "binary_cross_entropy")
    ann.train(net, *two_moons, epochs=1)
    save(net, tmp_path / "m")
    assert load(tmp_path / "m", training=True).training is None
    save(net, tmp_path / "m", training=True)
    assert load(tmp_path / "m").training is None  # whoever predicts needs no optimizer
    with pytest.raises(ann.InvalidType, match="training=1: wanted True or False"):
        save(net, tmp_path / "m", training=1)


def test_an_optimizer_that_is_not_registered(tmp_path, two_moons, monkeypatch):
    class Own(ann.SGD):
        pass

    net = ann.Network([2, 4, 1], "binary_cross_entropy")
    ann.train(net, *two_moons, epochs=1, optimizer=Own())
    with pytest.raises(ann.InvalidArgument, match=r"^Own has no name .*OPTIMIZERS under one fi"):
        save(net, tmp_path / "m", training=True)
    monkeypatch.setitem(ann.OPTIMIZERS, "own", Own)
    save(net, tmp_path / "m", training=True)
    assert isinstance(load(tmp_path / "m", training=True).training.optimizer, Own)
    monkeypatch.delitem(ann.OPTIMIZERS, "own")
    assert load(tmp_path / "m").training is None
    refused(tmp_path / "m", "needs 'own', which is not registered", training=True)


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1}, {"step": 2**70}, {"epoch": 0.5}, {"epoch": None}, {"optimizer": 3},
        {"optimizer": {"name": "adam", "beta1": 2.0}}, {"history": [[]]}, {"history": None},
        {"optimizer": {"name": []}}, {"optimizer": {"name": "adam", "learning_rate": {"name": 1}}},
    ],
)  # fmt: skip
def test_damaged_training(tmp_path, two_moons, change):
    net = ann.Network([2, 4, 1], "binary_cross_entropy")
    ann.train(net, *two_moons, epochs=1)
    save(net, tmp_path / "m", training=True)
    forge(tmp_path / "m", lambda _, description: description["training"].update(change))
    assert load(tmp_path / "m").training is None
    refused(tmp_path / "m", training=True)


# What hostile files and arguments get


def test_a_small_file_that_claims_much_memory(tmp_path):
    """All tensors in the same place: 100 networks' worth of weights in one's bytes."""
    side, depth = 100, 100
    entries = {}
    for i in range(depth):
        entries[f"layers.{i}.weight"] = [[side, side], [0, 4 * side * side]]
        entries[f"layers.{i}.bias"] = [[side], [0, 4 * side]]
    header = {
        name: {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        for name, (shape, offsets) in entries.items()
    }
    with_header(tmp_path / "m", header, bytes(4 * side * side))
    refused(tmp_path / "m", "header is damaged")


@pytest.mark.parametrize("offset", ["1e999", "-1", "1.5", '"4"', "9" * 4000, "9" * 5000, "NaN"])
def test_offsets_that_are_none(tmp_path, offset):
    header = '{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, ?]}}'.replace("?", offset)
    with_header(tmp_path / "m", header.encode(), bytes(4))
    refused(tmp_path / "m", "is not a model file")


@pytest.mark.parametrize("text", ["\ud800", "[" * 990 + "]" * 990, '{"a": 1, "a": 2}', "[1]", "1"])
def test_descriptions_that_are_none(tmp_path, text):
    with_header(tmp_path / "m", {"__metadata__": {"agnostic_nn": text}})
    refused(tmp_path / "m", "is not a model file")


def test_as_deep_as_can_be_read_but_not_written(file):
    header, data = parts(file)
    text = header["__metadata__"]["agnostic_nn"]
    for depth in range(300, 1000, 50):
        deep = text[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"
        header["__metadata__"]["agnostic_nn"] = deep
        with_header(file, header, data)
        refused(file)


def test_names_that_occur_twice(file):
    header, data = parts(file)
    text = json.dumps(header).encode()
    with_header(file, text[:-1] + b', "layers.0.b": 1}', data)
    refused(file, "is not a model file")


def test_messages_are_short(file):
    content = file.read_bytes()
    for change in (
        {"format_version": "x" * 10**6},
        {"format_version": 9, "version": "x" * 10**6},
        {"loss": "x" * 10**6},
        {"output": "x" * 10**6},
        {"layers": ["x" * 10**6] * 3},
        {"layers": [{"name": "x" * 10**6}] * 3},
        {"seed": "x" * 10**6},
        {"features": ["x" * 10**6]},
        {"dtype": "x" * 10**6},
    ):
        file.write_bytes(content)
        forge(file, lambda _, description, change=change: description.update(change))
        with pytest.raises(ann.InvalidArgument) as caught:
            load(file)
        assert len(str(caught.value)) < 1000


def test_what_is_in_a_description_is_named_with_its_file(file):
    forge(file, lambda _, description: description.update(seed=-1))
    refused(file, "description is damaged", "seed=-1")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "m")
    refused(tmp_path / "m", "is not a file")


def test_too_many_layers(tmp_path, monkeypatch, net, file):
    monkeypatch.setattr(descriptions, "MOST_LAYERS", 2)
    refused(file, "5 layers: wanted at most 2")
    with pytest.raises(ann.InvalidArgument, match="net has 5 layers: wanted at most 2"):
        save(net, tmp_path / "other")


def test_too_many_entries(tmp_path, monkeypatch, net, file):
    monkeypatch.setattr(container, "MOST_ENTRIES", 10)
    refused(file, "is not a model file")
    with pytest.raises(ann.InvalidArgument, match="too many entries"):
        save(net, tmp_path / "other")


def test_numbers_too_large_for_the_dtype(net, file):
    net.theta[0] = 1e300
    save(net, file)
    refused(file, "too large for dtype='float32'", dtype="float32")


def test_preparation_too_deep(net, tmp_path):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ann.InvalidArgument, match="preparation cannot be written as JSON"):
        save(net, tmp_path / "m", preparation=deep)


@pytest.mark.parametrize("path", ["", "a\0b", "\ud800"])
def test_names_no_file_can_have(net, path):
    for function in (load, lambda path: save(net, path)):
        with pytest.raises(ann.InvalidArgument, match="wanted the name of a file"):
            function(path)


@pytest.mark.parametrize("path", [None, 3, b"m", [], 1.5])
def test_names_of_no_kind(net, path):
    for function in (load, lambda path: save(net, path)):
        with pytest.raises(ann.AgnosticNNError, match="wanted the name of a file"):
            function(path)


def test_a_folder_is_not_written_over(net, tmp_path):
    for path in ("/", tmp_path):
        with pytest.raises(ann.InvalidArgument, match="cannot be written"):
            save(net, path)


def test_too_little_memory(file, monkeypatch):
    def short(*_):
        raise MemoryError

    monkeypatch.setattr(descriptions.Described, "of", short)
    with pytest.raises(ann.OutOfMemory, match="too little memory"):
        load(file)
