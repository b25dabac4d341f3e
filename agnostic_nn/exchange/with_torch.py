"""PyTorch's nn.Sequential and its state dicts, both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..activations import ACTIVATIONS, Activation
from ..backends import Backend, get_backend, host, to_host
from ..errors import InvalidArgument
from ..losses import Loss
from ..namespace import Array
from ..network import Network, check_network
from .layers import layers_of, network_of


def from_torch(
    model: Any,
    loss: str | Loss,
    *,
    activation: str | Activation | Sequence[str | Activation] = "relu",
    output: str | Activation | None = None,
    backend: str | Backend | None = None,
    dtype: str | None = None,
) -> Network:
    """Make a network of PyTorch's `nn.Sequential`, or of its state dict.

    Parameters
    ----------
    model : nn.Sequential or mapping of str to tensor
        Linear layers with activations between them; nn.Dropout is kept for training on. A state
        dict ("0.weight", "0.bias", "2.weight", ...) names the linear layers alone.
    loss : str or Loss
        What the network was trained for; see `Network`.
    activation : str, Activation or sequence of them, default "relu"
        The function of the hidden layers where `model` is a state dict; an nn.Sequential has its
        own.
    output : str or Activation, optional
        The function of the last layer, where `model` does not end with one; left out, the one
        that the loss belongs to, as PyTorch's losses take logits.
    backend : str or Backend, optional
        Where the network will live; see `get_backend`.
    dtype : str, optional
        The type of every number; left out, that of the tensors.

    Returns
    -------
    Network

    Raises
    ------
    InvalidArgument
        If the model has modules, or the state dict names, that no such network has.

    Examples
    --------
    >>> import numpy as np
    >>> state = {"0.weight": np.zeros((3, 2)), "0.bias": np.zeros(3),
    ...          "2.weight": np.zeros((1, 3)), "2.bias": np.zeros(1)}
    >>> from_torch(state, "squared_error", activation="tanh")
    Network([2, 3, 1], tanh, identity; squared_error; float64 on numpy)
    """
    dropout: Any = 0.0
    if not isinstance(model, Mapping):
        activation, last, dropout = _read_sequential(model)
        if last is not None and output is not None:
            raise InvalidArgument(
                f"output={output!r}: the model ends with its own output {last!r}; leave it out."
            )
        output = output or last
        model = model.state_dict()
    layers = _read_state(model)
    return network_of("model", layers, loss, activation, output, dropout, backend, dtype)


def to_torch(net: Network) -> dict[str, Array]:
    """Return the parameters as a state dict of PyTorch's `nn.Sequential`.

    The names are those of ``nn.Sequential(Linear, g, Linear, g, ...)``, where each linear layer
    is followed by its activation and nothing else: "0.weight", "0.bias", "2.weight", ... The
    activation of the last layer may be left out.

    Parameters
    ----------
    net : Network
        What to convert.

    Returns
    -------
    dict of str to tensor
        Copies on the CPU, for ``load_state_dict``.

    Raises
    ------
    BackendUnavailable
        If PyTorch is not installed.

    Examples
    --------
    >>> state = to_torch(Network([2, 3, 1], "squared_error"))  # doctest: +SKIP
    >>> {name: tuple(tensor.shape) for name, tensor in state.items()}  # doctest: +SKIP
    {'0.weight': (3, 2), '0.bias': (3,), '2.weight': (1, 3), '2.bias': (1,)}
    """
    check_network(net)
    torch = get_backend("torch")
    kind = torch.dtype(net.dtype_name)
    state: dict[str, Array] = {}
    for i, (W, b) in enumerate(layers_of(net)):
        state[f"{2 * i}.weight"] = torch.asarray(W, kind)
        state[f"{2 * i}.bias"] = torch.asarray(b, kind)
    return state


def _read_sequential(model: Any) -> tuple[list[str], str | None, list[float]]:
    """Return the hidden activations, the output activation or None, and the dropout rates."""
    modules = list(model) if hasattr(model, "state_dict") and hasattr(model, "__iter__") else None
    if modules is None:
        raise InvalidArgument(
            f"model is of type {type(model).__name__}: wanted an nn.Sequential or a state dict."
        )
    known = {g.torch_module[0]: g for g in ACTIVATIONS.values() if g.torch_module}
    activations: list[str | None] = []  # of each linear layer
    rates: list[float] = []
    for i, module in enumerate(modules):
        kind = type(module).__name__
        if kind == "Linear":
            activations.append(None)
            rates.append(0.0)
        elif kind == "Dropout" and activations:
            rates[-1] = 1.0 - (1.0 - rates[-1]) * (1.0 - float(module.p))
        elif kind in known and activations and activations[-1] is None and rates[-1] == 0.0:
            g = known[kind]
            for name, *wanted in g.torch_module[1:]:
                value = getattr(module, name, None)
                if value not in wanted:
                    raise InvalidArgument(
                        f"model[{i}] is {kind} with {name}={value!r}: {g.name!r} here is that with "
                        f"{name}={wanted[0]!r}."
                    )
            activations[-1] = g.name
        else:
            raise InvalidArgument(
                f"model[{i}] is {kind}, which has no place here: wanted Linear, each followed by "
                f"at most one of {', '.join(known)}, and then Dropout."
            )
    *hidden, last = activations or [None]
    if rates and rates[-1] > 0.0:
        raise InvalidArgument("model has Dropout after the last Linear: wanted none there.")
    return [g or "identity" for g in hidden], last, rates[:-1]


def _read_state(state: Mapping[str, Any]) -> list[tuple[Array, Array]]:
    """Return (W, b) of every linear layer in a state dict, on the host, in order."""
    names: dict[str, None] = {}  # of the layers, in the order of the dict
    for key in state:
        name, _, kind = str(key).rpartition(".")
        if kind not in ("weight", "bias") or (kind == "bias" and f"{name}.weight" not in state):
            raise InvalidArgument(
                f"model has the entry {key!r}: wanted the weight and bias of linear layers, named "
                "as '0.weight' and '0.bias'."
            )
        names[name] = None
    # files sort by letter, which puts layer 10 before layer 2
    numbers = [re.fullmatch(r"(.*?)(\d{1,9})", name) for name in names]
    if len({number and number[1] for number in numbers}) == 1 and all(numbers):
        names = dict.fromkeys(sorted(names, key=lambda name: int(re.findall(r"\d+$", name)[0])))
    numpy = get_backend("numpy")
    layers = []
    for name in names:
        W = host.asarray(to_host(state[f"{name}.weight"], unless=numpy))
        bias = state.get(f"{name}.bias")
        if bias is None:  # nn.Linear(..., bias=False)
            b = host.asarray([0.0] * W.shape[0] if W.ndim else [])
        else:
            b = host.asarray(to_host(bias, unless=numpy))
        layers.append((W, b))
    return layers
