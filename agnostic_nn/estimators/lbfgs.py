"""L-BFGS: SciPy's, on the flat theta, with the cost and gradient of all examples at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scipy.optimize import OptimizeResult, minimize

from ..network import Network
from ..training import Callback


def minimize_cost(
    net: Network,
    data: tuple[Any, ...],
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    callbacks: Iterable[Callback] = (),
) -> OptimizeResult:
    """Minimize the cost of a network; its parameters become the best that were found.

    The arithmetic of L-BFGS is SciPy's, on the host in float64; cost and gradient are computed
    on the network's backend in its dtype.
    """
    backend, callbacks = net.backend, tuple(callbacks)
    # all of them at once, where training would take what is held minibatch by minibatch
    X, Y, weight = (
        None if rows is None else backend.asarray(rows, net.dtype).T
        for rows in net.check_data(*data)
    )
    history: dict[str, list[float]] = {"epoch": [], "cost": []}

    def cost_and_gradient(theta: Any) -> tuple[float, Any]:
        at = backend.asarray(theta, net.dtype)
        cost, gradient, _ = net.objective.cost_and_gradient(
            at, net.buffers, X, Y, weight, xp=net.xp
        )
        return float(backend.to_numpy(cost)), backend.to_numpy(gradient).astype("float64")

    def after_iteration(intermediate_result: OptimizeResult) -> None:
        history["epoch"].append(len(history["epoch"]) + 1)
        history["cost"].append(float(intermediate_result.fun))
        if callbacks:
            net.theta = backend.asarray(intermediate_result.x.copy(), net.dtype)
            stop = [callback(net, history) for callback in callbacks]
            if any(stop):
                raise StopIteration

    result = minimize(
        cost_and_gradient,
        backend.to_numpy(net.theta).astype("float64"),
        method="L-BFGS-B",
        jac=True,
        callback=after_iteration,
        options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol},
    )
    net.theta = backend.asarray(result.x, net.dtype)
    return result
