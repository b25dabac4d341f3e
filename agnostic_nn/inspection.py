"""Looking at what training will run."""

from __future__ import annotations

from .checks import check_flag, check_number
from .dropout import units_kept
from .network import Network, check_network
from .optimizers import Optimizer, get_optimizer
from .programs.passes import simplified
from .programs.program import Program
from .programs.steps import record_step
from .step import TrainingStep


def program(
    net: Network,
    *,
    batch_size: int = 32,
    optimizer: str | Optimizer | None = None,
    weighted: bool = False,
    clip_norm: float | None = None,
) -> Program:
    """Write down a training step: every function it computes, on arrays of known shape and dtype.

    Nothing is computed, and no backend is asked: a step on a GPU is written down without one.

    Parameters
    ----------
    net : Network
    batch_size : int, default 32
        Examples of the step.
    optimizer : str or Optimizer, optional
        As for `train`.
    weighted : bool, default False
        Whether the examples have weights.
    clip_norm : float, optional
        As for `train`.

    Returns
    -------
    Program
        Its text is one function a line, and says how many there are and what memory they need;
        what is computed twice, or for nobody, is left out. ``step.svg()`` is a picture of it.

    Raises
    ------
    InvalidType
        If an argument is of another kind than described.
    InvalidArgument
        If a value is not one that training can work with.
    NotRecordable
        If the step cannot be written down; the message says why.

    Examples
    --------
    >>> step = program(Network([2, 1], "squared_error"), batch_size=4, optimizer="sgd")
    >>> for line in str(step).splitlines()[5:10]:
    ...     print(line)
    %1 = rates[0]: float32 ()
    %2 = permute_dims(X, axes=(1, 0)): float32 2 x 4
    %3 = permute_dims(Y, axes=(1, 0)): float32 1 x 4
    %4 = theta[0:2]: float32 2
    %5 = reshape(%4, shape=(1, 2)): float32 1 x 2
    >>> print(str(step).splitlines()[-1])
    14 functions to compute, 52 bytes beside the arguments
    """
    check_network(net)
    check_number("batch_size", batch_size, at_least=1, integer=True)
    check_flag("weighted", weighted)
    if clip_norm is not None:
        check_number("clip_norm", clip_norm, above=0.0)
    began = None if net.training is None else net.training.optimizer
    rule = get_optimizer(("adam" if began is None else began) if optimizer is None else optimizer)
    objective = net.objective
    step = TrainingStep(objective, rule, clip_norm)
    buffers = (net.buffers,) if objective.buffers else ()
    state = (net.theta, *buffers, *(net.theta,) * rule.slots)
    widths = (objective.features, objective.widths[-1], 1 if weighted else None)
    key = 2 + len(units_kept(objective.dropouts, lambda _: 0.0))
    return simplified(record_step(step, state, widths, batch_size, rates=2, key=key).program)
