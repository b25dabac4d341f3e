"""Parity finds what it is there to find: each fault, planted in one backend, fails its row."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from agnostic_nn import backends, losses, optimizers, propagation
from agnostic_nn.activations import ACTIVATIONS, Activation
from agnostic_nn.architecture import Architecture
from agnostic_nn.backends import available_backends, get_backend, host
from agnostic_nn.cli import main
from agnostic_nn.errors import BackendUnavailable, InvalidArgument
from agnostic_nn.losses import LOSSES
from agnostic_nn.network import Network
from agnostic_nn.optimizers import OPTIMIZERS
from agnostic_nn.parity import Report, Row, parity
from agnostic_nn.parity.bounds import Bounding
from agnostic_nn.parity.cases import Case, activations, all_cases, equations, of_losses, updates
from agnostic_nn.parity.comparison import compare_cases, compare_masks
from agnostic_nn.parity.report import worst_rows

pytest.importorskip("array_api_strict")

BACKENDS = ("numpy", "array_api_strict")
#: The smallest relative error that has to be found.
SMALLEST = {"float32": 1e-4, "float64": 1e-12}

both_dtypes = pytest.mark.parametrize("dtype", SMALLEST)
both_faults = pytest.mark.parametrize("fault", ["sign", "relative"])


def rows_of(dtype: str, some: Iterable[Case]) -> list[Row]:
    return list(compare_cases([get_backend(name) for name in BACKENDS], dtype, some))


def failing(dtype: str, some: Iterable[Case]) -> set[str]:
    return {row.name for row in rows_of(dtype, some) if not row.holds}


def amount(fault: str, dtype: str) -> float:
    return -1.0 if fault == "sign" else 1.0 + SMALLEST[dtype]


def on_strict(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the function with its result changed where the namespace is array-api-strict."""
    strict = get_backend("array_api_strict").xp

    def planted(*args: Any, **options: Any) -> Any:
        xp = options["xp"] if "xp" in options else args[-1]
        result = function(*args, **options)
        return change(result) if xp is strict else result

    return planted


# Without a fault


@both_dtypes
def test_numpy_and_strict_agree_on_every_case(dtype):
    rows = rows_of(dtype, all_cases())
    assert all(row.holds for row in rows)
    names = {row.name for row in rows}
    assert {f"{name}{eq}" for name in ACTIVATIONS for eq in ("", ", Eq. 1")} <= names
    assert {f"{name}{eq}" for name in LOSSES for eq in ("", ", dA[L]")} <= names
    assert {f"{name}, of logits" for name, loss in LOSSES.items() if loss.of_logits} <= names
    assert set(OPTIMIZERS) <= names


def test_all_installed_backends_agree():
    usable = [name for name, found in available_backends().items() if found.usable]
    report = parity(usable, ["float64"], steps=10)
    assert [row for row in report.rows if not row.holds] == []


# The bounds are true: against arithmetic in extended precision


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="no extended precision here")
def test_bounds_hold_and_are_not_idle():
    Z = np.linspace(-20.0, 20.0, 4001)
    xp = Bounding("float32")
    for name in ("sigmoid", "tanh", "softplus", "gelu", "mish", "elu"):
        bound = ACTIVATIONS[name](xp.asarray(np.float32(Z)), xp=xp)
        exact = ACTIVATIONS[name](np.longdouble(np.float32(Z)), xp=np)
        error = np.abs(ACTIVATIONS[name](np.float32(Z), xp=np) - exact)
        assert np.all(error <= bound.error)
        assert np.max(error / np.maximum(bound.error, 1e-300)) > 0.05


def test_bounds_of_products_and_sums_are_the_textbook_ones():
    xp, u = Bounding("float64"), 2.0**-53
    W, A = xp.asarray([[1.0, -2.0, 3.0]]), xp.asarray([[1.0], [1.0], [1.0]])
    assert (W @ A).error[0, 0] == 6.0 * 3 * u / (1 - 3 * u)
    assert xp.sum(W, axis=1).error[0] == 6.0 * 2 * u / (1 - 2 * u)


def test_a_choice_that_rounding_can_turn_counts_both_ways():
    xp = Bounding("float32")
    Z = xp.asarray([1.0]) * (1.0 / 3.0) - 1.0 / 3.0
    step = xp.astype(Z > 0.0, xp.dtype)
    assert step.error[0] == 1.0
    assert xp.where(Z > 0.0, xp.ones_like(Z), 0.25).error[0] >= 0.75


