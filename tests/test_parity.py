"""Parity finds what it is there to find: each fault, planted in one backend, fails its row."""

import json

import numpy as np
import pytest

from agnostic_nn import backends
from agnostic_nn.activations import ACTIVATIONS
from agnostic_nn.backends import available_backends, get_backend, host
from agnostic_nn.bounds import Bounding
from agnostic_nn.cli import main
from agnostic_nn.errors import BackendUnavailable, InvalidArgument
from agnostic_nn.losses import LOSSES
from agnostic_nn.objective import Objective
from agnostic_nn.optimizers import OPTIMIZERS
from agnostic_nn.parity import GROUPS, Report, parity
from agnostic_nn.parity.faults import (
    BACKENDS,
    SMALLEST,
    STEPS,
    Fault,
    caught_by,
    failing,
    faults,
    planted,
    scaled,
)
from agnostic_nn.parity.report import worst_rows

pytest.importorskip("array_api_strict")

both_dtypes = pytest.mark.parametrize("dtype", SMALLEST)


def after(change):
    """What calls a function, and then changes its result."""
    return lambda function, *args, **options: change(function(*args, **options))


# Without a fault


@both_dtypes
def test_numpy_and_strict_agree_on_every_case(dtype):
    backends = [get_backend(name) for name in BACKENDS]
    rows = [row for rows_of in GROUPS.values() for row in rows_of(backends, dtype)]
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


def test_numbers_that_are_written_down_are_rounded():
    numbers = Bounding("float32").asarray(((0.1, 0.5, float("inf")),))
    assert numbers.error.tolist() == [[abs(float(np.float32(0.1)) - 0.1), 0.0, 0.0]]


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


ALL_FAULTS = [
    pytest.param(fault, dtype, id=f"{fault.name}-{dtype}")
    for dtype in SMALLEST
    for fault in faults(dtype)
    if fault.group != "trajectories" and (fault.backend != "numba" or dtype == "float64")
]


@pytest.mark.parametrize(("fault", "dtype"), ALL_FAULTS)
def test_a_planted_fault_is_found(fault, dtype):
    with planted(fault):
        found = {row.name for row in failing(fault.group, dtype, fault.between)}
    assert fault.row in found
    if fault.group in ("activations", "losses"):  # and no other row is blamed
        assert found == {fault.row}


def test_every_equation_has_its_faults():
    """Of whatever the registries hold, and every row of the table that has an equation."""
    aimed = {fault.row for fault in faults("float64")}
    backends = [get_backend(name) for name in BACKENDS]
    groups = ("equations", "activations", "losses", "optimizers", "dropout")
    rows = {row.name for group in groups for row in GROUPS[group](backends, "float64")}
    assert rows <= aimed


def test_a_planted_fault_leaves_nothing_behind():
    for fault in faults("float64"):
        before = dict(vars(fault.owner))
        with planted(fault):
            assert dict(vars(fault.owner)) != before
        assert dict(vars(fault.owner)) == before


def test_a_fault_is_planted_in_one_backend_alone():
    numpy, strict = (get_backend(name) for name in BACKENDS)
    g = ACTIVATIONS["tanh"]
    fault = Fault("", "", "", g, "function", scaled(-1.0))
    with planted(fault):
        assert g(np.ones(1), xp=numpy.xp)[0] > 0.0 > g(strict.xp.ones(1), xp=strict.xp)[0]


def test_a_result_of_another_dtype_or_not_finite_is_named():
    strict = get_backend("array_api_strict").xp
    for change, note in (
        (lambda A: strict.astype(A, strict.float32), "array_api_strict gave float32"),
        (lambda A: A * float("nan"), "array_api_strict gave NaN or infinity"),
    ):
        fault = Fault("", "activations", "", ACTIVATIONS["tanh"], "function", after(change))
        with planted(fault):
            (row,) = failing(fault.group, "float64")
        assert row.note == note


def test_what_a_backend_refuses_is_a_row_that_fails():
    """A network whose outputs are NaN on one backend predicts nothing there."""
    wrong = after(lambda A: A + float("nan"))
    with planted(Fault("", "training", "", ACTIVATIONS["softmax"], "function", wrong)):
        rows = failing("training", "float32")
    assert any(row.name == "sgd: predict" for row in rows)
    assert rows[0].note.startswith("array_api_strict: X: not every output is finite")


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


def test_a_move_that_forgets_the_optimizer_is_found():
    """By no other row: what else there is does not move."""
    (fault,) = [fault for fault in faults("float32") if fault.group == "trajectories"]
    assert [row.name for row in caught_by(fault, "float32")] == [fault.row]


def test_a_fault_in_training_is_found():
    def change(function, *args, **options):
        cost, gradient, buffers = function(*args, **options)
        return cost, gradient + 1e-4, buffers

    fault = Fault("", "trajectories", "", Objective, "cost_and_gradient", change)
    with planted(fault):
        found = {row.name for row in failing(fault.group, "float64")}
    assert {f"training, {STEPS} steps", f"moving, {STEPS} steps"} <= found


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


def test_the_command_exits_with_1_if_a_row_fails(tmp_path, capsys):
    pytest.importorskip("typer")
    wrong = after(lambda A: A + float("inf"))
    file = tmp_path / "parity.json"
    with planted(Fault("", "", "", ACTIVATIONS["mish"], "function", wrong)):
        code, said = run(
            capsys, "--backends", "numpy,array_api_strict", "--dtypes", "float32", "--steps", "0",
            "--json", str(file),
        )  # fmt: skip
    assert code == 1
    assert "FAILS" in said.out
    (row,) = [row for row in json.loads(file.read_text())["rows"] if not row["holds"]]
    assert (row["name"], row["absolute"]) == ("mish", None)


@pytest.mark.parametrize(("harmless", "expected"), [(False, 0), (True, 1)])
def test_the_command_plants_faults_and_exits_with_1_if_one_passes(
    harmless, expected, capsys, monkeypatch
):
    pytest.importorskip("typer")
    change = after(lambda A: A) if harmless else scaled(-1.0)
    fault = Fault("tanh: sign", "activations", "tanh", ACTIVATIONS["tanh"], "function", change)
    monkeypatch.setattr("agnostic_nn.parity.faults.faults", lambda _: [fault])
    code, said = run(capsys, "--plant", "--dtypes", "float32")
    assert code == expected
    assert f"1 faults, {expected} pass." in said.out
    assert ("PASSES" if harmless else "caught ") in said.out


def test_what_the_command_does_not_take_with_planted_faults(capsys):
    pytest.importorskip("typer")
    code, said = run(capsys, "--plant", "--backends", "numpy,torch")
    assert code == 2
    assert "--plant chooses the backends and shows a table: wanted no more." in said.err


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