def test_a_function_without_a_bound_is_named():
    with pytest.raises(InvalidArgument, match=r"xp\.sinh has no error bound"):
        Bounding("float32").sinh(1.0)


# Planted faults


@both_dtypes
@both_faults
@pytest.mark.parametrize("part", ["function", "Eq. 1"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_fault_in_an_activation_is_found(name, part, fault, dtype, monkeypatch):
    g, scale = ACTIVATIONS[name], amount(fault, dtype)
    if part == "function":
        planted = {"function": on_strict(g.function, lambda A: A * scale)}
    elif g.gradient is not None:
        planted = {"gradient": on_strict(g.gradient, lambda dZ: dZ * scale)}
    else:
        planted = {"derivative": on_strict(g.derivative, lambda D: D * scale)}
    monkeypatch.setitem(ACTIVATIONS, name, dataclasses.replace(g, **planted))
    assert failing(dtype, activations()) == {name if part == "function" else f"{name}, Eq. 1"}


PARTS = {
    "function": "",
    "derivative": ", dA[L]",
    "of_logits": ", of logits",
    "derivative_of_logits": ", dZ[L]",
}


@both_dtypes
@both_faults
@pytest.mark.parametrize(
    ("name", "part"),
    [(name, part) for name, loss in LOSSES.items() for part in PARTS if getattr(loss, part)],
)
def test_a_fault_in_a_loss_is_found(name, part, fault, dtype, monkeypatch):
    loss, scale = LOSSES[name], amount(fault, dtype)
    planted = on_strict(getattr(loss, part), lambda result: result * scale)
    monkeypatch.setitem(LOSSES, name, dataclasses.replace(loss, **{part: planted}))
    assert failing(dtype, of_losses()) == {name + PARTS[part]}


EQUATIONS = {
    "Eq. 2: dW = 1/m dZ A_prev.T": 1,
    "Eq. 3: db = 1/m sum dZ": 2,
    "Eq. 4: dA_prev = W.T dZ": 0,
}


@both_dtypes
@pytest.mark.parametrize("fault", ["sign", "relative", "missing 1/m"])
@pytest.mark.parametrize("name", EQUATIONS)
def test_a_fault_in_an_equation_back_is_found(name, fault, dtype, monkeypatch):
    place = EQUATIONS[name]
    scale = 100.0 if fault == "missing 1/m" else amount(fault, dtype)

    def change(gradients):
        changed = list(gradients)
        if changed[place] is not None:
            changed[place] = changed[place] * scale
        return tuple(changed)

    planted = on_strict(propagation.backward_propagation_layer, change)
    monkeypatch.setattr(propagation, "backward_propagation_layer", planted)
    found = failing(dtype, equations())
    assert name in found
    assert found <= {name, "L layers: gradient", "clipped gradient"}


@both_dtypes
@both_faults
def test_a_fault_in_eq_1_is_found(fault, dtype, monkeypatch):
    planted = on_strict(Activation.backward, lambda dZ: dZ * amount(fault, dtype))
    monkeypatch.setattr(Activation, "backward", planted)
    found = failing(dtype, equations())
    assert "Eq. 1: dZ = dA g'(Z)" in found


@both_dtypes
@both_faults
@pytest.mark.parametrize("part", ["Z = W A_prev + b", "A = g(Z)"])
def test_a_fault_in_an_equation_forward_is_found(part, fault, dtype, monkeypatch):
    scale = amount(fault, dtype)

    def change(result):
        A, cache = result
        return (A, cache._replace(Z=cache.Z * scale)) if part[0] == "Z" else (A * scale, cache)

    planted = on_strict(propagation.forward_propagation_layer, change)
    monkeypatch.setattr(propagation, "forward_propagation_layer", planted)
    assert part in failing(dtype, equations())


@both_dtypes
@pytest.mark.parametrize("fault", ["sign", "relative", "missing 1/m"])
@pytest.mark.parametrize(
    ("function", "row"),
    [("compute_cost", "J = 1/m sum of losses"), ("initialize_backward", "dZ[L], weighted")],
)
def test_a_fault_at_the_ends_is_found(function, row, fault, dtype, monkeypatch):
    scale = 100.0 if fault == "missing 1/m" else amount(fault, dtype)
    planted = on_strict(getattr(losses, function), lambda result: result * scale)
    monkeypatch.setattr(losses, function, planted)
    assert failing(dtype, equations()) == {row}


@both_dtypes
@both_faults
@pytest.mark.parametrize("what", [0, 1])
def test_a_fault_in_cost_or_gradient_of_a_network_is_found(what, fault, dtype, monkeypatch):
    def change(result):
        return tuple(x * amount(fault, dtype) if i == what else x for i, x in enumerate(result))

    planted = on_strict(Architecture.cost_and_gradient, change)
    monkeypatch.setattr(Architecture, "cost_and_gradient", planted)
    assert f"L layers: {('cost', 'gradient')[what]}" in failing(dtype, equations())


@both_dtypes
@both_faults
@pytest.mark.filterwarnings("ignore:invalid value encountered")  # the root of a wrong sign
@pytest.mark.parametrize("part", ["theta", "step", "state"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_fault_in_an_update_is_found(name, part, fault, dtype, monkeypatch):
    rule, scale = OPTIMIZERS[name], amount(fault, dtype)
    if part == "state" and rule.slots == 0:
        pytest.skip(f"{name} remembers nothing")
    strict, update = get_backend("array_api_strict").xp, rule.update

    def planted(self, theta, g, state, rate, xp):
        before = theta + 0.0
        theta, state = update(self, theta, g, state, rate, xp)
        if xp is not strict:
            return theta, state
        if part == "theta":
            return theta * scale, state
        if part == "step":
            return before + (theta - before) * scale, state
        return theta, (*state[:-1], state[-1] * scale)

    monkeypatch.setattr(rule, "update", planted)
    found = failing(dtype, updates())
    assert name in found
    assert all(issubclass(OPTIMIZERS[other], rule) for other in found)  # AdamW is an Adam


@both_dtypes
@both_faults
def test_a_fault_in_the_decay_of_weights_is_found(fault, dtype, monkeypatch):
    strict, decay = get_backend("array_api_strict").xp, optimizers.decay_weights

    def planted(theta, decayed, rate):
        scale = amount(fault, dtype) if isinstance(theta, strict.asarray(0.0).__class__) else 1.0
        return (
            decay(theta, decayed, rate * scale)
            if fault == "sign"
            else decay(theta, decayed, rate) * scale
        )

    monkeypatch.setattr(optimizers, "decay_weights", planted)
    assert failing(dtype, updates()) == {"adamw"}


@both_dtypes
def test_one_other_bit_of_a_mask_is_found(dtype, monkeypatch):
    def flip(masks):
        flat = masks[0].__array_namespace__().reshape(masks[0], (-1,))
        flat[0] = 2.0 - flat[0]
        return masks

    planted = on_strict(Architecture.masks, flip)
    monkeypatch.setattr(Architecture, "masks", planted)
    (row,) = compare_masks([get_backend(name) for name in BACKENDS], dtype)
    assert not row.holds


def test_a_result_of_another_dtype_or_not_finite_is_named(monkeypatch):
    strict = get_backend("array_api_strict").xp
    g = ACTIVATIONS["tanh"]
    for change, note in (
        (lambda A: strict.astype(A, strict.float32), "array_api_strict gave float32"),
        (lambda A: A * float("nan"), "array_api_strict gave NaN or infinity"),
    ):
        planted = dataclasses.replace(g, function=on_strict(g.function, change))
        monkeypatch.setitem(ACTIVATIONS, "tanh", planted)
        (row,) = [row for row in rows_of("float64", activations()) if not row.holds]
        assert row.note == note


# Trajectories


@pytest.fixture(scope="module")
def report() -> Report:
    return parity(BACKENDS, steps=20)


def test_training_and_moving_follow_the_same_path(report):
    drifts = {(drift.dtype, drift.name): drift for drift in report.drifts}
    assert set(drifts) == {(d, n) for d in SMALLEST for n in ("training", "moving")}
    for (dtype, _), drift in drifts.items():
        assert drift.steps == [5, 10, 15, 20]
        assert all(d <= t for d, t in zip(drift.distance, drift.tolerance, strict=True))
        assert drift.tolerance[-1] < 300.0 * SMALLEST[dtype]
    assert drifts["float32", "moving"].pair[0] == "numpy > array_api_strict > numpy"


def test_a_move_that_forgets_the_optimizer_is_found(monkeypatch):
    to = Network.to

    def forgetful(self, *args):
        to(self, *args)
        self.training.state = tuple(0.0 * slot for slot in self.training.state)
        return self

    monkeypatch.setattr(Network, "to", forgetful)
    rows = parity(BACKENDS, ["float32"], steps=20).rows
    assert [row.name for row in rows if not row.holds] == ["moving, 20 steps"]


def test_a_fault_in_training_is_found(monkeypatch):
    planted = on_strict(
        Architecture.cost_and_gradient, lambda result: (result[0], result[1] + 1e-4)
    )
    monkeypatch.setattr(Architecture, "cost_and_gradient", planted)
    failed = {row.name for row in parity(BACKENDS, ["float64"], steps=20).rows if not row.holds}
    assert {"training, 20 steps", "moving, 20 steps"} <= failed


def test_the_worst_pair_stands_for_each_row(report):
    rows = worst_rows(report)
    assert len(rows) == len({(row.name, row.dtype) for row in rows})


# The command


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["parity", *arguments])
    return stopped.value.code, capsys.readouterr()


def test_the_command_writes_table_json_and_picture(tmp_path, capsys):
    pytest.importorskip("typer")
    files = [tmp_path / "parity.json", tmp_path / "parity.png"]
    code, said = run(
        capsys, "--backends", "numpy,array_api_strict", "--steps", "10", "--json", str(files[0]),
        "--picture", str(files[1]), "--all",
    )  # fmt: skip
    assert code == 0
    assert "Eq. 2: dW = 1/m dZ A_prev.T" in said.out
    assert "n u / (1 - n u)" in said.out
    found = json.loads(files[0].read_text())
    assert found["holds"] is True
    assert set(found["backends"]) == set(BACKENDS)
    assert found["backends"]["numpy"]["version"] == np.__version__
    assert {row["dtype"] for row in found["rows"]} == set(SMALLEST)
    assert all(row["holds"] and row["used"] <= 1.0 for row in found["rows"])
    assert [drift["steps"] for drift in found["trajectories"]] == [[5, 10]] * 4
    assert files[1].read_bytes().startswith(b"\x89PNG")


def test_the_command_exits_with_1_if_a_row_fails(tmp_path, capsys, monkeypatch):
    pytest.importorskip("typer")
    g = ACTIVATIONS["mish"]
    wrong = dataclasses.replace(g, function=on_strict(g.function, lambda A: A + float("inf")))
    monkeypatch.setitem(ACTIVATIONS, "mish", wrong)
    file = tmp_path / "parity.json"
    code, said = run(
        capsys, "--backends", "numpy,array_api_strict", "--dtypes", "float32", "--steps", "0",
        "--json", str(file),
    )  # fmt: skip
    assert code == 1
    assert "FAILS" in said.out
    (row,) = [row for row in json.loads(file.read_text())["rows"] if not row["holds"]]
    assert (row["name"], row["absolute"]) == ("mish", None)


def test_what_cannot_be_compared_is_said(capsys):
    with pytest.raises(
        InvalidArgument, match=r"backends=numpy: wanted at least two to compare\. U"
    ):
        parity(["numpy", "numpy"])
    with pytest.raises(InvalidArgument, match=r"nunpy.*Did you mean 'numpy'"):
        parity(["numpy", "nunpy"])
    with pytest.raises(InvalidArgument, match="dtype='int8' is not known"):
        parity(BACKENDS, ["int8"])
    if not available_backends()["cupy"].usable:
        with pytest.raises(BackendUnavailable, match="pip install"):
            parity(["numpy", "cupy"])


def test_with_numpy_alone_it_says_what_to_install(monkeypatch):
    found = available_backends()
    strict = backends.Availability("array_api_strict", install="pip install array-api-strict")
    alone = {"numpy": found["numpy"], "array_api_strict": strict}
    monkeypatch.setattr("agnostic_nn.parity.available_backends", lambda: alone)
    with pytest.raises(
        InvalidArgument,
        match=r"^backends=numpy: wanted at least two to compare\. No other is usable here; the "
        r"lightest to install: pip install array-api-strict$",
    ):
        parity()


def test_ulps_count_the_numbers_between():
    one, tiny = np.float64(1.0), np.float64(5e-324)
    a = np.asarray([one, -tiny, 0.0, -1.0, np.float64(2.0)])
    b = np.asarray([np.nextafter(one, 2.0), tiny, -0.0, -1.0, one])
    assert host.ulp_distance(a, b).tolist() == [1, 2, 0, 0, 2**52]
    assert host.ulp_distance(a.astype("float32")[:1], np.float32([-1.0])).tolist() == [2130706432]
